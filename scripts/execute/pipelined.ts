// Sends steps that have a transaction each before the last has answered, so that neither we nor the server wait for one
// another between two migrations. Whatever cannot go that way goes in turn. It judges no answer.
//
// The server keeps the order: after an error it refuses everything until a ROLLBACK; a step whose transaction is not the
// one that was opened for it is not recorded, and none is whose predecessor was not.

import type { BatchResult } from '../connection/simple-query.ts';
import type { NewEntry } from '../ledger/entries.ts';
import { entryOf, ownText, type ReadyStep } from '../plan/steps.ts';
import type { RunContext } from './context.ts';
import { openingCount, openingStatements, type Recording, recording } from './step-sql.ts';
import {
  type Answer,
  recordingReply,
  type Task,
  type Transport,
  type TransportContext,
  watchedReply,
} from './transport.ts';

/** How many steps are in flight at most: what a killed run may still complete. */
const depth = 16;

/**
 * Runs of fewer steps wait for each answer: they gain nothing that anybody would notice, and where the connection is
 * lost, what that left behind is known more often.
 */
const minimumPipelinedSteps = 8;

/** Longer texts (characters) are sent in turn; waiting for an answer is nothing beside running them. */
const longestPipelined = 16_384;

/**
 * SQL that breaks pipelining: RESET ALL clears the marker settings, client_encoding changes how the recording is read,
 * COPY FROM stdin would read the next batch as rows, and what lifts the lock time-out is looked at first.
 */
const unpipelinable = /reset\s+all|client_encoding|set\s+names|\bstdin\b|lock_timeout/i;

/** A step that was sent and is not answered yet. */
interface InFlightStep {
  readonly prefixLength: number;
  readonly file: Promise<BatchResult>;
  readonly recording: Recording;
  readonly recorded: Promise<BatchResult>;
}

/**
 * @param tasks of the whole run by index; null for what shares a transaction or has none, which is not sent here
 * @param inTurn for what cannot be pipelined, and for a step that is sent again
 */
export function pipelined(
  { context, started }: TransportContext,
  tasks: readonly (Task | null)[],
  inTurn: Transport,
): Transport {
  // No Map: its discarded tables refer to their successors, so that all that was ever in it stays in memory for long.
  const inFlight: (InFlightStep | undefined)[] = [];
  /** Index of the first task that was not sent yet. */
  let next = 0;
  const launch = (index: number): boolean => {
    const task = tasks[index] ?? null;
    if (task === null || tasks.length < minimumPipelinedSteps || context.signal.aborted) return false;
    const previous = inFlight[index - 1] === undefined ? null : (tasks[index - 1]?.step ?? null);
    const sent = sendAtOnce(context, task, previous);
    if (sent === null) return false;
    inFlight[index] = sent;
    return true;
  };
  return {
    send: async (task) => {
      const { index } = task;
      inFlight[index - 1] = undefined;
      if (inFlight[index] === undefined && index < next) {
        // Sent before, and rolled back: what followed it was refused.
        inFlight.fill(undefined, index);
        next = index + 1;
        return inTurn.send(task);
      }
      if (inFlight[index] === undefined) next = index;
      while (next < index + depth && launch(next)) next += 1;
      const sent = inFlight[index];
      if (sent === undefined) return inTurn.send(task);
      started(task);
      const answer = await answerOf(context, task.step, sent, next > index + 1);
      inFlight[index] = undefined;
      return answer;
    },
  };
}

async function answerOf(
  context: RunContext,
  step: ReadyStep,
  { file, recording: recorded, recorded: reply, prefixLength }: InFlightStep,
  followed: boolean,
): Promise<Answer> {
  const ran = await watchedReply(context, step, file);
  const answer = { ...ran, prefixLength, followed, commitSent: true, provenBy: 'marker setting' } as const;
  if (ran.file.error !== null) return { ...answer, recording: null };
  return { ...answer, recording: await recordingReply(recorded, reply) };
}

/**
 * Sends file and recording of a step, whatever is in flight before it.
 * @param previous the step before, if that is still in flight
 * @returns null where the step must be sent in turn
 */
function sendAtOnce(
  context: RunContext,
  { step, place }: Task,
  previous: ReadyStep | null,
): InFlightStep | null {
  if (previous !== null && previous.direction !== step.direction) return null;
  const texts = pipelinableTexts(context, step);
  if (texts === null) return null;
  const { text, trackingSql, entry } = texts;
  const proof = { by: 'marker setting', previous: previous?.id ?? null } as const;
  const recorded = recording(context, step, place, { trackingSql, entry, proof });
  const opening = `${openingStatements(context, step, place, text).join('; ')};\n`;
  const record = recorded.statements.join(';\n');
  // Text that is not ASCII reaches the ledger as it is only if the file left the session its encoding.
  const between = isAscii(record) ? [] : [{ text: 'RESET client_encoding' }];
  const replies = context.session.pipeline([
    { text: opening + text, keepRows: openingCount(context.session) },
    ...between,
    { text: record, keepRows: recorded.statements.length },
  ]);
  const [file, reply] = [replies[0], replies.at(-1)] as [Promise<BatchResult>, Promise<BatchResult>];
  return { prefixLength: opening.length, file, recording: recorded, recorded: reply };
}

/** What of a step can be sent ahead of its turn; null for a step that cannot, or whose texts cannot be had. */
function pipelinableTexts(
  { engine }: RunContext,
  step: ReadyStep,
): { text: string; trackingSql: string; entry: NewEntry } | null {
  if (step.directives.noTransaction) return null;
  try {
    const entry = entryOf(step, null);
    const text = ownText(step, entry);
    if (unpipelinable.test(text) || isTooLong(entry.upSql) || isTooLong(entry.downSql)) return null;
    return { text, trackingSql: engine.trackingSql(step), entry };
  } catch {
    // What is wrong with a step is told when it is its turn.
    return null;
  }
}

function isTooLong(text: string | null): boolean {
  return (text?.length ?? 0) > longestPipelined;
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}
