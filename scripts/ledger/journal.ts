// Takes a session; gives and records how far a no-transaction migration came, statement by statement.
import pg from 'pg';
import type { Direction } from '../base/types.ts';
import type { TrackingTable } from '../config/config.ts';
import type { Session } from '../connection/session.ts';

/** One statement that was begun; `indexes` are the OIDs of its table's indexes before it started. */
export interface JournalRow {
  readonly id: string;
  readonly direction: Direction;
  /** 1-based. */
  readonly statement: number;
  readonly total: number;
  readonly sql: string;
  readonly done: boolean;
  readonly indexes: readonly number[];
}

const quote = pg.escapeLiteral;

function keyOf(tracking: TrackingTable, id: string, direction: Direction): string {
  return `tracking = ${quote(`${tracking.schema}.${tracking.table}`)} AND id = ${quote(id)} AND direction = ${quote(direction)}`;
}

/** Rows of one migration and direction, in the order of the file. */
export async function readJournal(
  session: Session,
  tracking: TrackingTable,
  id: string,
  direction: Direction,
): Promise<JournalRow[]> {
  const rows = await session.query<JournalRow & Record<string, unknown>>(
    `SELECT id, direction, statement, total, sql, done, to_json(indexes::int8[]) AS indexes FROM migration_ledger.journal WHERE ${keyOf(tracking, id, direction)} ORDER BY statement`,
  );
  return rows;
}

/** Written before a statement starts; doing it again for the same statement takes the new text. */
export function startSql(tracking: TrackingTable, row: Omit<JournalRow, 'done'>): string {
  const { id, direction, statement, total, sql, indexes } = row;
  return `INSERT INTO migration_ledger.journal (tracking, id, direction, statement, total, sql, indexes)
    VALUES (${quote(`${tracking.schema}.${tracking.table}`)}, ${quote(id)}, ${quote(direction)}, ${statement}, ${total}, ${quote(sql)}, '{${indexes.join(',')}}')
    ON CONFLICT (tracking, id, direction, statement) DO UPDATE SET total = excluded.total, sql = excluded.sql`;
}

export function doneSql(
  tracking: TrackingTable,
  { id, direction, statement }: Pick<JournalRow, 'id' | 'direction' | 'statement'>,
): string {
  return `UPDATE migration_ledger.journal SET done = true, finished_at = clock_timestamp() WHERE ${keyOf(tracking, id, direction)} AND statement = ${statement}`;
}

/** Part of the transaction that records the migration as a whole. */
export function clearSql(tracking: TrackingTable, id: string, direction: Direction): string {
  return `DELETE FROM migration_ledger.journal WHERE ${keyOf(tracking, id, direction)}`;
}
