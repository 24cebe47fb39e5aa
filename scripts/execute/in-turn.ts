// Sends a step the plain way: the file, and when that has answered well, the recording. Two round trips, on Citus too.
import { keptEntry, type NewEntry } from '../ledger/entries.ts';
import { entryOf, ownText } from '../plan/steps.ts';
import { boundedText } from './bounded-text.ts';
import type { RunContext } from './context.ts';
import { type FileUnderWay, sendFileBehind, sendStatements } from './messages.ts';
import { openingStatements, recording } from './step-sql.ts';
import {
  type Answer,
  type RecordingReply,
  recordingReply,
  type Task,
  type Transport,
  type TransportContext,
  watchedReply,
} from './transport.ts';

/** Waits for each answer before it sends what comes next. */
export function inTurn({ context, started }: TransportContext): Transport {
  return {
    send: async (task) => {
      const { step, place } = task;
      const common = { provenBy: 'transaction', followed: false } as const;
      if (context.signal.aborted)
        return { ...common, file: null, recording: null, ...nothingSent, commitSent: false };
      started(task);
      const from = performance.now();
      const { reply, prefixLength, trackingSql, entry } = await sendFile(context, task);
      const ran = await watchedReply(context, step, reply);
      const answer = { ...common, ...ran, prefixLength: prefixLength(ran.file) };
      const isOpen = ran.file.error === null && ran.file.transactionStatus === 'T';
      if (!isOpen || context.signal.aborted) return { ...answer, recording: null, commitSent: false };
      const ms = performance.now() - from;
      // The server takes the time since the transaction began, where the step has one to itself.
      const timed = place.first && place.last ? entry : { ...entry, durationMs: ms };
      const recorded = await record(context, task, trackingSql, timed, ran.transaction ?? '');
      return { ...answer, recording: recorded, commitSent: place.last };
    },
  };
}

const nothingSent: Pick<Answer, 'prefixLength' | 'transaction' | 'blockers'> = {
  prefixLength: 0,
  transaction: null,
  blockers: [],
};

interface SentStep extends FileUnderWay {
  readonly trackingSql: string;
  /** Without a duration. */
  readonly entry: NewEntry;
}

/** A function of its own, so that a text of 50 MB, which is read once, is in memory no longer than until it is sent. */
async function sendFile(context: RunContext, { step, place }: Task): Promise<SentStep> {
  const entry = entryOf(step, null);
  const own = ownText(step, entry);
  const text = (await boundedText(context, step, own)) ?? own;
  const trackingSql = context.engine.trackingSql(step);
  const openingOf = (kinds: readonly string[]) => openingStatements(context, step, place, text, kinds);
  const sent = await sendFileBehind(context, text, openingOf);
  return { ...sent, trackingSql, entry: keptEntry(entry) };
}

async function record(
  context: RunContext,
  { step, place }: Task,
  trackingSql: string,
  entry: NewEntry,
  transaction: string,
): Promise<RecordingReply> {
  await context.session.restoreEncoding();
  const proof = { by: 'transaction', transaction } as const;
  const recorded = recording(context, step, place, { trackingSql, entry, proof });
  const { statements } = recorded;
  return recordingReply(recorded, sendStatements(context, statements, statements.length));
}
