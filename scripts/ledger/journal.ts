// Takes a session; gives and records how far a no-transaction migration came, statement by statement or range by range.
import { withoutSecrets } from '../base/redact.ts';
import type { Direction } from '../base/types.ts';
import type { TrackingTable } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import { quoteLiteral } from '../schema/sql.ts';

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
  /** How far a batch has come; null where the statement is none, as in ledgers before 11. */
  readonly batch?: BatchState | null;
  /** What the session was after it; null where that was not seen: it did not end, or the server was cut off. */
  readonly session?: SessionMemory | null;
}

/** What the journal keeps of a batch; keys are in text form. */
export interface BatchState {
  /** As SQL, qualified and quoted where needed. */
  readonly table: string;
  readonly column: string;
  /** Of the key, as SQL. */
  readonly type: string;
  /** Tells orders of keys apart; earlier versions did not keep it. */
  readonly order?: string;
  /** The largest key when the batch began; null for an empty table. */
  readonly end: string | null;
  /** The largest key that is done; null before the first batch. */
  readonly position: string | null;
  readonly keys: number;
  readonly rows: number;
  readonly batches: number;
  /** What they took (ms), without the waiting in between; earlier versions did not keep it. */
  readonly workMs?: number;
  readonly estimated: number | null;
}

/** What a file's statements left in their session. */
export interface SessionMemory {
  readonly settings: Readonly<Record<string, string>> | null;
  /** `session_user` and the setting `role`. */
  readonly login: string;
  readonly role: string;
  /** What ends with the session. */
  readonly lost: readonly { readonly kind: string; readonly name: string }[] | null;
}

/** The pair as it was when an attempt began; null where an older version of the tool began it. */
export interface JournalTexts {
  readonly up: string | null;
  readonly down: string | null;
}

function keyOf(tracking: TrackingTable, id: string, direction: Direction): string {
  return `tracking = ${quoteLiteral(`${tracking.schema}.${tracking.table}`)} AND id = ${quoteLiteral(id)} AND direction = ${quoteLiteral(direction)}`;
}

/** Rows of one migration and direction, in the order of the file. */
export async function readJournal(
  session: Session,
  tracking: TrackingTable,
  id: string,
  direction: Direction,
): Promise<JournalRow[]> {
  const rows = await session.query<JournalRow & Record<string, unknown>>(
    `SELECT id, direction, statement, total, sql, done, to_json(indexes::int8[]) AS indexes, to_jsonb(j) -> 'batch' AS batch, to_jsonb(j) -> 'session' AS session FROM migration_ledger.journal j WHERE ${keyOf(tracking, id, direction)} ORDER BY statement`,
  );
  return rows;
}

/** The texts that the journal keeps of these migrations, by id; those of the newest attempt. Ledgers before 8 have none. */
export async function readJournalTexts(
  session: Session,
  tracking: TrackingTable,
  ids: readonly string[],
): Promise<ReadonlyMap<string, JournalTexts>> {
  if (ids.length === 0) return new Map();
  const rows = await session.query<{ id: string; up: string | null; down: string | null }>(
    `SELECT j.id, to_jsonb(j) ->> 'up_sql' AS up, to_jsonb(j) ->> 'down_sql' AS down FROM migration_ledger.journal j
      WHERE tracking = $1 AND id = ANY ($2::text[]) AND to_jsonb(j) ->> 'up_sql' IS NOT NULL ORDER BY statement`,
    [`${tracking.schema}.${tracking.table}`, ids],
  );
  return new Map(rows.map(({ id, up, down }) => [id, { up, down }]));
}

/**
 * Written before a statement starts, without the secrets in it; doing it again for the same statement takes the new text.
 * @param texts of the pair, with the first statement of an attempt
 */
export function startSql(
  tracking: TrackingTable,
  row: Omit<JournalRow, 'done' | 'batch' | 'session'>,
  texts: JournalTexts | null,
): string {
  const { id, direction, statement, total, sql, indexes } = row;
  const [up, down] = [texts?.up ?? null, texts?.down ?? null].map((text) =>
    text === null ? 'NULL' : quoteLiteral(withoutSecrets(text)),
  );
  return `INSERT INTO migration_ledger.journal (tracking, id, direction, statement, total, sql, indexes, up_sql, down_sql)
    VALUES (${quoteLiteral(`${tracking.schema}.${tracking.table}`)}, ${quoteLiteral(id)}, ${quoteLiteral(direction)}, ${statement}, ${total}, ${quoteLiteral(withoutSecrets(sql))}, '{${indexes.join(',')}}', ${up}, ${down})
    ON CONFLICT (tracking, id, direction, statement) DO UPDATE SET total = excluded.total, sql = excluded.sql, indexes = excluded.indexes, batch = NULL,
      up_sql = coalesce(excluded.up_sql, journal.up_sql), down_sql = coalesce(excluded.down_sql, journal.down_sql)`;
}

/** Keeps the session's state (JSON, an SQL expression) with a statement that is done. */
export function rememberSql(
  tracking: TrackingTable,
  { id, direction, statement }: Pick<JournalRow, 'id' | 'direction' | 'statement'>,
  session: string,
): string {
  return `UPDATE migration_ledger.journal SET session = (${session})::json WHERE ${keyOf(tracking, id, direction)} AND statement = ${statement}`;
}

/** SQL that notes in the journal that a statement of a no-transaction file has ended well. */
export function doneSql(
  tracking: TrackingTable,
  { id, direction, statement }: Pick<JournalRow, 'id' | 'direction' | 'statement'>,
): string {
  return `UPDATE migration_ledger.journal SET done = true, finished_at = clock_timestamp() WHERE ${keyOf(tracking, id, direction)} AND statement = ${statement}`;
}

/** Part of the batch's own transaction: the range counts if and only if this does. */
export function batchStateSql(
  tracking: TrackingTable,
  id: string,
  direction: Direction,
  state: BatchState,
): string {
  return `UPDATE migration_ledger.journal SET batch = ${quoteLiteral(JSON.stringify(state))} WHERE ${keyOf(tracking, id, direction)} AND statement = 1`;
}

/** Part of the transaction that records the migration as a whole. */
export function clearSql(tracking: TrackingTable, id: string, direction: Direction): string {
  return `DELETE FROM migration_ledger.journal WHERE ${keyOf(tracking, id, direction)}`;
}
