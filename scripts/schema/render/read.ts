// Takes a way to query; gives what rendering needs beyond the snapshot: which object needs which, and the text of
// routines. Objects are named as in the snapshot, `<class> <identity>`. It must not know how SQL is written.

import { notNullNames } from '../catalog/by-version.ts';
import { validHeirChecks } from '../catalog/constraints.ts';
import { firstUserOid, scope } from '../sql.ts';
import type { Query, SchemaObject, SchemaOptions } from '../types.ts';
import type { Dependency } from './order.ts';

/** Objects that the snapshot's queries name in the same way: their catalog, and how their class and name are written. */
const otherNodes = [
  [
    "'pg_collation'",
    "'collation ' || ns.name || '.' || quote_ident(o.collname)",
    'pg_collation o JOIN ns ON ns.oid = o.collnamespace',
  ],
  [
    "'pg_operator'",
    "'operator ' || ns.name || '.' || o.oprname || ' (' || coalesce(format_type(nullif(o.oprleft, 0), NULL), 'NONE') || ', ' || coalesce(format_type(nullif(o.oprright, 0), NULL), 'NONE') || ')'",
    'pg_operator o JOIN ns ON ns.oid = o.oprnamespace',
  ],
  [
    "'pg_opclass'",
    "'operator-class ' || ns.name || '.' || quote_ident(o.opcname) || ' USING ' || am.amname",
    'pg_opclass o JOIN ns ON ns.oid = o.opcnamespace JOIN pg_am am ON am.oid = o.opcmethod',
  ],
  [
    "'pg_opfamily'",
    "'operator-family ' || ns.name || '.' || quote_ident(o.opfname) || ' USING ' || am.amname",
    'pg_opfamily o JOIN ns ON ns.oid = o.opfnamespace JOIN pg_am am ON am.oid = o.opfmethod',
  ],
  ...['pg_amop', 'pg_amproc'].flatMap((catalog) => {
    const family = catalog === 'pg_amop' ? 'amopfamily' : 'amprocfamily';
    const member = `${catalog} o LEFT JOIN pg_depend d ON d.classid = '${catalog}'::regclass AND d.objid = o.oid AND d.refclassid = 'pg_opclass'::regclass AND d.deptype = 'i'`;
    return [
      [
        `'${catalog}'`,
        "'operator-class ' || ns.name || '.' || quote_ident(k.opcname) || ' USING ' || am.amname",
        `${member} JOIN pg_opclass k ON k.oid = d.refobjid JOIN ns ON ns.oid = k.opcnamespace JOIN pg_am am ON am.oid = k.opcmethod`,
      ],
      [
        `'${catalog}'`,
        "'members operator-family ' || ns.name || '.' || quote_ident(f.opfname) || ' USING ' || am.amname",
        `${member} JOIN pg_opfamily f ON d.refobjid IS NULL AND f.oid = o.${family} JOIN ns ON ns.oid = f.opfnamespace JOIN pg_am am ON am.oid = f.opfmethod`,
      ],
    ];
  }),
  [
    "'pg_cast'",
    "'cast (' || format_type(o.castsource, NULL) || ' AS ' || format_type(o.casttarget, NULL) || ')'",
    'pg_cast o',
  ],
  [
    "'pg_conversion'",
    "'conversion ' || ns.name || '.' || quote_ident(o.conname)",
    'pg_conversion o JOIN ns ON ns.oid = o.connamespace',
  ],
  [
    "'pg_transform'",
    "'transform for ' || format_type(o.trftype, NULL) || ' language ' || quote_ident(l.lanname)",
    'pg_transform o JOIN pg_language l ON l.oid = o.trflang',
  ],
  [
    "'pg_ts_config'",
    "'text-search configuration ' || ns.name || '.' || quote_ident(o.cfgname)",
    'pg_ts_config o JOIN ns ON ns.oid = o.cfgnamespace',
  ],
  [
    "'pg_ts_dict'",
    "'text-search dictionary ' || ns.name || '.' || quote_ident(o.dictname)",
    'pg_ts_dict o JOIN ns ON ns.oid = o.dictnamespace',
  ],
  [
    "'pg_ts_parser'",
    "'text-search parser ' || ns.name || '.' || quote_ident(o.prsname)",
    'pg_ts_parser o JOIN ns ON ns.oid = o.prsnamespace',
  ],
  [
    "'pg_ts_template'",
    "'text-search template ' || ns.name || '.' || quote_ident(o.tmplname)",
    'pg_ts_template o JOIN ns ON ns.oid = o.tmplnamespace',
  ],
  ["'pg_language'", "'language ' || quote_ident(o.lanname)", 'pg_language o'],
  ["'pg_am'", "'access-method ' || quote_ident(o.amname)", 'pg_am o'],
  [
    "'pg_foreign_data_wrapper'",
    "'foreign-data-wrapper ' || quote_ident(o.fdwname)",
    'pg_foreign_data_wrapper o',
  ],
  ["'pg_foreign_server'", "'foreign-server ' || quote_ident(o.srvname)", 'pg_foreign_server o'],
  [
    "'pg_user_mapping'",
    "'user-mapping ' || coalesce(quote_ident(nullif(o.usename, 'public')), 'public') || ' on ' || quote_ident(o.srvname)",
    '(SELECT *, umid AS oid FROM pg_user_mappings) o',
  ],
  ["'pg_publication'", "'publication ' || quote_ident(o.pubname)", 'pg_publication o'],
  [
    "'pg_publication_rel'",
    "'publication ' || quote_ident(p.pubname)",
    'pg_publication_rel o JOIN pg_publication p ON p.oid = o.prpubid',
  ],
  [
    "'pg_publication_namespace'",
    "'publication ' || quote_ident(p.pubname)",
    'pg_publication_namespace o JOIN pg_publication p ON p.oid = o.pnpubid',
  ],
]
  .map(
    ([catalog, key, from]) => `SELECT ${catalog}, o.oid, ${key} FROM ${from} WHERE o.oid >= ${firstUserOid}`,
  )
  .join('\n  UNION ALL ');

const nodes = `node AS MATERIALIZED (
  SELECT 'pg_class'::regclass::oid AS classid, rel.oid AS objid, 0 AS objsubid, 'relation ' || rel.identity AS key FROM rel
  UNION ALL SELECT 'pg_type'::regclass, t.oid, 0, 'relation ' || rel.identity
    FROM rel JOIN pg_type row_type ON row_type.typrelid = rel.oid JOIN pg_type t ON t.oid IN (row_type.oid, row_type.typarray)
  UNION ALL SELECT 'pg_rewrite'::regclass, r.oid, 0, CASE WHEN r.rulename = '_RETURN' THEN 'relation ' || rel.identity
      ELSE 'rule ' || rel.identity || '.' || quote_ident(r.rulename) END FROM rel JOIN pg_rewrite r ON r.ev_class = rel.oid
  UNION ALL SELECT 'pg_attrdef'::regclass, d.oid, 0, 'default ' || rel.identity || '.' || quote_ident(a.attname)
    FROM rel JOIN pg_attrdef d ON d.adrelid = rel.oid JOIN pg_attribute a ON a.attrelid = rel.oid AND a.attnum = d.adnum
  UNION ALL SELECT 'pg_constraint'::regclass, c.oid, 0, 'constraint ' || rel.identity || '.' || quote_ident(c.conname)
    FROM rel JOIN pg_constraint c ON c.conrelid = rel.oid
  UNION ALL SELECT 'pg_class'::regclass, i.indexrelid, 0, coalesce('constraint ' || rel.identity || '.' || quote_ident(c.conname),
      'index ' || n.name || '.' || quote_ident(x.relname))
    FROM rel JOIN pg_index i ON i.indrelid = rel.oid JOIN pg_class x ON x.oid = i.indexrelid JOIN ns n ON n.oid = x.relnamespace
    LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = rel.oid AND c.contype IN ('p', 'u', 'x')
  UNION ALL SELECT 'pg_trigger'::regclass, t.oid, 0, 'trigger ' || rel.identity || '.' || quote_ident(t.tgname)
    FROM rel JOIN pg_trigger t ON t.tgrelid = rel.oid AND NOT t.tgisinternal
  UNION ALL SELECT 'pg_policy'::regclass, p.oid, 0, 'policy ' || rel.identity || '.' || quote_ident(p.polname)
    FROM rel JOIN pg_policy p ON p.polrelid = rel.oid
  UNION ALL SELECT 'pg_statistic_ext'::regclass, s.oid, 0, 'statistics ' || ns.name || '.' || quote_ident(s.stxname)
    FROM pg_statistic_ext s JOIN ns ON ns.oid = s.stxnamespace
  UNION ALL SELECT 'pg_class'::regclass, c.oid, 0, 'sequence ' || ns.name || '.' || quote_ident(c.relname)
    FROM pg_class c JOIN ns ON ns.oid = c.relnamespace WHERE c.relkind = 'S'
  UNION ALL SELECT 'pg_proc'::regclass, p.oid, 0, CASE WHEN p.prokind = 'a' THEN 'aggregate ' ELSE 'routine ' END
      || ns.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')'
    FROM pg_proc p JOIN ns ON ns.oid = p.pronamespace WHERE p.oid >= ${firstUserOid}
  UNION ALL SELECT 'pg_type'::regclass, related.oid, 0, 'type ' || ns.name || '.' || quote_ident(t.typname)
    FROM pg_type t JOIN ns ON ns.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
    LEFT JOIN pg_range r ON r.rngtypid = t.oid
    JOIN pg_type related ON related.oid IN (t.oid, t.typarray, r.rngmultitypid) AND related.oid <> 0
    WHERE t.oid >= ${firstUserOid} AND (c.oid IS NULL OR c.relkind = 'c') AND t.typtype <> 'm'
      AND NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid)
  UNION ALL SELECT 'pg_class'::regclass, t.typrelid, 0, 'type ' || ns.name || '.' || quote_ident(t.typname)
    FROM pg_type t JOIN ns ON ns.oid = t.typnamespace JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
  UNION ALL SELECT 'pg_constraint'::regclass, c.oid, 0, 'constraint ' || ns.name || '.' || quote_ident(t.typname) || '.' || quote_ident(c.conname)
    FROM pg_constraint c JOIN pg_type t ON t.oid = c.contypid JOIN ns ON ns.oid = t.typnamespace
  UNION ALL SELECT 'pg_namespace'::regclass, ns.oid, 0, 'schema ' || ns.name FROM ns
  UNION ALL SELECT 'pg_extension'::regclass, e.oid, 0, 'extension ' || quote_ident(e.extname) FROM pg_extension e
  UNION ALL SELECT o.classid::regclass, o.oid, 0, o.key FROM (${otherNodes}) AS o (classid, oid, key)
  UNION ALL SELECT d.classid, d.objid, 0, 'extension ' || quote_ident(e.extname)
    FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass WHERE d.deptype = 'e'
)`;

/** Which object needs which; a sequence does not need the column that owns it. */
export async function readDependencies(query: Query, options: SchemaOptions): Promise<Dependency[]> {
  const rows = await query(`${scope(options)}, ${nodes}
SELECT DISTINCT f.key AS "from", t.key AS "to" FROM pg_depend d
JOIN node f ON f.classid = d.classid AND f.objid = d.objid
JOIN node t ON t.classid = d.refclassid AND t.objid = d.refobjid
WHERE f.key <> t.key AND NOT (f.key LIKE 'sequence %' AND d.deptype IN ('a', 'i') AND t.key LIKE 'relation %')`);
  return rows.map((row) => ({ from: String(row.from), to: String(row.to) }));
}

/** The role that reads, quoted where SQL needs it. */
export async function readRole(query: Query): Promise<string> {
  const [row] = await query('SELECT quote_ident(current_user) AS role');
  return String(row?.role);
}

/** `CREATE OR REPLACE …` of every routine, by identity, without a semicolon. */
export async function readRoutineTexts(query: Query, options: SchemaOptions): Promise<Map<string, string>> {
  const rows = await query(`${scope(options)}
SELECT ns.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' AS identity,
  pg_get_functiondef(p.oid) AS text
FROM pg_proc p JOIN ns ON ns.oid = p.pronamespace WHERE p.oid >= ${firstUserOid} AND p.prokind <> 'a'
  AND p.oid NOT IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass)`);
  return new Map(rows.map((row) => [String(row.identity), String(row.text).trimEnd()]));
}

/**
 * The objects with what no snapshot holds: names of NOT NULL as `not_null_name`, and `validated` for heirs' checks that were
 * checked there, though their parent's was not.
 */
export async function withUntold(
  query: Query,
  options: SchemaOptions,
  objects: readonly SchemaObject[],
): Promise<SchemaObject[]> {
  const rows = await query(`${scope(options)}\n${notNullNames}`);
  const names = new Map(rows.map((row) => [String(row.identity), `not_null_name=${String(row.name)}`]));
  const hasHeirs = objects.some(
    (object) => object.class === 'constraint' && object.definition.endsWith('\ninherited=only'),
  );
  const checks = hasHeirs ? await query(`${scope(options)}\n${validHeirChecks}`) : [];
  const valid = new Map(checks.map((row) => [String(row.identity), 'validated=true']));
  return objects.map((object) => {
    const named = object.class === 'column' || object.class === 'type';
    const found = named ? names : object.class === 'constraint' ? valid : undefined;
    const line = found?.get(object.identity);
    return line === undefined ? object : { ...object, definition: `${object.definition}\n${line}` };
  });
}
