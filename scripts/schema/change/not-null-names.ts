// Takes the two schemas of a transition; gives the second with the names of NOT NULL that its statements must say. The server
// chooses another name where the usual one is taken: by what has not gone yet, or by what has come already. Pure.
import { parseDefinition } from '../definition.ts';
import { commentSql } from '../render/comments.ts';
import { buildModel, groupBy, type Item, type Model } from '../render/model.ts';
import { notNullName, notNullOf, notNullText } from '../render/not-null.ts';
import { splitSchema } from '../sql.ts';
import type { SchemaObject } from '../types.ts';
import { dropSql } from './drop.ts';
import { ancestorsOf } from './heirs.ts';

/** The second schema as it is to be written, and what gives names that were taken while it was: they come last. */
export interface Named {
  readonly to: Model;
  readonly renames: readonly string[];
}

/** Up to PostgreSQL 16 nothing tells a name: then the schema is as it was. */
export function nameNotNulls(from: Model, objects: readonly SchemaObject[]): Named {
  const to = buildModel(objects);
  const all = [...from.items, ...to.items];
  if (!all.some(isTold)) return { to, renames: [] };
  const byName = groupBy(
    all.filter((item) => heldName(item) !== null),
    (item) => inSchema(item, heldName(item)),
  );
  const renames: string[] = [];
  const written = objects.map((object): SchemaObject => {
    const item = to.find(object.class, object.identity);
    const name = item === undefined ? null : notNullName(item);
    if (item === undefined || name === null || hasAlready(from, item)) return object;
    const others = (byName.get(inSchema(item, name)) ?? []).filter(
      ({ identity }) => identity !== item.identity,
    );
    if (others.length === 0) return object;
    if (!others.some((other) => isBeside(from, other, item))) return withName(object, item, name);
    const provisional = freeName(item, byName, renames.length);
    renames.push(`ALTER TABLE ${item.table} RENAME CONSTRAINT ${provisional} TO ${name};`);
    return withName(object, item, provisional);
  });
  return { to: buildModel(written), renames };
}

const isTold = (item: Item) =>
  item.parts.has('not_null_name') || (item.class === 'column' && item.parts.has('not_null'));

/** Names of constraints are chosen among those of a schema. */
const heldName = (item: Item) => (item.class === 'constraint' ? item.name : notNullName(item));
const inSchema = (item: Item, name: string | null) => `${splitSchema(item.identity)?.schema}.${name}`;

/** A parent's comes with the parent's; one that stays has its name. */
function hasAlready(from: Model, item: Item): boolean {
  if (notNullOf(item)?.inherited === 'only') return true;
  const before = from.find(item.class, item.identity);
  return before !== undefined && notNullName(before) === notNullName(item);
}

/**
 * Two of one name cannot stand in one table, nor in one below it, which takes what its parent gets. Other constraints have
 * gone by then.
 */
const isBeside = (from: Model, holder: Item, item: Item) =>
  [holder.class, item.class].every((name) => name === 'column') &&
  from.find('column', holder.identity) === holder &&
  (holder.table === item.table || ancestorsOf(from, holder.table).includes(item.table ?? ''));

function freeName(item: Item, byName: ReadonlyMap<string, unknown>, count: number): string {
  const name = `not_null_${count + 1}`;
  return byName.has(inSchema(item, name)) ? freeName(item, byName, count + 1) : name;
}

function withName(object: SchemaObject, item: Item, name: string): SchemaObject {
  const parts = parseDefinition(object.definition);
  if (item.class === 'column') parts.set('not_null', notNullText(item, name));
  else parts.set('not_null_name', name);
  const lines = [...parts].map(([key, value]) => `${key}=${value.replaceAll('\n', '\n  ')}`);
  return { ...object, definition: lines.join('\n') };
}

const ownerOf = (item: Item) => (item.class === 'type' ? item.identity : (item.table ?? ''));
const commentOn = (item: Item, name: string | null) => `constraint ${ownerOf(item)}.${name}`;

/** Whether it is the comment of a NOT NULL that goes with it, or keeps it under another name. */
export function leftByNotNull(from: Model, to: Model, { table = '', identity }: Item): boolean {
  const type = from.find('type', table);
  const owners = [...from.partsOf(table, 'column'), ...(type === undefined ? [] : [type])];
  const owner = owners.find((item) => commentOn(item, notNullName(item)) === identity);
  const after = owner === undefined ? undefined : to.find(owner.class, owner.identity);
  return owner !== undefined && (after === undefined || notNullName(after) !== notNullName(owner));
}

/** COMMENT ON each NOT NULL that has another name in the second schema, or is made anew. */
export function notNullComments(from: Model, to: Model): string[] {
  if (
    ![from, to].some((model) =>
      model.of('comment').some(({ identity }) => identity.startsWith('constraint ')),
    )
  )
    return [];
  return [...to.of('column'), ...to.of('type')].flatMap((item) => {
    const before = from.find(item.class, item.identity);
    const [old, name] = [before === undefined ? null : notNullName(before), notNullName(item)];
    const stays = old === name && !(before !== undefined && isUnchecked(before, item));
    if (name === null || stays) return [];
    const wanted = to.find('comment', commentOn(item, name));
    if (wanted !== undefined) return commentSql(wanted) ?? [];
    const left = old === null ? undefined : from.find('comment', commentOn(item, old));
    const kept = left === undefined ? undefined : { ...left, identity: commentOn(item, name) };
    return kept === undefined ? [] : (dropSql(from, kept, () => false) ?? []);
  });
}

/** What was checked and is not to be is made anew. */
const isUnchecked = (before: Item, after: Item) =>
  notNullOf(before)?.notValid === false && notNullOf(after)?.notValid === true;
