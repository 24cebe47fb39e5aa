// Takes the statements of a step and the journal of an earlier attempt; gives how many of them ran, or refuses where the
// two cannot be matched. It sends nothing.
import { MigrateError } from '../base/errors.ts';
import { redact } from '../base/secrets.ts';
import type { Statement } from '../base/types.ts';
import { resolveHint } from '../ledger/half-done.ts';
import type { JournalRow } from '../ledger/journal.ts';
import type { ReadyStep } from '../plan/steps.ts';

/** Statements that mean something only to what follows them in the same transaction. */
const transactionOnly = new Set(['ConstraintsSetStmt', 'LockStmt', 'TransactionStmt']);

/**
 * How many statements are done. They must still be what the text says; below that point it may have changed.
 * @param major version of the server, whose grammar reads the statements
 * @throws MigrateError `history` saying what ran and what to type
 */
export async function findResumePoint(
  major: number,
  step: ReadyStep,
  statements: readonly Statement[],
  journal: readonly JournalRow[],
): Promise<number> {
  refuseOtherWay(step, journal);
  const done = journal.filter((row) => row.done);
  if (done.length > 0) {
    const { loadComparison } = await import('../files/equivalent-sql.ts');
    const same = await loadComparison(major);
    const changed = done.find(({ statement, sql }) => !same(statements[statement - 1]?.text ?? '', sql));
    if (changed !== undefined) throw changedAbove(step, statements, done, changed);
  }
  if (step.directiveGone) refuseTransactionOnly(step, statements, done.length);
  return done.length;
}

/**
 * What ran range by range cannot go on as a statement, nor the other way around: how far it came means nothing there.
 * @throws MigrateError `history` saying what ran and what to type
 */
export function refuseOtherWay(step: ReadyStep, journal: readonly JournalRow[]): void {
  const isBatch = step.directives.batch !== undefined;
  const ran = journal.filter(({ done, batch }) => batch == null && done);
  const walked = journal.find(({ done, batch }) => batch != null && !done && batch.position !== null)?.batch;
  if (isBatch ? ran.length === 0 : walked == null) return;
  const extent =
    walked == null
      ? `${ran.length} ${ran.length === 1 ? 'statement' : 'statements'} of its ${step.direction} ran`
      : `everything up to ${walked.column} ${walked.position} is committed`;
  throw new MigrateError(
    'history',
    isBatch
      ? `${step.path} is a batch now, and statements of it ran when it was none`
      : `${step.path} is no batch any more, and ranges of ${walked?.table} ran when it was one`,
    {
      location: { file: step.path },
      problems: ran.map(({ statement, sql }) => `statement ${statement} ran: ${shortened(sql)}`),
      state: `${step.id} is half done: ${extent}. Nothing was changed now.`,
      hint: `Restore the directive and run again; or settle it by hand and say so: ${resolveHint(step.id)}`,
    },
  );
}

function changedAbove(
  step: ReadyStep,
  statements: readonly Statement[],
  done: readonly JournalRow[],
  changed: JournalRow,
): MigrateError {
  const line = statements[changed.statement - 1]?.line ?? statements.at(-1)?.line ?? 1;
  const ran = done.map(({ statement, sql }) => `statement ${statement} ran: ${shortened(sql)}`);
  const other =
    step.direction === 'up'
      ? ''
      : step.note === undefined
        ? ' or run the text that the ledger keeps (without from_disk=1);'
        : ' or run the file, if it is what ran (from_disk=1);';
  return new MigrateError(
    'history',
    `${step.path} was changed above the point it had reached: statement ${changed.statement} has already run with another text`,
    {
      location: { file: step.path, line },
      problems: ran,
      state: `${step.id} is half done: ${done.length} ${done.length === 1 ? 'statement' : 'statements'} of its ${step.direction} ran. Nothing was changed now.`,
      hint: `Restore those statements and run again;${other} or settle it by hand and say so: ${resolveHint(step.id)}`,
    },
  );
}

/** A file that lost its directive may hold what does nothing outside of a transaction. */
function refuseTransactionOnly(step: ReadyStep, statements: readonly Statement[], done: number): void {
  const lost = statements.slice(done).find(({ kind, node }) => {
    const local = kind === 'VariableSetStmt' && node.is_local === true;
    return local || transactionOnly.has(kind);
  });
  if (lost === undefined) return;
  throw new MigrateError(
    'history',
    `${step.path} goes on outside of a transaction, for statements of it ran so already; there, statement ${lost.index} has no effect`,
    {
      location: { file: step.path, line: lost.line, column: lost.column },
      problems: [shortened(lost.text)],
      state: `${step.id} is half done: ${done} of ${statements.length} statements ran. Nothing was changed now.`,
      hint: `Write it so that it works statement by statement, and run again; or settle it by hand and say so: ${resolveHint(step.id)}`,
    },
  );
}

function shortened(sql: string): string {
  const flat = redact(sql).replace(/\s+/g, ' ');
  return flat.length <= 200 ? flat : `${flat.slice(0, 199)}…`;
}
