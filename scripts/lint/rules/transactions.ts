// The rules on what a migration does as a whole: locks held over more work, and whatever was seen that no other rule names.
import { shorten } from '../statement/clauses.ts';
import { relationName, sameName, sqlName } from '../statement/names.ts';
import type { Action, Name } from '../statement/types.ts';
import { stopsWrites } from '../trace/locks.ts';
import { lookUp, type TracedLock } from '../trace/traced.ts';
import { isUnbatched } from './data.ts';
import { type Context, defineStepRule, existed, type Rule } from './rule.ts';

const exclusive = 'AccessExclusiveLock';

const tableRewrite = defineStepRule({
  id: 'table-rewrite',
  severity: 'error',
  summary: 'a table is rewritten',
  why: 'Seen on the scratch database: the table gets new storage while nobody can read or write it.',
  findInStep: ({ trace }, found) => {
    const relation = trace?.watched === true && found.length === 0 ? trace.rewrites[0] : undefined;
    if (relation === undefined) return null;
    const table = relationName(relation);
    return {
      table,
      effect: `AccessExclusiveLock on ${sqlName(table)} while it is rewritten or emptied: reads and writes wait`,
      words: `Expand and contract: a new column or table beside ${sqlName(table)}, filled in batches, then swapped.`,
    };
  },
});

const scanUnderLock = defineStepRule({
  id: 'full-scan-under-lock',
  severity: 'error',
  summary: 'a table is read from end to end under a lock that stops writes',
  why: 'Seen on the scratch database: what takes no time there takes minutes on a large table, and writes wait for it.',
  findInStep: ({ trace, step }, found) => {
    // REFRESH … CONCURRENTLY locks out other refreshes only: nobody writes to a materialized view otherwise.
    const isRefresh = step.actions.some(({ kind }) => kind === 'refresh');
    if (trace?.watched !== true || found.length > 0 || isRefresh) return null;
    const lock = trace.locks.find(
      ({ relation, mode, existedBefore }) =>
        existedBefore && stopsWrites(mode) && trace.scans.includes(relation),
    );
    if (lock === undefined) return null;
    const table = relationName(lock.relation);
    return {
      table,
      effect: `${lock.mode} on ${sqlName(table)} while all of it is read`,
      words: `Constraints: NOT VALID now, validated in the next migration. Indexes: CONCURRENTLY. Rows of ${sqlName(table)}: in batches (-- migrate: batch).`,
    };
  },
});

const workUnderLock = defineStepRule({
  id: 'work-under-exclusive-lock',
  severity: 'warning',
  summary: 'more work in the same transaction after a table was locked exclusively',
  why: 'The first table stays closed to reads and writes until the transaction ends: over this statement too, and while it waits for its own lock.',
  findInStep: (context, found) => {
    if (found.length > 0 || context.file.directives.noTransaction) return null;
    const table = context.trace?.watched === true ? lockedWhileWorking(context) : lockedByText(context);
    if (table === null) return null;
    const { statement } = context.step;
    return {
      table,
      effect: `AccessExclusiveLock on ${sqlName(table)}, taken earlier, is held over this statement`,
      words: `Move this into a migration of its own: ${shorten(statement.text, 200)}`,
    };
  },
});

const workUnderWriteLock = defineStepRule({
  id: 'work-under-write-lock',
  severity: 'warning',
  summary: 'a whole table is read or changed after another statement locked one against writes',
  why: 'The lock lasts until the transaction ends: whoever writes to the first table waits while this statement works.',
  findInStep: (context) => {
    const { trace, file, step } = context;
    if (trace?.watched !== true || file.directives.noTransaction) return null;
    const fresh = new Set(trace.locks.map(({ relation, mode }) => `${relation} ${mode}`));
    const held = trace.held.find(
      ({ relation, mode, existedBefore }) =>
        existedBefore && stopsWrites(mode) && mode !== exclusive && !fresh.has(`${relation} ${mode}`),
    );
    const isTold = trace.held.some((lock) => lock.relation === held?.relation && lock.mode === exclusive);
    const works =
      trace.scans.length + trace.rewrites.length > 0 || step.actions.some((one) => isOfMany(one, context));
    if (held === undefined || isTold || !works) return null;
    const table = relationName(held.relation);
    return {
      table,
      effect: `${held.mode} on ${sqlName(table)}, taken earlier, stops writes to it during this statement`,
      words: `Move this into a migration of its own: ${shorten(step.statement.text, 200)}`,
    };
  },
});

/** It changes or copies the rows of a whole table, though an index may lead to them. */
function isOfMany(action: Action, context: Context): boolean {
  return action.kind === 'copy-rows' || (action.kind === 'change-rows' && isUnbatched(action, context));
}

/** A table locked by an earlier statement, while this one reads a whole table or locks another one exclusively. */
function lockedWhileWorking({ trace, catalog }: Context): Name | null {
  if (trace === undefined) return null;
  const isTable = (relation: string) =>
    ['r', 'p', 'm'].includes((catalog && lookUp(relationName(relation), catalog)?.kind) ?? 'r');
  const isExclusive = ({ mode, existedBefore, relation }: TracedLock) =>
    existedBefore && mode === exclusive && isTable(relation);
  const fresh = new Set(trace.locks.filter(isExclusive).map(({ relation }) => relation));
  const earlier = trace.held.filter((lock) => isExclusive(lock) && !fresh.has(lock.relation));
  const held = earlier[0];
  if (held === undefined) return null;
  const works = trace.scans.length > 0 || trace.rewrites.some(isTable) || fresh.size > 0;
  return works ? relationName(held.relation) : null;
}

const exclusiveKinds = new Set<Action['kind']>([
  'add-column',
  'drop-column',
  'alter-type',
  'set-not-null',
  'rewrite',
  'rename',
  'truncate',
  'set-schema',
]);

function lockedByText(context: Context): Name | null {
  const mine = exclusiveTables(context.step.actions, context);
  if (mine.length === 0) return null;
  for (const step of context.before) {
    const earlier = exclusiveTables(step.actions, context).find((table) =>
      mine.some((other) => !sameName(table, other)),
    );
    if (earlier !== undefined) return earlier;
  }
  return null;
}

function exclusiveTables(actions: readonly Action[], context: Context): readonly Name[] {
  return actions
    .filter((action) => exclusiveKinds.has(action.kind) && existed(action.table, context))
    .map(({ table }) => table);
}

export const transactionRules: readonly Rule[] = [
  tableRewrite,
  scanUnderLock,
  workUnderLock,
  workUnderWriteLock,
];
