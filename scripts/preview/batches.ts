// Takes the batch steps of a plan and a session on the target; gives how much each has to walk and how long that may take,
// from a sample. It only reads: of a batch that is half done the pace is known, of another one what its first range costs
// to read; what writing takes is not known beforehand.
import { MigrateError } from '../base/errors.ts';
import type { BatchDirective, Statement } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import { findTable, readingAs } from '../execute/batch/find-table.ts';
import { type KeyRange, keysSql, nextRange, readKey, refuseUnlike } from '../execute/batch/keys.ts';
import { firstRows } from '../execute/batch/pace.ts';
import { withLiterals } from '../files/batch.ts';
import type { Parser } from '../files/statements.ts';
import { type BatchState, readJournal } from '../ledger/journal.ts';
import type { ReadyStep } from '../plan/steps.ts';
import { folded, quoteLiteral } from '../schema/sql.ts';
import type { PlannedBatch } from './types.ts';

/** A batch step with its one statement. */
interface Walk {
  readonly step: ReadyStep;
  readonly directive: BatchDirective;
  readonly statement: Statement;
  readonly parse: Parser;
}

/**
 * By id of the step. Some short queries for each batch, the last one over as many keys as the first range has.
 * What the run itself would refuse is given as its words.
 * @throws MigrateError `connection`, `locked`, `refused`
 */
export async function readBatches(
  session: Session,
  config: Config,
  steps: readonly ReadyStep[],
  parse: Parser,
): Promise<ReadonlyMap<string, PlannedBatch>> {
  const batches = new Map<string, PlannedBatch>();
  for (const step of steps) {
    const { batch: directive } = step.directives;
    if (directive === undefined) continue;
    const parsed = parse(step.text);
    const [statement] = parsed.ok === true ? parsed.statements : [];
    if (statement !== undefined)
      batches.set(step.id, await readBatch(session, config, { step, directive, statement, parse }));
  }
  return batches;
}

async function readBatch(session: Session, config: Config, walk: Walk): Promise<PlannedBatch> {
  const { step, directive, statement, parse } = walk;
  const key = `${directive.table} by ${directive.column}`;
  try {
    const reading = { session, settingsStoredBefore: () => false };
    const found = await findTable(reading, step, directive, statement);
    if (found === null) return { key, problem: 'the table is not there yet' };
    if (step.resumed === undefined) refuseUnlike(step, directive, found, parse);
    const fresh = await readKey(session, step, directive, found, folded(directive.column));
    const journal =
      step.resumed === undefined
        ? []
        : await readJournal(session, config.trackingTable, step.id, step.direction);
    return { key, ...(await sample(session, config, walk, { ...fresh, ...journal[0]?.batch })) };
  } catch (error) {
    const isAnswer = error instanceof MigrateError && error.code !== 'connection';
    if (isAnswer && (error.code === 'migration-failed' || error.options.database?.sqlState !== undefined))
      return { key, problem: error.message };
    throw error;
  }
}

async function sample(
  session: Session,
  config: Config,
  walk: Walk,
  state: BatchState,
): Promise<Omit<PlannedBatch, 'key'>> {
  const { rows: size = firstRows, pauseMs = 0 } = walk.directive;
  const started = performance.now();
  const range = await nextRange(session, state, size);
  const tookMs = performance.now() - started;
  const position = state.position === null ? {} : { position: state.position };
  if (range === null) return { rows: 0, size, batches: 0, keysMs: 0, atMostMs: 0, ...position };
  // Where the first range holds all there is, that is no estimate.
  const estimated = state.estimated === null ? null : Math.max(range.keys, state.estimated - state.keys);
  const rows = range.keys < size ? range.keys : estimated;
  if (rows === null) return { rows: null, size, batches: null, keysMs: null, atMostMs: null, ...position };
  const batches = Math.ceil(rows / size);
  const forAll = (ms: number) => Math.ceil((ms * rows) / range.keys);
  const times = await costTimes(session, walk, state, range, size);
  const pace = state.workMs === undefined || state.keys === 0 ? null : state.workMs / state.keys;
  return {
    rows,
    size,
    batches,
    keysMs: forAll(tookMs),
    ...(times === null ? {} : { readMs: forAll(tookMs * times) }),
    ...(pace === null ? {} : { leftMs: Math.ceil(pace * rows) + batches * pauseMs }),
    atMostMs: batches * (config.batchTimeMs + pauseMs),
    ...position,
  };
}

/** How many times as much as its keys the first range costs the statement, as the planner has it; null where it cannot say. */
async function costTimes(
  session: Session,
  { statement, parse }: Walk,
  state: BatchState,
  { first, last }: KeyRange,
  size: number,
): Promise<number | null> {
  const ranged = withLiterals(statement.text, parse, [quoteLiteral(first), quoteLiteral(last)]);
  const explain = (text: string) => `EXPLAIN (FORMAT JSON) ${text}\n`;
  const texts = [
    ...readingAs(session, false),
    explain(ranged),
    explain(keysSql(state, state.end ?? last, size)),
    'COMMIT',
  ];
  const { rows, error } = await session.batch(texts.join(';\n'), { keepRows: 4 });
  if (error !== null) await session.batch('ROLLBACK');
  const [whole, keys] = [rows[2], rows[3]].map((plan) => totalCost(plan?.[0]?.[0]));
  return error === null && whole !== undefined && keys !== undefined && keys > 0
    ? Math.max(1, whole / keys)
    : null;
}

function totalCost(plan: string | null | undefined): number | undefined {
  if (plan == null) return undefined;
  const [top] = JSON.parse(plan) as { Plan?: { 'Total Cost'?: number } }[];
  return top?.Plan?.['Total Cost'];
}
