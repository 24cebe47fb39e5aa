-- Least privilege for one database: an owner that nobody logs in as, a login for migrations, a login for the application.
-- Run it once per database, connected to that database, as its administrator (on Azure: the server admin):
--
--   psql "host=… dbname=shop user=admin sslmode=verify-full" -v ON_ERROR_STOP=1 -f db/roles.sql
--
-- It can be run again, and on a database that is already migrated: what its administrator or the owner of the database has
-- made there until now (tables, views, functions, types, the ledger …) becomes the owner's. The new default privileges
-- and the login's role are drift then, to be accepted once: npm run migrate:drift -- --accept --reason "roles". It sets no passwords: do that with \password, so that
-- none is in a file or a log; for Microsoft Entra create the two logins with pgaadauth_create_principal() beforehand.
-- Change the three names to your liking.

-- Names below are PostgreSQL's own, whatever somebody has put into the search path.
SET search_path = pg_catalog, pg_temp;

DO $roles$
DECLARE
  owner_role       constant text := 'app_owner';
  migration_login  constant text := 'app_migrator';
  application_role constant text := 'app_runtime';
  this_database    constant text := current_database();
  -- Extensions that only an administrator may make, such as '{pg_stat_statements,pgcrypto}'; migrations then write
  -- CREATE EXTENSION IF NOT EXISTS, which needs no right for one that is there. What they require is made as well.
  extensions       constant text[] := '{}';
  item             text;
BEGIN
  -- Roles belong to the server, not to a database: another database may have made them already.
  IF to_regrole(owner_role) IS NULL THEN
    EXECUTE format('CREATE ROLE %I NOLOGIN', owner_role);
  END IF;
  IF to_regrole(migration_login) IS NULL THEN
    EXECUTE format('CREATE ROLE %I LOGIN NOCREATEDB NOCREATEROLE', migration_login);
  END IF;
  IF to_regrole(application_role) IS NULL THEN
    EXECUTE format('CREATE ROLE %I LOGIN NOCREATEDB NOCREATEROLE', application_role);
  END IF;
  -- An administrator that is no superuser must belong to the owner to set its default privileges.
  IF NOT pg_has_role(owner_role, 'USAGE') THEN
    EXECUTE format('GRANT %I TO CURRENT_USER', owner_role);
  END IF;

  FOREACH item IN ARRAY extensions LOOP
    -- Some are made for one schema and no other, as pg_cron for pg_catalog.
    EXECUTE format('CREATE EXTENSION IF NOT EXISTS %I', item) ||
            CASE WHEN EXISTS (SELECT FROM pg_available_extension_versions WHERE name = item AND schema IS NOT NULL)
                 THEN '' ELSE ' SCHEMA public' END || ' CASCADE';
  END LOOP;

  -- The migration login works as the owner from the first statement on, so objects have one owner whoever migrates.
  EXECUTE format('GRANT %I TO %I', owner_role, migration_login);
  EXECUTE format('ALTER ROLE %I IN DATABASE %I SET role = %L', migration_login, this_database, owner_role);

  -- The two logins come in, nobody else; only the owner creates schemas.
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', this_database);
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I, %I', this_database, migration_login, application_role);
  EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO %I', this_database, owner_role);
  REVOKE CREATE ON SCHEMA public FROM PUBLIC;
  EXECUTE format('GRANT USAGE, CREATE ON SCHEMA public TO %I', owner_role);
  EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', application_role);

  -- What is there already. Schemas first: to own what is in one takes the right to create there. Extensions cannot change
  -- hands and keep what is in them,
  -- sequences of columns go with their tables; what belongs to other roles is not touched.
  FOR item IN
    WITH former AS (SELECT oid FROM pg_roles WHERE rolname = current_user AND rolname <> owner_role
                    UNION SELECT datdba FROM pg_database WHERE datname = this_database AND datdba <> to_regrole(owner_role)),
    owned (classid, objid, owner, schema) AS (
      SELECT 'pg_namespace'::regclass, oid, nspowner, oid FROM pg_namespace WHERE nspname <> 'public'
      UNION ALL SELECT 'pg_class'::regclass, oid, relowner, relnamespace FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
      UNION ALL SELECT 'pg_class'::regclass, oid, relowner, relnamespace FROM pg_class c WHERE relkind = 'S'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                           AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
      UNION ALL SELECT 'pg_proc'::regclass, oid, proowner, pronamespace FROM pg_proc
      UNION ALL SELECT 'pg_type'::regclass, t.oid, typowner, typnamespace FROM pg_type t LEFT JOIN pg_class c ON c.oid = typrelid
        WHERE typtype IN ('d', 'e', 'r') OR typtype = 'c' AND c.relkind = 'c'
      UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxowner, stxnamespace FROM pg_statistic_ext
      UNION ALL SELECT 'pg_collation'::regclass, oid, collowner, collnamespace FROM pg_collation
      UNION ALL SELECT 'pg_operator'::regclass, oid, oprowner, oprnamespace FROM pg_operator
      UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictowner, dictnamespace FROM pg_ts_dict
      UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgowner, cfgnamespace FROM pg_ts_config)
    SELECT format('ALTER %s %s OWNER TO %I', replace(o.type, 'statistics object', 'statistics'), o.identity, owner_role)
      FROM owned JOIN pg_namespace n ON n.oid = owned.schema, pg_identify_object(owned.classid, owned.objid, 0) o
     WHERE owned.owner IN (SELECT oid FROM former) AND owned.objid >= 16384 AND nspname !~ '^pg_' AND nspname <> 'information_schema'
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = owned.classid AND d.objid = owned.objid AND d.deptype = 'e')
     ORDER BY o.type <> 'schema', owned.objid
  LOOP
    EXECUTE item;
  END LOOP;

  -- The application works on rows of what is in public, and of what the owner creates there from now on; it changes no
  -- structure.
  FOR item IN
    SELECT format('GRANT %s ON %s TO %I', CASE relkind WHEN 'S' THEN 'USAGE, SELECT' ELSE 'SELECT, INSERT, UPDATE, DELETE' END,
                  CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.oid::regclass, application_role)
      FROM pg_class c WHERE relnamespace = to_regnamespace('public') AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
       AND relowner = to_regrole(owner_role)
  LOOP
    EXECUTE item;
  END LOOP;
  EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I',
                 owner_role, application_role);
  EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO %I',
                 owner_role, application_role);

  -- What ran, it may only read. The tables of both are made here, or taken over, so that the rule above is not theirs.
  CREATE TABLE IF NOT EXISTS public.pgmigrations (
    id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);
  EXECUTE format('ALTER TABLE public.pgmigrations OWNER TO %I', owner_role);
  EXECUTE format('REVOKE ALL ON TABLE public.pgmigrations, public.pgmigrations_id_seq FROM %I', application_role);
  EXECUTE format('GRANT SELECT ON public.pgmigrations TO %I', application_role);
  EXECUTE format('CREATE SCHEMA IF NOT EXISTS migration_ledger AUTHORIZATION %I', owner_role);
  EXECUTE format('GRANT USAGE ON SCHEMA migration_ledger TO %I', application_role);
  -- Of the ledger only the columns that the gate reads; where it is not made yet, its own files grant them.
  EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA migration_ledger REVOKE SELECT ON TABLES FROM %I',
                 owner_role, application_role);
  EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA migration_ledger FROM %I', application_role);
  FOR item IN
    SELECT format('GRANT SELECT (%s) ON migration_ledger.%I TO %I', string_agg(quote_ident(a.attname), ', '), g.tab, application_role)
      FROM (VALUES ('applied', '{tracking,id,seq}'::text[]), ('entries', '{seq,up_checksum,up_sql}'), ('environment', '{name}'),
                   ('journal', '{tracking,id,direction}'), ('snapshot', '{seq}'),
                   ('snapshot_classes', '{class,hash,objects}')) AS g (tab, cols)
      JOIN pg_attribute a ON a.attrelid = to_regclass('migration_ledger.' || g.tab) AND a.attname = ANY (g.cols)
     GROUP BY g.tab
  LOOP
    EXECUTE item;
  END LOOP;
END
$roles$;

RESET search_path;
