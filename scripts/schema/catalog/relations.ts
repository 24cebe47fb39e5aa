// Takes nothing; gives the SQL that reads tables, views and all that hangs on them but constraints and indexes, one SELECT
// per class with the columns identity, parent (the relation it belongs to, or NULL) and definition, over the scope of
// sql.ts. It must not know how the rows are hashed, filtered or compared.

import { flag, lines, notMember, part, partWhen, sorted } from '../sql.ts';
import { columnNotNull, joinNotNull, virtualColumn } from './by-version.ts';
import { foreignOptions } from './foreign-options.ts';

/** The kind of a relation as SQL spells it. */
export function relationKind(column: string): string {
  return `CASE ${column} WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
    WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type'
    ELSE 'index' END`;
}

const parentList = `(SELECT string_agg(h.inhparent::regclass::text, ', ' ORDER BY h.inhseqno)
      FROM pg_inherits h WHERE h.inhrelid = rel.oid)`;

/** The constraint that somebody declared, of the copies of a foreign key on and for partitions. */
const rootConstraint = `WITH RECURSIVE up (oid, parent) AS (SELECT oid, conparentid FROM pg_constraint WHERE oid = t.tgconstraint
      UNION ALL SELECT k.oid, k.conparentid FROM pg_constraint k JOIN up ON k.oid = up.parent) SELECT oid FROM up WHERE parent = 0`;

export const relation = `
  SELECT rel.identity, rel.identity AS parent, ${lines(
    part('kind', relationKind('rel.relkind')),
    flag('unlogged', `rel.relpersistence = 'u'`),
    partWhen('rel.reloftype <> 0', 'of_type', 'rel.reloftype::regtype::text'),
    partWhen('NOT rel.relispartition', 'inherits', parentList),
    partWhen('rel.relispartition', 'partition_of', parentList),
    partWhen('rel.relispartition', 'bound', 'pg_get_expr(rel.relpartbound, rel.oid)'),
    flag(
      'detach_pending',
      `rel.relispartition AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = rel.oid AND h.inhdetachpending)`,
    ),
    partWhen(`rel.relkind = 'p'`, 'partition_key', 'pg_get_partkeydef(rel.oid)'),
    partWhen(`am.amname <> 'heap'`, 'access_method', 'quote_ident(am.amname)'),
    part('tablespace', 'quote_ident(space.spcname)'),
    part('options', sorted('rel.reloptions')),
    part('toast_options', sorted('toast.reloptions')),
    partWhen(
      'rel.relrowsecurity OR rel.relforcerowsecurity',
      'row_security',
      `concat_ws(', ', CASE WHEN rel.relrowsecurity THEN 'enabled' END, CASE WHEN rel.relforcerowsecurity THEN 'forced' END)`,
    ),
    partWhen(
      `rel.relkind IN ('r', 'p', 'm') AND rel.relreplident <> 'd'`,
      'replica_identity',
      `CASE rel.relreplident WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' ELSE coalesce('index ' || (
        SELECT quote_ident(c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = rel.oid AND i.indisreplident), 'nothing') END`,
    ),
    // ALTER TABLE … DISABLE TRIGGER ALL switches foreign keys off without a trace in the constraint itself.
    part('constraint_triggers', 'internal.state'),
    part('server', 'quote_ident(server.srvname)'),
    part('foreign_options', foreignOptions('f.ftoptions')),
    partWhen(`rel.relkind IN ('v', 'm')`, 'definition', 'pg_get_viewdef(rel.oid)'),
  )} AS definition
  FROM rel
  LEFT JOIN pg_am am ON am.oid = rel.relam
  LEFT JOIN pg_tablespace space ON space.oid = rel.reltablespace
  LEFT JOIN pg_class toast ON toast.oid = rel.reltoastrelid
  LEFT JOIN pg_foreign_table f ON f.ftrelid = rel.oid
  LEFT JOIN pg_foreign_server server ON server.oid = f.ftserver
  LEFT JOIN (
    SELECT tgrelid, string_agg(DISTINCT CASE tgenabled WHEN 'D' THEN 'disable' WHEN 'A' THEN 'enable always' ELSE 'enable replica' END
      || ' ' || quote_ident(c.conname) || ' of ' || c.conrelid::regclass, E'\\n') AS state
    FROM pg_trigger t JOIN pg_constraint c ON c.oid = (${rootConstraint}) WHERE tgisinternal AND tgenabled <> 'O' GROUP BY tgrelid
  ) internal ON internal.tgrelid = rel.oid`;

export const column = `
  SELECT rel.identity || '.' || quote_ident(a.attname), rel.identity, ${lines(
    part('table', 'rel.identity'),
    part('type', 'format_type(a.atttypid, a.atttypmod)'),
    partWhen('a.attcollation <> t.typcollation', 'collation', 'a.attcollation::regcollation::text'),
    `'nullable=' || CASE WHEN a.attnotnull THEN 'no' ELSE 'yes' END`,
    columnNotNull,
    virtualColumn,
    partWhen(
      'd.oid IS NOT NULL',
      `' || CASE WHEN a.attgenerated = '' THEN 'default' ELSE 'generated' END || '`,
      'pg_get_expr(d.adbin, d.adrelid)',
    ),
    partWhen(
      `a.attidentity <> ''`,
      'identity',
      `CASE a.attidentity WHEN 'a' THEN 'always' ELSE 'by default' END`,
    ),
    partWhen(
      'a.attstorage <> t.typstorage',
      'storage',
      `CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END`,
    ),
    partWhen(
      `a.attcompression <> ''`,
      'compression',
      `CASE a.attcompression WHEN 'l' THEN 'lz4' ELSE 'pglz' END`,
    ),
    partWhen('coalesce(a.attstattarget, -1) <> -1', 'statistics', 'a.attstattarget::text'),
    // Some servers note there when a column was last changed.
    part(
      'options',
      sorted(`array(SELECT o FROM unnest(a.attoptions) AS o WHERE o NOT LIKE 'pg\\_attver=%')`),
    ),
    part('foreign_options', foreignOptions('a.attfdwoptions')),
    partWhen('a.attinhcount > 0', 'inherited', `CASE WHEN a.attislocal THEN 'and local' ELSE 'only' END`),
  )}
  FROM rel
  JOIN pg_attribute a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  ${joinNotNull}`;

// A view's definition and a composite type's attributes already tell their order.
export const columnOrder = `
  SELECT rel.identity, rel.identity, ${part('columns', `string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)`)}
  FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE rel.relkind IN ('r', 'p', 'f')
  GROUP BY rel.identity`;

function enabled(column: string): string {
  return partWhen(
    `${column} <> 'O'`,
    'enabled',
    `CASE ${column} WHEN 'D' THEN 'no' WHEN 'R' THEN 'replica' ELSE 'always' END`,
  );
}

export const trigger = `
  SELECT rel.identity || '.' || quote_ident(t.tgname), rel.identity, ${lines(
    part('table', 'rel.identity'),
    part('definition', 'pg_get_triggerdef(t.oid)'),
    enabled('t.tgenabled'),
    flag('inherited', 't.tgparentid <> 0'),
  )}
  FROM pg_trigger t JOIN rel ON rel.oid = t.tgrelid WHERE NOT t.tgisinternal`;

export const rule = `
  SELECT rel.identity || '.' || quote_ident(r.rulename), rel.identity, ${lines(
    part('table', 'rel.identity'),
    part('definition', 'pg_get_ruledef(r.oid)'),
    enabled('r.ev_enabled'),
  )}
  FROM pg_rewrite r JOIN rel ON rel.oid = r.ev_class WHERE r.rulename <> '_RETURN'`;

export const policy = `
  SELECT rel.identity || '.' || quote_ident(p.polname), rel.identity, ${lines(
    part('table', 'rel.identity'),
    part('kind', `CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END`),
    part(
      'command',
      `CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END`,
    ),
    part(
      'roles',
      sorted(
        `ARRAY(SELECT coalesce(quote_ident(pg_get_userbyid(nullif(role, 0))), 'public') FROM unnest(p.polroles) AS role)`,
      ),
    ),
    part('using', 'pg_get_expr(p.polqual, p.polrelid)'),
    part('check', 'pg_get_expr(p.polwithcheck, p.polrelid)'),
  )}
  FROM pg_policy p JOIN rel ON rel.oid = p.polrelid`;

export const statistics = `
  SELECT ns.name || '.' || quote_ident(s.stxname), rel.identity, ${lines(
    part('table', 'rel.identity'),
    part('definition', 'pg_get_statisticsobjdef(s.oid)'),
    partWhen('coalesce(s.stxstattarget, -1) <> -1', 'target', 's.stxstattarget::text'),
  )}
  FROM pg_statistic_ext s JOIN rel ON rel.oid = s.stxrelid JOIN ns ON ns.oid = s.stxnamespace`;

/** Every sequence with the column that owns it; a sequence of a table that is not compared is not compared either. */
export const sequence = `
  SELECT ns.name || '.' || quote_ident(c.relname), rel.identity, ${lines(
    partWhen('d.refobjid IS NOT NULL', 'table', 'rel.identity'),
    part('type', 's.seqtypid::regtype::text'),
    part('start', 's.seqstart::text'),
    part('increment', 's.seqincrement::text'),
    part('minimum', 's.seqmin::text'),
    part('maximum', 's.seqmax::text'),
    part('cache', 's.seqcache::text'),
    flag('cycle', 's.seqcycle'),
    flag('unlogged', `c.relpersistence = 'u'`),
    part(
      `' || CASE d.deptype WHEN 'i' THEN 'identity_of' ELSE 'owned_by' END || '`,
      `rel.identity || '.' || quote_ident(a.attname)`,
    ),
  )}
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN ns ON ns.oid = c.relnamespace
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
    AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
  LEFT JOIN rel ON rel.oid = d.refobjid
  LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE c.relpersistence <> 't' AND (d.refobjid IS NULL OR rel.oid IS NOT NULL) AND ${notMember('pg_class', 'c.oid')}`;
