// Takes one statement of a no-transaction step; runs it between its two journal entries. What an earlier attempt left
// behind is cleared away first. It knows nothing of retries or of the other statements.
import pg from 'pg';
import { isSessionLost, MigrateError } from '../base/errors.ts';
import type { Statement } from '../base/types.ts';
import { describeSighting, watch } from '../connection/blocker-watch.ts';
import { committedTogether, notedShards, shardsInTurn, shardsStayed } from '../connection/citus.ts';
import { ownSearchPath, runLockKey } from '../connection/session-settings.ts';
import { lockBound } from '../files/settings-set.ts';
import { cannotRunInTransaction } from '../files/transaction-block.ts';
import { doneSql, type JournalRow, type JournalTexts, rememberSql, startSql } from '../ledger/journal.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { RunContext } from './context.ts';
import { sendStatements } from './messages.ts';
import { mendBefore } from './resume-statement.ts';
import { memorySql, rememberedPath } from './session-memory.ts';

/** What the tool writes must be written, whatever default_transaction_read_only the file has set. */
export const begin = 'BEGIN READ WRITE';
/** A file may give up all locks of the session; dividing by zero stops the run where another one took ours. */
export const keepRunLock = `SELECT 1 OPERATOR(pg_catalog./) pg_catalog.pg_try_advisory_lock(${runLockKey})::pg_catalog.int4`;

export interface JournaledAttempt {
  readonly row: Omit<JournalRow, 'done' | 'session'>;
  /** Of the pair, with the first statement that a run comes to. */
  readonly texts: JournalTexts | null;
  /** An earlier attempt, of this run or another, may have left something behind. */
  readonly again: boolean;
}

/** What went wrong, and what our own text put before the statement, in characters. */
export interface Refusal {
  readonly error: Error;
  readonly prefixLength: number;
  /** Set where the session was lost with the COMMIT of the statement under way: it may have got through. */
  readonly commitSent?: boolean;
}

/** @returns null when the statement is done and its journal row says so */
export async function attemptOne(
  context: RunContext,
  step: ReadyStep,
  statement: Statement,
  attempt: JournaledAttempt,
  blockers: string[],
): Promise<Refusal | null> {
  const { session, config, observer } = context;
  const lockMs = step.directives.lockTimeoutMs ?? config.lockTimeoutMs;
  const watching = watch(session, {
    lockMs,
    everyMs: 1000,
    boundOf: () => concurrentLockTimeout(context, step, statement) ?? lockBound(step.text, lockMs),
    onSighting: (sighting) => observer.live(describeSighting(step.id, statement.index, sighting)),
  });
  const refused = await runBetweenMarks(context, step, statement, attempt).catch((error: Error) => ({
    error,
    prefixLength: step.text.length,
  }));
  const ended = await watching.ended(refused?.error ?? null);
  blockers.push(...ended.blockers);
  return refused && ended.error && { ...refused, error: ended.error };
}

async function runBetweenMarks(
  context: RunContext,
  step: ReadyStep,
  statement: Statement,
  { row, texts, again }: JournaledAttempt,
): Promise<Refusal | null> {
  const { session, config } = context;
  const done = doneSql(config.trackingTable, row);
  const budget = concurrentLockTimeout(context, step, statement);
  await write(context, [startSql(config.trackingTable, row, texts)], budget);
  const finished = await mendBefore(context, statement, again ? row.indexes : null);
  // Where PostgreSQL allows it, the statement and its journal entry are one transaction: done and entered, or neither.
  const prefix = mustRunAlone(statement) ? [] : prefixOf(context, step);
  if (!finished) {
    const { error } = await sendStatements(context, [...prefix, `${statement.text}\n`]);
    if (error !== null && prefix.length > 0) await session.batch('ROLLBACK');
    if (error !== null) return { error, prefixLength: session.citus === null ? lengthOf(prefix) : 0 };
    await session.restoreEncoding();
  }
  const remember = rememberStatements(context, step, row);
  if (prefix.length === 0 || finished) {
    await write(context, [done], budget === null ? null : config.lockTimeoutMs, remember);
    return null;
  }
  const own = [
    ...shardsStayed(session.citus),
    ...asOurselves(context),
    keepRunLock,
    ...committedTogether(session.citus),
    done,
  ];
  return send(context, [checkDeferred, ...own, 'COMMIT', ...remember]).then(
    () => null,
    (error: Error) => ({
      error,
      prefixLength: step.text.length,
      commitSent: error instanceof MigrateError && isSessionLost(error),
    }),
  );
}

/** Opens the transaction of one statement; on Citus its time-outs reach the shards. */
function prefixOf({ session, config }: RunContext, { text, directives }: ReadyStep): readonly string[] {
  const opening = [
    begin,
    `SELECT pg_catalog.pg_try_advisory_xact_lock(${runLockKey}), ${notedShards(session.citus)}`,
    ...shardsInTurn(session.citus),
  ];
  // What the file has set counts, on the coordinator.
  if (session.citus === null || /\block_timeout\b/i.test(text)) return opening;
  const timeout = `SET LOCAL lock_timeout = ${directives.lockTimeoutMs ?? config.lockTimeoutMs}`;
  return [
    ...opening,
    'SET LOCAL citus.propagate_set_commands = local',
    timeout,
    'SET LOCAL citus.propagate_set_commands TO DEFAULT',
  ];
}

/** What our own statements add to a position of the server's, in characters. */
function lengthOf(prefix: readonly string[]): number {
  return prefix.reduce((sum, text) => sum + text.length + ';\n'.length, 0);
}

/** A transaction after the statement's own: what was set for that one alone is gone by now. */
function rememberStatements(
  context: RunContext,
  step: ReadyStep,
  row: Pick<JournalRow, 'id' | 'direction' | 'statement'>,
): string[] {
  const { config } = context;
  const own = {
    lock_timeout: [
      step.directives.lockTimeoutMs ?? config.lockTimeoutMs,
      config.lockTimeoutMs * (config.lockRetries + 1),
      config.lockTimeoutMs,
    ],
    statement_timeout: [step.directives.statementTimeoutMs ?? config.statementTimeoutMs],
  };
  const kept = 'migrate.session';
  return [
    begin,
    `SELECT pg_catalog.set_config('${rememberedPath}', pg_catalog.current_setting('search_path'), true)`,
    `SET LOCAL search_path = ${ownSearchPath}`,
    `SELECT pg_catalog.set_config('${kept}', (${memorySql(step.text, own)}), true)`,
    ...asOurselves(context),
    rememberSql(config.trackingTable, row, `pg_catalog.current_setting('${kept}')`),
    'COMMIT',
  ];
}

/**
 * How long (ms) a CONCURRENTLY statement may wait, or null for the ordinary time-out. While it waits it blocks neither
 * reads nor writes, and a build given up has to start all over; so it gets the time of all attempts in one.
 */
export function concurrentLockTimeout(
  { config }: RunContext,
  step: ReadyStep,
  statement: Statement,
): number | null {
  const concurrent =
    ['IndexStmt', 'DropStmt', 'ReindexStmt', 'AlterTableStmt'].includes(statement.kind) &&
    cannotRunInTransaction(statement);
  // One that switches it off does not count anywhere: see keepLockTimeout.
  const setInFile =
    /\block_timeout\b/i.test(step.text) && !/\block_timeout\s*(?:=|to)\s*'?0/i.test(step.text);
  const ownSetting = step.directives.lockTimeoutMs !== undefined || setInFile;
  return concurrent && !ownSetting ? config.lockTimeoutMs * (config.lockRetries + 1) : null;
}

/** CALL and DO may commit on their own; the rest of these PostgreSQL refuses in a transaction block. */
function mustRunAlone(statement: Statement): boolean {
  const commits = /\b(commit|rollback)\b/i.test(statement.text);
  return (
    cannotRunInTransaction(statement) ||
    statement.kind === 'CallStmt' ||
    (statement.kind === 'DoStmt' && commits) ||
    statement.kind === 'ReindexStmt' ||
    statement.kind === 'VariableSetStmt'
  );
}

/** Statements of our own, as the role we logged in as whatever the file has set, in a transaction of their own. */
async function write(
  context: RunContext,
  statements: readonly string[],
  lockTimeoutMs: number | null,
  after: readonly string[] = [],
): Promise<void> {
  const timeout =
    lockTimeoutMs === null ? [] : [`SELECT pg_catalog.set_config('lock_timeout', '${lockTimeoutMs}', false)`];
  await send(context, [
    begin,
    ...asOurselves(context),
    keepRunLock,
    ...statements,
    'COMMIT',
    ...timeout,
    ...after,
  ]);
}

/** Deferred triggers are the file's: they run with its role and search path, before ours are set for the commit. */
const checkDeferred = 'SET CONSTRAINTS ALL IMMEDIATE';

function asOurselves({ session }: RunContext): string[] {
  return [
    `SET LOCAL search_path = ${ownSearchPath}`,
    'SET LOCAL SESSION AUTHORIZATION DEFAULT',
    `SET LOCAL ROLE ${pg.escapeIdentifier(session.role)}`,
  ];
}

/** Several statements of our own; rejects with pg's error or a MigrateError, after rolling back. */
export async function send(context: RunContext, statements: readonly string[]): Promise<void> {
  const committed = context.session.citus === null ? -1 : statements.indexOf('COMMIT');
  const first = committed === -1 ? statements : statements.slice(0, committed + 1);
  const { error } = await sendStatements(context, first);
  // With a message each, what follows a COMMIT would run behind a failure too.
  if (error === null && first.length < statements.length)
    return send(context, statements.slice(first.length));
  if (error === null) return;
  await context.session.batch('ROLLBACK');
  throw (error as { code?: string }).code === '22012' ? lockGivenUp(error) : error;
}

function lockGivenUp(cause: Error): MigrateError {
  return new MigrateError(
    'migration-failed',
    'The migration gave up the run lock, and another run has taken it',
    { hint: 'A migration must not call pg_advisory_unlock_all(): remove it, then run again.', cause },
  );
}
