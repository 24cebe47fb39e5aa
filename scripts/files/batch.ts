// Takes the words of a batch directive, and the file that has it; gives what it asks for, or what is wrong. Of a batch's
// statement it gives the text for one range of keys. It knows nothing of databases.

import { parseDuration } from '../base/duration.ts';
import type { BatchDirective, Statement } from '../base/types.ts';
import { folded } from '../schema/sql.ts';
import type { Meanings } from './batch-meanings.ts';
import { rangeProblem } from './batch-range.ts';
import type { Parser } from './statements.ts';

const example = '-- migrate: batch public.orders by id [rows=1000] [pause=100ms]';
// Letters beyond ASCII are part of names as they are.
const name = '(?:[A-Za-z_\\u0080-\\uffff][A-Za-z0-9_$\\u0080-\\uffff]*|"(?:[^"]|"")+")';
const head = new RegExp(`^(${name}(?:\\.${name})?)[ \\t]+by[ \\t]+(${name})((?:[ \\t]+\\S+)*)$`, 'i');

/** @returns what the directive asks for, or a sentence that says what is wrong with it */
export function readBatch(argument: string): BatchDirective | string {
  const [, table, column, options = ''] = head.exec(argument) ?? [];
  if (table === undefined || column === undefined)
    return `directive batch needs a table and its key: ${example}`;
  const draft: { -readonly [key in keyof BatchDirective]: BatchDirective[key] } = { table, column };
  for (const option of options.split(/[ \t]+/).filter((word) => word !== '')) {
    const [, key, value = ''] = /^(rows|pause)=(.*)$/.exec(option) ?? [];
    if (key === undefined) return `directive batch knows no "${option}": ${example}`;
    if (key === 'rows') {
      if (!/^[1-9]\d{0,6}$/.test(value)) return `rows="${value}" is no number from 1 to 9999999: ${example}`;
      draft.rows = Number(value);
    } else {
      const pauseMs = parseDuration(value);
      if (pauseMs === null) return `pause="${value}" is no duration: ${example}`;
      draft.pauseMs = pauseMs;
    }
  }
  return draft;
}

const kinds = new Set(['UpdateStmt', 'DeleteStmt', 'InsertStmt']);

/**
 * @param meanings of the names in the statement, where a server was asked
 * @returns what keeps the file from running in batches, or null; null also where it does not parse
 */
export function batchProblem(
  { table, column }: BatchDirective,
  text: string,
  parse: Parser,
  meanings?: Meanings,
): string | null {
  const parsed = parse(text);
  if (parsed.ok !== true) return null;
  const [statement] = parsed.statements;
  if (statement === undefined || parsed.statements.length > 1)
    return `a batch is one statement, and this file holds ${parsed.statements.length}: give each a file of its own`;
  const { kind, node } = statement;
  const isSelect = kind !== 'InsertStmt' || insertsRows(node);
  if (!kinds.has(kind) || !isSelect)
    return 'a batch is an UPDATE, a DELETE or an INSERT … SELECT: this statement is none';
  const numbers = new Set(parametersOf(node).map(({ number }) => number));
  const missing = [1, 2].filter((number) => !numbers.has(number));
  if (missing.length > 0)
    return `a batch names the first and the last key as $1 and $2, and ${missing.map((number) => `$${number}`).join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing: … WHERE ${column} BETWEEN $1 AND $2`;
  const other = [...numbers].find((number) => number > 2);
  if (other !== undefined) return `a batch has two parameters, $1 and $2: $${other} is none`;
  const walked = {
    table: folded(table.match(new RegExp(name, 'g'))?.at(-1) ?? table),
    column: folded(column),
  };
  if (changesKey({ [kind]: node }, walked.table, walked.column))
    return `this batch changes ${column}, the key that it walks by: rows would be met twice or not at all`;
  return rangeProblem({ [kind]: node }, walked, column, meanings);
}

function insertsRows(node: Statement['node']): boolean {
  const select = (node.selectStmt as { SelectStmt?: Record<string, unknown> } | undefined)?.SelectStmt;
  return select !== undefined && select.valuesLists === undefined;
}

interface Changing {
  readonly relation?: { readonly relname?: string };
  readonly targetList?: readonly { readonly ResTarget?: { readonly name?: string } }[];
  readonly onConflictClause?: Pick<Changing, 'targetList'>;
}

/** An UPDATE, anywhere in the statement, or an ON CONFLICT DO UPDATE, that sets this column of this table. */
function changesKey(node: unknown, table: string, column: string): boolean {
  if (Array.isArray(node)) return node.some((item) => changesKey(item, table, column));
  if (typeof node !== 'object' || node === null) return false;
  const { UpdateStmt, InsertStmt } = node as { UpdateStmt?: Changing; InsertStmt?: Changing };
  const lists = [UpdateStmt?.targetList, InsertStmt?.onConflictClause?.targetList];
  const isSet = lists.some((list) => list?.some(({ ResTarget }) => ResTarget?.name === column) === true);
  if (isSet && (UpdateStmt ?? InsertStmt)?.relation?.relname === table) return true;
  return Object.values(node).some((inner) => changesKey(inner, table, column));
}

interface Parameter {
  readonly number: number;
  /** In bytes, from the start of the parsed text. */
  readonly location: number;
}

function parametersOf(node: unknown): Parameter[] {
  if (Array.isArray(node)) return node.flatMap(parametersOf);
  if (typeof node !== 'object' || node === null) return [];
  const { ParamRef: found } = node as { ParamRef?: { number?: number; location?: number } };
  if (found !== undefined) return [{ number: found.number ?? 0, location: found.location ?? 0 }];
  return Object.values(node).flatMap(parametersOf);
}

/**
 * A batch's statement with its parameters written out, for where it runs as plain text: on scratch databases.
 * @param literals SQL for `$1` and `$2`
 */
export function withLiterals(statement: string, parse: Parser, literals: readonly [string, string]): string {
  const parsed = parse(statement);
  const [only] = parsed.ok === true ? parsed.statements : [];
  if (only === undefined) return statement;
  const bytes = Buffer.from(statement);
  const parts: Buffer[] = [];
  let done = 0;
  for (const { number, location } of parametersOf(only.node).sort((a, b) => a.location - b.location)) {
    parts.push(bytes.subarray(done, location), Buffer.from(literals[number - 1] ?? 'NULL'));
    done = location + `$${number}`.length;
  }
  return Buffer.concat([...parts, bytes.subarray(done)]).toString();
}
