-- What the history was when the snapshot was taken: a run that finds its tables untouched since need not read them again.
ALTER TABLE migration_ledger.snapshot ADD COLUMN history json;

COMMENT ON COLUMN migration_ledger.snapshot.history IS 'Of one tracking table: how many migrations, the digest of their names and checksums, and a gate that changes when anybody touches the rows';
