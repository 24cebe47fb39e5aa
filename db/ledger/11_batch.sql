-- How far a batch has come: written in the transaction of each range of keys, so that every range counts exactly once.
ALTER TABLE migration_ledger.journal ADD COLUMN batch json;

COMMENT ON COLUMN migration_ledger.journal.batch IS 'Of a batch: table, key, type, last key to come to, last key done, keys and rows so far, keys estimated at the beginning';
