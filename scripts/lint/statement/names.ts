// Takes names as parsed; gives them as SQL and as shown to people, and tells whether two mean the same relation.
// It knows no catalog: a name without a schema matches that name in any.
import { visible } from '../../base/foreign-text.ts';
import { inQuotes } from '../../schema/sql.ts';
import type { Name } from './types.ts';

const reserved = new Set(
  'all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create current_date current_role current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign from grant group having in initially intersect into lateral leading limit localtime localtimestamp not null offset on only or order placing primary references returning select session_user some symmetric system_user table then to trailing true union unique user using variadic when where window with authorization binary collation concurrently cross current_schema freeze full ilike inner is isnull join left like natural notnull outer overlaps right similar tablesample verbose'.split(
    ' ',
  ),
);

/** Stands for all tables, where a statement names none. */
export const everyTable: Name = { name: '' };

/** An identifier as SQL on one line, quoted only where it must be: it may stand in a line comment too. */
export function quoteIdentifier(identifier: string): string {
  if (visible(identifier) !== identifier) return escapedIdentifier(identifier);
  return /^[a-z_][a-z0-9_$]*$/.test(identifier) && !reserved.has(identifier)
    ? identifier
    : inQuotes(identifier);
}

/** https://www.postgresql.org/docs/16/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS-UESCAPE */
function escapedIdentifier(identifier: string): string {
  const escaped = Array.from(identifier.replaceAll('\\', '\\\\').replaceAll('"', '""'), (character) =>
    visible(character) === character ? character : `\\+${hex(character)}`,
  );
  return `U&"${escaped.join('')}"`;
}

const hex = (character: string) => (character.codePointAt(0) ?? 0).toString(16).padStart(6, '0');

/** A name as SQL, with its schema where it was written. */
export function sqlName({ schema, name }: Name): string {
  if (name === everyTable.name) return 'every table';
  return schema === undefined ? quoteIdentifier(name) : `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** A name put together from others, cut to PostgreSQL's 63 bytes: `orders_user_id_idx`. */
export function joinedName(...parts: readonly string[]): string {
  return quoteIdentifier(parts.join('_').slice(0, 63));
}

/** Whether a name as written may mean the relation `schema.name` of the catalog. */
export function means(written: Name, relation: string): boolean {
  return written.schema === undefined
    ? relation.slice(relation.indexOf('.') + 1) === written.name
    : relation === `${written.schema}.${written.name}`;
}

/** Whether two names may mean the same table: a schema that is left out fits every one. */
export function sameName(a: Name, b: Name): boolean {
  return a.name === b.name && (a.schema === undefined || b.schema === undefined || a.schema === b.schema);
}

/** `schema.name` of the catalog → Name. */
export function relationName(relation: string): Name {
  const dot = relation.indexOf('.');
  return { schema: relation.slice(0, dot), name: relation.slice(dot + 1) };
}
