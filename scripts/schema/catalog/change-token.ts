// Takes what to leave out; gives one short text that stays the same as long as nobody touches a catalog row that
// the canonical snapshot reads. Comparable within one database only: it counts OIDs and transaction ids.
// It must not know what the objects mean; "differs" costs a canonical comparison, "equal" ends the matter.

import { firstUserOid, hiddenNamespace, inQuotes, quoteLiteral } from '../sql.ts';
import type { SchemaOptions } from '../types.ts';
import { broughtCatalogs, type CountedCatalog, catalogs, hasPages } from './counted-catalogs.ts';
import { distributionState } from './distribution.ts';
import { hiddenSql } from './hidden.ts';
import { commentsOfBrought, onePassSql, passed } from './one-pass.ts';
import { contentHash, relational } from './relation-counts.ts';

/** One part of the change token: how many rows there are, and the sum of a hash of each. */
export interface Counted {
  /** Of the catalog. */
  readonly name: string;
  /** Table and condition; it may name the CTEs of `hiddenSql`. */
  readonly from: string;
  readonly hash: string;
  /**
   * SQL that is false only where there is no such row, and costs next to nothing: a query of a catalog that a session has
   * not met yet takes half a millisecond for its plan alone. It may name `user_class`.
   */
  readonly onlyWhere?: string;
}

const byXmin = (key: string) => `hashint8extended(${key}, xmin::text::int8)`;

/** An SQL expression. */
export function countSql({ from, hash }: Pick<Counted, 'from' | 'hash'>): string {
  return `(SELECT concat(count(*), ':', coalesce(sum(${hash}), 0)) FROM ${from})`;
}

function countCatalog({ name, namespace, relation, type, brought, empty, flag }: CountedCatalog): Counted {
  const conditions = [brought ? 'true' : `oid >= ${firstUserOid}`];
  if (namespace !== undefined) conditions.push(`${namespace} NOT IN (SELECT oid FROM hidden_namespace)`);
  if (relation !== undefined) conditions.push(`${relation} NOT IN (SELECT oid FROM own_relation)`);
  if (type !== undefined) conditions.push(`${type} NOT IN (SELECT oid FROM hidden_type)`);
  const onlyWhere = empty ? hasPages(name) : flag && `EXISTS (SELECT FROM user_class WHERE ${flag})`;
  const from = `pg_catalog.${name} WHERE ${conditions.join(' AND ')}`;
  return { name, from, hash: byXmin('oid::int8'), ...(onlyWhere && { onlyWhere }) };
}

/** Catalogs without OIDs of their own: a key made of their columns, and xmin. */
function countKeyed(name: string, key: string, condition: string, onlyWhere?: string): Counted {
  const from = `pg_catalog.${name} WHERE ${condition}`;
  return { name, from, hash: byXmin(key), ...(onlyWhere && { onlyWhere }) };
}

/** Rows by what they hold; without a condition where `rows` is empty. */
function countContent(name: string, rows: string, columns: readonly string[], onlyWhere?: string): Counted {
  return {
    ...{ name, from: `pg_catalog.${name}${rows}`, hash: contentHash(columns) },
    ...(onlyWhere && { onlyWhere }),
  };
}

function relationCounts(options: SchemaOptions): Counted[] {
  return [
    ...relational(options).map(({ catalog, from, columns }) => ({
      name: catalog,
      from,
      hash: contentHash(columns),
    })),
    // Row types and array types follow their table or element; a shell array type would say nothing new.
    {
      name: 'pg_type',
      from: `pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type element ON element.typarray = t.oid
          LEFT JOIN pg_catalog.pg_class c ON c.oid = coalesce(nullif(t.typrelid, 0), element.typrelid)
        WHERE t.oid >= ${firstUserOid} AND (c.relkind IS NULL OR c.relkind = 'c')
          AND t.typnamespace NOT IN (SELECT oid FROM hidden_namespace)`,
      hash: 'hashint8extended(t.oid::int8, t.xmin::text::int8)',
    },
  ];
}

function keyedCounts(): Counted[] {
  const relationKey = (column: string) => `${column} NOT IN (SELECT oid FROM own_relation)`;
  const emptyKeyed = (name: string, key: string, column: string) =>
    countKeyed(name, key, relationKey(column), hasPages(name));
  return [
    emptyKeyed('pg_inherits', '(inhrelid::int8 << 16) + inhseqno', 'inhrelid'),
    emptyKeyed('pg_partitioned_table', 'partrelid::int8', 'partrelid'),
    // Not xmin: ALTER SEQUENCE … RESTART touches the row and changes a value only.
    {
      name: 'pg_sequence',
      from: `pg_catalog.pg_sequence WHERE ${relationKey('seqrelid')}`,
      hash: contentHash([
        ...['seqrelid', 'seqtypid', 'seqstart', 'seqincrement', 'seqmax', 'seqmin', 'seqcache', 'seqcycle'],
      ]),
    },
    emptyKeyed('pg_foreign_table', 'ftrelid::int8', 'ftrelid'),
    countKeyed(
      'pg_range',
      'rngtypid::int8',
      `rngtypid >= ${firstUserOid} AND rngtypid NOT IN (SELECT oid FROM hidden_type)`,
    ),
    countKeyed('pg_aggregate', 'aggfnoid::oid::int8', `aggfnoid >= ${firstUserOid}`),
    countKeyed(
      'pg_description',
      '(objoid::int8 << 16) + objsubid',
      // By the index: the server's own comments are thousands.
      `(objoid >= ${firstUserOid} OR classoid IN ('pg_catalog.pg_namespace'::regclass, 'pg_catalog.pg_extension'::regclass)
          AND objoid = ANY (ARRAY(SELECT oid FROM pg_catalog.pg_namespace UNION ALL SELECT oid FROM pg_catalog.pg_extension)))
        AND NOT (classoid = 'pg_catalog.pg_class'::regclass AND objoid IN (SELECT oid FROM own_relation))
        AND classoid <> 'pg_catalog.pg_largeobject'::regclass`,
    ),
    countKeyed('pg_namespace', 'oid::int8', 'oid NOT IN (SELECT oid FROM hidden_namespace)'),
  ];
}

/** Dependencies that no other catalog shows: members of extensions, and which column a sequence belongs to. */
const dependencies: Counted = countContent(
  'pg_depend',
  ` WHERE (deptype IN ('e', 'x') OR (deptype IN ('a', 'i')
        AND classid = 'pg_catalog.pg_class'::regclass AND refclassid = 'pg_catalog.pg_class'::regclass AND refobjsubid > 0
        AND objid NOT IN (SELECT oid FROM own_relation) AND objid IN (SELECT seqrelid FROM pg_catalog.pg_sequence)))`,
  ['classid', 'objid', 'objsubid', 'refclassid', 'refobjid', 'refobjsubid', 'deptype'],
);

/** What is shared by all databases, or readable through views only. */
function sharedCounts({ include }: SchemaOptions): Counted[] {
  const database = `(SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())`;
  const databaseColumns = [
    ...(include.includes('owners') ? ['datdba'] : []),
    ...(include.includes('grants') ? ['datacl'] : []),
  ];
  return [
    countContent(
      'pg_db_role_setting',
      ` WHERE setdatabase = ${database}`,
      ['setrole', 'setconfig'],
      hasPages('pg_db_role_setting'),
    ),
    countContent(
      'pg_shdescription',
      ` WHERE objoid = ${database} AND classoid = 'pg_catalog.pg_database'::regclass`,
      ['description'],
    ),
    countContent(
      'pg_user_mappings',
      '',
      ['umid', 'srvid', 'umuser', 'umoptions'],
      hasPages('pg_user_mapping'),
    ),
    countContent(
      'pg_subscription',
      ` WHERE subdbid = ${database}`,
      [
        ...['oid', 'subname', 'subenabled', 'subslotname', 'subpublications', 'subbinary', 'substream'],
        ...['subdisableonerr', 'subsynccommit'],
      ],
      hasPages('pg_subscription'),
    ),
    ...(databaseColumns.length > 0
      ? [countContent('pg_database', ' WHERE datname = current_database()', databaseColumns)]
      : []),
  ];
}

/** The parts of the change token, in a fixed order. They need the CTEs of `hiddenSql` before them. */
export function countsOf(options: SchemaOptions): Counted[] {
  const withOids = [...catalogs, ...broughtCatalogs].map(countCatalog);
  const mapped = countKeyed(
    'pg_ts_config_map',
    '(mapcfg::int8 << 24) + (maptokentype << 8) + mapseqno',
    `mapcfg >= ${firstUserOid}`,
  );
  return [
    ...relationCounts(options),
    ...withOids,
    ...keyedCounts(),
    mapped,
    dependencies,
    ...sharedCounts(options),
  ];
}

/** Counts that say nothing where there are no rows, as one text that is planned only where some of them may have rows. */
function rareSql(
  options: SchemaOptions,
  rare: readonly (Counted & { readonly onlyWhere: string })[],
): string {
  const values = rare.map(
    ({ name, from, hash, onlyWhere }) =>
      `(${onlyWhere}, ${quoteLiteral(`SELECT '${name}' AS name, count(*) AS count, sum(${hash}) AS sum FROM ${from}`)})`,
  );
  const [before, after] = [
    `${hiddenSql(options)} SELECT string_agg(concat_ws(' ', name, count, sum), ',' ORDER BY name COLLATE "C") AS v FROM (`,
    ') AS counted WHERE count > 0',
  ].map(quoteLiteral);
  const text = `(SELECT ${before} || string_agg(part, ' UNION ALL ') || ${after} FROM (VALUES ${values.join(',\n')}) AS rare (present, part) WHERE present)`;
  return `coalesce(substring(pg_catalog.query_to_xml(${text}, false, false, '')::text FROM '<v>([^<]*)</v>'), '')`;
}

/**
 * A SELECT of one row with one column `token` (text, 32 characters), without parameters, so that it can stand in a
 * batch or inside another transaction. It reads what any role may read.
 */
export function changeTokenSql(options: SchemaOptions): string {
  const isRare = (each: Counted): each is Counted & { onlyWhere: string } => each.onlyWhere !== undefined;
  const counts = countsOf(options).filter(({ name }) => !passed.has(name));
  const always = counts.filter((each) => !isRare(each)).map(countSql);
  const tables = options.tracking.map(({ schema, table }) => `${inQuotes(schema)}.${inQuotes(table)}`);
  // Looked up once, not for each row of a catalog.
  const tracking = `ANY ((SELECT ARRAY[${tables.map((name) => `to_regclass(${quoteLiteral(name)})`).join(', ')}]::oid[])::oid[])`;
  return `WITH hidden_namespace AS MATERIALIZED (
  SELECT oid FROM pg_catalog.pg_namespace WHERE ${hiddenNamespace('nspname')}
), own_relation AS MATERIALIZED (
  SELECT oid FROM pg_catalog.pg_class WHERE oid >= ${firstUserOid} AND (relnamespace IN (SELECT oid FROM hidden_namespace) OR oid = ${tracking})
  UNION ALL SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = ${tracking}
  UNION ALL SELECT objid FROM pg_catalog.pg_depend WHERE refobjid = ${tracking} AND refclassid = 'pg_catalog.pg_class'::regclass AND classid = 'pg_catalog.pg_class'::regclass AND deptype IN ('a', 'i')
), user_class AS MATERIALIZED (
  SELECT relhasrules, relhastriggers FROM pg_catalog.pg_class WHERE oid >= ${firstUserOid} AND oid NOT IN (SELECT oid FROM own_relation)
)
SELECT md5(concat_ws(',', ${[onePassSql, commentsOfBrought, ...always].join(',\n')},
  ${rareSql(options, counts.filter(isRare))}, ${distributionState})) AS token`;
}
