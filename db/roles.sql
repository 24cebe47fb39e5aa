-- Least privilege for one database: an owner that nobody logs in as, a login for migrations, a login for the application.
-- Run it once per database, connected to that database, as its administrator (on Azure: the server admin):
--
--   psql "host=… dbname=shop user=admin sslmode=verify-full" -v ON_ERROR_STOP=1 -f db/roles.sql
--
-- It can be run again, and on a database that is already migrated. It sets no passwords: do that with \password, so that
-- none is in a file or a log; for Microsoft Entra create the two logins with pgaadauth_create_principal() beforehand.
-- Change the three names to your liking.

DO $roles$
DECLARE
  owner_role       constant text := 'app_owner';
  migration_login  constant text := 'app_migrator';
  application_role constant text := 'app_runtime';
  this_database    constant text := current_database();
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

  -- The application works on rows of what the owner creates from now on; it changes no structure.
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
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA migration_ledger TO %I', application_role);
  EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA migration_ledger GRANT SELECT ON TABLES TO %I',
                 owner_role, application_role);
END
$roles$;
