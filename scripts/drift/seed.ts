// Takes a scratch database; puts a few rows into each of its tables, as far as the tables' constraints can be met, moves
// its sequences on and fills its materialized views. Gives the tables that it could put no row into. It knows no target.
import { quoteLiteral, userNamespace } from '../schema/sql.ts';
import type { Query } from '../schema/types.ts';
import { withFitting } from './seed-fitting.ts';
import { type Hints, type SeedColumn, seedValue } from './seed-values.ts';

interface Reference {
  readonly columns: readonly string[];
  readonly table: string;
  readonly targets: readonly string[];
  /** Rows of tables that inherit from it are none of its own. */
  readonly own: boolean;
}

interface SeedTable {
  readonly name: string;
  readonly columns: readonly SeedColumn[];
  readonly references: readonly Reference[];
  readonly checks: readonly string[];
  readonly empty: boolean;
}

/** What the rows must also satisfy, beside what the database demands of them now. */
export interface Demands {
  /** Values of enums that may be used, by type; of others all. */
  readonly labels: ReadonlyMap<string, readonly string[]>;
  /** Values that columns may take, as `public.t.c`, where it was an enum before. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** Bounds that the rows of a table must lie in, for it was a partition before. */
  readonly bounds: ReadonlyMap<string, string>;
  /** Columns that must stay NULL, as `public.t.c`. */
  readonly nulls: ReadonlySet<string>;
}

/** SQL for the name of a relation, with its schema whatever the search_path. */
export const qualified = (oid: string): string =>
  `(SELECT quote_ident(qn.nspname) || '.' || quote_ident(qc.relname) FROM pg_class qc JOIN pg_namespace qn ON qn.oid = qc.relnamespace WHERE qc.oid = ${oid})`;

/** SQL that is true of a relation unless an extension has made it: that is the extension's own, and may not even be read. */
export const notOfExtension = (oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`;

/** SQL for the names of the materialized views that hold nothing. */
export const unfilledViewsSql = `SELECT ${qualified('m.oid')} AS name FROM pg_class m WHERE m.relkind = 'm' AND NOT m.relispopulated AND ${notOfExtension('m.oid')}`;

const wanted = 3;
const attempts = 36;
/** The first ones, which are plain. */
const plainAttempts = 6;

/** Tables with the columns that need a value: what numbers or computes itself is left out. */
const tablesSql = `SELECT ${qualified('rel.oid')} AS name, coalesce((SELECT json_agg(json_build_object(
    'name', quote_ident(a.attname), 'type', format_type(b.oid, b.size), 'domain', CASE WHEN b.oid <> a.atttypid THEN format_type(a.atttypid, NULL) END,
    'checks', ARRAY(SELECT pg_get_expr(c.conbin, c.conrelid) FROM pg_constraint c WHERE c.conrelid = rel.oid AND c.contype = 'c' AND c.conkey = ARRAY[a.attnum]), 'own', (SELECT quote_ident(tn.nspname) || '.' || quote_ident(o.typname) FROM pg_type o JOIN pg_namespace tn ON tn.oid = o.typnamespace WHERE o.oid = CASE b.typcategory WHEN 'A' THEN b.typelem ELSE b.oid END), 'category', b.typcategory,
    'element', coalesce((SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE b.oid IN (r.rngtypid, r.rngmultitypid)), CASE WHEN b.typelem <> 0 THEN format_type(b.typelem, NULL) END),
    'labels', ARRAY(SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid IN (b.oid, b.typelem) ORDER BY e.enumsortorder),
    'length', nullif(CASE WHEN b.typname IN ('varchar', 'bpchar') THEN b.size - 4 WHEN b.typname IN ('bit', 'varbit') THEN b.size END, -5),
    'attributes', ARRAY(SELECT json_build_object('type', format_type(f.atttypid, f.atttypmod), 'labels', ARRAY(SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = f.atttypid ORDER BY e.enumsortorder)) FROM pg_attribute f WHERE f.attrelid = b.typrelid AND f.attnum > 0 AND NOT f.attisdropped ORDER BY f.attnum),
    'nullable', NOT a.attnotnull) ORDER BY a.attnum)
    FROM pg_attribute a JOIN LATERAL (WITH RECURSIVE base (oid, size) AS (SELECT a.atttypid, a.atttypmod
        UNION ALL SELECT d.typbasetype, coalesce(nullif(d.typtypmod, -1), base.size) FROM base JOIN pg_type d ON d.oid = base.oid WHERE d.typtype = 'd')
      SELECT t.*, base.size FROM base JOIN pg_type t ON t.oid = base.oid WHERE t.typtype <> 'd') b ON true
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''
      AND coalesce(pg_get_expr(d.adbin, d.adrelid), '') !~ 'nextval'), '[]') AS columns,
  coalesce((SELECT json_agg(json_build_object('table', ${qualified('c.confrelid')}, 'own', (SELECT f.relkind = 'r' FROM pg_class f WHERE f.oid = c.confrelid),
    'columns', ARRAY(SELECT quote_ident(a.attname) FROM unnest(c.conkey) WITH ORDINALITY k (n, i) JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.n ORDER BY k.i),
    'targets', ARRAY(SELECT quote_ident(a.attname) FROM unnest(c.confkey) WITH ORDINALITY k (n, i) JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.n ORDER BY k.i)))
    FROM pg_constraint c WHERE c.conrelid = rel.oid AND c.contype = 'f' AND c.conparentid = 0), '[]') AS "references",
  ARRAY(SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c WHERE c.contype = 'c' AND (c.conrelid = rel.oid
    OR c.contypid IN (SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = rel.oid)))
    || ARRAY(SELECT pg_get_expr(p.relpartbound, p.oid) FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhrelid WHERE h.inhparent = rel.oid AND p.relispartition) AS checks
  FROM pg_class rel JOIN pg_namespace n ON n.oid = rel.relnamespace
  WHERE rel.relkind IN ('r', 'p') AND NOT rel.relispartition AND rel.relpersistence <> 't'
    AND ${userNamespace('n.nspname')}
    AND ${notOfExtension('rel.oid')}
  ORDER BY 1`;

/** @returns the tables that are still empty, with what the server said to the last attempt */
export async function seedRows(scratch: Query, demands: Demands): Promise<Map<string, string>> {
  const rows = (await scratch(tablesSql)) as unknown as SeedTable[];
  const tables = rows.map((table) => ({
    ...table,
    columns: table.columns.map((column) => allowed(table.name, column, demands)),
  }));
  const failed = new Map<string, string>();
  for (const table of referencedFirst(tables)) {
    const [row] = await scratch(`SELECT EXISTS (SELECT 1 AS one FROM ${table.name}) AS full`);
    if (row?.full === true) continue;
    const problem = await fill(scratch, table, demands);
    if (problem !== null) failed.set(table.name, problem);
  }
  await moveSequences(scratch);
  await fillViews(scratch);
  return failed;
}

function allowed(
  table: string,
  column: SeedColumn & { own?: string },
  { labels, values }: Demands,
): SeedColumn {
  const own = values.get(`${table}.${column.name}`);
  if (own !== undefined) return { ...column, labels: own };
  const known = labels.get(column.own ?? '');
  const common = known === undefined ? column.labels : column.labels.filter((label) => known.includes(label));
  return { ...column, labels: common.length > 0 ? common : column.labels };
}

function referencedFirst(tables: readonly SeedTable[]): SeedTable[] {
  const rest = new Map(tables.map((table) => [table.name, table]));
  const done: SeedTable[] = [];
  const take = (table: SeedTable) => {
    if (!rest.delete(table.name)) return;
    for (const { table: target } of table.references) {
      const other = rest.get(target);
      if (other !== undefined) take(other);
    }
    done.push(table);
  };
  for (const table of tables) take(table);
  return done;
}

/** Null where at least one row got in. Most tables take the first ones: the others are only sent where they do not. */
async function fill(scratch: Query, table: SeedTable, demands: Demands): Promise<string | null> {
  try {
    const first = await insertSome(scratch, table, demands, { from: 0, to: plainAttempts, got: 0 });
    if (first.got >= wanted) return null;
    const fitting = {
      ...table,
      columns: await withFitting(scratch, table.columns, hintsIn(table, demands), attempts),
    };
    const rest = { from: plainAttempts, to: attempts, got: first.got };
    const { got, said } = await insertSome(scratch, fitting, demands, rest);
    return got > 0 ? null : said;
  } catch (error) {
    return (error as Error).message;
  }
}

async function insertSome(
  scratch: Query,
  table: SeedTable,
  demands: Demands,
  { from, to, got }: { readonly from: number; readonly to: number; readonly got: number },
): Promise<{ got: number; said: string }> {
  const tries = Array.from(
    { length: to - from },
    (_, i) =>
      `IF got < ${wanted} THEN BEGIN ${insertSql(table, from + i, demands)} SET CONSTRAINTS ALL IMMEDIATE; got := got + 1;
      EXCEPTION WHEN OTHERS THEN said := SQLERRM; END; END IF;`,
  );
  const body = `DECLARE got integer := ${got}; said text := ''; BEGIN ${tries.join('\n')}
    PERFORM set_config('seed.said', got || ' ' || said, false); END`;
  await scratch(`DO ${quoteLiteral(body)}`);
  const [row] = await scratch("SELECT current_setting('seed.said') AS said");
  const [, count = '0', said = ''] = /^(\d+) (.*)$/s.exec(String(row?.said)) ?? [];
  return { got: Number(count), said };
}

const hintsIn = ({ name, checks }: SeedTable, { bounds }: Demands): Hints =>
  hintsOf([...checks, ...[bounds.get(name) ?? []].flat()]);

function insertSql(table: SeedTable, nth: number, demands: Demands): string {
  const { nulls, bounds } = demands;
  const hints = hintsIn(table, demands);
  // The first attempts ask nobody.
  const attempt = bounds.has(table.name) ? nth * 2 + 6 : nth;
  const columns = table.columns.filter(({ name }) => !nulls.has(`${table.name}.${name}`));
  if (columns.length === 0) return `INSERT INTO ${table.name} DEFAULT VALUES;`;
  const values = columns.map((column, i) => {
    const reference = table.references.find((each) => each.columns.includes(column.name));
    if (reference !== undefined) return referenced(table, column, reference, attempt);
    // Of some types no value is known; the last attempts do without them.
    if (attempt >= attempts - 6 && column.nullable && /[UCXG]/.test(column.category)) return 'NULL';
    if (attempt < plainAttempts) return seedValue(column, attempt, hints);
    // Every column goes its own way through what may be let through.
    const own = column.fitting?.[(attempt + i) % column.fitting.length];
    return seedValue(column, own ?? attempt * 7 + i * 5, hints);
  });
  return `INSERT INTO ${table.name} (${columns.map(({ name }) => name).join(', ')}) VALUES (${values.join(', ')});`;
}

function referenced(table: SeedTable, column: SeedColumn, reference: Reference, attempt: number): string {
  const target = reference.targets[reference.columns.indexOf(column.name)];
  const isSelf = reference.table === table.name;
  if (isSelf && column.nullable) return 'NULL';
  if (isSelf) return seedValue(column, attempt, { texts: [], numbers: [] });
  const source = `${reference.own ? 'ONLY ' : ''}${reference.table}`;
  return `(SELECT ${target} FROM ${source} ORDER BY ctid OFFSET ${attempt % wanted} % greatest(1, (SELECT count(*) FROM ${source})) LIMIT 1)`;
}

/** What stands in checks and bounds of partitions. */
function hintsOf(checks: readonly string[]): Hints {
  // The upper bound of a partition is not in it.
  const all = checks.map((check) => (check.endsWith(')') ? check.split(' TO (', 1) : check)).join(' ');
  const texts = [...all.matchAll(/'((?:[^']|'')*)'/g)].map(([, text = '']) => text.replaceAll("''", "'"));
  const numbers = [...all.matchAll(/(?<![\w'.])-?\d+(?:\.\d+)?(?![\w'])/g)].map(([number]) => `(${number})`);
  return { texts: [...new Set(texts)].slice(0, 12), numbers: [...new Set(numbers)].slice(0, 8) };
}

/** A position that a sequence made anew would not have. */
async function moveSequences(scratch: Query): Promise<void> {
  const sequences = await scratch(
    `SELECT ${qualified('s.seqrelid')} AS name FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
     WHERE c.relpersistence <> 't' AND ${notOfExtension('c.oid')} AND pg_sequence_last_value(s.seqrelid) IS NULL`,
  );
  for (const { name } of sequences)
    await scratch(`SELECT nextval(${quoteLiteral(String(name))}) FROM generate_series(1, 2)`).catch(
      () => undefined,
    );
}

/** Views over views need more than one round. */
async function fillViews(scratch: Query): Promise<void> {
  const unfilled = () => scratch(unfilledViewsSql);
  for (let [before, views] = [-1, await unfilled()]; views.length > 0 && views.length !== before; ) {
    for (const { name } of views)
      await scratch(`REFRESH MATERIALIZED VIEW ${String(name)}`).catch(() => undefined);
    [before, views] = [views.length, await unfilled()];
  }
}
