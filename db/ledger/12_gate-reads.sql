-- What the application's gate reads, column by column, for whoever was let into this schema (db/roles.sql): the texts of
-- migrations, who ran them and the audit log are nobody's business at run time.
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
    EXECUTE pg_catalog.format('GRANT SELECT (tracking, id, seq) ON migration_ledger.applied TO %I', reader);
    EXECUTE pg_catalog.format('GRANT SELECT (seq, up_checksum, up_sql) ON migration_ledger.entries TO %I', reader);
    EXECUTE pg_catalog.format('GRANT SELECT (name) ON migration_ledger.environment TO %I', reader);
    EXECUTE pg_catalog.format('GRANT SELECT (tracking, id, direction) ON migration_ledger.journal TO %I', reader);
  END LOOP;
END
$$;
