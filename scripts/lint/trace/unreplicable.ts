// Gives the query that reads which published tables refuse UPDATE or DELETE (55000): without replica identity, or with a row
// filter or column list that the identity does not fit. It knows pg_catalog, nothing of statements.
// https://www.postgresql.org/docs/16/logical-replication-publication.html
import type { Statement } from '../../base/types.ts';
import { firstUserOid, quoteLiteral } from '../../schema/sql.ts';
import { ledgerSchema } from '../../schema/types.ts';
import type { ScratchClient } from '../../scratch/client.ts';
import { queryJson } from './catalog.ts';
import type { TraceSession } from './probe.ts';
import type { TracedStatement } from './traced.ts';

/** Names of the columns behind attribute numbers of a table. */
const namesOf = (table: string, numbers: string) =>
  `(SELECT pg_catalog.array_agg(a.attname::pg_catalog.text) FROM pg_catalog.pg_attribute a WHERE a.attrelid = ${table} AND a.attnum IN (${numbers}))`;

/** A key counts only where it is checked at once: https://www.postgresql.org/docs/16/sql-altertable.html#SQL-ALTERTABLE-REPLICA-IDENTITY */
const identity = `(SELECT ${namesOf('c.oid', 'SELECT pg_catalog.unnest(i.indkey::int2[])')} FROM pg_catalog.pg_index i
  WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END)`;

const filtered = namesOf(
  'r.prrelid',
  "SELECT m[1]::int2 FROM pg_catalog.regexp_matches(r.prqual::pg_catalog.text, ':varattno (\\d+)', 'g') m",
);
const listed = namesOf('r.prrelid', 'SELECT pg_catalog.unnest(r.prattrs::int2[])');

/** A partition is published with the tables that it belongs to; the identity that counts is its own. */
const unreplicableSql = `SELECT coalesce(pg_catalog.json_agg(DISTINCT n.nspname || '.' || c.relname), '[]') AS bare
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT ARRAY(SELECT c.oid UNION SELECT t.relid::oid FROM pg_catalog.pg_partition_ancestors(c.oid) t) AS oids) family
CROSS JOIN LATERAL (SELECT ${identity} AS columns) identity
JOIN pg_catalog.pg_publication p ON p.pubupdate OR p.pubdelete
LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = ANY (family.oids)
WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.oid >= ${firstUserOid} AND n.nspname <> ${quoteLiteral(ledgerSchema)}
  AND (p.puballtables OR r.oid IS NOT NULL OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s JOIN pg_catalog.pg_class f ON f.relnamespace = s.pnnspid
       WHERE s.pnpubid = p.oid AND f.oid = ANY (family.oids)))
  AND CASE WHEN c.relreplident = 'f' THEN r.prattrs IS NOT NULL
      WHEN identity.columns IS NULL THEN true
      WHEN r.oid IS NULL OR NOT p.pubviaroot AND r.prrelid <> c.oid THEN false
      ELSE NOT coalesce(${filtered} <@ identity.columns, true) OR NOT coalesce(identity.columns <@ ${listed}, true) END`;

/** `schema.name` of every table that refuses UPDATE or DELETE since it is published. One round trip. */
export function readUnreplicable(client: ScratchClient): Promise<readonly string[]> {
  return queryJson<readonly string[]>(client, unreplicableSql);
}

const rowsOnly = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'VariableSetStmt']);

/** Whether a statement may change what is published, or the identity of a table. */
function mayChangeIdentity({ kind }: Pick<Statement, 'kind'>): boolean {
  return !rowsOnly.has(kind);
}

/** Published tables that this statement has left without a way to tell their rows; asked only where anything is published. */
export async function newlyUnreplicable(
  session: TraceSession,
  statement: Statement,
): Promise<{ unreplicable?: readonly string[] }> {
  session.publishes ||= /\bpublication\b/i.test(statement.text);
  if (!session.publishes || !mayChangeIdentity(statement)) return {};
  const known = session.unreplicable;
  const now = await readUnreplicable(session.client);
  session.unreplicable = new Set(now);
  return { unreplicable: now.filter((name) => known?.has(name) !== true) };
}

/** What a later statement of the migration has mended is nobody's trouble. */
export function stillUnreplicable({ unreplicable }: TraceSession, traced: TracedStatement): TracedStatement {
  if (traced.unreplicable === undefined) return traced;
  return { ...traced, unreplicable: traced.unreplicable.filter((name) => unreplicable?.has(name) === true) };
}
