// Which classes of objects a transition writes, and at which place among the others; which of them are made anew when they
// change. Pure.
import type { Item, Model } from '../render/model.ts';
import { ranks } from '../render/tables.ts';
import type { ObjectClass } from '../types.ts';

/** The place of each class that is written, in the order in which things are made. */
export const rankOf: Partial<Record<ObjectClass, number>> = {
  schema: ranks.schema,
  extension: ranks.extension,
  type: ranks.type,
  sequence: ranks.sequence,
  routine: ranks.routine,
  aggregate: ranks.aggregate,
  relation: ranks.table,
  constraint: ranks.key,
  index: ranks.index,
  statistics: ranks.statistics,
  trigger: ranks.trigger,
  rule: ranks.rule,
  policy: ranks.policy,
  comment: ranks.comment,
  collation: ranks.type,
  conversion: ranks.aggregate,
  cast: ranks.aggregate,
  operator: ranks.aggregate,
  'operator-class': ranks.aggregate,
  'operator-family': ranks.aggregate,
  'foreign-data-wrapper': ranks.aggregate,
  'foreign-server': ranks.aggregate,
  publication: ranks.publication,
};

/** Classes whose objects are dropped and made anew when they change: they hold no rows. */
export const remadeClasses: ReadonlySet<ObjectClass> = new Set([
  ...(['constraint', 'index', 'trigger', 'rule', 'policy', 'statistics', 'aggregate'] as const),
  ...(['publication', 'cast', 'operator', 'conversion'] as const),
]);

const written: ReadonlySet<ObjectClass> = new Set(Object.keys(rankOf) as ObjectClass[]);

/** Whether the render room can write the object whole: no foreign table, no invalid index, nothing that needs a library. */
export function canWrite(model: Model, item: Item): boolean {
  if (!written.has(item.class)) return false;
  if (item.class === 'relation') return item.parts.get('kind') !== 'foreign table';
  if (item.class === 'index') return !item.parts.has('invalid');
  if (item.class === 'routine') return !item.parts.has('library');
  if (item.class === 'type') return item.parts.get('kind') !== 'base';
  return (
    item.table === undefined || model.find('relation', item.table)?.parts.get('kind') !== 'foreign table'
  );
}
