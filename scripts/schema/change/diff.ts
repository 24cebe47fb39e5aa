// Takes two lists of schema objects, what should be there and what is; gives how they differ, object by object.
// Pure: it must know neither databases nor files.

import { visible } from '../../base/foreign-text.ts';
import { canonicalDefinition } from '../catalog/canonical.ts';
import { parseDefinition } from '../definition.ts';
import type { ObjectClass, SchemaObject } from '../types.ts';

/** One object that differs. `drift` is what stops a run; `warning` is worth a line only. */
export interface Difference {
  readonly kind: ObjectClass;
  readonly identity: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** The definitions, in lines `key=value`; NULL where the object is not there. */
  readonly expected: string | null;
  readonly actual: string | null;
  readonly severity: 'drift' | 'warning';
}

/** What a difference is of: `column public.t.c`. */
export const differenceKey = ({ kind, identity }: Difference): string => `${kind} ${identity}`;

const signs = { added: '+', removed: '-', changed: '~' } as const;

// NUL never occurs in a catalog's text.
const keyOf = (object: SchemaObject) => `${object.class}\0${object.identity}`;

// PostgreSQL prints one expression in several ways; and a reader who may not see the options of a user mapping cannot
// tell whether they changed.
function sameDefinition(a: SchemaObject, b: SchemaObject): boolean {
  if (a.definition === b.definition) return true;
  if (a.class === 'user-mapping')
    return [a, b].some(({ definition }) => parseDefinition(definition).get('options') === '?');
  return canonicalDefinition(a) === canonicalDefinition(b);
}

function byClassAndIdentity(a: Difference, b: Difference): number {
  const [left, right] = [`${a.kind}\0${a.identity}`, `${b.kind}\0${b.identity}`];
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * Every object that differs, also those that came or went with their table; ordered by class and identity.
 * An object that moved among columns only (`column-order`) is a warning.
 */
export function diffObjects(
  expected: readonly SchemaObject[],
  actual: readonly SchemaObject[],
): Difference[] {
  const rest = new Map(actual.map((object) => [keyOf(object), object]));
  const differences: Difference[] = [];
  const add = (object: SchemaObject, before: string | null, after: string | null) =>
    differences.push({
      kind: object.class,
      identity: object.identity,
      change: before === null ? 'added' : after === null ? 'removed' : 'changed',
      expected: before,
      actual: after,
      severity: object.class === 'column-order' ? 'warning' : 'drift',
    });
  for (const object of expected) {
    const other = rest.get(keyOf(object));
    rest.delete(keyOf(object));
    if (other === undefined) add(object, object.definition, null);
    else if (!sameDefinition(object, other)) add(object, object.definition, other.definition);
  }
  for (const object of rest.values()) add(object, null, object.definition);
  return differences.sort(byClassAndIdentity);
}

/** The kinds under which an object's own comment, owner and grants go: `table public.x`. */
function annotationKinds(kind: ObjectClass, own: string | undefined): string[] {
  if (kind === 'relation') return [own ?? 'table'];
  if (kind === 'routine' || kind === 'aggregate') return ['routine', own ?? 'aggregate', 'aggregate'];
  return [kind.replaceAll('-', ' ')];
}

/** What an added or removed object takes along, as `<change> <scope> <name>`. */
function foldingNames(difference: Difference): string[] {
  if (difference.change === 'changed') return [];
  const { kind, identity, change } = difference;
  const parts = parseDefinition(difference.actual ?? difference.expected ?? '');
  const names = [];
  if (kind === 'relation') names.push(`${change} table ${identity}`);
  if (kind === 'type') names.push(`${change} domain ${identity}`);
  if (kind === 'constraint') names.push(`${change} constraint ${identity}`);
  const annotations = annotationKinds(kind, parts.get('kind')).map(
    (annotation) => `${change} annotation ${annotation} ${identity}`,
  );
  return [...names, ...annotations];
}

function foldedInto(difference: Difference): string[] {
  const { kind, identity, change } = difference;
  const parts = parseDefinition(difference.actual ?? difference.expected ?? '');
  const names = [];
  const [table, domain, constraint] = ['table', 'domain', 'constraint'].map((key) => parts.get(key));
  if (kind === 'column-order') names.push(`table ${identity}`);
  if (table !== undefined && kind !== 'relation') names.push(`table ${table}`);
  if (domain !== undefined) names.push(`domain ${domain}`);
  if (constraint !== undefined) names.push(`constraint ${table}.${constraint}`);
  if (kind === 'comment' || kind === 'owner' || kind === 'grant') names.push(`annotation ${identity}`);
  return names.map((name) => `${change} ${name}`);
}

// A column that came or went moves its neighbours; saying so again would hide what happened.
function followsFromColumns(difference: Difference, changedTables: ReadonlySet<string>): boolean {
  return difference.kind === 'column-order' && changedTables.has(difference.identity);
}

/**
 * The differences as a person wants them listed: what came or went with its table, constraint or domain is left
 * out, `diffObjects` has all of it. Empty when the schemas are the same.
 */
export function diffSnapshots(
  expected: readonly SchemaObject[],
  actual: readonly SchemaObject[],
): Difference[] {
  return foldDifferences(diffObjects(expected, actual));
}

/** What `diffSnapshots` lists, of what `diffObjects` found. */
export function foldDifferences(all: readonly Difference[]): Difference[] {
  const folding = new Set(all.flatMap(foldingNames));
  const columnTables = all
    .filter((difference) => difference.kind === 'column' && difference.change !== 'changed')
    .flatMap(
      (difference) => parseDefinition(difference.actual ?? difference.expected ?? '').get('table') ?? [],
    );
  const changedTables = new Set(columnTables);
  return all.filter(
    (difference) =>
      !foldedInto(difference).some((name) => folding.has(name)) &&
      !followsFromColumns(difference, changedTables),
  );
}

const spokenKinds: Partial<Record<ObjectClass, string>> = {
  'column-order': 'column order',
  'event-trigger': 'event trigger',
  'default-privileges': 'default privileges',
  'operator-class': 'operator class',
  'operator-family': 'operator family',
  'text-search': 'text search',
  'foreign-data-wrapper': 'foreign data wrapper',
  'foreign-server': 'foreign server',
  'user-mapping': 'user mapping',
  'access-method': 'access method',
  comment: 'comment on',
  owner: 'owner of',
  grant: 'privileges on',
};

// Kinds that say more than the class does: `view` for a relation, `procedure` for a routine.
function spokenKind({ kind, actual, expected }: Difference): string {
  const own = parseDefinition(actual ?? expected ?? '').get('kind');
  if ((kind === 'relation' || kind === 'routine') && own !== undefined) return own;
  if (kind === 'type' && own === 'domain') return own;
  return spokenKinds[kind] ?? kind;
}

const longest = 60;

function squeeze(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** Two long texts, cut to where they differ. */
function window(before: string, after: string): [string, string] {
  if (before.length <= longest && after.length <= longest) return [before, after];
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const from = before.lastIndexOf(' ', Math.max(0, start - 12)) + 1;
  const cut = (text: string) => {
    const last = Math.min(text.length - Math.max(0, end - 12), from + longest);
    return `${from > 0 ? '… ' : ''}${text.slice(from, Math.max(last, from))}${last < text.length ? ' …' : ''}`;
  };
  return [cut(before), cut(after)];
}

/** `varchar(50)`, as people write it. */
function shortType(type: string): string {
  return type
    .replace('character varying', 'varchar')
    .replace(/timestamp(\(\d\))? with time zone/, 'timestamptz$1')
    .replace(/timestamp(\(\d\))? without time zone/, 'timestamp$1');
}

function describeChange(key: string, before: string | undefined, after: string | undefined): string {
  const name = key.replaceAll('_', ' ');
  // Line breaks alone may be all that changed: then squeezing them would show two equal texts.
  if (before !== undefined && after !== undefined && squeeze(before) === squeeze(after))
    return `${name}: white space changed`;
  const [left, right] = window(squeeze(before ?? 'none'), squeeze(after ?? 'none'));
  return key === 'type' ? `${shortType(left)} → ${shortType(right)}` : `${name}: ${left} → ${right}`;
}

function describeParts(expected: string, actual: string): string {
  const [before, after] = [parseDefinition(expected), parseDefinition(actual)];
  const keys = [...new Set([...before.keys(), ...after.keys()])];
  return keys
    .filter((key) => before.get(key) !== after.get(key))
    .map((key) => describeChange(key, before.get(key), after.get(key)))
    .join('; ');
}

/** One line, whatever the names hold: `+ table public.x`, `- index public.i`, `~ column public.users.email: text → varchar(50)`. */
export function describeDifference(difference: Difference): string {
  return visible(lineOf(difference));
}

function lineOf(difference: Difference): string {
  const { change, expected, actual, identity } = difference;
  const line = `${signs[change]} ${spokenKind(difference)} ${identity}`;
  if (expected !== null && actual !== null) return `${line}: ${describeParts(expected, actual)}`;
  const parts = parseDefinition(actual ?? expected ?? '');
  if (difference.kind === 'column') return `${line}: ${shortType(parts.get('type') ?? '')}`;
  if (difference.kind === 'setting') return `${line}: ${squeeze(parts.get('value') ?? '').slice(0, longest)}`;
  return line;
}
