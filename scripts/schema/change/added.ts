// Takes an object that only the second schema has; notes in the plan how it is made. Pure.
import type { Item } from '../render/model.ts';
import { canWrite } from './classes.ts';
import { addColumn } from './columns.ts';
import type { Difference } from './diff.ts';
import { holdsColumns } from './drop.ts';
import { asOwn, comesFromOthers, parentsOf } from './heirs.ts';
import { indexOf, takenIndex } from './keys.ts';
import { lastName } from './likeness-shape.ts';
import { comesByLeaving, isTaken } from './partitions.ts';
import { type ChangePlan, noteWhatFails, take, want } from './plan.ts';

/** Notes what makes the object, unless it comes with another one; false where a person must write it. */
export function writeAdded(plan: ChangePlan, item: Item, difference: Difference): boolean {
  if (item.class === 'column') {
    const table = plan.to.find('relation', item.table ?? '');
    const isNew = plan.from.find('relation', item.table ?? '') === undefined;
    const joins = comesFromOthers(plan.to, plan.from, item);
    const follows = item.parts.get('inherited') === 'only' && !joins;
    if (isNew || table === undefined || follows) return table !== undefined;
    if (holdsColumns(plan.to, item.table))
      take(plan, difference, addColumn([plan.from, plan.to], table, joins ? asOwn(item) : item));
    return true;
  }
  if (comesWithParent(plan, item) || comesByLeaving(plan, item)) return true;
  if (isDemanded(plan, item)) {
    const sql = `ALTER TABLE ${item.table} ADD CONSTRAINT ${item.name} ${item.parts.get('definition')};`;
    plan.alters.push({ phase: 'add', sql });
    return true;
  }
  const owned = item.class === 'sequence' && item.parts.has('identity_of');
  const withConstraint = item.class === 'index' && item.parts.has('constraint');
  if (takesIndex(plan, item)) return true;
  want(plan, item);
  noteWhatFails(plan, item);
  return owned || withConstraint || canWrite(item);
}

/** Whether a table that is there must have the constraint before it joins a parent that has it. */
function isDemanded({ from, to }: ChangePlan, { class: name, table = '', name: own, parts }: Item): boolean {
  if (name !== 'constraint' || from.find('relation', table) === undefined) return false;
  if (!parts.get('definition')?.startsWith('CHECK') || !parts.has('inherited')) return false;
  const before = parentsOf(from, table);
  const joined = parentsOf(to, table).filter((parent) => !before.includes(parent));
  return joined.some((parent) => from.find('constraint', `${parent}.${own}`) !== undefined);
}

/** A constraint over an index that is there already under its name, as a plain one. */
function takesIndex(plan: ChangePlan, item: Item): boolean {
  if (item.class !== 'constraint') return false;
  const before = takenIndex(plan, item);
  if (before === undefined) return false;
  const [, kind = '', end = ''] =
    /^(UNIQUE|PRIMARY KEY)\b.*?\)((?: DEFERRABLE.*)?)$/s.exec(item.parts.get('definition') ?? '') ?? [];
  if (kind === '') return false;
  const sql = `ALTER TABLE ${item.table} ADD CONSTRAINT ${item.name} ${kind} USING INDEX ${lastName(before.identity)}${end};`;
  // Once no column of it may lose its NOT NULL.
  plan.alters.push({ phase: 'drop', sql });
  return true;
}

/** A key or index of a partition that its parent had before: attaching makes it. */
function comesWithParent(plan: ChangePlan, item: Item): boolean {
  const { from, to, differences } = plan;
  const parent = to.find('relation', item.table ?? '')?.parts.get('partition_of');
  if (parent === undefined) return false;
  const attached = differences.some(({ kind, identity }) => kind === 'relation' && identity === item.table);
  const index =
    item.class === 'constraint' && item.parts.get('inherited') !== undefined ? indexOf(to, item) : item;
  const above = index?.class === 'index' ? index.parts.get('partition_of') : undefined;
  const parentIndex = above === undefined ? undefined : to.find('index', above);
  if (!attached || parentIndex === undefined || index === undefined) return false;
  const table = to.find('relation', item.table ?? '');
  if (table !== undefined && isTaken(plan, table, index)) return false;
  return from.find('index', parentIndex.identity) !== undefined || comesWithParent(plan, parentIndex);
}
