// Takes items of two schemas; gives what is compared where one may be the other under another name. Pure.
import { lastPart } from '../render/definitions.ts';
import type { Item } from '../render/model.ts';

/** `i` of `app.i`, `f` of `app.f(integer)`. */
export function lastName(identity: string): string {
  const plain = /^[^"(]*\(/.test(identity) ? identity.slice(0, identity.indexOf('(')) : identity;
  const open = plain.indexOf('(', plain.lastIndexOf('"') + 1);
  return lastPart(open !== -1 && plain.endsWith(')') ? plain.slice(0, open) : plain);
}

/** `app` of `app.i`. */
export function schemaOf(identity: string): string {
  return /^(?:"(?:[^"]|"")*"|[^."]+)/.exec(identity)?.[0] ?? '';
}

const squeeze = (text: string | undefined) => text?.replaceAll(/\s+/g, ' ').trim();

/** Views with the same query. */
export function definitionsAlike(a: Item, b: Item): boolean {
  return squeeze(a.parts.get('definition')) === squeeze(b.parts.get('definition'));
}

/** The definition of an index without its name. */
export function withoutName(index: Item): string {
  return (index.parts.get('definition') ?? '').replace(
    ` INDEX ${lastName(index.identity)} ON `,
    ' INDEX ON ',
  );
}

/**
 * How much two tables have in common: the share of the smaller one's columns that the other has too, by name and type,
 * or 1 where the types are the same in the same order; 0 below a half. Two tables without columns are alike.
 */
export function tableLikeness(a: readonly Item[], b: readonly Item[]): number {
  const typesOf = (columns: readonly Item[]) => columns.map(({ parts }) => parts.get('type')).join();
  if (typesOf(a) === typesOf(b)) return 1;
  const named = (columns: readonly Item[]) =>
    columns.map(({ name, parts }) => `${name} ${parts.get('type')}`);
  const common = named(a).filter((column) => named(b).includes(column)).length;
  const share = common / Math.max(1, Math.min(a.length, b.length));
  return share >= 0.5 ? share : 0;
}

/** The values of an enum, or the names of a composite type's attributes, as SQL writes them. */
export function labelsOf(item: Item): string[] {
  const attributes = item.parts.get('attributes');
  if (attributes === undefined) return item.parts.get('labels')?.match(/E?'(?:[^']|'')*'/g) ?? [];
  return attributesOf(attributes).map(({ name }) => name);
}

/** `a integer, b numeric(10,2)` taken apart. */
export function attributesOf(list: string): { name: string; type: string }[] {
  const texts = list.match(/(?:"[^"]*"|\((?:[^()"]|"[^"]*")*\)|[^,("])+/g) ?? [];
  return texts.map((text) => {
    const name = /^\s*("(?:[^"]|"")*"|\S+)/.exec(text)?.[1] ?? '';
    return { name, type: text.trim().slice(name.length).trim() };
  });
}
