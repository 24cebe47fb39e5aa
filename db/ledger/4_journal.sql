-- Statements of no-transaction migrations that are under way: a row before each starts, marked when it ends.
-- The rows of a migration go away together with its record in `entries`; what is left here is half done.
CREATE TABLE migration_ledger.journal (
  tracking    text        NOT NULL,
  id          text        NOT NULL,
  direction   text        NOT NULL CHECK (direction IN ('up', 'down')),
  statement   integer     NOT NULL,
  total       integer     NOT NULL,
  sql         text        NOT NULL,
  done        boolean     NOT NULL DEFAULT false,
  indexes     oid[]       NOT NULL DEFAULT '{}',
  started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  PRIMARY KEY (tracking, id, direction, statement)
);

COMMENT ON COLUMN migration_ledger.journal.statement IS '1-based place of the statement in its file';
COMMENT ON COLUMN migration_ledger.journal.indexes IS 'Indexes of the table before the statement started, so that what it left behind can be told apart';
