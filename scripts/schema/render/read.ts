// Takes a way to query; gives what rendering needs beyond the snapshot: which object needs which, and the text of
// routines. Objects are named as in the snapshot, `<class> <identity>`. It must not know how SQL is written.

import { firstUserOid, scope } from '../sql.ts';
import type { Query, SchemaOptions } from '../types.ts';
import type { Dependency } from './order.ts';

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
    WHERE t.oid >= ${firstUserOid} AND (c.oid IS NULL OR c.relkind = 'c') AND t.typtype <> 'm' AND t.typelem = 0
  UNION ALL SELECT 'pg_class'::regclass, t.typrelid, 0, 'type ' || ns.name || '.' || quote_ident(t.typname)
    FROM pg_type t JOIN ns ON ns.oid = t.typnamespace JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
  UNION ALL SELECT 'pg_constraint'::regclass, c.oid, 0, 'constraint ' || ns.name || '.' || quote_ident(t.typname) || '.' || quote_ident(c.conname)
    FROM pg_constraint c JOIN pg_type t ON t.oid = c.contypid JOIN ns ON ns.oid = t.typnamespace
  UNION ALL SELECT 'pg_namespace'::regclass, ns.oid, 0, 'schema ' || ns.name FROM ns
  UNION ALL SELECT 'pg_extension'::regclass, e.oid, 0, 'extension ' || quote_ident(e.extname) FROM pg_extension e
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

/** `CREATE OR REPLACE …` of every routine, by identity, without a semicolon. */
export async function readRoutineTexts(query: Query, options: SchemaOptions): Promise<Map<string, string>> {
  const rows = await query(`${scope(options)}
SELECT ns.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' AS identity,
  pg_get_functiondef(p.oid) AS text
FROM pg_proc p JOIN ns ON ns.oid = p.pronamespace WHERE p.oid >= ${firstUserOid} AND p.prokind <> 'a'
  AND p.oid NOT IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass)`);
  return new Map(rows.map((row) => [String(row.identity), String(row.text).trimEnd()]));
}
