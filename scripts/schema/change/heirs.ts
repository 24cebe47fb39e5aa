// Takes tables that INHERIT from others or are their partitions; gives how far a statement on a parent goes, and what is left
// to be said of its heirs. Pure.
import type { Item, Model } from '../render/model.ts';
import { notNullOf } from '../render/not-null.ts';
import { tablesAbove } from '../render/storage.ts';
import { keysThatDiffer } from './alter.ts';
import type { Difference } from './diff.ts';
import type { ChangePlan } from './plan.ts';

/** The tables that a table is an heir or a partition of. */
export function parentsOf(model: Model, table: string | undefined): string[] {
  const found = model.find('relation', table ?? '');
  return found === undefined ? [] : tablesAbove(found);
}

/** Their parents too. */
export function ancestorsOf(model: Model, table: string | undefined): string[] {
  return parentsOf(model, table).flatMap((parent) => [parent, ...ancestorsOf(model, parent)]);
}

/** How many tables stand above it at most. */
function depthOf(model: Model, table: string | undefined): number {
  return Math.max(0, ...parentsOf(model, table).map((parent) => 1 + depthOf(model, parent)));
}

const belowOf = new WeakMap<Model, ReadonlyMap<string, readonly string[]>>();

/** The tables that stand directly below each. */
function below(model: Model): ReadonlyMap<string, readonly string[]> {
  const known = belowOf.get(model);
  if (known !== undefined) return known;
  const found = new Map<string, string[]>();
  for (const { identity } of model.of('relation'))
    for (const parent of parentsOf(model, identity))
      found.set(parent, [...(found.get(parent) ?? []), identity]);
  belowOf.set(model, found);
  return found;
}

/** The same column of the heirs and partitions, theirs too. */
export function copiesOf(model: Model, { table = '', name }: Item): Item[] {
  const heirs = new Set(below(model).get(table));
  for (const heir of heirs) for (const next of below(model).get(heir) ?? []) heirs.add(next);
  return [...heirs].flatMap((heir) => model.find('column', `${heir}.${name}`) ?? []);
}

/** Notes that a column is dropped and made anew, and with it the copies that heirs have only from there; gives all of them. */
export function noteAnew({ from, remade }: ChangePlan, column: Item): Item[] {
  const copies = copiesOf(from, column).filter(({ parts }) => parts.get('inherited') === 'only');
  for (const { identity } of [column, ...copies]) remade.add(identity);
  return [column, ...copies];
}

/** What ALTER TABLE changes of the heirs' columns too, unless it says ONLY. */
const reaching = ['default', 'nullable', 'storage', 'statistics'];
const settings = [...reaching, 'compression', 'options'];

/** Whether a part of a column is to be the same in all heirs: then the statement may reach them. */
function reachesHeirs(now: Model, column: Item, key: string): boolean {
  const copies = copiesOf(now, column);
  const isPartitioned = now.find('relation', column.table ?? '')?.parts.has('partition_key') === true;
  const hasConstraint = copies.some((copy) => (notNullOf(copy)?.inherited ?? null) !== null);
  // The server takes no other NOT NULL for partitions, nor for heirs that have it as a constraint of their parent's.
  if (key === 'nullable' && (isPartitioned || hasConstraint)) return true;
  return copies.every(({ parts }) => parts.get(key) === column.parts.get(key));
}

/** `ALTER TABLE`, or `ALTER TABLE ONLY` where a heir keeps what it has. */
export const alterColumnOf = (now: Model, column: Item, key: string): string =>
  `ALTER TABLE ${reachesHeirs(now, column, key) ? '' : 'ONLY '}${column.table} ALTER COLUMN ${column.name}`;

/** The column of a heir as the statements on the tables above leave it. */
export function afterParents({ from, to, differences }: ChangePlan, before: Item, after: Item): Item {
  const above = ancestorsOf(to, after.table).flatMap((parent) => {
    const identity = `${parent}.${after.name}`;
    const [old, now] = [from.find('column', identity), to.find('column', identity)];
    const changed = differences.some(
      (other) => other.kind === 'column' && other.change === 'changed' && other.identity === identity,
    );
    return changed && old !== undefined && now !== undefined ? [[old, now] as const] : [];
  });
  const parts = new Map(after.parts);
  for (const key of settings) {
    const given = above.find(
      ([old, now]) =>
        reaching.includes(key) && keysThatDiffer(old, now).includes(key) && reachesHeirs(to, now, key),
    );
    const value = given === undefined ? before.parts.get(key) : given[1].parts.get(key);
    if (value === undefined) parts.delete(key);
    else parts.set(key, value);
  }
  return { ...after, parts };
}

/**
 * Whether the parents that a table has a column from are none of it in the other schema, where the table is too: the column
 * stays when the table leaves them, and must be there before it joins them.
 */
export function comesFromOthers(model: Model, other: Model, { table, name }: Item): boolean {
  if (
    other
      .find('relation', table ?? '')
      ?.parts.get('kind')
      ?.endsWith('table') !== true
  )
    return false;
  const above = parentsOf(model, table).filter(
    (parent) => model.find('column', `${parent}.${name}`) !== undefined,
  );
  return above.length > 0 && !above.some((parent) => parentsOf(other, table).includes(parent));
}

/** The column as its table would have it alone. */
export function asOwn(column: Item): Item {
  const parts = new Map(column.parts);
  for (const key of ['inherited', 'not_null']) parts.delete(key);
  return { ...column, parts };
}

/**
 * DROP COLUMN of a table whose heirs have it only from there: ONLY where one keeps it, and then the others lose it by
 * statements of their own.
 */
export function dropInherited({ from, to }: ChangePlan, { table = '', name }: Item): string[] {
  const heirs = (below(from).get(table) ?? [])
    .flatMap((heir) => from.find('column', `${heir}.${name}`) ?? [])
    .filter(({ parts }) => parts.get('inherited') === 'only');
  const stays = ({ identity }: Item) => to.find('column', identity) !== undefined;
  if (!heirs.some(stays)) return [`ALTER TABLE ${table} DROP COLUMN ${name};`];
  const others = heirs.filter((heir) => !stays(heir) && to.find('relation', heir.table ?? '') !== undefined);
  return [
    `ALTER TABLE ONLY ${table} DROP COLUMN ${name};`,
    ...others.map((heir) => `ALTER TABLE ${heir.table} DROP COLUMN ${name};`),
  ];
}

/** Heirs first where something comes, for a parent's merges with theirs; parents first where it goes. */
export function inOrderOfHeirs({ from, to }: ChangePlan, differences: readonly Difference[]): Difference[] {
  const depth = new Map(
    differences.map((each) => {
      if (each.change === 'changed' || !['column', 'constraint'].includes(each.kind)) return [each, 0];
      const [model, sign] = each.change === 'removed' ? [from, 1] : [to, -1];
      return [each, sign * depthOf(model, model.find(each.kind, each.identity)?.table)];
    }),
  );
  return differences.toSorted((a, b) => (depth.get(a) ?? 0) - (depth.get(b) ?? 0));
}
