// Takes a definition as the server prints it; gives one form for all the ways in which PostgreSQL prints the same
// expression: it prints some of them in another way once they were loaded from their own print. Pure; it knows tokens
// and brackets, no grammar: what the server prints has all its parentheses.

import { parseDefinition } from '../definition.ts';
import type { ObjectClass, SchemaObject } from '../types.ts';
import { type Group, isGroup, type Node, parseGroups, print, split, trim } from './token-groups.ts';

/** Words that a list of conditions never holds outside its parentheses. */
const foreign = new Set([',', ';', 'BETWEEN', 'SELECT', 'FROM', 'WHERE', 'ORDER']);

/** `AND` or `OR` where the group is a list of conditions joined by it. */
function joinedBy({ open, items }: Group): 'AND' | 'OR' | undefined {
  const [and, or] = [items.includes('AND'), items.includes('OR')];
  if (open !== '(' || and === or) return undefined;
  if (items.some((item) => typeof item === 'string' && foreign.has(item))) return undefined;
  return and ? 'AND' : 'OR';
}

/** `((a AND b) AND c)` is `(a AND b AND c)`. */
function flatten(group: Group): Group {
  const word = joinedBy(group);
  if (word === undefined) return group;
  const parts = split(group.items, word).flatMap((part) => {
    const [only] = part;
    return part.length === 1 && isGroup(only, '(') && joinedBy(only) === word
      ? split(only.items, word)
      : [part];
  });
  return { open: '(', items: parts.flatMap((part, i) => (i === 0 ? part : [' ', word, ' ', ...part])) };
}

/** Names, spaces, dots and `(10,2)`: all that the name of a type is made of. */
function isOfType(item: Node | undefined): boolean {
  return isGroup(item, '(') || (typeof item === 'string' && /^[\w".\s\u0080-\uffff]/u.test(item));
}

/** The items of a type name that ends with `[]`, without that, and where the type ends; undefined for other types. */
function arrayType(
  items: readonly Node[],
  start: number,
): { type: readonly Node[]; end: number } | undefined {
  for (let i = start; i < items.length; i += 1) {
    const item = items[i];
    if (isGroup(item, '[')) {
      return item.items.length === 0 && i > start ? { type: items.slice(start, i), end: i + 1 } : undefined;
    }
    if (!isOfType(item)) return undefined;
  }
  return undefined;
}

function arrayOf(items: readonly Node[]): Group | undefined {
  const [word, list] = items;
  return items.length === 2 && word === 'ARRAY' && isGroup(list, '[') && list.items.length > 0
    ? list
    : undefined;
}

const listOf = (parts: readonly (readonly Node[])[]): readonly Node[] =>
  parts.flatMap((part, i) => (i === 0 ? part : [',', ' ', ...part]));

/** `(ARRAY[a, b])::t[]` is `ARRAY[(a)::t, (b)::t]`: so does the server read it. */
function castElements(list: Group, type: readonly Node[]): readonly Node[] {
  const elements = split(list.items, ',').map((element): readonly Node[] => {
    const inner = arrayOf(element);
    return inner === undefined ? castTo(bare(element), type) : castElements(inner, type);
  });
  return ['ARRAY', { open: '[', items: listOf(elements) }];
}

/** An element without the parentheses round it, and round what is cast in it; a row keeps those that make it one. */
function bare(element: readonly Node[]): readonly Node[] {
  const items = trim(element);
  const [first, second] = items;
  if (items.length === 1 && isGroup(first, '(') && !first.items.includes(',')) return bare(first.items);
  const at = items.lastIndexOf('::');
  const type = items.slice(at + 1);
  if (at < 1 || (at > 1 && second !== '::') || !type.every(isOfType)) return items;
  return castTo(bare(items.slice(0, at)), type);
}

/**
 * A bare element with a cast. A constant that is written as one string type and used as another needs only the latter;
 * definitions of statistics are printed with as few parentheses as possible. A collation stays outside.
 */
function castTo(element: readonly Node[], type: readonly Node[]): readonly Node[] {
  const collate = element.lastIndexOf('COLLATE');
  if (collate > 1 && element.slice(collate + 1).every(isOfType))
    return [...castTo(bare(element.slice(0, collate)), type), ' ', ...element.slice(collate)];
  const [value, colons, ...rest] = element;
  const isConstant = typeof value === 'string' && (value.endsWith("'") || value === 'NULL');
  const isString = (name: string) => name === 'text' || name === 'character varying';
  if (isConstant && colons === '::' && isString(print(rest)) && isString(print(type)))
    return [value, '::', ...type];
  const isShort = element.length === 1 || (isConstant && colons === '::');
  return [...(isShort ? element : [{ open: '(' as const, items: element }]), '::', ...type];
}

/** Elements whose casts were written out already: `('x'::character varying)::text`. */
function simplifyElements(list: Group): Group {
  return { open: '[', items: listOf(split(list.items, ',').map(bare)) };
}

/** The array at a place and how many items it takes there: `ARRAY[…]`, in parentheses or without. */
function arrayAt(items: readonly Node[], i: number): { list: Group; length: 1 | 2 } | undefined {
  const item = items[i];
  const inside = isGroup(item, '(') ? arrayOf(trim(item.items)) : undefined;
  if (inside !== undefined) return { list: inside, length: 1 };
  const bare = arrayOf(items.slice(i, i + 2));
  return bare === undefined ? undefined : { list: bare, length: 2 };
}

function pushCasts({ open, items }: Group): Group {
  const result: Node[] = [];
  for (let i = 0; i < items.length; i += 1) {
    const item = items[i];
    if (item === undefined) continue;
    const array = arrayAt(items, i);
    const next = i + (array?.length ?? 1);
    const type = array !== undefined && items[next] === '::' ? arrayType(items, next + 1) : undefined;
    if (array !== undefined && type !== undefined) {
      result.push(...castElements(array.list, type.type));
      i = type.end - 1;
    } else if (isGroup(item, '[') && items[i - 1] === 'ARRAY') result.push(simplifyElements(item));
    else result.push(item);
  }
  return { open, items: result };
}

/** `(B'1'::"bit")::bit varying` is `B'1'::bit varying`. */
function joinBits({ open, items }: Group): Group {
  const result = items.flatMap((item, i): readonly Node[] => {
    const isBit = isGroup(item, '(') && /^[BbXx]'[^']*'::"bit"$/.test(print(item.items));
    const varying = print(items.slice(i + 1, i + 5)).startsWith('::bit varying');
    return isBit && varying && typeof item === 'object' ? item.items.slice(0, 1) : [item];
  });
  return { open, items: result };
}

/** `a JOIN b ON TRUE` is read as `a JOIN b ON (true)`. */
function joinAlways({ open, items }: Group): Group {
  const result = items.map((item, i) =>
    item === 'TRUE' && items[i - 2] === 'ON' ? { open: '(' as const, items: ['true'] } : item,
  );
  return { open, items: result };
}

function normalize(group: Group): Group {
  return flatten(joinAlways(joinBits(pushCasts(group))));
}

/** An expression, or a statement that holds some, in its canonical form: text to compare, not to run. */
export function canonicalText(text: string): string {
  const items = parseGroups(text, normalize);
  return items === undefined ? text : print(normalize({ open: '(', items }).items);
}

/** Where the server prints expressions: the parts of a definition that have more than one spelling. */
const printed: Partial<Record<ObjectClass, readonly string[]>> = {
  relation: ['bound', 'partition_key', 'definition'],
  column: ['default', 'generated'],
  constraint: ['definition'],
  index: ['definition'],
  routine: ['arguments', 'body'],
  aggregate: ['arguments'],
  trigger: ['definition'],
  rule: ['definition'],
  policy: ['using', 'check'],
  statistics: ['definition'],
  type: ['default'],
  publication: ['tables'],
};

/** What every text with more than one spelling holds, in each of its spellings. */
const telltales = [' AND ', ' OR ', 'ARRAY[', '::bit varying', ' ON TRUE', ' ON (true)'];

/** An SQL condition on `class` and a column of definitions: true where `canonicalDefinition` may change something. */
export const hasSpellingsSql = (column: string) =>
  `(class OPERATOR(pg_catalog.=) ANY (${textsSql(Object.keys(printed))}) AND ${column} OPERATOR(pg_catalog.~~) ANY (${textsSql(telltales.map((text) => `%${text}%`))}))`;

const textsSql = (texts: readonly string[]) =>
  `ARRAY[${texts.map((text) => `'${text}'`).join(', ')}]::pg_catalog.text[]`;

/** The same for an object that is here already. */
export function hasSpellings({ class: name, definition }: SchemaObject): boolean {
  return printed[name] !== undefined && telltales.some((text) => definition.includes(text));
}

/** A body that is text means what its language says; only one that the server prints from its parse tree is SQL. */
const isSqlBody = (parts: ReadonlyMap<string, string>) =>
  parts.get('language') === 'sql' && /^(BEGIN ATOMIC|RETURN )/.test(parts.get('body') ?? '');

/** A definition, its expressions in their canonical form. */
export function canonicalDefinition(object: SchemaObject): string {
  if (!hasSpellings(object)) return object.definition;
  const parts = parseDefinition(object.definition);
  for (const key of printed[object.class] ?? []) {
    const text = parts.get(key);
    if (text !== undefined && (key !== 'body' || isSqlBody(parts))) parts.set(key, canonicalText(text));
  }
  return [...parts].map(([key, value]) => `${key}=${value}`).join('\n');
}
