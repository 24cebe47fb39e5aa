// Takes a batch's statement; gives the SQL that asks a server what its names mean, and what is said of the triggers that it
// fires. Which function is an aggregate, and which table is behind a view, no text tells. It sends nothing.
import { quoteLiteral } from '../schema/sql.ts';
import { findAll, listOf, namesIn, type Tree, treeOf } from './tree.ts';

/** What the names in a statement mean in one database. */
export interface Meanings {
  /** Names of functions that are aggregates there, or volatile. */
  readonly aggregates: readonly string[];
  readonly volatile: readonly string[];
  /** By the name of a relation: tables that hold its rows, as OIDs. */
  readonly rows: Readonly<Record<string, readonly string[]>>;
  /** Names of relations that are views. */
  readonly views: readonly string[];
  /** What foreign keys change when rows of a relation go, or their keys change. */
  readonly reached: readonly Reached[];
  /** `trigger "a" on public.t`, `rule b on public.t`: what runs once per statement. */
  readonly onceEach: readonly string[];
}

/** A table whose rows a change of another one reaches by foreign keys, at once or through others. */
export interface Reached {
  /** Name of the relation in the statement, and whether its rows go or are changed. */
  readonly from: string;
  readonly by: 'DELETE' | 'UPDATE';
  /** OID of the table that refers, and its columns. */
  readonly table: string;
  readonly columns: readonly string[];
  /** Its rows go too; else they are changed. */
  readonly goes: boolean;
  readonly direct: boolean;
}

/** Where no server was asked: what the text itself tells. */
export const textOnly: Meanings = {
  aggregates: [],
  volatile: [],
  rows: {},
  views: [],
  reached: [],
  onceEach: [],
};

/** Every node of a kind, wherever it stands. */
const everywhere = (statement: Tree, kind: string) => findAll(Object.values(statement), kind, []);

/** @returns a select list of one column, a `Meanings` as JSON; names are looked up with the search path that is set */
export function meaningsSql(statement: Tree): string {
  const relations = [
    ...everywhere(statement, 'RangeVar'),
    ...Object.values(statement).map((node) => treeOf(treeOf(node).relation)),
    ...changesIn(statement).map(({ relation }) => relation),
  ].filter(({ relname }) => typeof relname === 'string');
  const named = [...new Set(relations.map((one) => `(${quoteLiteral(String(one.relname))}, ${oidOf(one)})`))];
  return `SELECT pg_catalog.json_build_object('aggregates', ${functionsSql(statement, "p.prokind = 'a'")},
  'volatile', ${functionsSql(statement, "p.prokind = 'f' AND p.provolatile = 'v'")},
  'rows', (WITH RECURSIVE behind (name, oid) AS (SELECT v.name, v.oid FROM (VALUES ${named.join(', ')}) v (name, oid) WHERE v.oid IS NOT NULL
      UNION SELECT b.name, inner_one.oid FROM behind b JOIN (${insideSql}) inner_one ON inner_one.outer_one = b.oid)
    SELECT coalesce(pg_catalog.json_object_agg(s.name, s.oids), '{}') FROM (SELECT name, pg_catalog.json_agg(oid::pg_catalog.text) AS oids FROM behind GROUP BY name) s),
  'views', (SELECT coalesce(pg_catalog.json_agg(v.name), '[]') FROM (VALUES ${named.join(', ')}) v (name, oid) JOIN pg_catalog.pg_class c ON c.oid = v.oid AND c.relkind = 'v'),
  'reached', (${reachedSql(statement)}),
  'onceEach', (SELECT coalesce(pg_catalog.json_agg(s.what ORDER BY s.what), '[]') FROM (${changesIn(statement).map(onceEachSql).join(' UNION ')}) s))`;
}

/** Partitions and children hold rows of a table, and what a view reads holds its rows. */
const insideSql = `SELECT i.inhparent AS outer_one, i.inhrelid AS oid FROM pg_catalog.pg_inherits i
  UNION ALL SELECT r.ev_class, d.refobjid FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class AND c.relkind = 'v'
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class`;

function oidOf({ schemaname, relname }: Tree): string {
  const parts = [schemaname, relname].filter((part) => typeof part === 'string').map(String);
  const quoted = parts.map((part) => `pg_catalog.quote_ident(${quoteLiteral(part)})`);
  return `pg_catalog.to_regclass(pg_catalog.concat_ws('.', ${quoted.join(', ')}))::pg_catalog.oid`;
}

function functionsSql(statement: Tree, condition: string): string {
  const called = everywhere(statement, 'FuncCall').map(({ funcname }) => {
    const [name = '', schema] = namesIn(funcname).toReversed();
    const place =
      schema === undefined
        ? 'pg_catalog.pg_function_is_visible(p.oid)'
        : `p.pronamespace = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = ${quoteLiteral(schema)})`;
    return `(p.proname = ${quoteLiteral(name)} AND ${place})`;
  });
  return called.length === 0
    ? `'[]'::pg_catalog.json`
    : `(SELECT coalesce(pg_catalog.json_agg(DISTINCT p.proname), '[]') FROM pg_catalog.pg_proc p WHERE ${condition} AND (${[...new Set(called)].join(' OR ')}))`;
}

/** What is done to a table, as pg_trigger (a bit) and pg_rewrite (a digit) have it. */
interface Change {
  readonly relation: Tree;
  readonly bit: number;
  readonly event: number;
  /** Columns that it sets. */
  readonly sets: readonly string[];
}

function changesIn(statement: Tree): readonly Change[] {
  const of = (kind: string) => [
    ...(statement[kind] === undefined ? [] : [treeOf(statement[kind])]),
    ...everywhere(statement, kind),
  ];
  const update = (relation: unknown, targets: unknown): Change => ({
    relation: treeOf(relation),
    bit: 16,
    event: 2,
    sets: listOf(targets).map((target) => String(treeOf(treeOf(target).ResTarget).name)),
  });
  return [
    ...of('UpdateStmt').map(({ relation, targetList }) => update(relation, targetList)),
    ...of('DeleteStmt').map((node) => ({ relation: treeOf(node.relation), bit: 8, event: 4, sets: [] })),
    ...of('InsertStmt').flatMap(({ relation, onConflictClause }) => {
      const { action, targetList } = treeOf(onConflictClause);
      const insert = { relation: treeOf(relation), bit: 4, event: 3, sets: [] };
      return action === 'ONCONFLICT_UPDATE' ? [insert, update(relation, targetList)] : [insert];
    }),
  ];
}

/** Along ON DELETE CASCADE to the end; what is only changed (SET NULL, SET DEFAULT, ON UPDATE) is the end of its way. */
function reachedSql(statement: Tree): string {
  const changes = changesIn(statement).filter(({ bit }) => bit !== 4);
  if (changes.length === 0) return `SELECT '[]'::pg_catalog.json`;
  const begun = changes.map(({ relation, bit, sets }) => {
    const columns = sets.map(quoteLiteral).join(', ') || 'NULL';
    return `(${quoteLiteral(String(relation.relname))}, ${oidOf(relation)}, ${bit === 8 ? "'DELETE'" : "'UPDATE'"}, ARRAY[${columns}]::pg_catalog.text[])`;
  });
  const action = `CASE b.by WHEN 'DELETE' THEN k.confdeltype ELSE k.confupdtype END`;
  return `WITH RECURSIVE changes (name, oid, by, sets) AS (VALUES ${begun.join(', ')}),
    reached (name, by, step, of, key, goes, direct) AS (
      SELECT b.name, b.by, k.oid, k.conrelid, k.conkey, b.by = 'DELETE' AND k.confdeltype = 'c', true FROM changes b
        JOIN pg_catalog.pg_constraint k ON k.contype = 'f' AND k.confrelid = b.oid AND ${action} IN ('c', 'n', 'd')
        WHERE b.by = 'DELETE' OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey) AND a.attname = ANY (b.sets))
      UNION SELECT r.name, r.by, k.oid, k.conrelid, k.conkey, k.confdeltype = 'c', false FROM reached r
        JOIN pg_catalog.pg_constraint k ON r.goes AND k.contype = 'f' AND k.confrelid = r.of AND k.confdeltype IN ('c', 'n', 'd'))
  SELECT coalesce(pg_catalog.json_agg(DISTINCT pg_catalog.jsonb_build_object('from', name, 'by', by, 'table', of::pg_catalog.text, 'goes', goes, 'direct', direct,
    'columns', ARRAY(SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = of AND a.attnum = ANY (key)))), '[]') FROM reached`;
}

/** Names of triggers that this fires once per statement, and of rules that rewrite it. */
function onceEachSql({ relation, bit, event, sets }: Change): string {
  const oid = oidOf(relation);
  const isSet =
    sets.length === 0
      ? 'true'
      : `(t.tgattr::pg_catalog.text = '' OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.tgrelid
          AND a.attnum = ANY (t.tgattr::pg_catalog.int2[]) AND a.attname IN (${sets.map(quoteLiteral).join(', ')})))`;
  return `SELECT pg_catalog.format('trigger %I on %I.%I', t.tgname, n.nspname, c.relname) AS what FROM pg_catalog.pg_trigger t
        JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE t.tgrelid = ${oid} AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype::pg_catalog.int4 & ${bit + 1} = ${bit} AND ${isSet}
    UNION SELECT pg_catalog.format('rule %I on %I.%I', r.rulename, n.nspname, c.relname) FROM pg_catalog.pg_rewrite r
        JOIN pg_catalog.pg_class c ON c.oid = r.ev_class JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE r.ev_class = ${oid} AND r.ev_type = '${event}' AND r.ev_enabled IN ('O', 'A')`;
}

/** What runs once for each range where it would run once for all; null where nothing does. */
export function saidOnceEach({ onceEach }: Meanings): string | null {
  return onceEach.length === 0
    ? null
    : `${onceEach.join(', ')} ${onceEach.length === 1 ? 'fires' : 'fire'} for each range of the batch, with its rows alone, where the statement at once would fire ${onceEach.length === 1 ? 'it' : 'them'} once with all rows`;
}
