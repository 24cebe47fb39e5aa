-- How every migration ran. Entries are only ever added; `applied` points at the one that counts now.
CREATE TABLE migration_ledger.entries (
  seq           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tracking      text        NOT NULL,
  version       text        NOT NULL,
  name          text        NOT NULL,
  direction     text        NOT NULL CHECK (direction IN ('up', 'down')),
  kind          text        NOT NULL CHECK (kind IN ('run', 'adopted', 'baseline', 'imported', 'repaired')),
  up_sql        text,
  down_sql      text,
  up_checksum   text,
  down_checksum text,
  duration_ms   integer     NOT NULL,
  actor         text        NOT NULL,
  git_sha       text,
  run_url       text,
  host          text        NOT NULL,
  tool_version  text        NOT NULL,
  environment   text        NOT NULL,
  reason        text,
  finished_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE migration_ledger.entries IS 'One row per migration run, up or down: how, when, by whom and with which text';
COMMENT ON COLUMN migration_ledger.entries.seq IS 'The order in which things happened; times can jump, this cannot';
COMMENT ON COLUMN migration_ledger.entries.tracking IS 'Schema and table of the node-pg-migrate tracking table that the migration belongs to';

CREATE TABLE migration_ledger.applied (
  tracking text   NOT NULL,
  id       text   NOT NULL,
  seq      bigint NOT NULL REFERENCES migration_ledger.entries (seq),
  PRIMARY KEY (tracking, id)
);

COMMENT ON TABLE migration_ledger.applied IS 'The migrations that are applied now, each with the entry that holds its text';

CREATE INDEX applied_seq ON migration_ledger.applied (seq);
