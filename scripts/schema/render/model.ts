// Takes the objects of a snapshot; gives them as a model to write SQL from: definitions parsed, parts by table.
// Pure; it must not know SQL's grammar.

import { parseDefinition } from '../definition.ts';
import type { ObjectClass, SchemaObject } from '../types.ts';

/** An object with its definition taken apart; `name` is its last name, quoted where SQL needs it. */
export interface Item {
  readonly class: ObjectClass;
  readonly identity: string;
  readonly name: string;
  readonly table: string | undefined;
  readonly parts: ReadonlyMap<string, string>;
}

export interface Model {
  readonly items: readonly Item[];
  of(objectClass: ObjectClass): readonly Item[];
  /** The parts of a table (or domain): its columns in their order, its constraints, … */
  partsOf(table: string, objectClass: ObjectClass): readonly Item[];
  find(objectClass: ObjectClass, identity: string): Item | undefined;
}

/** The names of a list such as `id, "a, b", c`, still quoted. */
export function splitNames(list: string): string[] {
  return list.match(/"(?:[^"]|"")*"|[^,\s]+/g) ?? [];
}

function toItem(object: SchemaObject): Item {
  const parts = parseDefinition(object.definition);
  const table = parts.get('table') ?? parts.get('domain');
  const inside = table !== undefined && object.identity.startsWith(`${table}.`);
  const name = inside ? object.identity.slice(table.length + 1) : object.identity;
  return { class: object.class, identity: object.identity, name, table, parts };
}

/** The items by key, in the order in which each key first comes. */
export function groupBy<T, Key>(items: readonly T[], keyOf: (item: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>();
  for (const item of items) {
    const found = groups.get(keyOf(item));
    if (found === undefined) groups.set(keyOf(item), [item]);
    else found.push(item);
  }
  return groups;
}

/** The objects with their definitions taken apart, to be found by class, table and identity. */
export function buildModel(objects: readonly SchemaObject[]): Model {
  const items = objects.map(toItem);
  const byClass = groupBy(items, (item) => item.class);
  const byTable = groupBy(items, (item) => `${item.class}\0${item.table}`);
  const byIdentity = new Map(items.map((item) => [`${item.class}\0${item.identity}`, item]));
  const find = (objectClass: ObjectClass, identity: string) => byIdentity.get(`${objectClass}\0${identity}`);
  const partsOf = (table: string, objectClass: ObjectClass) => {
    const found = byTable.get(`${objectClass}\0${table}`) ?? [];
    const order = find('column-order', table)?.parts.get('columns');
    if (objectClass !== 'column' || order === undefined) return found;
    const position = new Map(splitNames(order).map((name, i) => [name, i]));
    return found.toSorted((a, b) => (position.get(a.name) ?? 0) - (position.get(b.name) ?? 0));
  };
  return { items, of: (objectClass) => byClass.get(objectClass) ?? [], partsOf, find };
}
