// Table lock modes, weakest first, and what they stop: https://www.postgresql.org/docs/16/explicit-locking.html
// It knows nothing of statements or rules.
import type { TracedLock } from './traced.ts';

/** As pg_locks names them; the place in the list is the number that LOCK statements parse to. */
export const lockModes: readonly string[] = [
  'NoLock',
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
];

/** From this number on a mode stops writes. */
export const shareLock = lockModes.indexOf('ShareLock');

/** 0 for a mode that is none. */
export function strengthOf(mode: string): number {
  return Math.max(0, lockModes.indexOf(mode));
}

/** Writes wait for it: ShareLock and stronger. */
export function stopsWrites(mode: string): boolean {
  return strengthOf(mode) >= shareLock;
}

/** Of each relation that existed before, the strongest mode; strongest first. */
export function strongestLocks(locks: readonly TracedLock[]): readonly TracedLock[] {
  const strongest = new Map<string, TracedLock>();
  for (const lock of locks) {
    const known = strongest.get(lock.relation);
    if (lock.existedBefore && strengthOf(lock.mode) > strengthOf(known?.mode ?? ''))
      strongest.set(lock.relation, lock);
  }
  return [...strongest.values()].sort((a, b) => strengthOf(b.mode) - strengthOf(a.mode));
}
