// Takes a batch and one range of its key; runs the statement on that range in a transaction of its own, with the position
// that is reached inside it. It rolls back what fails and judges nothing.
import { MigrateError } from '../../base/errors.ts';
import type { BatchDirective, Statement } from '../../base/types.ts';
import { watch } from '../../connection/blocker-watch.ts';
import { committedTogether, notedShards, shardsInTurn, shardsStayed } from '../../connection/citus.ts';
import { fileSettings, ownSearchPath, runLockKey } from '../../connection/session-settings.ts';
import { describeSqlError } from '../../files/sql-error.ts';
import { type BatchState, batchStateSql } from '../../ledger/journal.ts';
import type { ReadyStep } from '../../plan/steps.ts';
import { nodeLost } from '../citus-refusals.ts';
import type { RunContext } from '../context.ts';
import { sendStatements } from '../messages.ts';
import { rowColumns } from '../row-columns.ts';
import type { KeyRange } from './keys.ts';
import type { Traffic } from './traffic.ts';

/** A batch may take so many times its target before it is cancelled, as long as it has more than one row. */
const patience = 2;

export interface Batch {
  readonly context: RunContext;
  readonly step: ReadyStep;
  readonly directive: BatchDirective;
  readonly statement: Statement;
  readonly traffic: Traffic;
  /** Select-list items that give the statement the formats of its login; see key-formats. */
  readonly ownFormats: readonly string[];
}

export type Attempted =
  | { readonly error: null; readonly state: BatchState }
  | { readonly error: MigrateError; readonly blockers: readonly string[] };

/**
 * One range, in one transaction with its position.
 * @param size of the range as it was asked for: a range of one row is not cancelled for taking long
 * @returns the state behind the range, or why it was rolled back and who was in the way
 * @throws nothing: errors are in the answer
 */
export async function attempt(
  batch: Batch,
  state: BatchState,
  range: KeyRange,
  size: number,
): Promise<Attempted> {
  const { context, step } = batch;
  const { session, config } = context;
  const started = performance.now();
  const lockMs = step.directives.lockTimeoutMs ?? config.lockTimeoutMs;
  const silent = { boundOf: () => lockMs, onSighting: () => undefined };
  const watching = watch(session, { lockMs, everyMs: 1000, ...silent });
  try {
    await must(sendStatements(context, openingOf(batch, size)));
    const rows = await runStatement(batch, range);
    const next = behind(state, range, rows, performance.now() - started);
    await must(sendStatements(context, closingOf(context, step, next)));
    await watching.ended(null);
    return { error: null, state: next };
  } catch (met) {
    const { error: cause, blockers } = await watching.ended(met as Error);
    const rolledBack = await session.batch('ROLLBACK');
    // What the statement itself met of it is pg's own error, without a word about the session.
    if (rolledBack.error instanceof MigrateError) return { error: rolledBack.error, blockers: [] };
    const error = cause instanceof MigrateError ? cause : await refusedByServer(batch, cause);
    return { error, blockers };
  }
}

/** The state behind a range of which the statement touched `rows` rows in `tookMs`. */
function behind(state: BatchState, range: KeyRange, rows: number, tookMs: number): BatchState {
  return {
    ...state,
    position: range.last,
    keys: state.keys + range.keys,
    rows: state.rows + rows,
    batches: state.batches + 1,
    workMs: (state.workMs ?? 0) + Math.round(tookMs),
  };
}

/** An error of the server, with its place in the file. */
async function refusedByServer({ context, step, statement }: Batch, cause: Error): Promise<MigrateError> {
  const { session } = context;
  const before = [...step.text.slice(0, statement.start)].length;
  const columns = await rowColumns(session, cause);
  const sent = { path: step.path, text: step.text, statements: [statement], prefixLength: -before, columns };
  const { message, options } = describeSqlError(cause as never, sent, 0);
  return nodeLost(session, step, cause, options) ?? new MigrateError('migration-failed', message, options);
}

function openingOf({ context, step, ownFormats }: Batch, size: number): readonly string[] {
  const { session, config, settingsStoredBefore } = context;
  const own = step.directives.statementTimeoutMs ?? config.statementTimeoutMs;
  const bound = size > 1 ? Math.max(200, patience * config.batchTimeMs) : 0;
  const statementMs = own > 0 && (bound === 0 || own < bound) ? own : bound;
  return [
    'BEGIN READ WRITE',
    ...(session.citus === null ? [] : ['SET LOCAL citus.propagate_set_commands = local']),
    ...shardsInTurn(session.citus),
    `SET LOCAL lock_timeout = ${step.directives.lockTimeoutMs ?? config.lockTimeoutMs}`,
    `SELECT pg_catalog.pg_try_advisory_xact_lock(${runLockKey}), ${notedShards(session.citus)}`,
    `SET LOCAL statement_timeout = ${statementMs}`,
    `SELECT ${[...ownFormats, fileSettings(session.login, settingsStoredBefore(step.text), true)].join(', ')}`,
  ];
}

/** @returns how many rows the server says it touched; rejects with pg's own error */
async function runStatement({ context, statement }: Batch, { first, last }: KeyRange): Promise<number> {
  const { rowCount } = await context.session.client.query(statement.text, [first, last]);
  return rowCount ?? 0;
}

/** Deferred constraints speak with the file's settings; what is ours is looked up in pg_catalog, and the run lock must be ours. */
function closingOf({ config, session }: RunContext, step: ReadyStep, state: BatchState): readonly string[] {
  return [
    'SET CONSTRAINTS ALL IMMEDIATE',
    ...shardsStayed(session.citus),
    `SET LOCAL search_path = ${ownSearchPath}`,
    `SELECT 1 OPERATOR(pg_catalog./) pg_catalog.pg_try_advisory_lock(${runLockKey})::pg_catalog.int4`,
    ...committedTogether(session.citus),
    batchStateSql(config.trackingTable, step.id, step.direction, state),
    'COMMIT',
  ];
}

async function must(answer: Promise<{ readonly error: Error | null }>): Promise<void> {
  const { error } = await answer;
  if (error !== null) throw error;
}
