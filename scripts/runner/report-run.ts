// Takes how the steps of a run ended; gives the command's result: the document, the last line, and what went wrong. Pure.
import { formatDuration } from '../base/duration.ts';
import type { Outcome } from '../base/types.ts';
import type { Session } from '../connection/session.ts';
import type { RunResult } from '../execute/execute.ts';
import { commandOf } from '../plan/mend-hint.ts';
import type { CommandResult, Progress } from '../report/command.ts';
import { count } from '../report/human.ts';
import { outcomeJson } from '../report/json.ts';

/**
 * What a run tells in the end, with the number of round trips that it took.
 * @param tookMs from the first step on, with what was waited for
 */
export function reportRun(
  { outcomes, failure, paused }: RunResult,
  session: Session,
  { style }: Progress,
  tookMs: number,
): CommandResult {
  const done = outcomes.filter(({ outcome }) => outcome === 'applied' || outcome === 'reverted');
  const pending = outcomes.filter(({ outcome }) => outcome === 'pending').length;
  const document = { migrations: outcomes.map(outcomeJson), roundTrips: session.roundTrips() };
  if (failure !== null) {
    const rest = pending === 0 ? '' : `, ${count(pending)} not reached`;
    return { document, lines: [`${summarise(done)}${rest}.`], error: failure };
  }
  if (paused !== null) {
    const line = `${summarise(done)}; the budget is used up within ${paused.id}, which is partial: ${commandOf(paused)} goes on.`;
    return { document: { ...document, paused: paused.id }, lines: [line], wrote: true };
  }
  return { document, lines: [style.green(`${summarise(done)} in ${formatDuration(tookMs)}.`)], wrote: true };
}

function summarise(done: readonly Outcome[]): string {
  const applied = done.filter(({ outcome }) => outcome === 'applied').length;
  const reverted = done.length - applied;
  if (reverted > 0 && applied > 0) return `Reverted and applied again ${count(applied)}`;
  return reverted > 0 ? `Reverted ${count(reverted)}` : `Applied ${count(applied)}`;
}
