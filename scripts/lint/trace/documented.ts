// Takes what a statement does; gives the locks that PostgreSQL documents for it, for statements that cannot be watched
// because they refuse to run in a transaction: https://www.postgresql.org/docs/16/explicit-locking.html
import type { Action } from '../statement/types.ts';
import { type Catalog, lookUp, type TracedLock } from './traced.ts';

export interface DocumentedEffects {
  readonly locks: readonly TracedLock[];
  readonly rewrites: readonly string[];
  readonly scans: readonly string[];
}

const modes: Readonly<Partial<Record<Action['kind'], string>>> = {
  'create-index': 'ShareUpdateExclusiveLock',
  'drop-index': 'ShareUpdateExclusiveLock',
  'detach-partition': 'ShareUpdateExclusiveLock',
  'vacuum-full': 'AccessExclusiveLock',
  cluster: 'AccessExclusiveLock',
};

/**
 * What PostgreSQL's documentation says that the actions do, for what was not run; `old` are tables from before the
 * file.
 */
export function documentedEffects(
  actions: readonly Action[],
  catalog: Catalog,
  old: ReadonlySet<number>,
): DocumentedEffects {
  const locks: TracedLock[] = [];
  const rewrites: string[] = [];
  const scans: string[] = [];
  for (const action of actions) {
    const mode = action.kind === 'reindex' ? reindexMode(action.concurrent) : modes[action.kind];
    const found = lookUp(action.table, catalog);
    if (mode === undefined || found === undefined) continue;
    const relation = `${found.schema}.${found.name}`;
    locks.push({ relation, mode, existedBefore: old.has(found.oid) });
    if (action.kind === 'create-index') scans.push(relation);
    if (mode === 'AccessExclusiveLock') rewrites.push(relation);
  }
  return { locks, rewrites, scans };
}

function reindexMode(concurrent: boolean): string {
  return concurrent ? 'ShareUpdateExclusiveLock' : 'AccessExclusiveLock';
}
