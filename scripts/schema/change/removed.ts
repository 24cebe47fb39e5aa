// Takes an object that only the first schema has; notes in the plan how it is dropped. Pure.
import type { Item } from '../render/model.ts';
import { ranks } from '../render/tables.ts';
import type { ObjectClass } from '../types.ts';
import { rankOf } from './classes.ts';
import { differenceKey } from './diff.ts';
import { dropSql } from './drop.ts';
import { comesFromOthers, dropInherited, parentsOf } from './heirs.ts';
import { goesWithIndex, indexOf, isForeignKey, referencesAbove } from './keys.ts';
import { type ChangePlan, changesPlace } from './plan.ts';

const keysOf = new WeakMap<ChangePlan['differences'], ReadonlySet<string>>();

/** What goes as a whole, as `<class> <identity>`. */
function removedKeys(differences: ChangePlan['differences']): ReadonlySet<string> {
  const known = keysOf.get(differences);
  if (known !== undefined) return known;
  const removed = differences.filter(({ change }) => change === 'removed');
  const keys = new Set(removed.map(differenceKey));
  keysOf.set(differences, keys);
  return keys;
}

/** Whether foreign keys that stay lead to a table which this one is a partition of. */
const holdsReferences = ({ from, to }: ChangePlan, item: Item) =>
  referencesAbove(from, item).some(
    ({ identity, target }) =>
      to.find('constraint', identity) !== undefined && to.find('relation', target) !== undefined,
  );

/** Whether an index or constraint that a table has with a parent would be its own once it has left that. */
function outlivesParent(plan: ChangePlan, item: Item): boolean {
  const { from, to } = plan;
  const { class: name, table = '', parts } = item;
  if (!changesPlace(plan, table) || !['index', 'constraint'].includes(name)) return false;
  const index = name === 'index' ? item : indexOf(from, item);
  const above = index?.parts.get('partition_of');
  if (above !== undefined && (name === 'constraint' || !parts.has('constraint')))
    return (
      to.find('relation', table)?.parts.has('partition_of') === false && to.find('index', above) !== undefined
    );
  if (name === 'index' || !parts.has('inherited')) return false;
  const left = parentsOf(from, table).filter((parent) => !parentsOf(to, table).includes(parent));
  return left.some((parent) => to.find('constraint', `${parent}.${item.name}`) !== undefined);
}

/** Notes what drops the object and when; false where a person must write it. */
export function writeRemoved(plan: ChangePlan, item: Item): boolean {
  if (item.class === 'constraint' && goesWithIndex(plan, item)) return true;
  const keys = removedKeys(plan.differences);
  const gone = (objectClass: ObjectClass, identity: string) => keys.has(`${objectClass} ${identity}`);
  const found = dropSql(plan.from, item, gone);
  if (found === undefined) return false;
  if (outlivesParent(plan, item)) {
    const what = `ALTER TABLE ${item.table} DROP CONSTRAINT ${item.name};`;
    const sql = item.class === 'index' ? `DROP INDEX ${item.identity};` : what;
    plan.alters.push({ phase: 'drop', sql });
    return true;
  }
  const staysBehind =
    item.class === 'column' && (found.length > 0 || comesFromOthers(plan.from, plan.to, item));
  const sql = staysBehind ? dropInherited(plan, item) : found;
  if (item.class === 'relation' && holdsReferences(plan, item)) {
    // A foreign key to the whole holds its partitions; once detached, the table is held no more.
    plan.fails.push(`where rows refer to what ${item.identity} holds`);
    plan.drops.push({
      ...{ rank: ranks.late, key: `detached ${item.identity}` },
      sql: `ALTER TABLE ${item.parts.get('partition_of')} DETACH PARTITION ${item.identity};`,
    });
  }
  const rank = /view$/.test(item.parts.get('kind') ?? '') ? ranks.view : rankOf[item.class];
  const key = `${item.class} ${item.identity}`;
  if (item.class === 'column')
    plan.alters.push(
      ...sql.map((each) => ({
        phase: item.parts.has('generated') ? ('free' as const) : ('drop' as const),
        sql: each,
      })),
    );
  else {
    const place = isForeignKey(item) ? ranks.foreignKey : (rank ?? 0);
    plan.drops.push(...sql.map((each) => ({ rank: place, sql: each, key })));
  }
  return true;
}
