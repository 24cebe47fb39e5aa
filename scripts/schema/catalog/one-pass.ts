// Gives the part of the change token that is read in one pass over most catalogs. To plan a query of its own for each takes a
// session that has met none of them far longer. It needs the CTEs of the change token before it.
import { firstUserOid } from '../sql.ts';
import { broughtCatalogs, catalogs } from './counted-catalogs.ts';

/** Where a row says what it is and what it belongs to: SQL. */
interface Pass {
  readonly name: string;
  /** What users made has one from `firstUserOid` on. */
  readonly oid?: string;
  /** `oid` where it is not given. */
  readonly key?: string;
  /** See `ofSchema` and `ofRelation`; nothing of it is hidden where it is not given. */
  readonly parent?: string;
}

/** Two kinds of OIDs in one column: those of relations are negative. */
const ofSchema = (oid: string) => `${oid}::int8`;
const ofRelation = (oid: string) => `-(${oid}::int8)`;

const always = `${firstUserOid}::oid`;
const pgClass = "'pg_catalog.pg_class'::regclass";

/** Changed with a row that is in the pass: of the column, of the function, of the type. */
const implied = new Set(['pg_attrdef', 'pg_aggregate', 'pg_range']);

const passes: readonly Pass[] = [
  ...[...catalogs, ...broughtCatalogs]
    .filter(({ name, empty, flag }) => !empty && flag === undefined && !implied.has(name))
    .map(({ name, namespace, relation, brought }) => ({
      name,
      ...(brought && { oid: always, key: 'oid' }),
      ...(namespace && { parent: ofSchema(namespace) }),
      ...(relation && { parent: ofRelation(relation) }),
    })),
  // Not arrays, which follow their elements.
  {
    name: 'pg_type',
    oid: "CASE WHEN typinput <> 'pg_catalog.array_in'::regproc THEN oid END",
    key: 'oid',
    parent: `CASE WHEN typrelid = 0::oid THEN ${ofSchema('typnamespace')} ELSE ${ofRelation('typrelid')} END`,
  },
  { name: 'pg_namespace', oid: always, key: 'oid', parent: ofSchema('oid') },
  { name: 'pg_index', oid: 'indexrelid', parent: ofRelation('indrelid') },
  // With what is left of columns that were dropped: it is the same in two readings of one database.
  {
    name: 'pg_attribute',
    oid: 'attrelid',
    key: '(attrelid::int8 << 16) + attnum',
    parent: ofRelation('attrelid'),
  },
  // Of what users made; those of schemas and extensions that the server brings are `commentsOfBrought`.
  {
    name: 'pg_description',
    oid: 'objoid',
    key: '(objoid::int8 << 16) + objsubid',
    parent: `CASE classoid WHEN ${pgClass} THEN ${ofRelation('objoid')} WHEN 'pg_catalog.pg_largeobject'::regclass THEN ${ofSchema("'pg_toast'::regnamespace::oid")} ELSE 0 END`,
  },
  {
    name: 'pg_ts_config_map',
    oid: 'mapcfg',
    key: '(mapcfg::int8 << 24) + (maptokentype << 8) + mapseqno',
  },
  // Members of extensions, and what belongs to a column: a sequence.
  {
    name: 'pg_depend',
    oid: `CASE WHEN deptype IN ('e', 'x') THEN ${always} WHEN deptype IN ('a', 'i') AND classid = ${pgClass} AND refclassid = ${pgClass} AND refobjsubid > 0 THEN objid END`,
    key: '(objid::int8 << 32) + refobjid::int8',
    parent: `CASE WHEN deptype IN ('a', 'i') THEN ${ofRelation('objid')} ELSE 0 END`,
  },
];

/** The catalogs whose count this is. */
export const passed: ReadonlySet<string> = new Set([...passes.map(({ name }) => name), ...implied]);

const rows = passes.map(
  ({ name, oid = 'oid', key = oid, parent = '0::int8' }, i) =>
    `SELECT ${oid} AS oid, ((${key})::int8 << 5) + ${i} AS key, xmin, ${parent} AS parent FROM pg_catalog.${name}`,
);

/** An SQL expression. The catalogs are read without a condition of their own, so that they are planned as one. */
export const onePassSql = `(SELECT concat(count(*), ':', sum(hashint8extended(key, xmin::text::int8)))
  FROM (SELECT * FROM (${rows.join(' UNION ALL ')}) AS each WHERE oid >= ${firstUserOid}::oid OFFSET 0) AS made
  WHERE parent NOT IN (SELECT oid::int8 FROM hidden_namespace UNION ALL SELECT -(oid::int8) FROM own_relation))`;

/** An SQL expression: comments on schemas and extensions, also on those that come with the server. */
export const commentsOfBrought = `(SELECT concat(count(*), ':', sum(hashint8extended(objoid::int8, xmin::text::int8))) FROM pg_catalog.pg_description
  WHERE objoid = ANY (ARRAY(SELECT oid FROM pg_catalog.pg_namespace UNION ALL SELECT oid FROM pg_catalog.pg_extension)))`;
