// Sends a step the plain way: the file, and when that has answered well, the recording. Two round trips.
import { entryOf } from '../plan/steps.ts';
import { boundedText } from './bounded-text.ts';
import type { RunContext } from './context.ts';
import { openingCount, openingStatements, recording } from './step-sql.ts';
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
      const { id, direction, rows } = step;
      const text = (await boundedText(context, step)) ?? step.text;
      const { sql, trackingSql } = context.engine.stepSql({ id, direction, rows, text });
      const opening = `${openingStatements(context, step, place, text).join('; ')};\n`;
      const sent = context.session.batch([opening, ...sql], { keepRows: openingCount });
      const ran = await watchedReply(context, step, sent);
      const answer = { ...common, ...ran, prefixLength: opening.length };
      const isOpen = ran.file.error === null && ran.file.transactionStatus === 'T';
      if (!isOpen || context.signal.aborted) return { ...answer, recording: null, commitSent: false };
      const ms = performance.now() - from;
      const reply = await record(context, task, trackingSql, ran.transaction ?? '', ms);
      return { ...answer, recording: reply, commitSent: place.last };
    },
  };
}

const nothingSent: Pick<Answer, 'prefixLength' | 'transaction' | 'blockers'> = {
  prefixLength: 0,
  transaction: null,
  blockers: [],
};

async function record(
  context: RunContext,
  { step, place }: Task,
  trackingSql: string,
  transaction: string,
  ms: number,
): Promise<RecordingReply> {
  const { session } = context;
  await session.restoreEncoding();
  // The server takes the time since the transaction began, where the step has one to itself.
  const entry = entryOf(step, place.first && place.last ? null : ms);
  const proof = { by: 'transaction', transaction } as const;
  const recorded = recording(context, step, place, { trackingSql, entry, proof });
  const text = recorded.statements.join(';\n');
  return recordingReply(recorded, session.batch(text, { keepRows: recorded.statements.length }));
}
