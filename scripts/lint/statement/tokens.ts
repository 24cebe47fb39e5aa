// Takes the text of one statement; gives its tokens, and slices of it between them. Comments are skipped, text is never
// changed: what a rewrite keeps, it keeps as it was written.
import { blockCommentEnd, lineCommentEnd } from '../../base/positions.ts';
import { folded } from '../../schema/sql.ts';
import { unitsOf } from './clauses.ts';

export interface Token {
  /** UTF-16 offsets into the statement. */
  readonly start: number;
  readonly end: number;
  /** As written; a keyword in lower case. */
  readonly text: string;
  /** How many parentheses and brackets are open around it; those themselves stand outside. */
  readonly depth: number;
}

/** What PostgreSQL takes for white space; all other of Unicode's belongs to names. */
const space = /[ \t\n\v\f\r]+/y;
const word = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const quotedName = /(?:[Uu]&)?"(?:[^"]|"")*"?/y;
const escapeString = /[Ee]'(?:[^'\\]|\\[\s\S]|'')*'?/y;
const plainString = /(?:[BbXxNn]|[Uu]&)?'(?:[^']|'')*'?/y;
const escapedPart = /'(?:[^'\\]|\\[\s\S]|'')*'?/y;
const plainPart = /'(?:[^']|'')*'?/y;
const gap = /(?:[ \t\n\v\f\r]|--[^\n\r]*)+/y;
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const number = /\d[\w.]*|\$\d+/y;

/** All tokens of a statement, in order. */
export function tokenize(sql: string): readonly Token[] {
  const tokens: Token[] = [];
  let depth = 0;
  let at = 0;
  while (at < sql.length) {
    const blank = blankEnd(sql, at);
    if (blank > at) {
      at = blank;
      continue;
    }
    const end = tokenEnd(sql, at);
    const raw = sql.slice(at, end);
    if (raw === ')' || raw === ']') depth -= 1;
    tokens.push({ start: at, end, text: isWord(raw) ? folded(raw) : raw, depth });
    if (raw === '(' || raw === '[') depth += 1;
    at = end;
  }
  return tokens;
}

const isWord = (raw: string) => /^[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*$/.test(raw);

function blankEnd(sql: string, at: number): number {
  if (sql.startsWith('--', at)) return lineCommentEnd(sql, at);
  if (sql.startsWith('/*', at)) return blockCommentEnd(sql, at);
  return match(space, sql, at) ?? at;
}

function tokenEnd(sql: string, at: number): number {
  const end =
    match(quotedName, sql, at) ??
    stringEnd(sql, match(escapeString, sql, at), escapedPart) ??
    stringEnd(sql, match(plainString, sql, at), plainPart);
  if (end !== null) return end;
  const tagEnd = match(dollarTag, sql, at);
  if (tagEnd !== null) {
    const tag = sql.slice(at, tagEnd);
    const close = sql.indexOf(tag, tagEnd);
    return close === -1 ? sql.length : close + tag.length;
  }
  return match(word, sql, at) ?? match(number, sql, at) ?? at + 1;
}

/** A string goes on, with the rules that it began with, in quotes behind white space that has a line end. */
function stringEnd(sql: string, first: number | null, part: RegExp): number | null {
  let end = first;
  while (end !== null) {
    const behind = match(gap, sql, end);
    if (behind === null || sql.charAt(behind) !== "'" || !/[\n\r]/.test(sql.slice(end, behind))) break;
    end = match(part, sql, behind);
  }
  return end;
}

function match(pattern: RegExp, sql: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : null;
}

/** From the first to the last of some tokens, as written; empty for none. */
export function slice(sql: string, tokens: readonly Token[]): string {
  const first = tokens[0];
  const last = tokens.at(-1);
  return first === undefined || last === undefined ? '' : sql.slice(first.start, last.end);
}

/** The index of the first token at or behind a byte offset of the parser. */
export function tokenAt(sql: string, tokens: readonly Token[], bytes: number): number {
  const offset = unitsOf(sql, bytes);
  const found = tokens.findIndex(({ start }) => start >= offset);
  return found === -1 ? tokens.length : found;
}

/** The index of the first of these words outside of parentheses, from `from` on; -1 where none is. */
export function wordAt(tokens: readonly Token[], wanted: string, from = 0): number {
  return tokens.findIndex(({ text, depth }, i) => i >= from && depth === 0 && text === wanted);
}

/** Tokens split at the commas outside of parentheses. */
export function splitAtCommas(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const outer = tokens[0]?.depth ?? 0;
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token.text === ',' && token.depth === outer) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

/** The statement with NULL for each `$1`: it runs, and touches no row. */
export function withoutParameters(sql: string): string {
  if (!/\$\d/.test(sql)) return sql;
  const parameters = tokenize(sql).filter(({ text }) => /^\$\d+$/.test(text));
  return parameters.reduceRight(
    (text, { start, end }) => `${text.slice(0, start)}NULL${text.slice(end)}`,
    sql,
  );
}
