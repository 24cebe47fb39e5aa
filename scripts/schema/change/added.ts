// Takes an object that only the second schema has; notes in the plan how it is made. Pure.
import type { Item } from '../render/model.ts';
import { canWrite } from './classes.ts';
import { addColumn } from './columns.ts';
import type { Difference } from './diff.ts';
import { isTable } from './drop.ts';
import { noteWhatFails, type Plan, take, want } from './plan.ts';

/** Notes what makes the object, unless it comes with another one; false where a person must write it. */
export function writeAdded(plan: Plan, item: Item, difference: Difference): boolean {
  if (item.class === 'column') {
    const table = plan.to.find('relation', item.table ?? '');
    const isNew = plan.from.find('relation', item.table ?? '') === undefined;
    if (isNew || table === undefined || item.parts.get('inherited') === 'only') return table !== undefined;
    if (isTable(plan.to, item.table)) take(plan, difference, addColumn(plan.to, table, item));
    return true;
  }
  if (comesWithParent(plan, item)) return true;
  const owned = item.class === 'sequence' && item.parts.has('identity_of');
  const withConstraint = item.class === 'index' && item.parts.has('constraint');
  want(plan, item);
  noteWhatFails(plan, item);
  return owned || withConstraint || canWrite(plan.to, item);
}

/** A key or index of a partition that its parent had before: attaching makes it. */
function comesWithParent({ from, to, differences }: Plan, item: Item): boolean {
  const parent = to.find('relation', item.table ?? '')?.parts.get('partition_of');
  if (parent === undefined) return false;
  const attached = differences.some(({ kind, identity }) => kind === 'relation' && identity === item.table);
  const index =
    item.class === 'constraint' && item.parts.get('inherited') !== undefined
      ? to.partsOf(item.table ?? '', 'index').find(({ parts }) => parts.get('constraint') === item.name)
      : item;
  const above = index?.class === 'index' ? index.parts.get('partition_of') : undefined;
  return attached && above !== undefined && from.find('index', above) !== undefined;
}
