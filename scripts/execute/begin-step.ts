// Takes the statements of a no-transaction step; finds what an earlier attempt left of it, refuses where that cannot be gone
// on with, and makes the session what it was. It runs no statement of the file.
import { MigrateError } from '../base/errors.ts';
import type { Statement } from '../base/types.ts';
import { fileSettings } from '../connection/session-settings.ts';
import { readTexts } from '../ledger/entries.ts';
import { resolveHint } from '../ledger/half-done.ts';
import { type JournalRow, type JournalTexts, readJournal } from '../ledger/journal.ts';
import { commandOf } from '../plan/mend-hint.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { RunContext } from './context.ts';
import { findResumePoint } from './resume-point.ts';
import { mendAbandoned } from './resume-statement.ts';
import { refuseLostObjects, restoreStatements, shadowedSql } from './session-memory.ts';

export interface BegunStep {
  readonly journal: readonly JournalRow[];
  /** How many statements ran. */
  readonly next: number;
  readonly pair: JournalTexts;
  /** A statement that was begun, did not end, and stands in the file no more, or with another text. */
  readonly abandoned: JournalRow | null;
}

/** @throws MigrateError `history` where statements that ran, or what they left, cannot be matched with the file */
export async function beginStep(
  context: RunContext,
  step: ReadyStep,
  statements: readonly Statement[],
): Promise<BegunStep> {
  const { session, config, observer } = context;
  const journal = await readJournal(session, config.trackingTable, step.id, step.direction);
  const next = await findResumePoint(session.major, step, statements, journal);
  const pair = await textsOf(context, step);
  await prepareSession(context, step, statements.slice(0, next), journal);
  const shadows = shadowedSql(next, journal);
  const shadowed = shadows === null ? [] : await session.query<{ name: string }>(shadows);
  refuseLostObjects(step, statements, next, journal, new Set(shadowed.map(({ name }) => name)));
  if (journal.length > 0)
    observer.say(
      next < statements.length
        ? `  resuming ${step.id} at statement ${next + 1} of ${statements.length}`
        : `  every statement of ${step.id} ran already: recording it`,
    );
  const abandoned = await findAbandoned(context, statements, journal);
  if (abandoned !== null) await mendAbandoned(context, abandoned);
  return { journal, next, pair, abandoned };
}

async function findAbandoned(
  { session }: RunContext,
  statements: readonly Statement[],
  journal: readonly JournalRow[],
): Promise<JournalRow | null> {
  const begun = journal.find(({ done }) => !done);
  if (begun === undefined) return null;
  const { loadComparison } = await import('../files/equivalent-sql.ts');
  const same = await loadComparison(session.major);
  return same(statements[begun.statement - 1]?.text ?? '', begun.sql) ? null : begun;
}

/** The pair as it is now, for whoever has to settle the migration without its files. */
async function textsOf({ session }: RunContext, step: ReadyStep): Promise<JournalTexts> {
  const { migration, applied } = step;
  const kept = applied?.entry == null ? undefined : await readTexts(session, [applied.entry.seq]);
  const recorded = kept?.get(applied?.entry?.seq ?? 0);
  const up = step.direction === 'up' ? step.text : (recorded?.up ?? migration?.up.text ?? null);
  return { up, down: step.direction === 'down' ? step.text : (migration?.down.text ?? null) };
}

/** What the file's own statements have set counts for those that follow, so it is set again before resuming. */
async function prepareSession(
  { session, config, settingsStoredBefore }: RunContext,
  step: ReadyStep,
  done: readonly Statement[],
  journal: readonly JournalRow[],
): Promise<void> {
  const lockMs = step.directives.lockTimeoutMs ?? config.lockTimeoutMs;
  const statementMs = step.directives.statementTimeoutMs ?? config.statementTimeoutMs;
  const settings = fileSettings(session.login, settingsStoredBefore(step.text), false);
  const own = `SELECT set_config('lock_timeout', '${lockMs}', false), set_config('statement_timeout', '${statementMs}', false), ${settings}`;
  const { error } = await session.batch([own, ...restoreStatements(done, journal)].join(';\n'));
  if (error === null) return;
  const { code = '' } = error as { code?: string };
  const state = `${step.id} is half done: ${done.length} of its statements ran. Nothing was changed now.`;
  const options = { location: { file: step.path }, state, cause: error };
  if (code === '55P03')
    throw new MigrateError(
      'locked',
      `${step.path} cannot go on yet: another session holds an advisory lock that it had taken`,
      { ...options, hint: `Run ${commandOf(step)} again when the lock is free.` },
    );
  // Of values and names; a signal, or a session that is lost, is none of it.
  if (done.length === 0 || !/^(?:0A|22|42)...$/.test(code)) throw error;
  throw new MigrateError(
    'history',
    `${step.path} cannot go on: what it had set before cannot be set again: ${error.message}`,
    {
      ...options,
      hint: `Bring back what is missing, such as a role, then run ${commandOf(step)} again. Or settle it by hand and say so: ${resolveHint(step.id)}`,
    },
  );
}
