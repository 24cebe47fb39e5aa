// Takes tables of the model that INHERIT from each other; gives how each comes to its parents, and which of them must be made
// together, because CREATE TABLE alone would give one of them another order of columns. Pure; it writes no SQL.

import type { Item, Model } from './model.ts';
import { notNullOf } from './not-null.ts';
import { parentsOf } from './storage.ts';

/** The parents that CREATE TABLE names, and those that the table joins when it has all its columns. */
export interface Parents {
  readonly early: readonly string[];
  readonly late: readonly string[];
}

/** Whether the table declares the column itself. */
export const isOwn = ({ parts }: Item) => parts.get('inherited') !== 'only';
/** In their order. */
export const columnsOf = (model: Model, table: string) => model.partsOf(table, 'column');
const namesOf = (model: Model, table: string) => columnsOf(model, table).map(({ name }) => name);

/** The order of columns that CREATE TABLE … INHERITS gives. */
function usualOrder(model: Model, table: Item, parents: readonly string[]): string[] {
  const inherited = parents.flatMap((parent) => namesOf(model, parent));
  const own = columnsOf(model, table.identity).filter(isOwn);
  return [...new Set([...inherited, ...own.map(({ name }) => name)])];
}

const inOrder = (model: Model, table: Item, parents: readonly string[]) =>
  usualOrder(model, table, parents).join() === namesOf(model, table.identity).join();

/** Whether the table has of its own all that ALTER TABLE … INHERIT asks for, and so became an heir that way. */
function mayJoin(model: Model, table: Item, parent: string): boolean {
  const checks = model.partsOf(table.identity, 'constraint');
  const columns = columnsOf(model, parent).map(
    ({ name, parts }) => [parts, model.find('column', `${table.identity}.${name}`)] as const,
  );
  return (
    checks.every(({ parts }) => parts.get('inherited') !== 'only') &&
    columns.length > 0 &&
    columns.every(
      ([parts, own]) =>
        own !== undefined &&
        isOwn(own) &&
        notNullOf(own)?.inherited !== 'only' &&
        (parts.get('nullable') === 'yes' || own.parts.get('nullable') === 'no'),
    )
  );
}

/** How a table comes to its parents. */
export function joinedParents(model: Model, table: Item): Parents {
  const all = parentsOf(table);
  if (all.length === 0) return { early: [], late: [] };
  if (inOrder(model, table, all)) return { early: all, late: [] };
  for (let i = all.length - 1; i >= 0 && mayJoin(model, table, all[i] ?? ''); i -= 1) {
    const early = all.slice(0, i);
    if (inOrder(model, table, early)) return { early, late: all.slice(i) };
  }
  return { early: all, late: [] };
}

/** Defaults of one column that come from several parents: CREATE TABLE takes none then. */
function inheritedDefaults(model: Model, table: Item, column: Item): Set<string> {
  const found = joinedParents(model, table).early.flatMap(
    (parent) => model.find('column', `${parent}.${column.name}`)?.parts.get('default') ?? [],
  );
  return new Set(found);
}

/** The default that CREATE TABLE gives a column which names none. */
export const inheritedDefault = (model: Model, table: Item, column: Item): string | undefined =>
  [...inheritedDefaults(model, table, column)][0];

function isUnusual(model: Model, table: Item): boolean {
  const { early } = joinedParents(model, table);
  if (early.some((parent) => model.find('relation', parent) === undefined)) return false;
  return (
    !inOrder(model, table, early) ||
    columnsOf(model, table.identity).some(
      (column) =>
        inheritedDefaults(model, table, column).size > 1 ||
        early.some((parent) => !mayMerge(model.find('column', `${parent}.${column.name}`), column)),
    )
  );
}

/** Whether CREATE TABLE makes one column of a parent's and the heir's own. */
export const mayMerge = (above: Item | undefined, own: Item): boolean =>
  above === undefined || above.parts.has('generated') === own.parts.has('generated');

/**
 * The tables that must be made together, step by step: those of a hierarchy in which one has its columns in another order than
 * CREATE TABLE gives, or of which something must stand apart. Parents come first.
 */
export function hierarchies(model: Model, isApart: (table: Item) => boolean): Item[][] {
  const heirs = model.of('relation').filter((table) => parentsOf(table).length > 0);
  if (heirs.length === 0) return [];
  const group = new Map<string, Set<Item>>();
  const parents = new Set(heirs.flatMap(parentsOf));
  const members = new Set([
    ...heirs,
    ...model.of('relation').filter(({ identity }) => parents.has(identity)),
  ]);
  for (const table of members) group.set(table.identity, new Set([table]));
  for (const heir of heirs)
    for (const parent of joinedParents(model, heir).early) {
      const [own, other] = [group.get(heir.identity), group.get(parent)];
      if (own === undefined || other === undefined || own === other) continue;
      for (const table of other) {
        own.add(table);
        group.set(table.identity, own);
      }
    }
  return [...new Set(group.values())]
    .map((tables) => parentsFirst(model, [...tables]))
    .filter((tables) => tables.some((table) => isApart(table) || isUnusual(model, table)));
}

function parentsFirst(model: Model, tables: readonly Item[]): Item[] {
  const placed = new Set<Item>();
  const place = (table: Item) => {
    if (placed.has(table)) return;
    const { early } = joinedParents(model, table);
    for (const parent of tables.filter(({ identity }) => early.includes(identity))) place(parent);
    placed.add(table);
  };
  for (const table of tables) place(table);
  return [...placed];
}
