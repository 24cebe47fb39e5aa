// What it is to send a step: what is sent, what comes back, and the interface that every way of sending has; with the
// two pieces that all of them share. It judges no answer.
import { spend, timed } from '../base/timing.ts';
import { describeSighting, watch } from '../connection/blocker-watch.ts';
import type { BatchResult } from '../connection/simple-query.ts';
import { lockBound } from '../files/settings-set.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { RunContext } from './context.ts';
import { openingCount, type Proof, type Recording, type StepPosition } from './step-sql.ts';

/** A step to be sent. */
export interface Task {
  readonly step: ReadyStep;
  /** 0-based index of its transaction in the run. */
  readonly index: number;
  readonly place: StepPosition;
}

/** What the server said to a step, with what is needed to judge it. */
export interface Answer {
  /** To the opening statements and the file; null where nothing was sent, because the run had been interrupted. */
  readonly file: BatchResult | null;
  /** To the recording; null where it was not sent, or where the file's answer says enough. */
  readonly recording: RecordingReply | null;
  /** Characters of ours that were sent before the file's first. */
  readonly prefixLength: number;
  /** `pg_current_xact_id()`; null where the server did not come to tell it. */
  readonly transaction: string | null;
  /** Whether a COMMIT of the step was sent: where its answer is missing, it may have got through. */
  readonly commitSent: boolean;
  /** What a guard that failed had compared. */
  readonly provenBy: Proof['by'];
  /** Whether answers to later steps are still to come on this session: the last of them tells that it was lost. */
  readonly followed: boolean;
  /** Who was in the way while the file ran, a line each. */
  readonly blockers: readonly string[];
}

export interface RecordingReply {
  readonly result: BatchResult;
  /** Transaction or run lock were no longer ours. */
  readonly guardFailed: boolean;
  /** What the run's closing statements took in the server, in ms; 0 where there were none. */
  readonly closingMs: number;
}

/** One way to send steps. */
export interface Transport {
  /**
   * Sends the step, unless it is under way already, and awaits the answer. Steps come in the order of the run; the same
   * step again means that it was rolled back. Rejects where the step's SQL cannot be made: a MigrateError `history` for
   * a foreign name, or what reading its file throws.
   */
  send(task: Task): Promise<Answer>;
}

/** What every transport is given. */
export interface TransportContext {
  readonly context: RunContext;
  /** To be told of each task that is sent, or whose answer is awaited now. */
  readonly started: (task: Task) => void;
}

/** Awaits the answer to a file; tells meanwhile how long it runs, and notes who is in its way. */
export async function watchedReply(
  { session, config, observer }: RunContext,
  step: ReadyStep,
  reply: Promise<BatchResult>,
): Promise<Pick<Answer, 'blockers' | 'transaction'> & { file: BatchResult }> {
  const lockMs = step.directives.lockTimeoutMs ?? config.lockTimeoutMs;
  const watching = watch(session, {
    lockMs,
    everyMs: Math.min(1000, Math.max(200, lockMs / 3)),
    boundOf: () => lockBound(step.text, lockMs),
    // Which statement of the batch it is nobody knows: the server sends its answers when all are done.
    onSighting: (sighting) => observer.live(describeSighting(step.id, null, sighting)),
  });
  const answer = await timed('SQL', () => reply);
  const { error, blockers } = await watching.ended(answer.error);
  const file = { ...answer, error };
  return { file, blockers, transaction: file.rows[openingCount(session) - 1]?.[0]?.[0] ?? null };
}

/** Awaits the answer to a recording; what the snapshot took in the server is a stage of its own. */
export async function recordingReply(
  { guard, clocks }: Recording,
  reply: Promise<BatchResult>,
): Promise<RecordingReply> {
  const from = performance.now();
  const result = await reply;
  const [before = Number.NaN, after = Number.NaN] = clocks.map((i) => Number(result.rows[i]?.[0]?.[0]));
  const closingMs = after - before || 0;
  spend('recording', Math.max(0, performance.now() - from - closingMs));
  if (closingMs > 0) spend('snapshot', closingMs);
  return { result, guardFailed: result.error !== null && result.completed === guard, closingMs };
}
