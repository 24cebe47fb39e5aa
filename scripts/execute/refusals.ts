// Takes how a step failed; gives the error that says so to a person. What is left of the step is said where it is more
// or other than "rolled back". It asks the database for nothing but the names of columns.
import type { DatabaseError } from 'pg';
import { MigrateError } from '../base/errors.ts';
import type { BatchResult } from '../connection/simple-query.ts';
import { describeSqlError } from '../files/sql-error.ts';
import { mendHint } from '../plan/mend-hint.ts';
import type { ReadyStep } from '../plan/steps.ts';
import { hintWithoutCitus, nodeLost } from './citus-refusals.ts';
import type { RunContext } from './context.ts';
import { recordingAdvice, transactionHint } from './hints.ts';
import { rowColumns } from './row-columns.ts';
import { openingCount } from './step-sql.ts';

/**
 * PostgreSQL refused a statement of the file, or one of ours before it.
 * @param prefixLength characters of ours that were sent before the file's first
 */
export async function refusedStatement(
  { loadParser, session, config }: Pick<RunContext, 'loadParser' | 'session' | 'config'>,
  step: ReadyStep,
  { error, completed }: BatchResult,
  prefixLength: number,
): Promise<MigrateError> {
  const parse = await loadParser();
  const parsed = parse(step.text);
  const statements = parsed.ok === true ? parsed.statements : null;
  const columns = await rowColumns(session, error);
  const sent = { path: step.path, text: step.text, statements, prefixLength, columns };
  const failedIndex = Math.max(0, completed - openingCount(session));
  const { message, options } = describeSqlError(error as DatabaseError, sent, failedIndex);
  const lost = nodeLost(session, step, error, options);
  if (lost !== null) return lost;
  const inTransaction = transactionHint(error, step);
  const hint =
    hintWithoutCitus(session, step, error, statements?.[failedIndex]?.text ?? '') ??
    (inTransaction && `${inTransaction} ${mendHint(step, config.command)}`);
  return new MigrateError('migration-failed', message, { ...options, ...(hint && { hint }) });
}

const notTheFile =
  'The file itself ran: only recording it was refused. Look whether the tracking table or the ledger was changed by hand, or is of another version of this tool; make migrate-status shows what is recorded.';

/**
 * PostgreSQL refused a statement that records the step.
 * @param completed how many statements of the recording had completed; the first checks deferred constraints
 */
export function recordingRefused(
  { session, config }: Pick<RunContext, 'session' | 'config'>,
  error: DatabaseError,
  step: ReadyStep,
  completed: number,
): MigrateError {
  const sent = { path: step.path, text: '', sent: step.text, statements: null, prefixLength: 0 };
  const { options } = describeSqlError(error, sent, 0);
  const { excerpt: _, ...rest } = options;
  const advice =
    completed === 0 ? null : recordingAdvice(config.trackingTable, session.role, error, step.text);
  const told = {
    ...rest,
    ...(advice && { hint: `${advice.hint} ${mendHint(step, config.command)}` }),
    location: { file: step.path },
    statement:
      completed === 0
        ? 'deferred constraints, checked at the end of the transaction'
        : 'recording the migration',
    ...(completed > 0 && advice === null ? { hint: notTheFile } : {}),
  };
  const message = advice?.message ?? error.message;
  return nodeLost(session, step, error, told) ?? new MigrateError('migration-failed', message, told);
}

/** The session was lost before a COMMIT was sent. */
export function sessionLost({ id }: ReadyStep, { message, options }: MigrateError): MigrateError {
  return new MigrateError('connection', message, {
    ...options,
    state: `The server rolls ${id} back: nothing of it is left.`,
    hint: 'Run the same command again.',
  });
}

/**
 * The transaction ended, or the run lock was given up, before the step could be recorded.
 * @param lost where the session was lost before it could be seen whether the transaction was committed
 */
export function leftTransaction({ id, path }: ReadyStep, lost?: MigrateError): MigrateError {
  return new MigrateError(
    lost?.code ?? 'migration-failed',
    lost?.message ?? `${path} left its transaction, or gave up the run lock`,
    {
      hint: 'A migration must not commit, roll back or call pg_advisory_unlock_all(). Look at what its statements and functions do.',
      state: `What ran before the transaction ended may be there, but ${id} is not recorded. Look with make migrate-drift, undo it by hand, mend the file.`,
      location: { file: path },
      ...(lost && { cause: lost }),
    },
  );
}
