// Takes one no-transaction step; runs its statements one by one, each with a journal row before it starts, and records
// the step when all are done. What a failure or a kill left behind is found and mended before a statement runs again.
import type { DatabaseError } from 'pg';
import { MigrateError } from '../base/errors.ts';
import type { Statement } from '../base/types.ts';
import { discardStatements, resetStatements } from '../connection/session-settings.ts';
import { describeSqlError } from '../files/sql-error.ts';
import { entrySql } from '../ledger/entries.ts';
import { resolveHint } from '../ledger/half-done.ts';
import { clearSql, type JournalRow, type JournalTexts } from '../ledger/journal.ts';
import { commandOf, resumeHint } from '../plan/mend-hint.ts';
import { entryOf, type ReadyStep } from '../plan/steps.ts';
import { beginStep } from './begin-step.ts';
import { hintWithoutCitus, nodeLost } from './citus-refusals.ts';
import type { GroupEnd, RunContext } from './context.ts';
import { journalAdvice, transactionHint } from './hints.ts';
import {
  attemptOne,
  begin,
  concurrentLockTimeout,
  keepRunLock,
  type Refusal,
  send,
} from './journaled-statement.ts';
import { resolveLostCommit } from './lost-commit.ts';
import { tableIndexes } from './resume-statement.ts';
import { gaveUp, isLockConflict, pauseBefore } from './retry.ts';
import { rowColumns } from './row-columns.ts';
import { lostHint } from './session-memory.ts';
import { settleWorkers } from './settled-workers.ts';
import { statementsOf } from './statements-of.ts';

/** Runs or resumes the step. Its failure says which statement is next, for a plain run of the same command goes on there. */
export async function runNoTransaction(context: RunContext, step: ReadyStep): Promise<GroupEnd> {
  const started = performance.now();
  const failed = (durationMs: number, error: MigrateError): GroupEnd => ({
    outcome: 'failed',
    durations: [Math.round(durationMs)],
    error,
    failedIndex: 0,
  });
  try {
    if (step.directives.batch !== undefined) {
      const { runBatches } = await import('./batch/run-batches.ts');
      if ((await runBatches(context, step)) === 'paused')
        return { outcome: 'paused', durations: [Math.round(performance.now() - started)], error: null };
    } else await runStatements(context, step);
  } catch (error) {
    const resets = resetStatements(context.session.login);
    await context.session.batch(['ROLLBACK', ...resets, ...discardStatements()].join(';\n'));
    return failed(performance.now() - started, stopped(context, step, error as Error));
  }
  const durationMs = performance.now() - started;
  const { outcome, error } = await recordNoTransaction(context, step, durationMs);
  if (outcome === 'failed') return failed(durationMs, error);
  return { outcome, durations: [Math.round(durationMs)], error };
}

/** What broke outside of the file's own statements: the error as it is, with what is known of the step's state. */
function stopped(context: RunContext, step: ReadyStep, cause: Error): MigrateError {
  const { signal, session } = context;
  const error = signal.aborted && !(cause instanceof MigrateError) ? (signal.reason as MigrateError) : cause;
  const state = `${step.id} may be half done: the ledger knows which statements ran.`;
  const hint = `Run ${commandOf(step)} again: it goes on where it stopped.`;
  if (error instanceof MigrateError)
    return new MigrateError(error.code, error.message, { state, hint, ...error.options });
  const { code: sqlState } = error as Partial<DatabaseError>;
  const database = sqlState === undefined ? {} : { database: { sqlState } };
  const options = { location: { file: step.path }, ...database, cause, state, hint };
  const advice = journalAdvice(context, step, error);
  const message = advice?.message ?? `${step.path} could not be run: ${error.message}`;
  return (
    nodeLost(session, step, error, options) ??
    new MigrateError('migration-failed', message, {
      ...options,
      ...(advice && { hint: `${advice.hint} ${hint}` }),
    })
  );
}

async function runStatements(context: RunContext, step: ReadyStep): Promise<void> {
  const statements = await statementsOf(context, step);
  const { journal, next, pair, abandoned } = await beginStep(context, step, statements);
  for (const statement of statements.slice(next)) {
    const unsettled = await settleWorkers(context);
    if (unsettled !== null) throw unsettled;
    const row = journal.find((each) => each.statement === statement.index) ?? null;
    const begun = row === abandoned ? null : row;
    const texts = statement.index === next + 1 ? pair : null;
    const lost = (error: Error) => lostHint(next, journal, error);
    await runWithRetries(context, step, statement, statements.length, { begun, texts, lost });
  }
}

interface BegunStatement {
  readonly begun: JournalRow | null;
  readonly texts: JournalTexts | null;
  /** What the statement may lack because an earlier session ended, in words. */
  readonly lost: (error: Error) => string | null;
}

function withHint(error: MigrateError, first: string | null): MigrateError {
  const { database, hint = '' } = error.options;
  if (first === null || database === undefined) return error;
  return new MigrateError(error.code, error.message, { ...error.options, hint: `${first} ${hint}` });
}

async function runWithRetries(
  context: RunContext,
  step: ReadyStep,
  statement: Statement,
  total: number,
  { begun, texts, lost }: BegunStatement,
): Promise<void> {
  const indexes = begun?.indexes ?? (await tableIndexes(context.session, statement));
  const row = {
    id: step.id,
    direction: step.direction,
    statement: statement.index,
    total,
    sql: statement.text,
    indexes,
  };
  for (let attempt = 0; ; attempt += 1) {
    if (context.signal.aborted) throw interrupted(context, step, statement, total);
    const blockers: string[] = [];
    const error = await attemptOne(
      context,
      step,
      statement,
      { row, texts, again: begun !== null || attempt > 0 },
      blockers,
    );
    if (error === null) return;
    if (context.signal.aborted) throw interrupted(context, step, statement, total, error);
    const described = await describe(context, step, statement, total, error);
    if (!isLockConflict(described)) throw withHint(described, lost(error.error));
    const waitedLong =
      concurrentLockTimeout(context, step, statement) !== null &&
      described.options.database?.sqlState === '55P03';
    if (waitedLong || attempt >= context.config.lockRetries) throw gaveUp(described, attempt + 1, blockers);
    await pauseBefore(context, described, attempt, blockers);
  }
}

function interrupted(
  { signal }: RunContext,
  step: ReadyStep,
  statement: Statement,
  total: number,
  refusal: Refusal | null = null,
): MigrateError {
  const reason = signal.reason as MigrateError;
  return new MigrateError(reason.code, reason.message, {
    ...halfDone(step, statement, total, refusal?.commitSent),
    location: { file: step.path, line: statement.line },
  });
}

/** @param commitSent what was lost is the answer to a COMMIT: only the journal knows whether it got through */
function halfDone(
  step: ReadyStep,
  statement: Statement,
  total: number,
  commitSent = false,
): { state: string; hint: string } {
  const withoutFile =
    step.migration === null ? ` Or settle it by hand and say so: ${resolveHint(step.id)}` : '';
  const [finished, before] = [commitSent ? 'may have finished' : 'did not finish', statement.index - 1];
  const state = `${step.id} is half done: statement ${statement.index} of ${total} ${finished}, ${before} before it did.`;
  if (commitSent)
    return { state, hint: `Run ${commandOf(step)} again: it looks, and goes on where it stopped.` };
  return {
    state,
    hint: `${resumeHint(step, `at statement ${statement.index}`, 'below the statements that ran')}${withoutFile}`,
  };
}

async function describe(
  context: RunContext,
  step: ReadyStep,
  statement: Statement,
  total: number,
  { error, prefixLength, commitSent }: Refusal,
): Promise<MigrateError> {
  if (error instanceof MigrateError)
    return new MigrateError(error.code, error.message, {
      ...error.options,
      ...halfDone(step, statement, total, commitSent),
    });
  const before = [...step.text.slice(0, statement.start)].length;
  const sent = {
    path: step.path,
    text: step.text,
    statements: await statementsOf(context, step),
    prefixLength: prefixLength - before,
    columns: await rowColumns(context.session, error),
  };
  const { message, options } = describeSqlError(error, sent, statement.index - 1);
  const left = halfDone(step, statement, total);
  const lost = nodeLost(context.session, step, error, { ...options, ...left });
  if (lost !== null) return lost;
  const missing =
    hintWithoutCitus(context.session, step, error, statement.text) ?? transactionHint(error, step);
  const advice = journalAdvice(context, step, error);
  const first = advice?.hint ?? missing;
  const hint = first === null ? left.hint : `${first} ${left.hint}`;
  return new MigrateError('migration-failed', advice?.message ?? message, { ...options, ...left, hint });
}

/** The step as a whole: tracking row, ledger row, and the journal's rows away, in one transaction. */
async function recordNoTransaction(
  context: RunContext,
  step: ReadyStep,
  durationMs: number,
): Promise<{ outcome: 'recorded'; error: MigrateError | null } | { outcome: 'failed'; error: MigrateError }> {
  const { config, engine, provenance } = context;
  const trackingSql = engine.trackingSql(step);
  const statements = [
    begin,
    ...resetStatements(context.session.login),
    ...discardStatements(),
    keepRunLock,
    trackingSql,
    entrySql(entryOf(step, durationMs), config.trackingTable, provenance),
    clearSql(config.trackingTable, step.id, step.direction),
    ...context.closing,
    'COMMIT',
  ];
  const refused = await send(context, statements).then(
    () => null,
    (error: Error) => error,
  );
  if (refused === null) return { outcome: 'recorded', error: null };
  if (!(refused instanceof MigrateError) || refused.code !== 'connection')
    return { outcome: 'failed', error: stopped(context, step, refused) };
  const { outcome, error } = await resolveLostCommit(context, step, null, refused);
  if (outcome === 'recorded') return { outcome, error };
  if (outcome === 'unknown') return { outcome: 'failed', error };
  const state = `Every statement of ${step.id} has run, but it is not recorded yet.`;
  return {
    outcome: 'failed',
    error: new MigrateError(error.code, error.message, { ...error.options, state }),
  };
}
