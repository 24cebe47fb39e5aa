-- Which environment this database is: stamped by the first write, changed only by an explicit command.
CREATE TABLE migration_ledger.environment (
  only_row   boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
  name       text        NOT NULL CHECK (name <> ''),
  stamped_by text        NOT NULL,
  stamped_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE migration_ledger.environment IS 'The environment that this database belongs to; a command under another name is refused';
