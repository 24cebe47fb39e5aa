// Takes the steps of a run that have a transaction each; sends the next ones before the last has answered, so that
// neither we nor the server wait for one another between two migrations. It judges no answer.
//
// The server keeps the order: after an error it refuses everything until a ROLLBACK; a step whose transaction is not the
// one that was opened for it is not recorded, and none is whose predecessor was not.

import type { NewEntry } from '../ledger/entries.ts';
import { entryOf, type ReadyStep } from '../plan/steps.ts';
import type { RunContext } from './context.ts';
import { type SentStep, sendAtOnce } from './send-step.ts';

/** How many steps are under way at most: what a killed run may still complete. */
const depth = 16;

/**
 * Runs of fewer steps wait for each answer: they gain nothing that anybody would notice, and where the connection is
 * lost, what that left behind is known more often.
 */
const fewest = 8;

/** Longer texts (characters) are sent in turn; waiting for an answer is nothing beside running them. */
const longest = 16_384;

/** Takes away what the recording is told by, changes how it is read, or reads what follows as rows. */
const awkward = /reset\s+all|client_encoding|set\s+names|\bstdin\b/i;

export interface Flight extends SentStep {
  /** Whether other steps are under way behind this one. */
  hasFollowers(): boolean;
  /** Forgets the steps behind this one: it failed, so that the server refuses them. */
  abandonFollowers(): void;
}

export interface Flights {
  /**
   * The step's answers to come, and others sent behind it; null where it must be sent in turn. To be called for one step
   * after the other, each time when the one before is answered.
   */
  take(index: number): Flight | null;
}

/** Only the last of so many groups of steps runs the closing statements. */
export function contextOf(context: RunContext, index: number, total: number): RunContext {
  return index === total - 1 ? context : { ...context, closing: [] };
}

/** @param steps of the whole run, null for what cannot go ahead; only the last runs the context's closing statements */
export function openFlights(context: RunContext, steps: readonly (ReadyStep | null)[]): Flights {
  // No Map: its discarded tables refer to their successors, so that all that was ever in it stays in memory for long.
  const underway: (SentStep | undefined)[] = [];
  let next = 0;
  const launch = (index: number): boolean => {
    const step = steps[index] ?? null;
    const previous = underway[index - 1] === undefined ? null : (steps[index - 1] ?? null);
    if (step === null || steps.length < fewest || context.signal.aborted) return false;
    // Texts may be read from disk each time they are asked for; the entry has them.
    const entry = entryOf(step, null);
    const text = (step.direction === 'up' ? entry.upSql : entry.downSql) ?? step.text;
    if (!isEasy(step, text, entry)) return false;
    if (previous !== null && previous.direction !== step.direction) return false;
    const { id, direction, rows } = step;
    const { sql, trackingSql } = context.engine.stepSql({ id, direction, text, rows });
    if (typeof sql !== 'string') return false;
    const own = contextOf(context, index, steps.length);
    underway[index] = sendAtOnce(own, step, { sql, trackingSql }, entry, previous);
    return true;
  };
  const tryLaunch = (index: number): boolean => {
    try {
      return launch(index);
    } catch {
      // What is wrong with a step is told when it is its turn.
      return false;
    }
  };
  const abandonFrom = (index: number) => {
    underway.fill(undefined, index);
    next = index;
  };
  return {
    take: (index) => {
      if (index > 0) underway[index - 1] = undefined;
      if (underway[index] === undefined) next = index;
      while (next < index + depth && tryLaunch(next)) next += 1;
      const sent = underway[index];
      if (sent === undefined) return null;
      const hasFollowers = () => next > index + 1;
      return { ...sent, hasFollowers, abandonFollowers: () => abandonFrom(index + 1) };
    },
  };
}

function isEasy({ directives }: ReadyStep, text: string, { upSql, downSql }: NewEntry): boolean {
  if (directives.noTransaction || awkward.test(text)) return false;
  return (upSql?.length ?? 0) <= longest && (downSql?.length ?? 0) <= longest;
}
