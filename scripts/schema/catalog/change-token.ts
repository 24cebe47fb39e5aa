// Takes what to leave out; gives one short text that stays the same as long as nobody touches a catalog row that
// the canonical snapshot reads. Comparable within one database only: it counts OIDs and transaction ids.
// It must not know what the objects mean; "differs" costs a canonical comparison, "equal" ends the matter.

import { firstUserOid, hiddenNamespace, quoteLiteral, trackingTable } from '../sql.ts';
import { ledgerSchema, type Query, type SchemaOptions } from '../types.ts';
import { type Catalog, catalogs } from './counted-catalogs.ts';
import { distributionState } from './distribution.ts';
import { countContent, relational, toastNamespace } from './relation-counts.ts';

function count(from: string, key: string, value: string): string {
  return `(SELECT count(*) || ':' || coalesce(sum(hashint8extended(${key}, ${value})), 0) FROM ${from})`;
}

function countCatalog({ name, namespace, relation, type, brought }: Catalog): string {
  const conditions = [brought ? 'true' : `oid >= ${firstUserOid}`];
  if (namespace !== undefined) conditions.push(`${namespace} NOT IN (SELECT oid FROM hidden_namespace)`);
  if (relation !== undefined) conditions.push(`${relation} NOT IN (SELECT oid FROM own_relation)`);
  if (type !== undefined) conditions.push(`${type} NOT IN (SELECT oid FROM hidden_type)`);
  return count(`pg_catalog.${name} WHERE ${conditions.join(' AND ')}`, 'oid::int8', 'xmin::text::int8');
}

/** Catalogs without OIDs of their own: a key made of their columns, and xmin. */
function countKeyed(name: string, key: string, condition: string): string {
  return count(`pg_catalog.${name} WHERE ${condition}`, key, 'xmin::text::int8');
}

function relationCounts(options: SchemaOptions): string[] {
  return [
    ...relational(options).map(({ from, columns }) => countContent(from, ...columns)),
    // Row types and array types follow their table or element; a shell array type would say nothing new.
    count(
      `pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type element ON element.typarray = t.oid
          LEFT JOIN pg_catalog.pg_class c ON c.oid = coalesce(nullif(t.typrelid, 0), element.typrelid)
        WHERE t.oid >= ${firstUserOid} AND (c.relkind IS NULL OR c.relkind = 'c')
          AND t.typnamespace NOT IN (SELECT oid FROM hidden_namespace)`,
      't.oid::int8',
      't.xmin::text::int8',
    ),
  ];
}

function keyedCounts(): string[] {
  const relationKey = (column: string) => `${column} NOT IN (SELECT oid FROM own_relation)`;
  return [
    countKeyed('pg_inherits', '(inhrelid::int8 << 16) + inhseqno', relationKey('inhrelid')),
    countKeyed('pg_partitioned_table', 'partrelid::int8', relationKey('partrelid')),
    // Not xmin: ALTER SEQUENCE … RESTART touches the row and changes a value only.
    countContent(
      `pg_catalog.pg_sequence WHERE ${relationKey('seqrelid')}`,
      ...['seqrelid', 'seqtypid', 'seqstart', 'seqincrement', 'seqmax', 'seqmin', 'seqcache', 'seqcycle'],
    ),
    countKeyed('pg_foreign_table', 'ftrelid::int8', relationKey('ftrelid')),
    countKeyed(
      'pg_range',
      'rngtypid::int8',
      `rngtypid >= ${firstUserOid} AND rngtypid NOT IN (SELECT oid FROM hidden_type)`,
    ),
    countKeyed('pg_aggregate', 'aggfnoid::oid::int8', `aggfnoid >= ${firstUserOid}`),
    countKeyed(
      'pg_ts_config_map',
      '(mapcfg::int8 << 24) + (maptokentype << 8) + mapseqno',
      `mapcfg >= ${firstUserOid}`,
    ),
    countKeyed(
      'pg_description',
      '(objoid::int8 << 16) + objsubid',
      `(objoid >= ${firstUserOid} OR classoid IN ('pg_catalog.pg_namespace'::regclass, 'pg_catalog.pg_extension'::regclass))
        AND NOT (classoid = 'pg_catalog.pg_class'::regclass AND objoid IN (SELECT oid FROM own_relation))
        AND classoid <> 'pg_catalog.pg_largeobject'::regclass`,
    ),
    countKeyed('pg_namespace', 'oid::int8', 'oid NOT IN (SELECT oid FROM hidden_namespace)'),
    distributionState,
  ];
}

/** What is only in pg_depend, and what is shared by all databases or readable through views only. */
function sharedCounts(options: SchemaOptions): string[] {
  const database = `(SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())`;
  const databaseColumns = [
    ...(options.include.includes('owners') ? ['datdba'] : []),
    ...(options.include.includes('grants') ? ['datacl'] : []),
  ];
  return [
    countContent(
      `pg_catalog.pg_depend WHERE (deptype IN ('e', 'x') OR (deptype IN ('a', 'i')
        AND classid = 'pg_catalog.pg_class'::regclass AND refclassid = 'pg_catalog.pg_class'::regclass AND refobjsubid > 0
        AND objid NOT IN (SELECT oid FROM own_relation) AND objid IN (SELECT seqrelid FROM pg_catalog.pg_sequence)))`,
      ...['classid', 'objid', 'objsubid', 'refclassid', 'refobjid', 'refobjsubid', 'deptype'],
    ),
    countContent(
      `pg_catalog.pg_db_role_setting WHERE setdatabase = ${database}`,
      ...['setrole', 'setconfig'],
    ),
    countContent(
      `pg_catalog.pg_shdescription WHERE objoid = ${database} AND classoid = 'pg_catalog.pg_database'::regclass`,
      'description',
    ),
    countContent('pg_catalog.pg_user_mappings', ...['umid', 'srvid', 'umuser', 'umoptions']),
    countContent(
      `pg_catalog.pg_subscription WHERE subdbid = ${database}`,
      ...[
        'oid',
        'subname',
        'subenabled',
        'subslotname',
        'subpublications',
        'subbinary',
        'substream',
        'subdisableonerr',
        'subsynccommit',
      ],
    ),
    ...(databaseColumns.length > 0
      ? [countContent(`pg_catalog.pg_database WHERE datname = current_database()`, ...databaseColumns)]
      : []),
  ];
}

/** The parts of the change token, each an SQL expression, in a fixed order. They need the CTEs of `hiddenSql` before them. */
export function countsOf(options: SchemaOptions): string[] {
  return [relationCounts(options), catalogs.map(countCatalog), keyedCounts(), sharedCounts(options)].flat();
}

/**
 * A SELECT of one row with one column `token` (text, 32 characters), without parameters, so that it can stand in a
 * batch or inside another transaction. It reads what any role may read.
 */
export function changeTokenSql(options: SchemaOptions): string {
  return `${hiddenSql(options)}
SELECT md5(concat_ws(',', ${countsOf(options).join(',\n')})) AS token`;
}

/** What does not count: our own tables, and what is temporary. */
export function hiddenSql(options: SchemaOptions): string {
  return `WITH hidden_namespace AS MATERIALIZED (
  SELECT oid, nspname FROM pg_catalog.pg_namespace WHERE ${hiddenNamespace('nspname')}
), hidden_type AS MATERIALIZED (
  SELECT oid FROM pg_catalog.pg_type WHERE typnamespace IN (SELECT oid FROM hidden_namespace)
), tracking AS MATERIALIZED (
  SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname <> ${quoteLiteral(ledgerSchema)} AND ${trackingTable(options.tracking, 'n.nspname', 'c.relname')}
), own_relation AS MATERIALIZED (
  SELECT oid FROM pg_catalog.pg_class WHERE relnamespace IN (SELECT oid FROM hidden_namespace WHERE nspname <> 'pg_toast')
  UNION SELECT oid FROM tracking
  UNION SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid IN (SELECT oid FROM tracking)
  UNION SELECT objid FROM pg_catalog.pg_depend WHERE refobjid IN (SELECT oid FROM tracking)
    AND refclassid = 'pg_catalog.pg_class'::regclass AND classid = 'pg_catalog.pg_class'::regclass
    AND deptype IN ('a', 'i')
), hidden_relation AS MATERIALIZED (
  SELECT oid FROM own_relation
  UNION ALL SELECT oid FROM pg_catalog.pg_class WHERE relnamespace = ${toastNamespace}
)`;
}

/** The change token of the connected database; compare it only with one read from the same database. */
export async function readChangeToken(query: Query, options: SchemaOptions): Promise<string> {
  const [row] = await query(changeTokenSql(options));
  return String(row?.token);
}
