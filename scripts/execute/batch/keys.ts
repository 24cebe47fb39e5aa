// Takes a batch's table and key; gives what the catalog says of them, and the ranges of keys one after the other. Its
// queries look names up in pg_catalog alone: operators and types of the key are PostgreSQL's own, or it is refused.

import { MigrateError } from '../../base/errors.ts';
import type { BatchDirective } from '../../base/types.ts';
import type { Session } from '../../connection/session.ts';
import { batchProblem } from '../../files/batch.ts';
import type { Meanings } from '../../files/batch-meanings.ts';
import type { Parser } from '../../files/statements.ts';
import type { BatchState } from '../../ledger/journal.ts';
import type { ReadyStep } from '../../plan/steps.ts';
import { quoteLiteral } from '../../schema/sql.ts';
import { builtinSql, familySql, sortableSql } from './key-types.ts';
import { countedUpTo } from './pace.ts';

/** A range of keys, both ends included, in text form. */
export interface KeyRange {
  readonly first: string;
  readonly last: string;
  readonly keys: number;
}

interface KeyRow {
  readonly table: string;
  readonly column: string;
  readonly type: string;
  /** What its values may be compared with; see key-types. */
  readonly family: string;
  /** Family and collation: keys of another order are others behind a position. */
  readonly order: string;
  readonly builtin: boolean;
  readonly sortable: boolean;
  readonly unique: boolean;
  readonly estimated: number;
  readonly [column: string]: unknown;
}

/**
 * The rows of a partitioned table are those of its leaves; -1 is a table that was never analysed. The type is written for
 * -1, no length: for NULL, `character` and `bit` would be those of length 1. An index counts only in the column's own order.
 */
const keySql = `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS "table", pg_catalog.quote_ident(a.attname) AS "column",
  pg_catalog.format_type(base.oid, -1) AS type, ${builtinSql('base')} AS builtin, ${familySql('base')} AS family,
  pg_catalog.concat_ws(' ', ${familySql('base')}, (SELECT l.collname FROM pg_catalog.pg_collation l WHERE l.oid = a.attcollation)) AS "order",
  ${sortableSql('base')} AS sortable,
  EXISTS (SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = ic.relam
           WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree' AND i.indkey[0] = a.attnum
             AND i.indcollation[0] = a.attcollation AND EXISTS (SELECT FROM pg_catalog.pg_opclass o WHERE o.oid = i.indclass[0] AND o.opcdefault)) AS "unique",
  (SELECT pg_catalog.sum(CASE WHEN l.reltuples < 0 THEN NULL ELSE l.reltuples END)::float8 FROM pg_catalog.pg_class l
    WHERE l.relkind IN ('r', 'f') AND (l.oid = c.oid OR l.oid IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) t))) AS estimated
 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 JOIN LATERAL (WITH RECURSIVE up AS (SELECT t.oid, t.typtype, t.typbasetype UNION ALL
     SELECT u.oid, u.typtype, u.typbasetype FROM up JOIN pg_catalog.pg_type u ON up.typtype = 'd' AND u.oid = up.typbasetype)
   SELECT oid FROM up WHERE typtype <> 'd') AS root ON true
 JOIN pg_catalog.pg_type base ON base.oid = root.oid
 WHERE c.oid = $1::pg_catalog.oid AND a.attname = $2`;

/** The table of a batch, what the names in its statement mean, and what it compares its parameters with; null where the server could not tell. */
export interface BatchTable {
  readonly oid: string;
  readonly families: readonly string[] | null;
  /** What the names in its statement mean. */
  readonly meanings: Meanings;
}

/**
 * Table and key as they are, before anything is changed.
 * @param found with the file's own search path
 * @param name of the key, as the catalog has it
 * @throws MigrateError `migration-failed` for a key that cannot be walked along: none, without a unique index, with NULLs,
 *   or of a type whose order is not PostgreSQL's own
 */
export async function readKey(
  session: Session,
  step: ReadyStep,
  { table, column }: BatchDirective,
  { oid, families }: BatchTable,
  name: string,
): Promise<BatchState> {
  const [row] = await session.query<KeyRow>(keySql, [oid, name]);
  if (row === undefined)
    throw refused(step, [`${table} has no column ${column}`, `Write a column of ${table}.`]);
  const unfit = unfitKey(row, families);
  if (unfit !== null) throw refused(step, unfit);
  // Qualified: an output column of the same name, in text form, would be what ORDER BY means. NULLs are looked for whatever
  // the catalog says: NOT NULL may be NOT VALID (from PostgreSQL 18 on).
  const [found] = await readable(step, row.table, () =>
    session.query<{ end: string | null; nulls: boolean; counted: number }>(
      `SELECT (SELECT k.${row.column}::pg_catalog.text FROM ${row.table} AS k WHERE k.${row.column} IS NOT NULL ORDER BY k.${row.column} DESC LIMIT 1) AS "end",
            EXISTS (SELECT 1 FROM ${row.table} AS k WHERE k.${row.column} IS NULL) AS nulls,
            (SELECT pg_catalog.count(*)::pg_catalog.int4 FROM (SELECT 1 AS one FROM ${row.table} LIMIT ${countedUpTo}) AS counted) AS counted`,
    ),
  );
  if (found?.nulls)
    throw refused(step, [
      `${row.table} has rows whose ${row.column} is NULL, which no range of keys holds`,
      'Give them a key first, or name another column.',
    ]);
  return {
    table: row.table,
    column: row.column,
    type: row.type,
    order: row.order,
    end: found?.end ?? null,
    position: null,
    keys: 0,
    rows: 0,
    batches: 0,
    estimated: await estimate(session, row, found?.counted ?? 0),
  };
}

/**
 * Of a batch that begins: its result by ranges is the one at once, now that the server has told what the names mean.
 * @throws MigrateError `migration-failed` where it is not
 */
export function refuseUnlike(
  step: ReadyStep,
  directive: BatchDirective,
  { meanings }: BatchTable,
  parse: Parser,
): void {
  const problem = batchProblem(directive, step.text, parse, meanings);
  if (problem !== null) throw refused(step, [problem, 'Write it so that each range can stand for itself.']);
}

/** What a refusal says, and what to do about it. */
type Refusal = readonly [message: string, hint: string];

/** Why the catalog's word on a column keeps it from being walked along. */
function unfitKey(row: KeyRow, families: BatchTable['families']): Refusal | null {
  if (!row.unique)
    return [
      `${row.table}.${row.column} has no unique index or primary key that begins with it`,
      'Batches walk along an index in the order of the column itself, over all rows: name another column, or make a unique index (CREATE UNIQUE INDEX CONCURRENTLY) in a migration before this one.',
    ];
  if (!row.builtin || !row.sortable)
    return [
      `Batches cannot walk along the type ${row.type} of ${row.table}.${row.column}`,
      'Name a column of a type of PostgreSQL’s own that has an order, or an enum; types of extensions, composite types and what is made of them have none that is known here.',
    ];
  if (families?.some((family) => family !== row.family))
    return [
      `$1 and $2 are keys of ${row.table}, of type ${row.type}, and the statement compares them with something of another type, whose order is another`,
      `Compare them with the key itself: … WHERE ${row.column} BETWEEN $1 AND $2`,
    ];
  return null;
}

/** Rights and policies of the table may keep its keys from us, before anything is begun. */
async function readable<Result>(
  step: ReadyStep,
  table: string,
  read: () => Promise<Result>,
): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    const { code = '', message } = error as { code?: string; message: string };
    if (!/^(22|42|P0)...$/.test(code)) throw error;
    throw refused(step, [
      `The keys of ${table} cannot be read: ${message}`,
      'They are read as the role that migrates, under its rights and the policies of the table: give it the rights, and settings that a policy asks for (ALTER ROLE … SET …).',
    ]);
  }
}

/** How many rows there are: of a small table counted, else as ANALYZE left it, else as the planner takes it from the size. */
async function estimate(
  session: Session,
  { table, estimated }: KeyRow,
  counted: number,
): Promise<number | null> {
  if (counted < countedUpTo) return counted;
  if (estimated !== null && estimated > 0) return Math.max(counted, Math.round(estimated));
  const [row] = await session.query<{ 'QUERY PLAN': readonly { Plan?: { 'Plan Rows'?: number } }[] }>(
    `EXPLAIN (FORMAT JSON) SELECT 1 AS one FROM ${table}`,
  );
  const planned = row?.['QUERY PLAN'][0]?.Plan?.['Plan Rows'];
  return planned === undefined ? null : Math.max(counted, planned);
}

/**
 * The next range of `size` rows, or null where the end is reached. A row that came later than the end is not in it; rows of
 * one key are in one range.
 */
export async function nextRange(session: Session, state: BatchState, size: number): Promise<KeyRange | null> {
  if (state.end === null) return null;
  const [row] = await session.query<{ first: string | null; last: string | null; keys: number }>(
    `WITH keys AS (${keysSql(state, state.end, size)})
     SELECT (SELECT key::pg_catalog.text FROM keys ORDER BY keys.key LIMIT 1) AS first,
            (SELECT key::pg_catalog.text FROM keys ORDER BY keys.key DESC LIMIT 1) AS last,
            (SELECT pg_catalog.count(*)::pg_catalog.int4 FROM keys) AS keys`,
  );
  if (row === undefined || row.first === null || row.last === null) return null;
  return { first: row.first, last: row.last, keys: row.keys };
}

/** A query of the next `size` keys, up to the end. */
export function keysSql({ table, column, type, position }: BatchState, end: string, size: number): string {
  const value = (text: string) => `${quoteLiteral(text)}::${type}`;
  const after = position === null ? '' : `AND k.${column} OPERATOR(pg_catalog.>) ${value(position)}`;
  return `SELECT k.${column} AS key FROM ${table} AS k WHERE k.${column} OPERATOR(pg_catalog.<=) ${value(end)} ${after} ORDER BY k.${column} FETCH FIRST ${size} ROWS WITH TIES`;
}

function refused(step: ReadyStep, [message, hint]: Refusal): MigrateError {
  return new MigrateError('migration-failed', `${step.path}: ${message}`, {
    location: { file: step.path },
    hint,
    state: `Nothing of ${step.id} was run.`,
  });
}
