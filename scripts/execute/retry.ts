// Takes a failure and how often it was tried; gives whether to try again, and waits until then.
import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration } from '../base/duration.ts';
import { MigrateError } from '../base/errors.ts';
import type { RunContext } from './context.ts';

/** Errors that another attempt may not meet: lock not granted in time, deadlock, serialization failure. */
const passing = new Set(['55P03', '40P01', '40001']);

/** Whether another attempt may not meet an error with this SQLSTATE. */
export function isPassing(sqlState: string | undefined): boolean {
  return passing.has(sqlState ?? '');
}

/** True for errors after which the same step may be tried again: a lock that was not granted, a deadlock. */
export function isLockConflict(error: MigrateError): boolean {
  return isPassing(error.options.database?.sqlState);
}

/** Between which bounds the pause after attempt `attempt` (0-based) lies, in ms: doubling up to 5 s. */
export function pauseBounds(attempt: number): { readonly least: number; readonly most: number } {
  const most = Math.min(5000, 100 * 2 ** attempt);
  return { least: most / 2, most };
}

/** Anywhere between the bounds, so that two waiters do not meet again. In ms. */
function backoff(attempt: number): number {
  const { least, most } = pauseBounds(attempt);
  return least + Math.random() * (most - least);
}

/** Waits before the next attempt and says why, with who was in the way. */
export async function pauseBefore(
  context: RunContext,
  error: MigrateError,
  attempt: number,
  blockers: readonly string[],
): Promise<void> {
  const pause = backoff(attempt);
  context.observer.say(
    `  ${error.message}; rolled back, trying again in ${formatDuration(pause)} (${attempt + 1} of ${context.config.lockRetries})`,
  );
  for (const blocker of blockers) context.observer.say(`    blocked by ${blocker}`);
  await sleep(pause, undefined, { signal: context.signal }).catch(() => undefined);
}

/** The error `locked` of a step that was tried so many times; `blockers` are lines about other sessions. */
export function gaveUp(error: MigrateError, attempts: number, blockers: readonly string[]): MigrateError {
  const where = blockers.some((line) => /^pid \d+ on /.test(line)) ? ' on its node' : '';
  return new MigrateError(
    'locked',
    `${error.message}, in ${attempts === 1 ? 'one attempt' : `${attempts} attempts`}`,
    {
      ...error.options,
      problems: blockers.map((blocker) => `blocked by ${blocker}`),
      hint: `Let the other session end (or end it with SELECT pg_terminate_backend(pid)${where}), then run the same command again. MIGRATE_LOCK_RETRIES and MIGRATE_LOCK_TIMEOUT set how long to try.`,
    },
  );
}
