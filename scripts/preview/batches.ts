// Takes the batch steps of a plan and a session on the target; gives how much each has to walk, from a sample. It only
// reads: what a batch would write is not known beforehand, so the time is that of its keys, and what the pace allows.
import { MigrateError } from '../base/errors.ts';
import type { BatchDirective } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import { nextRange, readKey } from '../execute/batch/keys.ts';
import { firstRows } from '../execute/batch/pace.ts';
import { folded } from '../files/batch.ts';
import { type BatchState, readJournal } from '../ledger/journal.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { PlannedBatch } from './types.ts';

/**
 * By id of the step. Three short queries for each batch, the last one over as many keys as the first range has.
 * What the run itself would refuse is given as its words.
 */
export async function readBatches(
  session: Session,
  config: Config,
  steps: readonly ReadyStep[],
): Promise<ReadonlyMap<string, PlannedBatch>> {
  const batches = new Map<string, PlannedBatch>();
  for (const step of steps) {
    const { batch } = step.directives;
    if (batch !== undefined) batches.set(step.id, await readBatch(session, config, step, batch));
  }
  return batches;
}

async function readBatch(
  session: Session,
  config: Config,
  step: ReadyStep,
  directive: BatchDirective,
): Promise<PlannedBatch> {
  const key = `${directive.table} by ${directive.column}`;
  const [found] = await session.query<{ oid: string | null }>(
    'SELECT pg_catalog.to_regclass($1)::pg_catalog.oid::pg_catalog.text AS oid',
    [directive.table],
  );
  if (found?.oid == null) return { key, problem: 'the table is not there yet' };
  try {
    const fresh = await readKey(session, step, directive, found.oid, folded(directive.column));
    const journal =
      step.resumed === undefined
        ? []
        : await readJournal(session, config.trackingTable, step.id, step.direction);
    return { key, ...(await sample(session, config, directive, journal[0]?.batch ?? fresh)) };
  } catch (error) {
    const isAnswer = error instanceof MigrateError && error.code !== 'connection';
    if (isAnswer && (error.code === 'migration-failed' || error.options.database?.sqlState !== undefined))
      return { key, problem: error.message };
    throw error;
  }
}

async function sample(
  session: Session,
  config: Config,
  { rows: size = firstRows, pauseMs = 0 }: BatchDirective,
  state: BatchState,
): Promise<Omit<PlannedBatch, 'key'>> {
  const started = performance.now();
  const range = await nextRange(session, state, size);
  const tookMs = performance.now() - started;
  const position = state.position === null ? {} : { position: state.position };
  if (range === null) return { rows: 0, size, batches: 0, keysMs: 0, atMostMs: 0, ...position };
  // Where the first range holds all there is, that is no estimate.
  const estimated = state.estimated === null ? null : Math.max(range.keys, state.estimated - state.keys);
  const rows = range.keys < size ? range.keys : estimated;
  if (rows === null) return { rows: null, size, batches: null, keysMs: null, atMostMs: null, ...position };
  const batches = Math.ceil(rows / size);
  return {
    rows,
    size,
    batches,
    keysMs: Math.ceil((tookMs * rows) / range.keys),
    atMostMs: batches * (config.batchTimeMs + pauseMs),
    ...position,
  };
}
