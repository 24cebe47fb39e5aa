// Takes tables that INHERIT from each other, parents first; gives the steps that make each with its columns in their order:
// what a parent got after it had heirs comes behind what they had by then. Pure; it writes no SQL.

import { columnsOf, isOwn, joinedParents, mayMerge } from './heirs.ts';
import type { Item, Model } from './model.ts';
import { type Dependency, orderPieces, type Piece } from './order.ts';

/** A table made with some of its columns, or a column that it and its heirs get later. */
export type Step =
  | { readonly kind: 'create'; readonly table: Item; readonly columns: readonly Item[] }
  | { readonly kind: 'add'; readonly table: Item; readonly column: Item };

/** The steps; those of CREATE TABLE alone where no others lead to that order. */
export function stepsOf(model: Model, tables: readonly Item[]): readonly Step[] {
  const additions = orderAdditions(model, tables);
  const steps = additions === undefined ? undefined : makeInTurn(model, tables, additions);
  return steps ?? tables.map((table) => create(table, columnsOf(model, table.identity).filter(isOwn)));
}

const create = (table: Item, columns: readonly Item[]): Step => ({ kind: 'create', table, columns });

const parentsOf = (model: Model, table: Item) =>
  joinedParents(model, table).early.flatMap((name) => model.find('relation', name) ?? []);

/** The columns that a table declares, in an order that no table's own contradicts; undefined where there is none. */
function orderAdditions(model: Model, tables: readonly Item[]): Item[] | undefined {
  const own = tables.flatMap((table) => columnsOf(model, table.identity).filter(isOwn));
  const pieces = own.map(({ identity }, rank): Piece => ({ key: identity, rank, sql: '', inlined: [] }));
  const needs = tables.flatMap((table) => [
    ...followsOf(model, table),
    ...columnsOf(model, table.identity).flatMap((column) => meetingsOf(model, table, column)),
  ]);
  const { ordered, stuck } = orderPieces(pieces, needs);
  return stuck.length > 0 ? undefined : ordered.flatMap(({ key }) => model.find('column', key) ?? []);
}

/** Where a column of the table was declared first: there, or in the first parent that has it. */
function originOf(model: Model, table: Item, column: Item): string {
  if (isOwn(column)) return column.identity;
  for (const parent of parentsOf(model, table)) {
    const above = model.find('column', `${parent.identity}.${column.name}`);
    if (above !== undefined) return originOf(model, parent, above);
  }
  return column.identity;
}

function followsOf(model: Model, table: Item): Dependency[] {
  const origins = columnsOf(model, table.identity).map((column) => originOf(model, table, column));
  return origins.flatMap((from, i) => {
    const to = origins[i - 1];
    return to === undefined ? [] : [{ from, to }];
  });
}

/** What comes from elsewhere too is met there already: it keeps its place. */
function meetingsOf(model: Model, table: Item, column: Item): Dependency[] {
  const to = originOf(model, table, column);
  return parentsOf(model, table).flatMap((parent) => {
    const above = model.find('column', `${parent.identity}.${column.name}`);
    const from = above === undefined ? to : originOf(model, parent, above);
    return from === to ? [] : [{ from, to }];
  });
}

/** Tables under way: `made` holds the names of what is there, `begun` the columns that CREATE TABLE is going to name. */
interface Making {
  readonly model: Model;
  readonly tables: readonly Item[];
  readonly made: Map<Item, string[]>;
  readonly begun: Map<Item, Item[]>;
  readonly steps: Step[];
}

/** Each table is made as late as its order of columns allows; undefined where a column cannot be added then. */
function makeInTurn(
  model: Model,
  tables: readonly Item[],
  additions: readonly Item[],
): readonly Step[] | undefined {
  const making: Making = { model, tables, made: new Map(), begun: new Map(), steps: [] };
  for (const column of additions) {
    const table = tables.find(({ identity }) => identity === column.table);
    if (table === undefined) return undefined;
    const touched = tables.filter((other) => isOrDescends(model, other, table));
    for (const other of touched) if (!agrees(making, other, touched, column)) make(making, other);
    if (!making.made.has(table)) making.begun.set(table, [...(making.begun.get(table) ?? []), column]);
    else if (!add(making, table, column, touched)) return undefined;
  }
  for (const table of tables) make(making, table);
  return making.steps;
}

const isOrDescends = (model: Model, table: Item, ancestor: Item): boolean =>
  table === ancestor || parentsOf(model, table).some((parent) => isOrDescends(model, parent, ancestor));

/** The columns that the table has, or would have if it were made now. */
function namesNow(making: Making, table: Item): string[] {
  const made = making.made.get(table);
  if (made !== undefined) return made;
  const inherited = parentsOf(making.model, table).flatMap((parent) => namesNow(making, parent));
  const own = (making.begun.get(table) ?? []).map(({ name }) => name);
  return [...new Set([...inherited, ...own])];
}

/** Whether a table that is not made yet would still be as it should, came the column to those of `touched` that are there. */
function agrees(making: Making, table: Item, touched: readonly Item[], column: Item): boolean {
  if (making.made.has(table)) return true;
  const own = making.begun.get(table)?.find(({ name }) => name === column.name);
  if (own !== undefined && !mayMerge(column, own)) return false;
  const made = new Map(making.made);
  for (const other of touched) {
    const names = made.get(other);
    if (names !== undefined) made.set(other, [...new Set([...names, column.name])]);
  }
  const begun = new Map(making.begun);
  const holder = touched.find(({ identity }) => identity === column.table);
  if (holder !== undefined && !made.has(holder)) begun.set(holder, [...(begun.get(holder) ?? []), column]);
  const wanted = columnsOf(making.model, table.identity);
  return namesNow({ ...making, made, begun }, table).every((name, i) => name === wanted[i]?.name);
}

function make(making: Making, table: Item): void {
  if (making.made.has(table)) return;
  for (const parent of parentsOf(making.model, table)) make(making, parent);
  making.made.set(table, namesNow(making, table));
  making.steps.push(create(table, making.begun.get(table) ?? []));
}

/** False where ALTER TABLE takes no such column: an identity beside heirs, an expression over what is not there yet. */
function add(making: Making, table: Item, column: Item, touched: readonly Item[]): boolean {
  const expression = column.parts.get('generated') ?? '';
  const names = making.made.get(table) ?? [];
  const missing = columnsOf(making.model, table.identity).filter(({ name }) => !names.includes(name));
  if (missing.some(({ name }) => expression.includes(name) && name !== column.name)) return false;
  if (column.parts.has('identity') && touched.some((other) => other !== table && making.made.has(other)))
    return false;
  for (const other of touched) {
    const found = making.made.get(other);
    if (found !== undefined && !found.includes(column.name)) found.push(column.name);
  }
  making.steps.push({ kind: 'add', table, column });
  return true;
}
