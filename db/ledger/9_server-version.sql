-- The server's major version at the time of the snapshot: another one prints some definitions in another way.
ALTER TABLE migration_ledger.snapshot ADD COLUMN major integer;

COMMENT ON COLUMN migration_ledger.snapshot.major IS 'Major version of the server; after an upgrade what differs may differ in print only';
