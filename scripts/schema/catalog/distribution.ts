// Takes nothing; gives the SQL that reads how tables are spread over a Citus cluster: which way, by which column, and
// together with which others. One text for every server: on one without Citus it finds nothing, and reads nothing.
// https://docs.citusdata.com/en/stable/develop/api_metadata.html

import { hexSql, laterSql, lines, part, partWhen, quoteLiteral } from '../sql.ts';

/** Part of the server, as the nodes are: a scratch or development server need not have it. */
export const citusExtensions: readonly string[] = ['citus', 'citus_columnar'];
/** SQL that is true of an extension of Citus; `column` names it. */
export const isCitus = (column: string) =>
  `${column} IN (${citusExtensions.map((name) => `'${name}'`).join(', ')})`;

/** Where a scratch server without Citus keeps what its stand-ins for Citus' functions were asked for. */
export const standInTable = 'migration_ledger.stand_in_distribution';

/**
 * Not: tables that follow their schema, those that a foreign key brought in, and the shards. Colocation ids are of one
 * cluster; here they only tell who is together.
 */
const onCitus = `SELECT logicalrelid::oid AS relid, CASE WHEN partkey IS NOT NULL THEN 'distributed' WHEN repmodel = 't' THEN 'reference'
    WHEN colocationid = 0 THEN 'local' ELSE 'single-shard' END AS kind,
    pg_catalog.column_to_column_name(logicalrelid, partkey) AS col, colocationid::text AS grp
  FROM pg_catalog.pg_dist_partition WHERE NOT coalesce(autoconverted, false)
    AND colocationid NOT IN (SELECT colocationid FROM pg_catalog.pg_dist_schema)
  UNION ALL SELECT schemaid, 'schema', NULL, NULL FROM pg_catalog.pg_dist_schema`;

const onScratch = `SELECT relid, kind, col, grp FROM ${standInTable}`;

const encoded = (rows: string) =>
  quoteLiteral(hexSql(`SELECT pg_catalog.json_agg(d ORDER BY relid, kind) FROM (${rows}) AS d`));

/** An SQL expression: JSON rows of relid, kind, col, grp, or NULL. */
const found =
  laterSql(`CASE WHEN pg_catalog.to_regclass('pg_catalog.pg_dist_schema') IS NOT NULL THEN ${encoded(onCitus)}
      WHEN pg_catalog.to_regclass('${standInTable}') IS NOT NULL THEN ${encoded(onScratch)} END`);

/** Rows of relid, kind, col, grp, to be read FROM; every name is qualified. */
export const distributionRows = `pg_catalog.json_to_recordset((${found})::json) AS d (relid oid, kind text, col text, grp text)`;

/** For the change token: a text that changes with any distribution. */
export const distributionState = `coalesce(md5(${found}), '')`;

export const distribution = `
  SELECT identity, identity, ${lines(
    part('table', 'identity'),
    part('kind', 'kind'),
    part('column', 'quote_ident(col)'),
    partWhen(`kind IN ('distributed', 'single-shard') AND first <> identity`, 'colocated_with', 'first'),
  )}
  FROM (SELECT rel.identity, d.kind, d.col, min(rel.identity COLLATE "C") OVER (PARTITION BY d.grp) AS first
    FROM ${distributionRows}
    JOIN rel ON rel.oid = d.relid WHERE d.kind <> 'schema' AND NOT rel.relispartition) AS placed
  UNION ALL SELECT 'schema ' || ns.name, NULL, 'kind=schema'
    FROM ${distributionRows} JOIN ns ON ns.oid = d.relid WHERE d.kind = 'schema'`;
