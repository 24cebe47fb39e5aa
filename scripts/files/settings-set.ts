// Takes a statement as PostgreSQL's parser reads it; gives the settings it changes by name, and which of those a file must
// not change. It looks at statements of the file alone, but for the lock time-out in DO blocks.
import { unitMs } from '../base/duration.ts';
import type { Statement } from '../base/types.ts';
import type { Parser } from './statements.ts';

/** A setting and its new value; null for DEFAULT, RESET, or a value that only the server can compute. */
export interface SettingSet {
  readonly name: string;
  readonly value: string | null;
}

interface Constant {
  readonly A_Const?: {
    readonly sval?: { readonly sval?: string };
    readonly ival?: { readonly ival?: number };
    readonly fval?: { readonly fval?: string };
    readonly boolval?: { readonly boolval?: boolean };
  };
}

interface Call {
  readonly funcname?: readonly { readonly String?: { readonly sval?: string } }[];
  readonly args?: readonly Constant[];
}

/** What SET, RESET and set_config() with constants change. */
export function settingsSet({ kind, node }: Pick<Statement, 'kind' | 'node'>): readonly SettingSet[] {
  if (kind === 'VariableSetStmt') {
    const name = String(node.name ?? '').toLowerCase();
    if (String(node.kind) !== 'VAR_SET_VALUE') return [{ name, value: null }];
    return [{ name, value: constant((node.args as Constant[] | undefined)?.[0]) }];
  }
  if (kind !== 'SelectStmt' || !JSON.stringify(node).includes('"set_config"')) return [];
  return callsOf(node).flatMap(({ funcname, args }) => {
    if (funcname?.at(-1)?.String?.sval !== 'set_config') return [];
    const name = constant(args?.[0])?.toLowerCase();
    return name === undefined ? [] : [{ name, value: constant(args?.[1]) }];
  });
}

function constant(node: Constant | undefined): string | null {
  const value = node?.A_Const;
  if (value?.sval !== undefined) return value.sval.sval ?? '';
  if (value?.ival !== undefined) return String(value.ival.ival ?? 0);
  if (value?.fval !== undefined) return value.fval.fval ?? '';
  return value?.boolval === undefined ? null : String(value.boolval.boolval ?? false);
}

function callsOf(node: unknown): Call[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => [
    ...(key === 'FuncCall' ? [value as Call] : []),
    ...callsOf(value),
  ]);
}

/** Whether the statement takes the bound on waiting for locks away: `SET lock_timeout = 0` and its kin. */
function liftsLockTimeout(statement: Statement): boolean {
  return settingsSet(statement).some(
    ({ name, value }) => name === 'lock_timeout' && value !== null && isZeroTime(value),
  );
}

/** 0, with a unit or without. */
export function isZeroTime(value: string): boolean {
  return /^[+-]?0*(\.0*)?\s*[a-z]*$/i.test(value.trim());
}

const zero = String.raw`(?:'+\s*[+-]?0+(?:\.0*)?\s*(?:[a-z]+\s*)?'+|0+(?:\.0*)?)`;
const setInBody = new RegExp(
  String.raw`(['\s;])(set\s+(?:(?:session|local)\s+)?lock_timeout\s*(?:=|to)\s*${zero})(?=\s*['";])`,
  'gi',
);
const callInBody = new RegExp(
  String.raw`(?:pg_catalog\.)?set_config\s*\(\s*'lock_timeout'\s*,\s*${zero}\s*,\s*(?:true|false)\s*\)`,
  'gi',
);

const ownBound =
  /\block_timeout\b'?\s{0,20}(?:=|\bto\b|,)\s{0,20}'?\s{0,20}(\d{1,9})\s{0,20}(ms|s|min|h|d)?/gi;

/**
 * How long (ms) a statement of the text may wait for a lock: as the tool has it, or as long as the text says itself; null
 * where what it says cannot be read.
 */
export function lockBound(text: string, lockTimeoutMs: number): number | null {
  const mentions = text.match(/\block_timeout\b/gi)?.length ?? 0;
  if (mentions === 0) return lockTimeoutMs;
  const own = [...text.matchAll(ownBound)].map(
    ([, n, unit]) => Number(n) * (unitMs[unit?.toLowerCase() ?? 'ms'] ?? 1),
  );
  return own.length < mentions ? null : Math.max(lockTimeoutMs, ...own);
}

/** A block in PL/pgSQL: each SET is nothing (a SELECT of nothing where it is EXECUTEd), each set_config() an empty text. */
function keptInBody(block: string): string {
  if (/\blanguage\s+(?!plpgsql)/i.test(block)) return block;
  return block
    .replace(setInBody, (_all, before: string, sql: string) => {
      return `${before}${(before === "'" ? 'SELECT' : 'NULL').padEnd(sql.length)}`;
    })
    .replace(callInBody, (call) => "''".padEnd(call.length));
}

/**
 * The text with each statement that lifts the lock time-out, in DO blocks too, made one that does nothing, as long as before and with the same
 * number of statements, so that positions stay right: what a file switches off (pg_dump does, at the head of each script)
 * must not make everybody queue behind a migration that waits. The text that is recorded stays as it is.
 */
export function keepLockTimeout(text: string, parse: Parser): string {
  if (!/lock_timeout/i.test(text)) return text;
  const parsed = parse(text);
  if (parsed.ok !== true) return text;
  return parsed.statements.reduce((kept, statement) => {
    const { start, end, kind } = statement;
    const block = kind === 'DoStmt' ? keptInBody(kept.slice(start, end)) : undefined;
    const made = liftsLockTimeout(statement) ? 'SELECT'.padEnd(end - start) : block;
    return made === undefined ? kept : kept.slice(0, start) + made + kept.slice(end);
  }, text);
}

const readingInBody =
  /(?:\bset_config\s{0,20}\(\s{0,20}'{1,4}|\bset\s{1,20}(?:(?:session|local)\s{1,20})?)(standard_conforming_strings|backslash_quote|client_encoding)'{0,4}\s{0,20}(?:=|\bto\b|,)\s{0,20}'{0,4}([\w-]{1,40})/gi;

/** Of a block in any language: what its text sets of what changes how SQL is read. */
function readingSettings(statement: Statement): readonly SettingSet[] {
  if (statement.kind !== 'DoStmt') return settingsSet(statement);
  return [...statement.text.matchAll(readingInBody)].map(([, name = '', value = '']) => ({
    name: name.toLowerCase(),
    value,
  }));
}

/**
 * Why a statement would have the rest of the file read in another way than it is split, checked and recorded here, or null.
 * PostgreSQL reads a text of several statements before it runs the first; psql sends them one by one.
 */
export function readingProblem(statement: Statement, text: string): string | null {
  // A block may be meant for what reads elsewhere: it matters where something follows that would be read otherwise.
  const matters = statement.kind !== 'DoStmt' || text.slice(statement.end).includes('\\');
  for (const { name, value } of readingSettings(statement)) {
    if (value === null || (!matters && name !== 'client_encoding')) continue;
    if (name === 'standard_conforming_strings' && /^\s*(off?|f(a(l(s(e)?)?)?)?|no?|0)\s*$/i.test(value))
      return `${name} = ${value} would have the literals that follow read in another way in a transaction, outside of one and in psql: remove it, and write E'…' where backslashes are meant to escape`;
    if (name === 'backslash_quote' && value.toLowerCase() !== 'safe_encoding')
      return `${name} = ${value} changes how the literals that follow are read: remove it, and write '' for a quote in a literal`;
    if (name === 'client_encoding' && !isUtf8(value) && /[^\0-\x7f]/.test(text))
      return `client_encoding = ${value} would have the characters that follow read as ${value}, and the file is UTF-8: remove it`;
  }
  return null;
}

const isUtf8 = (name: string) => ['utf8', 'unicode'].includes(name.toLowerCase().replace(/[^a-z0-9]/g, ''));

/**
 * What is wrong with a statement that sets how its transaction runs, or null: the tool opens the transaction, with the
 * level that a leading SET TRANSACTION asks for.
 * @param leading whether nothing but SET stands before it
 */
export function transactionSettingProblem(
  statement: Statement,
  noTransaction: boolean,
  leading: boolean,
): string | null {
  const right = 'write "SET TRANSACTION ISOLATION LEVEL …;" as the first statement of the file';
  for (const { name } of settingsSet(statement)) {
    if (name === 'transaction_isolation' || name === 'transaction_deferrable')
      return `${name} cannot be set like this, for the tool opens the transaction: ${right}`;
    if (name === 'transaction_read_only')
      return `${name}: a migration is recorded in its own transaction, which must be able to write: remove it`;
    if (name === 'transaction snapshot')
      return 'SET TRANSACTION SNAPSHOT: a migration cannot take over another snapshot: remove it';
    if (name !== 'transaction' || statement.kind !== 'VariableSetStmt') continue;
    if (noTransaction) return 'SET TRANSACTION has no effect in a no-transaction file: remove it';
    if (JSON.stringify(statement.node.args).includes('"transaction_read_only"'))
      return 'SET TRANSACTION READ ONLY or READ WRITE: a migration is recorded in its own transaction, which writes: remove it';
    if (JSON.stringify(statement.node.args).includes('"transaction_deferrable"'))
      return 'SET TRANSACTION DEFERRABLE counts for transactions that only read: remove it';
    if (!leading) return `SET TRANSACTION must be called before any query: ${right}`;
  }
  return null;
}
