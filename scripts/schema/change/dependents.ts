// Takes a plan whose changes are known; adds what stands on them and must go before and come back after: views over views,
// what uses a function that is made anew, triggers and policies on a column that changes its type. Pure. Stored snapshots
// know no dependencies: what names a thing counts as standing on it, and a scratch database tells what was overlooked.
import type { Item } from '../render/model.ts';
import { ranks } from '../render/tables.ts';
import type { ObjectClass } from '../types.ts';
import { dropSql } from './drop.ts';
import { mentions, type Plan, want } from './plan.ts';

/** What must be out of the way: its name, and the columns that go or change their type; all of it, where there are none. */
interface Moving {
  readonly identity: string;
  readonly columns: readonly string[];
}

const textOf = (item: Item) => [...item.parts.values()].join('\n');
const isView = ({ class: name, parts }: Item) => name === 'relation' && /view$/.test(parts.get('kind') ?? '');

/**
 * Drops and makes anew every dependent that is there before and after.
 * @param moving seeds: relations with the columns in question, routines that are dropped
 */
export function remakeDependents(plan: Plan, moving: readonly Moving[]): void {
  const queue = [...moving];
  for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) {
    for (const item of plan.from.items) {
      if (plan.remade.has(item.identity) || !standsOn(item, seed)) continue;
      const after = plan.to.find(item.class, item.identity);
      if (after === undefined) continue;
      if (item.class === 'column') resetDefault(plan, item, after);
      else {
        remake(plan, item, after);
        if (isView(item)) queue.push({ identity: item.identity, columns: [] });
      }
    }
  }
}

const onTables: ReadonlySet<ObjectClass> = new Set(['trigger', 'policy', 'rule']);
const onRoutines: ReadonlySet<ObjectClass> = new Set([
  ...(['trigger', 'policy', 'rule', 'constraint', 'index', 'column'] as const),
]);

function standsOn(item: Item, { identity, columns }: Moving): boolean {
  if (item.identity === identity || item.parts.get('inherited') === 'only') return false;
  const named = (text: string) => columns.length === 0 || columns.some((column) => mentions(text, column));
  if (isView(item)) return mentions(textOf(item), identity) && named(item.parts.get('definition') ?? '');
  if (identity.includes('(')) {
    if (!onRoutines.has(item.class) || item.parts.has('constraint')) return false;
    const text = item.class === 'column' ? (item.parts.get('default') ?? '') : textOf(item);
    return mentions(text, identity);
  }
  return onTables.has(item.class) && item.table === identity && columns.length > 0 && named(textOf(item));
}

function resetDefault(plan: Plan, before: Item, after: Item): void {
  const alter = `ALTER TABLE ${before.table} ALTER COLUMN ${before.name}`;
  plan.drops.push({ rank: ranks.comment, sql: `${alter} DROP DEFAULT;`, key: `default ${before.identity}` });
  const value = after.parts.get('default');
  if (value !== undefined && value === before.parts.get('default'))
    plan.alters.push({ phase: 'table', sql: `${alter} SET DEFAULT ${value};` });
}

/** Drops it as it was, makes it as it is to be, with all that hangs on it. */
export function remake(plan: Plan, before: Item, after: Item): void {
  if (plan.remade.has(before.identity)) return;
  plan.remade.add(before.identity);
  plan.replaced.delete(before.identity);
  const sql = dropSql(plan.from, before, () => false) ?? [];
  const rank = isView(before) ? ranks.view : (rankOf[before.class] ?? ranks.trigger);
  plan.drops.push(...sql.map((each) => ({ rank, sql: each, key: `${before.class} ${before.identity}` })));
  want(plan, after);
  if (after.class !== 'relation') return;
  for (const item of plan.to.items) if (item.table === after.identity) want(plan, item);
}

const rankOf: Partial<Record<ObjectClass, number>> = {
  constraint: ranks.key,
  index: ranks.index,
  trigger: ranks.trigger,
  rule: ranks.rule,
  policy: ranks.policy,
  publication: ranks.publication,
  cast: ranks.comment,
  operator: ranks.comment,
  conversion: ranks.comment,
};
