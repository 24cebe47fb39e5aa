// Which classes of objects a transition writes, and at which place among the others; which of them are made anew when they
// change. Pure.
import type { Item } from '../render/model.ts';
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
  'text-search': ranks.type,
  'user-mapping': ranks.aggregate,
  language: ranks.routine,
  'access-method': ranks.routine,
  transform: ranks.aggregate,
  'event-trigger': ranks.state,
};

/** Classes whose objects are dropped and made anew when they change: they hold no rows. */
export const remadeClasses: ReadonlySet<ObjectClass> = new Set([
  ...(['constraint', 'index', 'trigger', 'rule', 'policy', 'statistics', 'aggregate'] as const),
  ...(['publication', 'cast', 'operator', 'conversion', 'text-search', 'event-trigger'] as const),
  'transform',
]);

const written: ReadonlySet<ObjectClass> = new Set(Object.keys(rankOf) as ObjectClass[]);

/** Whether the render room can write the object whole: no invalid index, no secret, nothing that needs a library. */
export function canWrite(item: Item): boolean {
  if (!written.has(item.class)) return false;
  if (item.class === 'index') return !item.parts.has('invalid');
  if (item.class === 'routine') return !item.parts.has('library');
  if (item.class === 'type') return item.parts.get('kind') !== 'base';
  if (item.class === 'user-mapping') return !item.parts.has('options');
  return true;
}
