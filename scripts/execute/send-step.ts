// Takes a step that is to have a transaction; sends its two batches, in turn or both at once, and gives what the server
// answered. It judges no answer.

import { spend } from '../base/timing.ts';
import type { BatchResult } from '../connection/simple-query.ts';
import { fill } from '../connection/sql-chunks.ts';
import type { NewEntry } from '../ledger/entries.ts';
import type { StepSql } from '../ledger/node-pg-migrate.ts';
import { entryOf, type ReadyStep } from '../plan/steps.ts';
import type { RunContext } from './context.ts';
import { type Place, prefixStatements, type Recording, recording, runningBatch } from './step-sql.ts';

/** A step under way. */
export interface SentStep {
  /** Characters of ours that were sent before the file's first. */
  readonly prefixLength: number;
  readonly ran: Promise<BatchResult>;
  /**
   * The answer to the second batch, which is sent now if it is not under way already; `guardFailed` where transaction or
   * run lock were lost.
   * @param transaction `pg_current_xact_id()`, from the first answer
   * @param durationMs since the step was sent
   */
  record(transaction: string, durationMs: number): Promise<RecordAnswer>;
}

interface RecordAnswer {
  readonly result: BatchResult;
  readonly guardFailed: boolean;
  /** What the closing statements of the run took in the server; 0 where there were none. */
  readonly closingMs: number;
}

/** Sends the file; the recording waits until it is known how that went. */
export function sendInTurn(context: RunContext, step: ReadyStep, place: Place): SentStep {
  const { engine, session, closing } = context;
  const stepSql = engine.stepSql(step);
  const { sql, prefixLength } = runningBatch(context, step, stepSql, place);
  return {
    prefixLength,
    ran: session.batch(sql, { keepRows: prefixStatements }),
    record: (transaction, ms) => {
      const entry = entryOf(step, place.first && place.last ? null : ms);
      const options = { transaction, entry, previous: null, closing };
      const sent = recording(context, step, stepSql, place, options);
      const text = sent.statements.join(';\n');
      const batch = sent.values.size === 0 ? text : fill(text, sent.values);
      return answered(sent, session.batch(batch, { keepRows: sent.statements.length }));
    },
  };
}

/**
 * Sends both batches, whatever is under way before them.
 * @param entry what is to be recorded; the texts it holds are not read again
 * @param previous the step before, if that is still under way
 */
export function sendAtOnce(
  context: RunContext,
  step: ReadyStep,
  stepSql: StepSql & { readonly sql: string },
  entry: NewEntry,
  previous: ReadyStep | null,
): SentStep {
  const { session, closing } = context;
  const place = { first: true, last: true };
  const running = runningBatch(context, step, stepSql, place);
  const options = { transaction: null, entry, previous: previous?.id ?? null, closing };
  const sent = recording(context, step, stepSql, place, options);
  const text = sent.statements.join(';\n');
  // Text that is not ASCII reaches the ledger as it is only if the file left the session its encoding.
  const between = isAscii(text) ? [] : [{ text: 'RESET client_encoding' }];
  const answers = session.ahead([
    { text: running.sql as string, keepRows: prefixStatements },
    ...between,
    { text, keepRows: sent.statements.length },
  ]);
  const [ran, recorded] = [answers[0], answers.at(-1)] as [Promise<BatchResult>, Promise<BatchResult>];
  return { prefixLength: running.prefixLength, ran, record: () => answered(sent, recorded) };
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}

/** Awaits the answer; what the snapshot took in the server is a stage of its own. */
async function answered({ guard, clocks }: Recording, answer: Promise<BatchResult>): Promise<RecordAnswer> {
  const from = performance.now();
  const result = await answer;
  const [before = Number.NaN, after = Number.NaN] = clocks.map((i) => Number(result.rows[i]?.[0]?.[0]));
  const closingMs = after - before || 0;
  spend('recording', Math.max(0, performance.now() - from - closingMs));
  if (closingMs > 0) spend('snapshot', closingMs);
  return { result, guardFailed: result.error !== null && result.completed === guard, closingMs };
}
