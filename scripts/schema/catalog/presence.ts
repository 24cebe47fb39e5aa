// Gives conditions that tell for next to nothing which classes can have objects at all: to plan the query of a class takes a
// session longer than to find that there is none. It reads nothing itself.
import { firstUserOid, quoteLiteral } from '../sql.ts';
import type { ObjectClass } from '../types.ts';
import { broughtCatalogs, hasPages } from './counted-catalogs.ts';
import { standInTable } from './distribution.ts';

/** A SELECT of identity, parent and definition over the scope of sql.ts. */
export interface Source {
  readonly sql: string;
  /** SQL that is false only where the SELECT finds nothing; always read without it. It may name the CTEs of `presenceSql`. */
  readonly onlyWhere?: string | undefined;
}

/** Catalogs that have rows of the server's own: those that users added to count. */
const shared = [
  ...broughtCatalogs.map(({ name, namespace = '0::oid' }) => ({ name, oid: 'oid', namespace })),
  { name: 'pg_proc', oid: 'oid', namespace: 'pronamespace' },
  { name: 'pg_aggregate', oid: 'aggfnoid::oid', namespace: '0::oid' },
];

const hasMade = (...catalogs: readonly string[]) =>
  `made.catalogs && ARRAY[${catalogs.map(quoteLiteral).join(', ')}]`;

/** True where there is a comment on anything of that catalog. */
export const isCommented = (catalog: string) =>
  `'pg_catalog.${catalog}'::regclass = ANY (commented.catalogs)`;

/** Not row types, nor the array types that every type brings. */
const hasTypes = `EXISTS (SELECT FROM pg_catalog.pg_class WHERE relkind = 'c' AND oid >= ${firstUserOid})
  OR EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.oid >= ${firstUserOid} AND t.typtype <> 'c'
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_type element WHERE element.typarray = t.oid))`;

/** Of classes that a small schema has none of. */
export const onlyWhere: Readonly<Partial<Record<ObjectClass, string>>> = {
  routine: hasMade('pg_proc'),
  aggregate: hasMade('pg_aggregate'),
  trigger: 'EXISTS (SELECT FROM rel WHERE relhastriggers)',
  rule: 'EXISTS (SELECT FROM rel WHERE relhasrules)',
  policy: hasPages('pg_policy'),
  statistics: hasPages('pg_statistic_ext'),
  type: hasTypes,
  publication: hasPages('pg_publication'),
  subscription: hasPages('pg_subscription'),
  'event-trigger': hasPages('pg_event_trigger'),
  'default-privileges': hasPages('pg_default_acl'),
  collation: hasMade('pg_collation'),
  operator: hasMade('pg_operator'),
  'operator-class': hasMade('pg_opclass'),
  'operator-family': hasMade('pg_opfamily', 'pg_amop', 'pg_amproc'),
  cast: hasMade('pg_cast'),
  conversion: hasMade('pg_conversion'),
  'text-search': hasMade('pg_ts_config', 'pg_ts_dict', 'pg_ts_parser', 'pg_ts_template'),
  'foreign-data-wrapper': hasPages('pg_foreign_data_wrapper'),
  'foreign-server': hasPages('pg_foreign_server'),
  'user-mapping': hasPages('pg_user_mapping'),
  language: hasMade('pg_language'),
  transform: hasPages('pg_transform'),
  'access-method': hasMade('pg_am'),
  distribution: `pg_catalog.to_regclass('pg_catalog.pg_dist_schema') IS NOT NULL OR pg_catalog.to_regclass('${standInTable}') IS NOT NULL`,
};

/**
 * A SELECT of one text: a letter for each source, `t` where it may find something.
 * @param scope the CTEs of `scope`
 */
export function presenceSql(scope: string, sources: readonly Source[]): string {
  const rows = shared.map(
    ({ name, oid, namespace }) =>
      `SELECT '${name}' AS catalog, ${oid} AS oid, ${namespace} AS namespace FROM pg_catalog.${name}`,
  );
  return `${scope}, made AS MATERIALIZED (
  SELECT coalesce(array_agg(DISTINCT catalog), '{}') AS catalogs FROM (SELECT * FROM (${rows.join(' UNION ALL ')}) AS each WHERE oid >= ${firstUserOid}::oid OFFSET 0) AS user_made
  WHERE namespace = 0 OR namespace IN (SELECT oid FROM ns)
), commented AS MATERIALIZED (
  SELECT coalesce(array_agg(DISTINCT classoid), '{}') AS catalogs FROM pg_catalog.pg_description WHERE objoid >= ${firstUserOid}
)
SELECT concat(${sources.map(({ onlyWhere: condition = 'true' }) => `(${condition}) IS NOT FALSE`).join(', ')}) FROM made, commented`;
}
