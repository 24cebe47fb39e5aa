// Takes the verdict on a step; does what follows from it: rolls back, waits before another attempt, looks a lost COMMIT
// up, or gives the error that ends the run, with the state of the database and what to type next.
import type { DatabaseError } from 'pg';
import { MigrateError } from '../base/errors.ts';
import { discardStatements, resetStatements } from '../connection/session-settings.ts';
import type { RunContext } from './context.ts';
import { resolveLostCommit } from './lost-commit.ts';
import { leftTransaction, recordingRefused, refusedStatement, sessionLost } from './refusals.ts';
import { gaveUp, pauseBefore } from './retry.ts';
import type { Answer, Task } from './transport.ts';
import type { Verdict } from './verdict.ts';

/** What is to happen next. */
export type Settled =
  | { readonly next: 'go on' }
  /** Everything of the transaction is rolled back. `conflicts`: how many attempts met a lock conflict so far. */
  | { readonly next: 'send again'; readonly conflicts: number }
  /** `recorded`: the steps of the transaction count all the same. */
  | { readonly next: 'stop'; readonly outcome: 'recorded' | 'failed'; readonly error: MigrateError };

/**
 * @param conflicts how many attempts at this transaction met a lock conflict before
 * @returns rejects only with what is no answer of the database: a bug
 */
export async function settle(
  context: RunContext,
  task: Task,
  answer: Answer,
  verdict: Verdict,
  conflicts: number,
): Promise<Settled> {
  switch (verdict) {
    case 'recorded':
      return { next: 'go on' };
    case 'refused by the file':
    case 'refused by the recording':
      await rollback(context);
      return stop(await describe(context, task, answer));
    case 'lock conflict':
      await rollback(context);
      return afterConflict(context, await describe(context, task, answer), answer.blockers, conflicts);
    case 'session lost':
      return stop(sessionLost(task.step, failureOf(answer) as MigrateError));
    case 'COMMIT unanswered':
      return lookUp(context, task, answer);
    case 'guard failed':
      await rollback(context);
      return afterGuard(context, task, answer, conflicts);
    case 'interrupted':
      if (answer.file !== null || !task.place.first) await rollback(context);
      return stop(context.signal.reason as MigrateError);
  }
}

function stop(error: MigrateError): Settled {
  return { next: 'stop', outcome: 'failed', error };
}

async function afterConflict(
  context: RunContext,
  error: MigrateError,
  blockers: readonly string[],
  conflicts: number,
): Promise<Settled> {
  if (conflicts >= context.config.lockRetries) return stop(gaveUp(error, conflicts + 1, blockers));
  await pauseBefore(context, error, conflicts, blockers);
  if (context.signal.aborted) return stop(context.signal.reason as MigrateError);
  return { next: 'send again', conflicts: conflicts + 1 };
}

/** COMMIT may have got through. While others are in flight, a step that counts ends nothing: the last of them tells. */
async function lookUp(context: RunContext, { step }: Task, answer: Answer): Promise<Settled> {
  const cause = failureOf(answer) as MigrateError;
  const { outcome, error } = await resolveLostCommit(context, step, answer.transaction, cause);
  if (outcome !== 'recorded') return stop(error);
  return answer.followed ? { next: 'go on' } : { next: 'stop', outcome, error };
}

/** A function may have reset all settings, and with them the marker. Proven by its transaction, that does no harm. */
async function afterGuard(
  { session }: RunContext,
  { step }: Task,
  { provenBy, transaction }: Answer,
  conflicts: number,
): Promise<Settled> {
  if (provenBy === 'transaction') return stop(leftTransaction(step));
  try {
    const [row] = await session.query('SELECT pg_xact_status($1::text::xid8) AS status', [transaction]);
    return row?.status === 'committed' ? stop(leftTransaction(step)) : { next: 'send again', conflicts };
  } catch (error) {
    if (error instanceof MigrateError) return stop(leftTransaction(step, error));
    throw error;
  }
}

async function describe(context: RunContext, { step }: Task, answer: Answer): Promise<MigrateError> {
  const { file, recording, prefixLength } = answer;
  if (file !== null && file.error !== null) return refusedStatement(context, step, file, prefixLength);
  return recordingRefused(
    context,
    failureOf(answer) as DatabaseError,
    step,
    recording?.result.completed ?? 0,
  );
}

function failureOf({ file, recording }: Answer): Error | null {
  return file?.error ?? recording?.result.error ?? null;
}

async function rollback({ session }: RunContext): Promise<void> {
  await session.batch(['ROLLBACK', ...resetStatements(session.login), ...discardStatements()].join(';\n'));
}
