-- A half-done migration knows its own texts and what its statements had set, so that it can be finished, or settled by a
-- person, from the ledger alone; recording a migration ends whatever the journal says of it.
ALTER TABLE migration_ledger.journal
  ADD COLUMN up_sql text,
  ADD COLUMN down_sql text,
  ADD COLUMN session json;

COMMENT ON COLUMN migration_ledger.journal.up_sql IS 'The pair as it was when an attempt began; on the first statement of that attempt only';
COMMENT ON COLUMN migration_ledger.journal.session IS 'What the statements up to this one had set in the session: settings, role, and what ends with the session';

CREATE OR REPLACE FUNCTION migration_ledger.record(
  tracking      text,
  id            text,
  version       text,
  name          text,
  direction     text,
  kind          text,
  up_sql        text,
  down_sql      text,
  up_checksum   text,
  down_checksum text,
  duration_ms   integer,
  actor         text,
  git_sha       text,
  run_url       text,
  host          text,
  tool_version  text,
  environment   text,
  reason        text
) RETURNS bigint
  LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
  entry bigint;
BEGIN
  INSERT INTO migration_ledger.entries (tracking, version, name, direction, kind, up_sql, down_sql, up_checksum,
    down_checksum, duration_ms, actor, git_sha, run_url, host, tool_version, environment, reason)
  VALUES (record.tracking, record.version, record.name, record.direction, record.kind, record.up_sql, record.down_sql,
    record.up_checksum, record.down_checksum,
    coalesce(record.duration_ms, (extract(epoch FROM clock_timestamp() - transaction_timestamp()) * 1000)::integer),
    record.actor, record.git_sha, record.run_url, record.host, record.tool_version, record.environment, record.reason)
  RETURNING seq INTO entry;

  IF record.direction = 'up' THEN
    INSERT INTO migration_ledger.applied (tracking, id, seq) VALUES (record.tracking, record.id, entry)
    ON CONFLICT (tracking, id) DO UPDATE SET seq = excluded.seq;
  ELSE
    DELETE FROM migration_ledger.applied a WHERE a.tracking = record.tracking AND a.id = record.id;
  END IF;
  -- What is only taken over ran nothing.
  IF record.kind IN ('run', 'repaired') THEN
    DELETE FROM migration_ledger.journal j WHERE j.tracking = record.tracking AND j.id = record.id;
  END IF;
  RETURN entry;
END
$$;
