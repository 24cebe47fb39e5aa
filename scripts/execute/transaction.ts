// Takes steps that belong in one transaction; runs them in it: their SQL, the tracking rows, the ledger rows. Two round
// trips per step, or fewer where steps are sent ahead. A lock that is not granted in time rolls everything back, waits
// and tries again.
import type { DatabaseError } from 'pg';
import { MigrateError } from '../base/errors.ts';
import { timed } from '../base/timing.ts';
import { describeSighting, watch } from '../connection/blocker-watch.ts';
import { leftovers, resetStatements } from '../connection/session-settings.ts';
import type { BatchResult } from '../connection/simple-query.ts';
import { describeSqlError } from '../files/sql-error.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { GroupEnd, RunContext } from './context.ts';
import { resolveLostCommit } from './lost-commit.ts';
import type { Flight } from './pipeline.ts';
import { gaveUp, isLockConflict, pauseBefore } from './retry.ts';
import { type SentStep, sendInTurn } from './send-step.ts';
import { type Place, prefixStatements } from './step-sql.ts';

/** A step that failed, and whether its transaction was committed nevertheless. */
class StepFailure extends Error {
  constructor(
    readonly error: MigrateError,
    readonly committed = false,
  ) {
    super(error.message);
  }
}

/**
 * Runs the group, again and again while locks are in the way, at most `config.lockRetries` more times.
 * @param flight of the only step, where that is under way already
 */
export async function runInTransaction(
  context: RunContext,
  steps: readonly ReadyStep[],
  started: (step: ReadyStep) => void,
  flight: Flight | null = null,
): Promise<GroupEnd> {
  for (let attempt = 0; ; attempt += 1) {
    const blockers: string[] = [];
    const first = attempt === 0;
    const end = await attemptOnce(context, steps, first ? started : () => undefined, {
      blockers,
      flight: first ? flight : null,
    });
    if (end.failure !== null) flight?.abandonFollowers();
    if (end.failure === null || !isLockConflict(end.failure.error)) return end;
    const { error } = end.failure;
    if (attempt >= context.config.lockRetries)
      return { ...end, failure: { ...end.failure, error: gaveUp(error, attempt + 1, blockers) } };
    await pauseBefore(context, error, attempt, blockers);
    if (context.signal.aborted)
      return { ...end, failure: { ...end.failure, error: context.signal.reason as MigrateError } };
  }
}

interface Attempt {
  /** Filled with who was in the way. */
  readonly blockers: string[];
  readonly flight: Flight | null;
}

async function attemptOnce(
  context: RunContext,
  steps: readonly ReadyStep[],
  started: (step: ReadyStep) => void,
  attempt: Attempt,
): Promise<GroupEnd> {
  const durations: number[] = [];
  for (const [index, step] of steps.entries()) {
    started(step);
    const from = performance.now();
    const ended = (closingMs: number) =>
      durations.push(Math.max(0, Math.round(performance.now() - from - closingMs)));
    try {
      const place = { first: index === 0, last: index === steps.length - 1 };
      ended(await runStep(context, step, place, attempt));
    } catch (error) {
      if (!(error instanceof StepFailure)) throw error;
      ended(0);
      return { durations, failure: { index, error: error.error, committed: error.committed } };
    }
  }
  return { durations, failure: null };
}

/** @returns what the run's closing statements took of it, in ms: no part of what the migration took */
async function runStep(
  context: RunContext,
  step: ReadyStep,
  place: Place,
  { blockers, flight }: Attempt,
): Promise<number> {
  const { session } = context;
  const from = performance.now();
  const sent = flight ?? sendInTurn(context, step, place);
  const ran = await watched(context, step, sent, blockers);
  if (ran.error instanceof MigrateError && flight !== null)
    return lostInFlight(context, step, flight, ran.error);
  if (ran.error !== null) throw await rolledBack(context, step, ran, sent.prefixLength);
  if (flight === null) {
    if (ran.transactionStatus !== 'T') {
      await rollback(context);
      throw leftTransaction(step);
    }
    if (context.signal.aborted) throw await interrupted(context);
    await session.restoreEncoding();
  }
  const transaction = ran.rows[prefixStatements - 1]?.[0]?.[0] ?? '';
  const { result, guardFailed, closingMs } = await sent.record(transaction, performance.now() - from);
  if (result.error === null) return closingMs;
  if (result.error instanceof MigrateError && flight !== null)
    return lostInFlight(context, step, flight, result.error);
  if (result.error instanceof MigrateError && place.last)
    throw await lost(context, step, transaction, result.error);
  if (!guardFailed) throw await rolledBack(context, step, result, null);
  await rollback(context);
  if (flight === null || (await wasCommitted(context, transaction))) throw leftTransaction(step);
  // A function may have reset all settings, and with them the mark of the transaction; in turn, that does no harm.
  flight.abandonFollowers();
  return runStep(context, step, place, { blockers, flight: null });
}

async function wasCommitted({ session }: RunContext, transaction: string): Promise<boolean> {
  const [row] = await session.query('SELECT pg_xact_status($1::text::xid8) AS status', [transaction]);
  return row?.status === 'committed';
}

/** Awaits the first answer; tells meanwhile how far the step is, and notes who is in its way. */
async function watched(
  context: RunContext,
  step: ReadyStep,
  sent: SentStep,
  blockers: string[],
): Promise<BatchResult> {
  const lockMs = step.directives.lockTimeoutMs ?? context.config.lockTimeoutMs;
  const watching = watch(
    context.session,
    Math.min(500, lockMs / 3),
    Math.min(1000, Math.max(200, lockMs / 3)),
    // Which statement of the batch it is nobody knows: the server sends its answers when all are done.
    (sighting) => context.observer.live(describeSighting(step.id, null, sighting)),
  );
  const ran = await timed('SQL', () => sent.ran);
  blockers.push(...watching.blockers());
  await watching.stop();
  return ran;
}

/** COMMIT may have got through: with the answer to another batch, or to that of COMMIT itself, the session was lost. */
async function lost(
  context: RunContext,
  step: ReadyStep,
  transaction: string | null,
  cause: MigrateError,
): Promise<StepFailure> {
  const { error, committed } = await resolveLostCommit(context, step, transaction, cause);
  return new StepFailure(error, committed ?? false);
}

/** A step that counts nevertheless is no failure as long as others are under way behind it: the last one tells. */
async function lostInFlight(
  context: RunContext,
  step: ReadyStep,
  flight: Flight,
  cause: MigrateError,
): Promise<number> {
  const failure = await lost(context, step, null, cause);
  if (!failure.committed || !flight.hasFollowers()) throw failure;
  return 0;
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
  const parse = await context.loadParser();
  const parsed = parse(step.text);
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

function leftTransaction(step: ReadyStep): StepFailure {
  return new StepFailure(
    new MigrateError('migration-failed', `${step.path} left its transaction, or gave up the run lock`, {
      hint: 'A migration must not commit, roll back or call pg_advisory_unlock_all(). Look at what its statements and functions do.',
      state: `What ran before the transaction ended may be there, but ${step.id} is not recorded. Look with make migrate-drift, undo it by hand, mend the file.`,
      location: { file: step.path },
    }),
  );
}

async function rollback({ session }: RunContext): Promise<void> {
  await session.batch(['ROLLBACK', ...resetStatements, ...leftovers].join(';\n'));
}
