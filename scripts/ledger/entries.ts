// Takes what is to be remembered of a migration; gives the statement that writes it, and texts that were written.
// Literals are not escaped by pg's own function, which builds them character by character: 5 s and 1 GB for 50 MB.
import type { TrackingTable } from '../config.ts';
import { trackingName } from '../ledger.ts';
import type { Provenance } from '../provenance.ts';
import { quoteLiteral } from '../schema/sql.ts';
import type { Session } from '../session.ts';
import type { Direction } from '../types.ts';

/** The texts that belong to entries, by sequence number. */
export async function readTexts(
  session: Session,
  seqs: readonly number[],
): Promise<Map<number, { up: string | null; down: string | null }>> {
  if (seqs.length === 0) return new Map();
  const rows = await session.query<{ seq: string; up_sql: string | null; down_sql: string | null }>(
    'SELECT seq, up_sql, down_sql FROM migration_ledger.entries WHERE seq = ANY ($1::bigint[])',
    [seqs],
  );
  return new Map(rows.map(({ seq, up_sql, down_sql }) => [Number(seq), { up: up_sql, down: down_sql }]));
}

/** One line of history to write. Texts are null where they are of no use later (the up of a revert). */
export interface NewEntry {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  readonly direction: Direction;
  readonly kind: 'run' | 'adopted' | 'baseline' | 'imported' | 'repaired';
  readonly upSql: string | null;
  readonly downSql: string | null;
  readonly upChecksum: string | null;
  readonly downChecksum: string | null;
  readonly durationMs: number;
  readonly reason?: string;
}

/** One statement that adds an entry and makes `applied` say the same; part of the migration's own transaction. */
export function entrySql(entry: NewEntry, tracking: TrackingTable, provenance: Provenance): string {
  const literal = (value: string | null | undefined) => (value == null ? 'NULL' : quoteLiteral(value));
  const name = quoteLiteral(trackingName(tracking));
  const values = [
    name,
    literal(entry.version),
    literal(entry.name),
    literal(entry.direction),
    literal(entry.kind),
    literal(entry.upSql),
    literal(entry.downSql),
    literal(entry.upChecksum),
    literal(entry.downChecksum),
    String(Math.round(entry.durationMs)),
    ...[
      provenance.actor,
      provenance.gitSha,
      provenance.runUrl,
      provenance.host,
      provenance.toolVersion,
      provenance.environment,
      entry.reason,
    ].map(literal),
  ];
  const insert = `INSERT INTO migration_ledger.entries (tracking, version, name, direction, kind, up_sql, down_sql, up_checksum, down_checksum, duration_ms, actor, git_sha, run_url, host, tool_version, environment, reason) VALUES (${values.join(', ')}) RETURNING seq`;
  const id = quoteLiteral(entry.id);
  return entry.direction === 'up'
    ? `WITH entry AS (${insert}) INSERT INTO migration_ledger.applied (tracking, id, seq) SELECT ${name}, ${id}, seq FROM entry ON CONFLICT (tracking, id) DO UPDATE SET seq = excluded.seq`
    : `WITH entry AS (${insert}) DELETE FROM migration_ledger.applied WHERE tracking = ${name} AND id = ${id}`;
}
