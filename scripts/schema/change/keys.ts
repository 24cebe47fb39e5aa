// Takes a plan whose changes are known; tells what hangs on a key or an index that goes: foreign keys that lead to it, and
// constraints of partitions whose index is attached to it. Pure.
import { foreignKeyOf, splitList } from '../render/definitions.ts';
import { keyColumns } from '../render/equal-keys.ts';
import type { Item, Model } from '../render/model.ts';
import { alterIndex } from './alter.ts';
import { ancestorsOf } from './heirs.ts';
import type { ChangePlan } from './plan.ts';

/** A foreign key goes before the key that it leads to. */
export const isForeignKey = ({ class: name, parts }: Item): boolean =>
  name === 'constraint' && parts.get('definition')?.startsWith('FOREIGN KEY') === true;

/** Foreign keys that lead to a table which this one is a partition of, with the tables that have them. */
export function referencesAbove(
  model: Model,
  table: Item,
): { readonly owner: string; readonly target: string; readonly identity: string }[] {
  if (!table.parts.has('partition_of')) return [];
  const above = ancestorsOf(model, table.identity);
  return model.of('constraint').flatMap(({ parts, identity, table: owner = '' }) => {
    const target = foreignKeyOf(parts.get('definition') ?? '')?.target;
    return target !== undefined && above.includes(target) ? [{ owner, target, identity }] : [];
  });
}

/** The index of a constraint that has one. */
export const indexOf = (model: Model, constraint: Item): Item | undefined =>
  model
    .partsOf(constraint.table ?? '', 'index')
    .find(({ parts }) => parts.get('constraint') === constraint.name);

/** Whether a foreign key leads to the columns of a key, given by the identity of its constraint or of its index. */
export function leadsTo(model: Model, { parts }: Item, identity: string): boolean {
  const reference = foreignKeyOf(parts.get('definition') ?? '');
  if (reference === null) return false;
  const constraint = model.find('constraint', identity);
  const index = constraint === undefined ? model.find('index', identity) : indexOf(model, constraint);
  if (index?.table !== reference.target) return false;
  return keyColumns(index) === splitList(reference.key).sort().join(', ');
}

/** The indexes that an index is attached to. */
function indexesAbove(model: Model, index: Item | undefined): Item[] {
  const above = model.find('index', index?.parts.get('partition_of') ?? '');
  return above === undefined ? [] : [above, ...indexesAbove(model, above)];
}

/** Whether the index of a partition's constraint is attached to an index that no constraint has made. */
export const isAttachedTo = (model: Model, constraint: Item, index: string): boolean =>
  indexesAbove(model, indexOf(model, constraint)).some(
    ({ identity, parts }) => identity === index && !parts.has('constraint'),
  );

/** Whether a constraint of a partition goes with such an index, which nothing detaches. */
export function goesWithIndex({ from, to, differences }: ChangePlan, constraint: Item): boolean {
  return indexesAbove(from, indexOf(from, constraint)).some((before) => {
    if (before.parts.has('constraint')) return false;
    const after = to.find('index', before.identity);
    if (after === undefined) return true;
    const changes = differences.some(
      ({ kind, identity }) => kind === 'index' && identity === before.identity,
    );
    return changes && alterIndex(before, after) === undefined;
  });
}

/** Keys and indexes that go, though something stays that hangs on them: foreign keys, or constraints attached to them. */
export function missedKeys({ from, to, differences }: ChangePlan): string[] {
  const stay = from.of('constraint').filter(({ identity }) => to.find('constraint', identity) !== undefined);
  const targets = new Set(
    stay.flatMap(({ parts }) => foreignKeyOf(parts.get('definition') ?? '')?.target ?? []),
  );
  const above = new Set(
    stay.flatMap((constraint) =>
      indexesAbove(from, indexOf(from, constraint)).map(({ identity }) => identity),
    ),
  );
  return differences.flatMap(({ kind, identity, change }) => {
    if (change !== 'removed' || (kind !== 'constraint' && kind !== 'index')) return [];
    const isMissed = targets.has(from.find(kind, identity)?.table ?? '') || above.has(identity);
    return isMissed ? [identity] : [];
  });
}

/**
 * The index that is there already, as a plain one, for a constraint of its name; undefined where the constraint makes its own,
 * as those of partitioned tables do.
 */
export function takenIndex({ from, to }: ChangePlan, constraint: Item): Item | undefined {
  const after = indexOf(to, constraint);
  const before = after === undefined ? undefined : from.find('index', after.identity);
  if (after === undefined || before === undefined || before.parts.has('constraint')) return undefined;
  if (to.find('relation', constraint.table ?? '')?.parts.has('partition_key') === true) return undefined;
  const above = before.parts.get('partition_of');
  const goes = above !== undefined && to.find('index', above)?.parts.has('constraint') !== false;
  const same = [...new Set([...before.parts.keys(), ...after.parts.keys()])].every(
    (key) => key === 'constraint' || key === 'partition_of' || before.parts.get(key) === after.parts.get(key),
  );
  return same && !goes ? before : undefined;
}
