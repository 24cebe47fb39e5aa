// Takes a batch step; runs its statement over one range of keys after the other, a transaction each, from where an earlier
// run stopped to the largest key there was when it began. The position is in each range's own transaction.

import { setTimeout as sleep } from 'node:timers/promises';
import { isSessionLost, MigrateError } from '../../base/errors.ts';
import { formatCount } from '../../base/size.ts';
import type { BatchDirective, Statement } from '../../base/types.ts';
import { resetStatements } from '../../connection/session-settings.ts';
import { saidOnceEach } from '../../files/batch-meanings.ts';
import { resolveHint } from '../../ledger/half-done.ts';
import { type BatchState, batchStateSql, doneSql, readJournal, startSql } from '../../ledger/journal.ts';
import { resumeHint } from '../../plan/mend-hint.ts';
import type { ReadyStep } from '../../plan/steps.ts';
import { folded } from '../../schema/sql.ts';
import type { RunContext } from '../context.ts';
import { refuseOtherWay } from '../resume-point.ts';
import { gaveUp, isLockConflict, pauseBefore } from '../retry.ts';
import { type Attempted, attempt, type Batch } from './attempt.ts';
import { findTable, unknownTable } from './find-table.ts';
import { setKeyFormats } from './key-formats.ts';
import { type BatchTable, type KeyRange, nextRange, readKey, refuseUnlike } from './keys.ts';
import { describePace, firstRows, nextSize, percent, smaller } from './pace.ts';
import { watchTraffic } from './traffic.ts';

/** Canceled by a time-out: the range took too long and is tried again, smaller. */
const canceled = '57014';

/**
 * Runs or resumes the step.
 * @returns `paused` where the run's budget is used up: what is done stays, and the next run goes on
 * @throws MigrateError as a statement of its own would, with how far it came; `history` where the journal is of another batch
 */
export async function runBatches(context: RunContext, step: ReadyStep): Promise<'done' | 'paused'> {
  const { session, config } = context;
  const directive = step.directives.batch;
  if (directive === undefined) throw new Error(`${step.id} is no batch`);
  await session.batch(resetStatements(session.login).join(';\n'));
  const statement = await statementOf(context, step);
  const found = await findTable(context, step, directive, statement);
  if (found === null)
    throw unknownTable(step, `relation "${directive.table}" of the batch directive does not exist`);
  const onceEach = saidOnceEach(found.meanings);
  if (onceEach !== null) context.observer.say(`  ${step.id}: ${onceEach}`);
  const formatsOf = await setKeyFormats(session);
  const begun = await beginOrResume(context, step, { directive, statement, found });
  if (begun === 'done') return 'done';
  const traffic = watchTraffic(session, config.batchMaxLagMs, (line) => context.observer.say(`  ${line}`));
  try {
    const ownFormats = formatsOf(begun.type);
    return await walk({ context, step, directive, statement, traffic, ownFormats }, begun);
  } finally {
    await traffic.stop();
  }
}

async function statementOf(context: RunContext, step: ReadyStep): Promise<Statement> {
  const parse = await context.loadParser();
  const parsed = parse(step.text);
  const [statement] = parsed.ok === true ? parsed.statements : [];
  if (statement !== undefined) return statement;
  throw new MigrateError('migration-failed', `${step.path} holds no statement that can be run in batches`, {
    location: { file: step.path },
    state: `Nothing of ${step.id} was run.`,
  });
}

async function beginOrResume(
  context: RunContext,
  step: ReadyStep,
  { directive, statement, found }: { directive: BatchDirective; statement: Statement; found: BatchTable },
): Promise<BatchState | 'done'> {
  const { session, config, observer } = context;
  const journal = await readJournal(session, config.trackingTable, step.id, step.direction);
  refuseOtherWay(step, journal);
  if (journal.some(({ done }) => done)) return 'done';
  const fresh = await readKey(session, step, directive, found, folded(directive.column));
  const known = journal[0]?.batch ?? null;
  if (known !== null) {
    const isAlike = known.order === undefined || known.order === fresh.order;
    if (known.table !== fresh.table || known.column !== fresh.column || !isAlike)
      throw otherBatch(step, known, fresh);
    observer.say(`  resuming ${step.id} (${describePace(known, 0, 1)}): ${placeOf(known)}`);
    // Types as they are written now: earlier versions wrote those of a length for any length.
    return { ...known, type: fresh.type };
  }
  refuseUnlike(step, directive, found, await context.loadParser());
  const row = {
    id: step.id,
    direction: step.direction,
    statement: 1,
    total: 1,
    sql: statement.text,
    indexes: [],
  };
  const texts = { up: step.migration?.up.text ?? null, down: step.migration?.down.text ?? step.text };
  await own(context, [
    startSql(config.trackingTable, row, texts),
    batchStateSql(config.trackingTable, step.id, step.direction, fresh),
  ]);
  return fresh;
}

async function walk(batch: Batch, begun: BatchState): Promise<'done' | 'paused'> {
  const { context, step, directive, traffic } = batch;
  const { session, config, observer, signal } = context;
  const started = performance.now();
  let state = begun;
  let size = directive.rows ?? firstRows;
  let conflicts = 0;
  for (;;) {
    if (signal.aborted) throw interrupted(context, step, state);
    await traffic.standbysFollow(signal);
    const range = await nextRange(session, state, size);
    if (range === null) break;
    const from = performance.now();
    const ran = await attempt(batch, state, range, size);
    if (ran.error !== null) {
      size = await afterFailure(batch, state, ran, { size, conflicts, range });
      conflicts += 1;
      continue;
    }
    state = ran.state;
    conflicts = 0;
    size = nextSize(size, performance.now() - from, config.batchTimeMs, traffic.othersWaited());
    observer.live(
      `  ${step.id}: ${describePace(state, state.keys - begun.keys, performance.now() - started)}`,
    );
    if (context.deadline !== null && performance.now() >= context.deadline) return 'paused';
    if (directive.pauseMs) await sleep(directive.pauseMs, undefined, { signal }).catch(() => undefined);
  }
  await own(context, [
    doneSql(config.trackingTable, { id: step.id, direction: step.direction, statement: 1 }),
  ]);
  observer.say(`  ${step.id}: ${formatCount(state.rows)} rows in ${formatCount(state.batches)} batches`);
  return 'done';
}

/**
 * What a range that was rolled back means for the next attempt.
 * @returns the size of the next attempt; after a lock conflict when it is time for that
 * @throws MigrateError where another attempt would meet the same, or there were enough of them
 */
async function afterFailure(
  { context, step }: Batch,
  state: BatchState,
  { error, blockers }: Extract<Attempted, { error: MigrateError }>,
  { size, conflicts, range }: { size: number; conflicts: number; range: KeyRange },
): Promise<number> {
  if (context.signal.aborted) throw interrupted(context, step, state);
  if (error.options.database?.sqlState === canceled && size > 1) return Math.max(1, Math.floor(size / 4));
  if (!isLockConflict(error)) throw withExtent(error, step, state, range);
  if (conflicts >= context.config.lockRetries)
    throw gaveUp(withExtent(error, step, state, range), conflicts + 1, blockers);
  await pauseBefore(context, error, conflicts, blockers);
  return smaller(size);
}

async function own({ session }: RunContext, statements: readonly string[]): Promise<void> {
  const { error } = await session.batch(['BEGIN READ WRITE', ...statements, 'COMMIT'].join(';\n'));
  if (error === null) return;
  await session.batch('ROLLBACK');
  throw error;
}

function interrupted({ signal }: RunContext, step: ReadyStep, state: BatchState): MigrateError {
  const { code, message, options } = signal.reason as MigrateError;
  return withExtent(new MigrateError(code, message, options), step, state);
}

/** "x is half done (batch: 41 %): everything up to id 41234 is committed. What failed is the range id 41235 to 42234." */
function withExtent(
  error: MigrateError,
  step: ReadyStep,
  state: BatchState,
  failed?: KeyRange,
): MigrateError {
  const share = percent(state);
  // The answer to a COMMIT may be lost with the session: the next run reads in the journal what became of it.
  const isLost = isSessionLost(error);
  const range =
    failed === undefined || isLost
      ? ''
      : ` What failed is the range ${state.column} ${failed.first} to ${failed.last}.`;
  const ownHint = error.code === 'connection' ? error.options.hint : undefined;
  const mend = `${resumeHint(step, placeOf(state), null)} Or settle it by hand and say so: ${resolveHint(step.id)}`;
  return new MigrateError(error.code, error.message, {
    ...error.options,
    state: `${step.id} is half done (batch${share === null ? '' : `: ${share} %`}): ${extentOf(state, isLost)}.${range}`,
    hint: ownHint === undefined ? mend : `${ownHint} It goes on ${placeOf(state)}.`,
  });
}

/** @param isLost the answer to the last range's COMMIT may be lost */
function extentOf({ column, position }: BatchState, isLost: boolean): string {
  if (position === null)
    return `nothing of it is committed${isLost ? ', unless the range under way is' : ''}`;
  return `everything up to ${isLost ? 'at least ' : ''}${column} ${position} is committed`;
}

/** Where the next run goes on. */
const placeOf = ({ column, position }: BatchState): string =>
  position === null ? 'at its first key' : `behind ${column} ${position}`;

function otherBatch(step: ReadyStep, known: BatchState, now: BatchState): MigrateError {
  const [here, there] = [now, known].map(({ table, column }) => `${table}.${column}`);
  const [message, restore] =
    here === there
      ? [
          `the order of ${here} is another now (${now.type}) than when the first part of ${step.path} walked along it (${known.type})`,
          'Give the column its type and collation back',
        ]
      : [
          `${step.path} walks along ${here} now, and its first part walked along ${there}`,
          'Restore the directive',
        ];
  return new MigrateError('history', message, {
    location: { file: step.path },
    state: `${step.id} is half done: ${extentOf(known, false)}. Nothing was changed now.`,
    hint: `${restore} and run again; or settle it by hand and say so: ${resolveHint(step.id)}`,
  });
}
