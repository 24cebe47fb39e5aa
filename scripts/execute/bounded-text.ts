// Takes a step that runs in a transaction; gives what is to be sent in place of its text where that would wait for locks
// without end. It sends nothing.
import { keepLockTimeout } from '../files/settings-set.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { RunContext } from './context.ts';

/** Longer texts (characters) are data: parsing them would take longer than running them. */
const longestBounded = 16 * 1024 * 1024;

/** Steps that were told of: another attempt need not say it again. */
const told = new WeakSet<ReadyStep>();

/**
 * What is sent of a file that would switch the lock time-out off; undefined for all others, which are sent as they are.
 * @param text the step's own
 */
export async function boundedText(
  context: RunContext,
  step: ReadyStep,
  text: string,
): Promise<string | undefined> {
  if (text.length > longestBounded || !/lock_timeout/i.test(text)) return undefined;
  const bounded = keepLockTimeout(text, await context.loadParser());
  if (bounded === text) return undefined;
  if (!told.has(step))
    context.observer.say(
      `  note: ${step.path} sets lock_timeout to 0, which would wait without end: the tool’s bound stays`,
    );
  told.add(step);
  return bounded;
}
