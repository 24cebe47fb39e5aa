-- Which texts were too long to be kept, and how long they were; the entry has their checksum.
CREATE TABLE migration_ledger.long_texts (
  seq     bigint PRIMARY KEY REFERENCES migration_ledger.entries (seq),
  up_size bigint NOT NULL
);

COMMENT ON TABLE migration_ledger.long_texts IS 'Entries whose up_sql is NULL because the text has more than 1 MB';
COMMENT ON COLUMN migration_ledger.long_texts.up_size IS 'Size of the text in bytes, as UTF-8';
