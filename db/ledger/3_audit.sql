-- Every command that wrote, was refused or failed. Rows are only ever added: a trigger refuses everything else.
CREATE TABLE migration_ledger.audit (
  seq          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tracking     text        NOT NULL,
  command      text        NOT NULL,
  options      text        NOT NULL,
  environment  text        NOT NULL,
  result       text        NOT NULL,
  exit_code    integer     NOT NULL,
  message      text        NOT NULL,
  actor        text        NOT NULL,
  db_user      text        NOT NULL DEFAULT session_user,
  git_sha      text,
  run_url      text,
  host         text        NOT NULL,
  tool_version text        NOT NULL,
  duration_ms  integer     NOT NULL,
  finished_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE migration_ledger.audit IS 'Who ran which command, when, from which commit, and how it ended; append-only';

CREATE FUNCTION migration_ledger.refuse_change() RETURNS trigger
  LANGUAGE plpgsql
  SET search_path = pg_catalog
AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % is refused', format('%I.%I', tg_table_schema, tg_table_name), tg_op
    USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Per statement, so that an UPDATE of no row is refused too; ALWAYS, so that session_replication_role opens no way round.
CREATE TRIGGER append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON migration_ledger.audit
  FOR EACH STATEMENT EXECUTE FUNCTION migration_ledger.refuse_change();

ALTER TABLE migration_ledger.audit ENABLE ALWAYS TRIGGER append_only;
