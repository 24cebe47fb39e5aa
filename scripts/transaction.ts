// Takes steps that belong in one transaction; runs them in it: their SQL, the tracking rows, the ledger rows. Two round
// trips per step. A lock that is not granted in time rolls everything back, waits and tries again.
import type { DatabaseError } from 'pg';
import type { BatchResult } from './batch.ts';
import type { StepSql } from './engine.ts';
import { MigrateError } from './errors.ts';
import type { GroupEnd, RunContext } from './execute.ts';
import { sparedEntry } from './ledger/spared.ts';
import { resolveLostCommit } from './lost-commit.ts';
import { concatenate, fill } from './pieces.ts';
import { leftovers, resetStatements } from './reset.ts';
import { gaveUp, isLockConflict, pauseBefore } from './retry.ts';
import { runLockKey } from './run-lock.ts';
import { describeSqlError } from './sql-error.ts';
import { entryOf, type ReadyStep } from './steps.ts';
import { spend, timed } from './timing.ts';
import { describeSighting, watch } from './watch.ts';

/** A step that failed, and whether its transaction was committed nevertheless. */
class StepFailure extends Error {
  constructor(
    readonly error: MigrateError,
    readonly committed = false,
  ) {
    super(error.message);
  }
}

/** Runs the group, again and again while locks are in the way, at most `config.lockRetries` more times. */
export async function runInTransaction(
  context: RunContext,
  steps: readonly ReadyStep[],
  started: (step: ReadyStep) => void,
): Promise<GroupEnd> {
  for (let attempt = 0; ; attempt += 1) {
    const blockers: string[] = [];
    const end = await attemptOnce(context, steps, attempt === 0 ? started : () => undefined, blockers);
    if (end.failure === null || !isLockConflict(end.failure.error)) return end;
    const { error } = end.failure;
    if (attempt >= context.config.lockRetries)
      return { ...end, failure: { ...end.failure, error: gaveUp(error, attempt + 1, blockers) } };
    await pauseBefore(context, error, attempt, blockers);
    if (context.signal.aborted)
      return { ...end, failure: { ...end.failure, error: context.signal.reason as MigrateError } };
  }
}

async function attemptOnce(
  context: RunContext,
  steps: readonly ReadyStep[],
  started: (step: ReadyStep) => void,
  blockers: string[],
): Promise<GroupEnd> {
  const durations: number[] = [];
  for (const [index, step] of steps.entries()) {
    started(step);
    const from = performance.now();
    try {
      await runStep(context, step, { first: index === 0, last: index === steps.length - 1 }, blockers);
    } catch (error) {
      if (!(error instanceof StepFailure)) throw error;
      durations.push(Math.round(performance.now() - from));
      return { durations, failure: { index, error: error.error, committed: error.committed } };
    }
    durations.push(Math.round(performance.now() - from));
  }
  return { durations, failure: null };
}

/** Where a step stands in a transaction that it may share with others. */
interface Place {
  readonly first: boolean;
  readonly last: boolean;
}

/** Statements that our prefix puts before the file's own. */
const prefixStatements = 2;

async function runStep(
  context: RunContext,
  step: ReadyStep,
  place: Place,
  blockers: string[],
): Promise<void> {
  const { config, engine, session } = context;
  const stepSql = await engine.stepSql(step.id, step.direction, step.text);
  const lockMs = step.directives.lockTimeoutMs ?? config.lockTimeoutMs;
  const statementMs = step.directives.statementTimeoutMs ?? config.statementTimeoutMs;
  // The run lock once more, for this transaction: a file that gives up all locks of the session cannot give up this one.
  const prefix = `${place.first ? 'BEGIN' : 'SELECT 1'}; SELECT pg_current_xact_id(), set_config('lock_timeout', '${lockMs}', true), set_config('statement_timeout', '${statementMs}', true), pg_try_advisory_xact_lock(${runLockKey});\n`;
  const from = performance.now();
  const watching = watch(
    session,
    Math.min(500, lockMs / 3),
    Math.min(1000, Math.max(200, lockMs / 3)),
    // Which statement of the batch it is nobody knows: the server sends its answers when all are done.
    (sighting) => context.observer.live(describeSighting(step.id, null, sighting)),
  );
  const ran = await timed('SQL', () =>
    session.batch(
      typeof stepSql.sql === 'string' ? prefix + stepSql.sql : concatenate([prefix, stepSql.sql]),
      {
        keepRows: prefixStatements,
      },
    ),
  );
  blockers.push(...watching.blockers());
  await watching.stop();
  if (ran.error !== null) throw await rolledBack(context, step, ran, prefix.length);
  if (ran.transactionStatus !== 'T') throw await leftTransaction(context, step);
  if (context.signal.aborted) throw await interrupted(context);
  await session.restoreEncoding();
  await record(context, step, stepSql, place, ran.rows[1]?.[0]?.[0] ?? '', performance.now() - from);
}

/**
 * The second round trip: deferred constraints, a clean session, proof that transaction and run lock are still ours, the
 * two rows, COMMIT. What the file set (role, search path, temporary tables …) reaches neither the rows nor the next file.
 */
async function record(
  context: RunContext,
  step: ReadyStep,
  { trackingSql }: StepSql,
  place: Place,
  transaction: string,
  durationMs: number,
): Promise<void> {
  const { config, provenance } = context;
  const guard = `SELECT 1 / (pg_current_xact_id()::text = '${transaction}' AND pg_try_advisory_lock(${runLockKey}))::int`;
  const entry = sparedEntry(entryOf(step, durationMs), config.trackingTable, provenance);
  const statements = [
    'SET CONSTRAINTS ALL IMMEDIATE',
    ...resetStatements(config),
    guard,
    trackingSql.replace(/;\s*$/, ''),
    entry.statement,
    ...leftovers,
    // Nothing after COMMIT: what fails or is cancelled then would look like a migration that failed.
    ...(place.last ? [...context.closing, 'COMMIT'] : []),
  ];
  const result = await recordingBatch(context, statements, entry.values);
  if (result.error === null) return;
  if (result.error instanceof MigrateError && place.last) {
    const { error, committed } = await resolveLostCommit(context, step, transaction, result.error);
    throw new StepFailure(error, committed ?? false);
  }
  if (result.completed === statements.indexOf(guard)) throw await leftTransaction(context, step);
  throw await rolledBack(context, step, result, null);
}

/** Sends the statements; what those of the snapshot take, last before COMMIT, is a stage of its own. */
async function recordingBatch(
  { session, closing }: RunContext,
  statements: readonly string[],
  values: ReadonlyMap<string, string>,
): Promise<BatchResult> {
  const commit = statements.length - 1;
  const hasSnapshot = closing.length > 0 && statements[commit] === 'COMMIT';
  const from = performance.now();
  let snapshotFrom = 0;
  let snapshotTo = 0;
  const onComplete = (count: number) => {
    if (count === commit - closing.length) snapshotFrom = performance.now();
    if (count === commit) snapshotTo = performance.now();
  };
  const sql = statements.join(';\n');
  const result = await session.batch(
    values.size === 0 ? sql : fill(sql, values),
    hasSnapshot ? { onComplete } : {},
  );
  const snapshot = Math.max(0, snapshotTo - snapshotFrom);
  spend('recording', performance.now() - from - snapshot);
  if (snapshotTo > 0) spend('snapshot', snapshot);
  return result;
}

/** Rolls back and says what failed; `prefixLength` null means that a statement of ours did, not of the file. */
async function rolledBack(
  context: RunContext,
  step: ReadyStep,
  result: BatchResult,
  prefixLength: number | null,
): Promise<StepFailure> {
  const error = result.error as DatabaseError | MigrateError;
  if (context.signal.aborted) return interrupted(context);
  if (error instanceof MigrateError) {
    const state = `The server rolls ${step.id} back: nothing of it is left.`;
    return new StepFailure(
      new MigrateError('connection', error.message, {
        ...error.options,
        state,
        hint: 'Run the same command again.',
      }),
    );
  }
  await rollback(context);
  if (prefixLength === null) return new StepFailure(recordingError(error, step, result.completed));
  const parsed = context.parse(step.text);
  const statements = parsed.ok === true ? parsed.statements : null;
  const sent = { path: step.path, text: step.text, statements, prefixLength };
  const { message, options } = describeSqlError(
    error,
    sent,
    Math.max(0, result.completed - prefixStatements),
  );
  return new StepFailure(new MigrateError('migration-failed', message, options));
}

function recordingError(error: DatabaseError, step: ReadyStep, completed: number): MigrateError {
  const { options } = describeSqlError(
    error,
    { path: step.path, text: '', statements: null, prefixLength: 0 },
    0,
  );
  const { excerpt: _, ...rest } = options;
  return new MigrateError('migration-failed', error.message, {
    ...rest,
    location: { file: step.path },
    statement:
      completed === 0
        ? 'deferred constraints, checked at the end of the transaction'
        : 'recording the migration',
  });
}

async function interrupted(context: RunContext): Promise<StepFailure> {
  await rollback(context);
  return new StepFailure(context.signal.reason as MigrateError);
}

async function leftTransaction(context: RunContext, step: ReadyStep): Promise<StepFailure> {
  await rollback(context);
  return new StepFailure(
    new MigrateError('migration-failed', `${step.path} left its transaction, or gave up the run lock`, {
      hint: 'A migration must not commit, roll back or call pg_advisory_unlock_all(). Look at what its statements and functions do.',
      state: `What ran before the transaction ended may be there, but ${step.id} is not recorded. Look with make migrate-drift, undo it by hand, mend the file.`,
      location: { file: step.path },
    }),
  );
}

async function rollback({ session, config }: RunContext): Promise<void> {
  await session.batch(['ROLLBACK', ...resetStatements(config), ...leftovers].join(';\n'));
}
