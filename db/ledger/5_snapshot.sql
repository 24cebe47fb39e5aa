-- What the schema was when the last run ended: the next run compares the live schema with it. One row, replaced each time.
CREATE TABLE migration_ledger.snapshot (
  only_row  boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
  gate      text        NOT NULL,
  method    text        NOT NULL,
  options   text        NOT NULL,
  tracking  text[]      NOT NULL,
  seq       bigint,
  newest    text,
  journal   text        NOT NULL,
  taken_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE migration_ledger.snapshot IS 'The schema as the last run left it; the objects are in snapshot_classes';
COMMENT ON COLUMN migration_ledger.snapshot.gate IS 'Stays the same as long as nobody touches the catalogs; means nothing in another database';
COMMENT ON COLUMN migration_ledger.snapshot.method IS 'Hash of the queries that read the schema: another version of the tool may spell definitions differently';
COMMENT ON COLUMN migration_ledger.snapshot.options IS 'What was ignored and included (db/config.json, drift), as JSON';
COMMENT ON COLUMN migration_ledger.snapshot.tracking IS 'Tracking tables, which are left out';
COMMENT ON COLUMN migration_ledger.snapshot.seq IS 'The newest entry at that time; a newer one means that a run was killed before it could look';
COMMENT ON COLUMN migration_ledger.snapshot.journal IS 'What the journal held, for the same reason';

CREATE TABLE migration_ledger.snapshot_classes (
  class   text PRIMARY KEY,
  hash    text NOT NULL,
  objects text NOT NULL
);

COMMENT ON COLUMN migration_ledger.snapshot_classes.objects IS 'JSON: an array of identity and definition per object';
