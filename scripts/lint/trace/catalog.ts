// Gives the queries that read locks, storage and scans of our own session, and the catalog as rules need it.
// It knows pg_catalog, nothing of statements. Every name is qualified: a migration may have moved search_path.
import { distributionRows } from '../../schema/catalog/distribution.ts';
import { firstUserOid, quoteLiteral } from '../../schema/sql.ts';
import { ledgerSchema } from '../../schema/types.ts';
import type { ScratchClient } from '../../scratch/client.ts';
import type { Catalog, CatalogRelation } from './traced.ts';

/** One relation that our session holds locks on. */
export interface Probed {
  readonly oid: number;
  readonly modes: readonly string[];
  readonly filenode: number | null;
  /** Sequential scans of this session; they outlive COMMIT for a moment, so only differences count. */
  readonly scans: number;
  /** Null when it was dropped in this transaction. */
  readonly schema: string | null;
  readonly name: string | null;
  readonly kind: string | null;
}

/** What stands in for Citus keeps its notes in a table of ours. */
const ours = quoteLiteral(ledgerSchema);

/** https://www.postgresql.org/docs/16/view-pg-locks.html; system catalogs, TOAST tables and our own are left out. */
export const probeSql = `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'oid', h.oid::bigint, 'modes', h.modes, 'filenode', pg_catalog.pg_relation_filenode(h.oid)::bigint,
  'scans', pg_catalog.pg_stat_get_xact_numscans(h.oid), 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind
)), '[]') AS probe
FROM (SELECT l.relation AS oid, pg_catalog.array_agg(l.mode) AS modes FROM pg_catalog.pg_locks l
      WHERE l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid() AND l.granted AND l.relation >= ${firstUserOid}
        AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
      GROUP BY l.relation) h
LEFT JOIN pg_catalog.pg_class c ON c.oid = h.oid
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relnamespace IS DISTINCT FROM 99 AND n.nspname IS DISTINCT FROM ${ours}`;

/** What there is before a migration begins. */
export interface Baseline {
  /** OID, storage and scan counter of every relation. */
  readonly storage: readonly (readonly [number, number | null, number])[];
  /** Whether there is any publication. */
  readonly publishes: boolean;
}

/** One row, one column: a `Baseline`. */
export const baselineSql = `SELECT pg_catalog.json_build_object('publishes', EXISTS (SELECT FROM pg_catalog.pg_publication), 'storage',
  coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(
  c.oid::bigint, pg_catalog.pg_relation_filenode(c.oid)::bigint, pg_catalog.pg_stat_get_xact_numscans(c.oid))), '[]')) AS baseline
FROM pg_catalog.pg_class c WHERE c.oid >= ${firstUserOid} AND c.relkind IN ('r','m','i','p')`;

function catalogSql(condition: string): string {
  return `WITH spread AS MATERIALIZED (SELECT * FROM ${distributionRows})
SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
  'oid', c.oid::bigint, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind, 'persistence', c.relpersistence,
  'parent', (SELECT p.inhparent::bigint::text FROM pg_catalog.pg_inherits p WHERE p.inhrelid = c.oid LIMIT 1),
  'partitionKey', CASE c.relkind WHEN 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END,
  'isDefault', coalesce(c.relispartition AND pg_catalog.pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', false), 'bound', CASE WHEN c.relispartition THEN pg_catalog.pg_get_expr(c.relpartbound, c.oid) END,
  'populated', c.relispopulated, 'writable', CASE c.relkind WHEN 'v' THEN pg_catalog.pg_relation_is_updatable(c.oid, true)::int4 END, 'triggers', (SELECT count(*) FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal),
  'statementTriggers', (SELECT count(*) FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgtype::int & 1 = 0),
  'updateTriggers', (SELECT count(*) FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgtype::int & 16 <> 0),
  'rewriteRules', (SELECT count(*) FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type <> '1'),
  'acl', coalesce(c.relacl::text[], '{}'), 'hasIdentity', c.relreplident = 'f' OR EXISTS (SELECT FROM pg_catalog.pg_index ri WHERE ri.indrelid = c.oid AND ((c.relreplident = 'd' AND ri.indisprimary) OR (c.relreplident = 'i' AND ri.indisreplident))),
  'table', own.indrelid::bigint, 'owned', own.indexrelid IS NOT NULL AND EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = c.oid),
  'columns', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object('number', a.attnum, 'name', a.attname,
      'type', pg_catalog.format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull,
      'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid), 'identity', a.attidentity <> '', 'always', a.attidentity = 'a', 'generated', a.attgenerated <> '') ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind NOT IN ('i','I','S')), '[]'),
  'indexes', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', ic.relname, 'unique', i.indisunique,
      'partial', i.indpred IS NOT NULL, 'definition', pg_catalog.pg_get_indexdef(i.indexrelid),
      'columns', (SELECT pg_catalog.array_agg(coalesce(ia.attname, '') ORDER BY k.n) FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY k (num, n)
        LEFT JOIN pg_catalog.pg_attribute ia ON ia.attrelid = i.indrelid AND ia.attnum = k.num WHERE k.n <= i.indnkeyatts)))
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid WHERE i.indrelid = c.oid), '[]'),
  'constraints', coalesce((SELECT pg_catalog.json_agg(pg_catalog.json_build_object('name', k.conname, 'type', k.contype, 'valid', k.convalidated,
      'references', (SELECT fn.nspname || '.' || f.relname FROM pg_catalog.pg_class f JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace WHERE f.oid = k.confrelid),
      'definition', pg_catalog.pg_get_constraintdef(k.oid), 'columns', coalesce((SELECT pg_catalog.array_agg(ka.attname ORDER BY kk.n) FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY kk (num, n)
        JOIN pg_catalog.pg_attribute ka ON ka.attrelid = k.conrelid AND ka.attnum = kk.num), '{}')))
    FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.conparentid = 0), '[]'),
  'distribution', (SELECT pg_catalog.json_build_object('kind', s.kind, 'column', s.col, 'group', CASE s.kind WHEN 'schema' THEN 'schema ' || n.nspname ELSE s.grp END) FROM spread s
    WHERE CASE s.kind WHEN 'schema' THEN c.relnamespace ELSE c.oid END = s.relid AND c.relkind IN ('r','p') LIMIT 1)
)), '[]') AS catalog
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index own ON own.indexrelid = c.oid
WHERE c.oid >= ${firstUserOid} AND c.relkind IN ('r','p','v','m','f','c','i','I','S') AND n.nspname NOT IN ('pg_catalog','information_schema', ${ours}) AND n.nspname NOT LIKE 'pg\\_toast%' ${condition}`;
}

/** Reads the whole catalog of user relations, or those given. */
export async function readCatalog(client: ScratchClient, oids?: readonly number[]): Promise<Catalog> {
  if (oids?.length === 0) return new Map();
  const condition = oids === undefined ? '' : `AND c.oid IN (${oids.join(',')})`;
  const relations = await queryJson<readonly CatalogRelation[]>(client, catalogSql(condition));
  return new Map(relations.map((relation) => [relation.oid, relation]));
}

interface Result {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** Runs a text whose last statement gives one row with one JSON column. */
export async function queryJson<T>(client: ScratchClient, sql: string): Promise<T> {
  const results = (await client.query(sql)) as Result | readonly Result[];
  const last = (Array.isArray(results) ? results.at(-1) : results) as Result;
  const value = Object.values(last.rows[0] ?? {})[0];
  return (typeof value === 'string' ? JSON.parse(value) : value) as T;
}
