// Gives what the change token counts of the catalogs whose rows belong to one relation each: by what they hold, for all of
// them or relation by relation. It needs the CTEs of the change token before it, and reads nothing itself.
import { firstUserOid } from '../sql.ts';
import type { SchemaOptions } from '../types.ts';
import { toastNamespace } from './hidden.ts';

/**
 * A hash of what a row holds, instead of its xmin: for catalogs that housekeeping rewrites. Of its text, for a session that
 * hashes a row looks up how each of its types is hashed.
 */
export function contentHash(columns: readonly string[]): string {
  return `hashtextextended(ROW(${columns.join(', ')})::text COLLATE "C", 0)`;
}

/** A catalog whose rows belong to one relation each, and are counted by what they hold. */
interface Relational {
  readonly catalog: 'pg_class' | 'pg_index' | 'pg_attribute';
  /** The relation that a row belongs to. */
  readonly oid: string;
  /** With a condition that others may be added to. */
  readonly from: string;
  readonly columns: readonly string[];
}

/** The catalogs of relations, with what of them counts. */
export function relational({ include }: SchemaOptions): readonly Relational[] {
  return [pgClass(include), pgIndex, pgAttribute(include)];
}

function pgClass(include: SchemaOptions['include']): Relational {
  const own = `c.relnamespace IN (SELECT oid FROM hidden_namespace) OR c.oid IN (SELECT oid FROM own_relation)`;
  // Options of a TOAST table are options of its table, by whose OID it is named: its own is another after VACUUM FULL.
  const optionsOnly = `c.relkind = 't' AND c.reloptions IS NOT NULL AND c.relnamespace = ${toastNamespace}`;
  return {
    catalog: 'pg_class',
    oid: 'c.oid',
    from: `pg_catalog.pg_class c WHERE c.oid >= ${firstUserOid} AND (NOT (${own}) OR (${optionsOnly}))`,
    // Not relpages, relfilenode, relhasindex and the like: VACUUM, REINDEX, CLUSTER and TRUNCATE set those.
    columns: [
      `CASE WHEN c.relkind = 't' THEN 0 ELSE c.oid END`,
      ...['c.relname', 'c.relnamespace', 'c.reloftype', 'c.relam', 'c.reltablespace', 'c.relkind'],
      ...['c.relpersistence', 'c.relrowsecurity', 'c.relforcerowsecurity', 'c.relreplident'],
      ...['c.relispartition', 'c.relpartbound::text', 'c.reloptions'],
      ...(include.includes('owners') ? ['c.relowner'] : []),
      ...(include.includes('grants') ? ['c.relacl'] : []),
    ],
  };
}

const pgIndex: Relational = {
  catalog: 'pg_index',
  oid: 'i.indexrelid',
  from: `pg_catalog.pg_index i WHERE i.indexrelid >= ${firstUserOid} AND i.indrelid NOT IN (SELECT oid FROM hidden_relation)`,
  // Not indcheckxmin: CREATE INDEX in a busy table sets it.
  columns: [
    ...['indexrelid', 'indrelid', 'indnatts', 'indnkeyatts', 'indisunique', 'indnullsnotdistinct'],
    ...['indisprimary', 'indisexclusion', 'indimmediate', 'indisvalid', 'indisready', 'indislive'],
    ...['indisreplident', 'indisclustered', 'indkey::text', 'indcollation', 'indclass', 'indoption::text'],
    ...['indexprs::text', 'indpred::text'],
  ],
};

function pgAttribute(include: SchemaOptions['include']): Relational {
  return {
    catalog: 'pg_attribute',
    oid: 'a.attrelid',
    // What is left of a column that was dropped is nobody's; its place shows in those behind it.
    from: `pg_catalog.pg_attribute a WHERE a.attrelid >= ${firstUserOid} AND a.attnum > 0 AND NOT a.attisdropped
        AND a.attrelid NOT IN (SELECT oid FROM hidden_relation)`,
    // Not xmin: a rewrite of the table clears attmissingval, which is no change of the schema.
    columns: [
      ...['attrelid', 'attnum', 'attname', 'atttypid', 'atttypmod', 'attnotnull', 'atthasdef'],
      ...['attidentity', 'attgenerated', 'attislocal', 'attinhcount', 'attcollation', 'attstorage'],
      ...['attcompression', 'attstattarget', 'attoptions', 'attfdwoptions'],
      ...(include.includes('grants') ? ['attacl'] : []),
    ],
  };
}

/**
 * A SELECT of `part` (`pg_class 16385`) and `content` for each relation that has rows in one of the catalogs; it needs the
 * CTEs of `hiddenSql` before it.
 * @param within a CTE of OIDs: only of these relations, and of all of them, `none` where there is no row
 */
export function relationPartsSql(
  options: SchemaOptions,
  named: (catalog: string) => boolean,
  within?: string,
): string {
  const selects = relational(options)
    .filter(({ catalog }) => named(catalog))
    .map(({ catalog, oid, from, columns }) => {
      const rows = (condition: string) =>
        `SELECT ${oid} AS oid, concat(count(*), ':', sum(${contentHash(columns)})) AS content FROM ${from}${condition} GROUP BY 1`;
      return within === undefined
        ? `SELECT '${catalog} ' || r.oid AS part, r.content FROM (${rows('')}) AS r`
        : `SELECT '${catalog} ' || w.oid, coalesce(r.content, 'none') FROM ${within} AS w LEFT JOIN (${rows(` AND ${oid} IN (SELECT oid FROM ${within})`)}) AS r USING (oid)`;
    });
  return selects.length === 0 ? "SELECT '' AS part, '' AS content WHERE false" : selects.join('\nUNION ALL ');
}
