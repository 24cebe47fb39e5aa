// Takes an object that only the first schema has; notes in the plan how it is dropped. Pure.
import type { Item } from '../render/model.ts';
import { ranks } from '../render/tables.ts';
import type { ObjectClass } from '../types.ts';
import { rankOf } from './classes.ts';
import { differenceKey } from './diff.ts';
import { dropSql } from './drop.ts';
import { comesFromOthers, dropInherited } from './heirs.ts';
import type { Plan } from './plan.ts';

const keysOf = new WeakMap<Plan['differences'], ReadonlySet<string>>();

/** What goes as a whole, as `<class> <identity>`. */
function removedKeys(differences: Plan['differences']): ReadonlySet<string> {
  const known = keysOf.get(differences);
  if (known !== undefined) return known;
  const removed = differences.filter(({ change }) => change === 'removed');
  const keys = new Set(removed.map(differenceKey));
  keysOf.set(differences, keys);
  return keys;
}

/** Notes what drops the object and when; false where a person must write it. */
export function writeRemoved(plan: Plan, item: Item): boolean {
  const keys = removedKeys(plan.differences);
  const gone = (objectClass: ObjectClass, identity: string) => keys.has(`${objectClass} ${identity}`);
  const found = dropSql(plan.from, item, gone);
  if (found === undefined) return false;
  const staysBehind =
    item.class === 'column' && (found.length > 0 || comesFromOthers(plan.from, plan.to, item));
  const sql = staysBehind ? dropInherited(plan, item) : found;
  const rank = /view$/.test(item.parts.get('kind') ?? '') ? ranks.view : rankOf[item.class];
  const key = `${item.class} ${item.identity}`;
  if (item.class === 'column')
    plan.alters.push(
      ...sql.map((each) => ({
        phase: item.parts.has('generated') ? ('free' as const) : ('drop' as const),
        sql: each,
      })),
    );
  else plan.drops.push(...sql.map((each) => ({ rank: rankOfDrop(item, rank ?? 0), sql: each, key })));
  return true;
}

function rankOfDrop(item: Item, rank: number): number {
  const foreign = item.class === 'constraint' && item.parts.get('definition')?.startsWith('FOREIGN KEY');
  return foreign ? ranks.foreignKey : rank;
}
