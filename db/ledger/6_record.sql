-- Records how a migration ran: one entry, and `applied` saying the same. A function, because its statements are planned
-- once per session: migrations are recorded one by one, many in a row.
CREATE FUNCTION migration_ledger.record(
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
  RETURN entry;
END
$$;

COMMENT ON FUNCTION migration_ledger.record IS 'Adds an entry and changes applied accordingly. duration_ms: NULL means since the transaction began';
