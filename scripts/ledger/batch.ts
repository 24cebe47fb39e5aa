// Takes a session; gives and records how far a batch has come. The position is written in the batch's own transaction.

import type { Direction } from '../base/types.ts';
import type { TrackingTable } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import { quoteLiteral } from '../schema/sql.ts';

/** What the journal keeps of a batch; keys are in text form. */
export interface BatchState {
  /** As SQL, qualified and quoted where needed. */
  readonly table: string;
  readonly column: string;
  /** Of the key, as SQL. */
  readonly type: string;
  /** The largest key when the batch began; null for an empty table. */
  readonly end: string | null;
  /** The largest key that is done; null before the first batch. */
  readonly position: string | null;
  readonly keys: number;
  readonly rows: number;
  readonly batches: number;
  readonly estimated: number | null;
}

function keyOf(tracking: TrackingTable, id: string, direction: Direction): string {
  return `tracking = ${quoteLiteral(`${tracking.schema}.${tracking.table}`)} AND id = ${quoteLiteral(id)} AND direction = ${quoteLiteral(direction)} AND statement = 1`;
}

/** @returns null where no batch of this migration was begun */
export async function readBatchState(
  session: Session,
  tracking: TrackingTable,
  id: string,
  direction: Direction,
): Promise<BatchState | null> {
  const [row] = await session.query<{ batch: BatchState | null }>(
    `SELECT batch FROM migration_ledger.journal WHERE ${keyOf(tracking, id, direction)}`,
  );
  return row?.batch ?? null;
}

/** Part of the batch's own transaction: the range counts if and only if this does. */
export function batchStateSql(
  tracking: TrackingTable,
  id: string,
  direction: Direction,
  state: BatchState,
): string {
  return `UPDATE migration_ledger.journal SET batch = ${quoteLiteral(JSON.stringify(state))} WHERE ${keyOf(tracking, id, direction)}`;
}
