-- Where the database was when it was stamped: a dump, a copy and a clone bring the stamp along, and are another place.
ALTER TABLE migration_ledger.environment ADD COLUMN place json;

COMMENT ON COLUMN migration_ledger.environment.place IS 'Server (system identifier) and database (OID), and the host and address that they were reached at';
