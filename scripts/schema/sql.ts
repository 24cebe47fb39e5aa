// Takes options and fragments of SQL; gives the text that all catalog queries share: quoting, the scope of what
// belongs to the schema, and the lines of a definition. It must not know which classes exist.

import { ledgerSchema, type SchemaOptions, type TableName } from './types.ts';

/** The first OID that initdb does not hand out (FirstNormalObjectId): objects below it come with the server. */
export const firstUserOid = 16384;

/** A text as an SQL literal, safe whatever `standard_conforming_strings` says. */
export function quoteLiteral(text: string): string {
  const escaped = text.replaceAll("'", "''");
  return text.includes('\\') ? `E'${escaped.replaceAll('\\', '\\\\')}'` : `'${escaped}'`;
}

/** Of a query with one value, one whose value `v` is that one's text in hex digits, which XML leaves as they are. */
export function hexSql(query: string): string {
  return `SELECT pg_catalog.encode(pg_catalog.convert_to((${query})::text, 'UTF8'), 'hex') AS v`;
}

/**
 * An SQL expression: the text that a query of `hexSql` finds, or NULL where there is none. The query is a text here, so that
 * it is planned where it runs alone, and may name what is missing.
 */
export function laterSql(query: string): string {
  return `pg_catalog.convert_from(pg_catalog.decode(substring(pg_catalog.query_to_xml(${query}, true, false, '')::text
    FROM '<v>([0-9a-f]*)</v>'), 'hex'), 'UTF8')`;
}

/** A name in quotes, which may hold whatever it likes then. */
export function inQuotes(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A name without the quotes that SQL needs. */
export function bareName(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

/** A name as the catalog has it. */
export function folded(identifier: string): string {
  return identifier.startsWith('"')
    ? bareName(identifier)
    : identifier.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The schema and the rest of `schema.name`, both quoted as they were; undefined where there is no schema. */
export function splitSchema(identity: string): { schema: string; rest: string } | undefined {
  const [, schema, rest] = /^("(?:[^"]|"")*"|[^."]+)\.(.+)$/s.exec(identity) ?? [];
  return schema === undefined || rest === undefined ? undefined : { schema, rest };
}

/**
 * Offset of the first `what` that stands outside of quotes, or -1: a name in quotes may hold whatever takes an identity
 * apart, a parenthesis, a dot, ` on `, a line end.
 */
export function indexOutside(text: string, what: string): number {
  return offsets(text, what)[0] ?? -1;
}

/** The pieces between `what` outside of quotes. */
export function splitOutside(text: string, what: string): string[] {
  const ends = [...offsets(text, what), text.length];
  return ends.map((end, i) => text.slice(i === 0 ? 0 : (ends[i - 1] ?? 0) + what.length, end));
}

/** `schema.table` of `schema.table.column`; empty where there is no dot. */
export function parentOf(identity: string): string {
  return identity.slice(0, offsets(identity, '.').at(-1) ?? 0);
}

function offsets(text: string, what: string): number[] {
  const found: number[] = [];
  let quote = '';
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (quote === '' && text.startsWith(what, at)) {
      found.push(at);
      at += what.length - 1;
    } else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = '';
  }
  return found;
}

/** A value as an SQL literal; NULL where there is none. */
export function literal(value: string | number | null | undefined): string {
  if (value == null) return 'NULL';
  return typeof value === 'number' ? String(value) : quoteLiteral(value);
}

/** A condition that is true for the schemas nobody compares: the tool's own, TOAST, temporary ones. */
export function hiddenNamespace(column: string): string {
  return `(${column} = ${quoteLiteral(ledgerSchema)} OR ${column} = 'pg_toast' OR ${column} ~ '^pg_(toast_)?temp_')`;
}

/** A condition that is true for the schemas whose tables hold somebody's rows. */
export function userNamespace(column: string): string {
  return `${column} NOT LIKE 'pg\\_%' AND ${column} NOT IN ('information_schema', ${quoteLiteral(ledgerSchema)})`;
}

/** A condition that is true for the tracking tables, given a schema's and a relation's name. */
export function trackingTable(tables: readonly TableName[], schema: string, relation: string): string {
  const each = tables.map(
    (name) => `(${schema} = ${quoteLiteral(name.schema)} AND ${relation} = ${quoteLiteral(name.table)})`,
  );
  return each.length === 0 ? 'false' : `(${each.join(' OR ')})`;
}

/** `key=value`, or nothing where the value is NULL; a value's own line ends become continuation lines. */
export function part(key: string, value: string): string {
  return `'${key}=' || replace(${value}, E'\\n', E'\\n  ')`;
}

/** `key=value`, or nothing unless the condition holds. */
export function partWhen(condition: string, key: string, value: string): string {
  return `CASE WHEN ${condition} THEN ${part(key, value)} END`;
}

/** `key=true`, or nothing unless the condition holds. */
export function flag(key: string, condition: string): string {
  return `CASE WHEN ${condition} THEN '${key}=true' END`;
}

/** The lines of a definition, those that are NULL left out. */
export function lines(...parts: readonly string[]): string {
  return `concat_ws(E'\\n', ${parts.join(',\n      ')})`;
}

/** True unless an extension brought the object. */
export function notMember(catalog: string, oid: string): string {
  return `${oid} NOT IN (SELECT objid FROM member WHERE classid = 'pg_catalog.${catalog}'::regclass)`;
}

/** An array of texts, sorted bytewise and joined, so that the order in which it was written does not matter. */
export function sorted(array: string): string {
  return `(SELECT string_agg(item, ', ' ORDER BY item COLLATE "C") FROM unnest(${array}) AS item)`;
}

/**
 * What Citus has made on this node while it moves or splits shards and will drop itself: shards that are none any more, or
 * none yet, publications and subscriptions. As JSON, class by class; NULL without Citus.
 */
const passingSql = hexSql(`SELECT pg_catalog.json_agg(passing) FROM (
    SELECT 'pg_catalog.pg_class'::regclass::oid AS classid, c.oid AS objid FROM pg_catalog.pg_dist_cleanup d
      JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(d.object_name) WHERE d.object_type = 1
    UNION ALL SELECT 'pg_catalog.pg_publication'::regclass::oid, p.oid FROM pg_catalog.pg_dist_cleanup d
      JOIN pg_catalog.pg_publication p ON p.pubname = d.object_name WHERE d.object_type = 4
    UNION ALL SELECT 'pg_catalog.pg_subscription'::regclass::oid, s.oid FROM pg_catalog.pg_dist_cleanup d
      JOIN pg_catalog.pg_subscription s ON s.subname = d.object_name WHERE d.object_type = 2) AS passing`);
const passing = laterSql(
  `CASE WHEN pg_catalog.to_regclass('pg_catalog.pg_dist_cleanup') IS NOT NULL THEN ${quoteLiteral(passingSql)} END`,
);

/**
 * The common table expressions that every class builds on: `member` (what extensions brought), `ns` (schemas
 * worth comparing, names quoted) and `rel` (tables, views and their like, with identity).
 */
export function scope(options: SchemaOptions): string {
  return `WITH member AS MATERIALIZED (
  SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
  UNION ALL SELECT classid, objid FROM pg_catalog.json_to_recordset((${passing})::json) AS p (classid oid, objid oid)
), ns AS MATERIALIZED (
  SELECT oid, nspname, quote_ident(nspname) AS name FROM pg_catalog.pg_namespace
  WHERE NOT ${hiddenNamespace('nspname')}
), rel AS MATERIALIZED (
  SELECT c.*, ns.name || '.' || quote_ident(c.relname) AS identity
  FROM pg_catalog.pg_class c JOIN ns ON ns.oid = c.relnamespace
  WHERE c.oid >= ${firstUserOid} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND NOT ${trackingTable(options.tracking, 'ns.nspname', 'c.relname')}
    AND ${notMember('pg_class', 'c.oid')}
)`;
}
