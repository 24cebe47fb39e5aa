// Takes a scratch database before and after a statement; gives what was lost of its rows, of the positions of its sequences
// and of its materialized views. Tables and columns are followed through renamings: by what the catalog calls them inside.
import { withoutTrailing } from '../base/ends.ts';
import { userNamespace } from '../schema/sql.ts';
import type { Query } from '../schema/types.ts';
import { notOfExtension, qualified, unfilledViewsSql } from './seed.ts';

interface Column {
  readonly number: number;
  readonly name: string;
  readonly type: string;
  readonly generated: boolean;
  /** Of a composite type: its values are read as JSON, by attribute. */
  readonly composite: boolean;
}

interface Table {
  readonly oid: string;
  readonly name: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Record<string, string | null>[];
}

interface Sequence {
  readonly oid: string;
  readonly name: string;
  readonly position: string | null;
  readonly owner: string | null;
  /** The largest or smallest number that its column holds; null where nothing owns it. */
  readonly ascending: boolean;
  readonly highest: string | null;
}

export interface RowsOfTables {
  readonly tables: readonly Table[];
  readonly sequences: readonly Sequence[];
  /** Values of enums by what the catalog calls them, which a renaming leaves as it is. */
  readonly labels: readonly { readonly oid: string; readonly type: string; readonly label: string }[];
  readonly emptyViews: readonly string[];
}

const user = userNamespace('n.nspname');

/**
 * All rows of all tables of the scratch database, by table.
 * @throws the error of pg
 */
export async function readContents(scratch: Query): Promise<RowsOfTables> {
  const found = await scratch(
    `SELECT c.oid::text AS oid, ${qualified('c.oid')} AS name, coalesce((SELECT json_agg(json_build_object('number', a.attnum, 'name', quote_ident(a.attname),
       'type', format_type(a.atttypid, NULL), 'generated', a.attgenerated <> '', 'composite', (SELECT t.typtype = 'c' FROM pg_type t WHERE t.oid = a.atttypid)) ORDER BY a.attnum) FROM pg_attribute a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND ${user} AND ${notOfExtension('c.oid')} ORDER BY 1`,
  );
  const tables: Table[] = [];
  for (const table of found as unknown as Omit<Table, 'rows'>[]) {
    const list = table.columns.map(
      ({ name, number, composite }) => `${composite ? `to_jsonb(${name})` : name}::text AS "${number}"`,
    );
    const rows = await scratch(
      `SELECT ${list.length === 0 ? '1 AS "0"' : list.join(', ')} FROM ONLY ${table.name}`,
    );
    tables.push({ ...table, rows: rows as Record<string, string | null>[] });
  }
  const labels = await scratch(
    'SELECT oid::text AS oid, format_type(enumtypid, NULL) AS type, enumlabel AS label FROM pg_enum',
  );
  const views = await scratch(unfilledViewsSql);
  return {
    tables,
    sequences: await readSequences(scratch),
    labels: labels as unknown as RowsOfTables['labels'],
    emptyViews: views.map(({ name }) => String(name)),
  };
}

async function readSequences(scratch: Query): Promise<Sequence[]> {
  const found = (await scratch(
    `SELECT c.oid::text AS oid, ${qualified('c.oid')} AS name, pg_sequence_last_value(c.oid)::text AS position, s.seqincrement > 0 AS ascending,
       ${qualified('d.refobjid')} AS table, quote_ident(a.attname) AS column
     FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
       AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
     LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE c.relpersistence <> 't' AND ${notOfExtension('c.oid')}`,
  )) as unknown as (Sequence & { table: string | null; column: string | null })[];
  const sequences: Sequence[] = [];
  for (const { table, column, ...sequence } of found) {
    const [row] =
      table === null
        ? [{ highest: null }]
        : await scratch(
            `SELECT ${sequence.ascending ? 'max' : 'min'}(${column})::text AS highest FROM ${table}`,
          );
    const owner = table === null ? null : `${table}.${column}`;
    sequences.push({ ...sequence, owner, highest: (row?.highest ?? null) as string | null });
  }
  return sequences;
}

/** What was there and is no longer, in words; what went as a whole is no loss. */
export function lostBetween(before: RowsOfTables, after: RowsOfTables): string[] {
  return [
    ...before.tables.flatMap((table) => lostOf(table, before, after)),
    ...lostPositions(before, after),
    ...after.emptyViews
      .filter((view) => !before.emptyViews.includes(view))
      .map((view) => `the materialized view ${view} is not filled`),
  ];
}

function lostOf(table: Table, before: RowsOfTables, after: RowsOfTables): string[] {
  const same = after.tables.find(({ oid }) => oid === table.oid);
  const other = same ?? after.tables.find(({ name }) => name === table.name);
  if (other === undefined || table.rows.length === 0) return [];
  if (other.rows.length !== table.rows.length)
    return [`${table.name} had ${table.rows.length} rows and has ${other.rows.length}`];
  const pairs = table.columns.flatMap((column) => {
    const successor =
      (same === undefined ? undefined : other.columns.find(({ number }) => number === column.number)) ??
      other.columns.find(({ name }) => name === column.name);
    return successor === undefined || successor.generated ? [] : [{ column, successor }];
  });
  return pairs
    .filter(({ column, successor }) => {
      if (column.composite && successor.composite)
        return attributesDiffer(valuesIn(table, column), valuesIn(other, successor));
      const old = table.rows.map((row) => translated(row[column.number] ?? null, column, before, after));
      const now = other.rows.map((row) => comparable(row[successor.number] ?? null));
      return old.sort().join('\0') !== now.sort().join('\0');
    })
    .map(({ column }) => `the values of ${table.name}.${column.name} are not what they were`);
}

const valuesIn = ({ rows }: Table, { number }: Column) => rows.map((row) => row[number] ?? 'null');

/** Of the attributes that values of both sides have. */
function attributesDiffer(before: readonly string[], after: readonly string[]): boolean {
  const parse = (text: string) => (JSON.parse(text) ?? {}) as Record<string, unknown>;
  const keysIn = (texts: readonly string[]) => new Set(texts.flatMap((text) => Object.keys(parse(text))));
  const common = [...keysIn(before)].filter((key) => keysIn(after).has(key));
  const cut = (texts: readonly string[]) =>
    texts.map((text) => JSON.stringify(common.map((key) => parse(text)[key]))).sort();
  return cut(before).join('\0') !== cut(after).join('\0');
}

/** `1.50` and `1.5` are one number. */
function comparable(value: string | null): string {
  if (value === null) return 'NULL';
  const isNumber = /^-?\d+\.\d+$/.test(value);
  return `=${isNumber ? withoutTrailing(withoutTrailing(value, '0'), '.') : value}`;
}

/** A value of an enum under the name that it has now. */
function translated(
  value: string | null,
  { type }: Column,
  before: RowsOfTables,
  after: RowsOfTables,
): string {
  const label = before.labels.find((each) => each.type === type && each.label === value);
  const now = label === undefined ? undefined : after.labels.find(({ oid }) => oid === label.oid);
  return comparable(now?.label ?? value);
}

function lostPositions(before: RowsOfTables, after: RowsOfTables): string[] {
  return after.sequences.flatMap((sequence) => {
    const old =
      before.sequences.find(({ oid }) => oid === sequence.oid) ??
      before.sequences.find(
        ({ name, owner }) => name === sequence.name || (owner !== null && owner === sequence.owner),
      );
    if (old !== undefined && old.position !== sequence.position)
      return [`the sequence ${sequence.name} begins anew`];
    const { position, highest, ascending } = sequence;
    if (old !== undefined || highest === null || !/^-?\d+$/.test(highest)) return [];
    const reached =
      position !== null &&
      (ascending ? BigInt(position) >= BigInt(highest) : BigInt(position) <= BigInt(highest));
    return reached ? [] : [`the sequence ${sequence.name} begins below what ${sequence.owner} holds already`];
  });
}
