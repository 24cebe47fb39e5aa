-- What the application's gate reads where it is asked to compare the schema as well (fingerprint: true): the stored schema,
-- which says no more than the catalogs that everybody may read, and the entry that it was stored after.
DO $$
DECLARE
  reader pg_catalog.name;
BEGIN
  FOR reader IN
    SELECT DISTINCT r.rolname
      FROM pg_catalog.pg_namespace n
      CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) a
      JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) a.grantee
     WHERE n.nspname OPERATOR(pg_catalog.=) 'migration_ledger'
       AND a.privilege_type OPERATOR(pg_catalog.=) 'USAGE' AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner
  LOOP
    EXECUTE pg_catalog.format('GRANT SELECT (seq) ON migration_ledger.snapshot TO %I', reader);
    EXECUTE pg_catalog.format('GRANT SELECT (class, hash, objects) ON migration_ledger.snapshot_classes TO %I', reader);
  END LOOP;
END
$$;
