// Takes a way to query; gives every row that a database holds in PostgreSQL's catalogs, in words instead of OIDs, so that
// two databases can be compared without any reading of ours. It knows the catalogs from pg_get_catalog_foreign_keys alone.
import type { Query } from '../../scripts/schema/types.ts';

/** Where a value is of one database alone: numbers, sizes, counters, what is cached, names that the server chooses. */
const passing: Readonly<Record<string, readonly string[]>> = {
  pg_class: [
    ...[
      'relfilenode',
      'relpages',
      'reltuples',
      'relallvisible',
      'relallfrozen',
      'relfrozenxid',
      'relminmxid',
      'reltoastrelid',
    ],
    ...[
      'relhasindex',
      'relhastriggers',
      'relhasrules',
      'relhassubclass',
      'relrewrite',
      'relnatts',
      'relispopulated',
    ],
    ...['relchecks', 'relacl', 'relowner'],
  ],
  pg_attribute: [
    'attnum',
    'attcacheoff',
    'attmissingval',
    'atthasmissing',
    'attacl',
    'attinhcount',
    'attndims',
  ],
  pg_type: ['typacl', 'typowner', 'typarray', 'typrelid', 'typdefault', 'typndims'],
  pg_proc: ['proacl', 'proowner'],
  pg_namespace: ['nspacl', 'nspowner'],
  pg_constraint: ['conkey', 'confkey', 'conparentid', 'connoinherit'],
  pg_index: ['indcheckxmin', 'indkey'],
  pg_trigger: ['tgattr', 'tgconstraint', 'tgargs'],
  pg_partitioned_table: ['partattrs'],
  pg_inherits: ['inhseqno'],
  pg_attrdef: ['adnum'],
  pg_statistic_ext: ['stxkeys', 'stxowner'],
  pg_extension: ['extowner', 'extversion', 'extconfig'],
  pg_rewrite: [],
  pg_event_trigger: ['evtowner', 'evttags'],
  pg_publication: ['pubowner'],
  pg_publication_rel: ['prattrs'],
  pg_operator: ['oprowner'],
  pg_opclass: ['opcowner'],
  pg_opfamily: ['opfowner'],
  pg_collation: ['collowner', 'collversion', 'collencoding'],
  pg_conversion: ['conowner'],
  pg_foreign_data_wrapper: ['fdwowner', 'fdwacl', 'fdwoptions'],
  pg_foreign_server: ['srvowner', 'srvacl', 'srvoptions'],
  pg_foreign_table: ['ftoptions'],
  pg_language: ['lanowner', 'lanacl'],
  pg_ts_config: ['cfgowner'],
  pg_ts_dict: ['dictowner'],
  pg_sequence: [],
  pg_enum: ['enumsortorder'],
  pg_policy: [],
  pg_aggregate: [],
  pg_amop: [],
  pg_amproc: [],
  pg_cast: [],
  pg_range: ['rngmultitypid'],
  pg_transform: [],
  pg_ts_config_map: [],
  pg_ts_parser: [],
  pg_ts_template: [],
  pg_am: [],
  pg_description: [],
  pg_publication_namespace: [],
};

/** Rows that come with others, under names that depend on what was made first. */
const left: Readonly<Record<string, string>> = {
  pg_class: "t.relkind = 't' OR (t.relkind = 'i' AND t.relnamespace = 'pg_toast'::regnamespace)",
  pg_attribute:
    "t.attisdropped OR t.attnum < 0 OR t.attrelid IN (SELECT oid FROM pg_class WHERE relkind IN ('t', 'i', 'I', 'S', 'v', 'm'))",
  pg_type: "EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid) OR t.typtype = 'm'",
  pg_constraint: "t.contype = 'f' AND t.conparentid <> 0",
  pg_index: "t.indexrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'pg_toast'::regnamespace)",
  pg_trigger: 't.tgisinternal',
  pg_operator: 't.oprcode = 0',
  pg_namespace: "t.nspname ~ '^pg_(toast_)?temp_'",
};

interface ForeignKey {
  readonly catalog: string;
  readonly column: string;
  readonly target: string;
  readonly isArray: boolean;
}

const identity = (target: string, value: string) =>
  target === 'pg_authid'
    ? `pg_get_userbyid(${value})::text`
    : `CASE WHEN ${value} = 0 THEN '0' ELSE (pg_identify_object('${target}'::regclass, ${value}, 0)).identity END`;

/** `<catalog> <column>=<value> …` for each row that is not the server's own or an extension's, sorted. */
export async function catalogRows(query: Query): Promise<string[]> {
  await query(`SET search_path = ''; SET timezone = 'UTC'`);
  const keys = (
    await query(`SELECT fktable::text AS catalog, fkcols[1] AS column, pktable::text AS target, is_array AS "isArray"
      FROM pg_get_catalog_foreign_keys() WHERE cardinality(fkcols) = 1`)
  ).map((row) => row as unknown as ForeignKey);
  const columns =
    await query(`SELECT c.relname AS catalog, a.attname AS column, a.atttypid::regtype::text AS type
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'pg_catalog'::regnamespace AND a.attnum > 0 ORDER BY a.attnum`);
  const selects = Object.keys(passing).map((catalog) =>
    selectOf(
      catalog,
      columns
        .filter((row) => row.catalog === catalog)
        .map(({ column, type }) => ({ column: String(column), type: String(type) })),
      keys.filter((key) => key.catalog === catalog),
    ),
  );
  const rows =
    await query(`WITH member AS MATERIALIZED (SELECT classid, objid FROM pg_depend WHERE deptype = 'e')
    SELECT line FROM (${selects.join('\nUNION ALL\n')}) AS each (line) ORDER BY line COLLATE "C"`);
  await query('RESET ALL');
  return rows.map((row) => String(row.line));
}

function selectOf(
  catalog: string,
  columns: readonly { column: string; type: string }[],
  keys: readonly ForeignKey[],
): string {
  const hasOid = columns.some(({ column }) => column === 'oid');
  const owner = hasOid ? 'oid' : catalog === 'pg_description' ? 'objoid' : (keys[0]?.column ?? 'oid');
  const values = columns
    .filter(
      ({ column, type }) =>
        column !== 'oid' && type !== 'pg_node_tree' && !passing[catalog]?.includes(column),
    )
    .map(({ column, type }) => {
      const key = keys.find((each) => each.column === column);
      const plain = `t.${column}::text`;
      if (catalog === 'pg_description' && column === 'objoid')
        return `'object=' || (pg_identify_object(t.classoid, t.objoid, t.objsubid)).identity`;
      if (catalog === 'pg_description' && column === 'objsubid') return `''`;
      // An attached partition's is the parent's; one that waits for nothing is valid or not by what there was once.
      if (column === 'conislocal')
        return `'conislocal=' || (t.conislocal AND NOT EXISTS (SELECT FROM pg_class WHERE oid = t.conrelid AND relispartition))`;
      if (column === 'indisvalid')
        return `'indisvalid=' || (t.indisvalid OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.indexrelid AND c.relkind = 'I' AND
          (SELECT count(*) FROM pg_inherits WHERE inhparent = t.indrelid) = (SELECT count(*) FROM pg_inherits h JOIN pg_index x ON x.indexrelid = h.inhrelid WHERE h.inhparent = t.indexrelid AND x.indisvalid)))`;
      if (column === 'reloptions')
        return `'reloptions=' || coalesce((SELECT string_agg(o, ',' ORDER BY o) FROM unnest(t.reloptions) o), '')`;
      if (key === undefined) return `'${column}=' || coalesce(${plain}, '')`;
      if (!key.isArray) return `'${column}=' || ${identity(key.target, `t.${column}::oid`)}`;
      const each =
        type === 'oidvector' ? `string_to_array(t.${column}::text, ' ')::oid[]` : `t.${column}::oid[]`;
      return `'${column}=' || coalesce((SELECT string_agg(${identity(key.target, 'o')}, ',' ORDER BY n) FROM unnest(${each}) WITH ORDINALITY AS u (o, n)), '')`;
    });
  const own = hasOid
    ? ` AND t.oid NOT IN (SELECT objid FROM member WHERE classid = '${catalog}'::regclass)`
    : '';
  return `SELECT concat_ws(' ', '${catalog}', ${values.join(', ')}) FROM pg_catalog.${catalog} t
    WHERE t.${owner}::oid >= 16384 AND NOT (${left[catalog] ?? 'false'})${own}`;
}
