// Takes the text of an SQL file; gives its statements with kind and position, or the parser's error.
// The parser is PostgreSQL's own (libpg-query), of the major version that is asked for. It knows nothing of files on disk or of databases.
import {
  codePointsToUnits,
  type PositionTracker,
  positionTracker,
  skipBlank,
  trimmedEnd,
} from '../base/positions.ts';
import { type Grammar, grammarOf } from '../base/postgres-major.ts';
import type { Statement } from '../base/types.ts';
import { tuneV8 } from '../base/v8-heap.ts';

/** A syntax error as the server would report it; `offset` is in UTF-16 units from the start of the text. */
export interface SyntaxProblem {
  readonly message: string;
  readonly offset: number;
}

export type ParseResult =
  | { readonly ok: true; readonly statements: readonly Statement[] }
  | { readonly ok: false; readonly problem: SyntaxProblem; readonly before: readonly Statement[] }
  /** Too large or too deeply nested to parse here: the server has the only word. */
  | { readonly ok: 'opaque' };

interface RawStatement {
  readonly stmt?: Readonly<Record<string, unknown>>;
  readonly stmt_location?: number;
  readonly stmt_len?: number;
}

/**
 * With `each` given, statements are handed out one by one and none is kept: the trees of a data file take many times its
 * size. The result then tells only whether the text could be parsed.
 */
export type Parser = (text: string, each?: (statement: Statement) => void) => ParseResult;

/** Texts are parsed in pieces of about this many characters, so that a data file of 50 MB needs no giant tree. */
const pieceLength = 256 * 1024;
/** One statement longer than this is not parsed: its tree takes a hundred times its size. */
const longestStatement = 1024 * 1024;

/**
 * V8 would compile the parser a second time while it is in use, for a speed that short texts never get to see: 45 MB more
 * with Node 20 and 400 with Node 24, for the same 20,000 statements in the same time.
 * https://v8.dev/docs/wasm-compilation-pipeline
 */
const baselineOnly = ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering'];

/** One package per grammar; each is loaded where it is asked for, and only then. */
const packages: Readonly<Record<Grammar, () => Promise<Library>>> = {
  16: () => import('libpg-query'),
  17: () => import('libpg-query-17'),
  18: () => import('libpg-query-18'),
};

type Library = Pick<typeof import('libpg-query'), 'loadModule'> & { parseSync(text: string): unknown };

/**
 * Loads the parser (about 15 ms, once each). Import this module only on a path that has SQL to read.
 * @param major of the server that the SQL is for
 */
export async function loadParser(major: number): Promise<Parser> {
  const { loadModule, parseSync } = await packages[grammarOf(major)]();
  tuneV8(baselineOnly);
  await loadModule();
  return (text, each) => parseText(text, (piece) => parseSync(piece) as { stmts?: RawStatement[] }, each);
}

type ParsePiece = (piece: string) => { stmts?: RawStatement[] };

function parseText(text: string, parsePiece: ParsePiece, each?: (statement: Statement) => void): ParseResult {
  const statements: Statement[] = [];
  const take = each ?? ((statement: Statement) => void statements.push(statement));
  let count = 0;
  const position = positionTracker(text);
  let start = 0;
  while (start < text.length) {
    const piece = nextPiece(text, start, parsePiece);
    if (piece === 'opaque') return { ok: 'opaque' };
    if ('problem' in piece) {
      return {
        ok: false,
        problem: piece.problem,
        before: [...statements, ...statementsBefore(text, start, piece.problem.offset, parsePiece, count)],
      };
    }
    for (const raw of piece.raws) {
      count += 1;
      take(toStatement(text, raw, count, position));
    }
    start = piece.end;
  }
  return { ok: true, statements };
}

interface LocatedNode {
  readonly start: number;
  readonly end: number;
  readonly stmt: Readonly<Record<string, unknown>>;
  /** Whether a semicolon ends it: what follows may belong to it where none does. */
  readonly closed: boolean;
}

type ParsedPiece = { raws: readonly LocatedNode[]; end: number } | { problem: SyntaxProblem } | 'opaque';

/**
 * The next run of whole statements from `start`. A prefix that parses and whose last statement a semicolon ends is cut
 * at a true border: the grammar is LR(1), and an open literal, block comment or body would have been an error. Any other
 * prefix (its last `;` may stand in a line comment) is doubled, so that the work stays linear in the text's length.
 */
function nextPiece(text: string, start: number, parsePiece: ParsePiece): ParsedPiece {
  let length = pieceLength;
  for (;;) {
    const end = pieceEnd(text, start, length);
    const piece = text.slice(start, end);
    if (piece.length > longestStatement && length > pieceLength) return 'opaque';
    const result = tryParse(piece, start, parsePiece);
    if (result === 'opaque' || end >= text.length) return result;
    if ('raws' in result && result.raws.at(-1)?.closed !== false) return result;
    length *= 2;
  }
}

function pieceEnd(text: string, start: number, length: number): number {
  if (text.length - start <= length) return text.length;
  const border = /;[ \t]*\r?\n/g;
  border.lastIndex = start + length;
  const match = border.exec(text);
  return match === null ? text.length : match.index + match[0].length;
}

function tryParse(piece: string, start: number, parsePiece: ParsePiece): ParsedPiece {
  if (skipBlank(piece, 0) >= piece.length) return { raws: [], end: start + piece.length };
  let raws: readonly RawStatement[];
  try {
    raws = parsePiece(piece).stmts ?? [];
  } catch (error) {
    if (error instanceof RangeError || isWasmFailure(error)) return 'opaque';
    return { problem: toProblem(error, piece, start) };
  }
  return { raws: locateNodes(piece, start, raws), end: start + piece.length };
}

function isWasmFailure(error: unknown): boolean {
  return error instanceof Error && error.name === 'RuntimeError';
}

function toProblem(error: unknown, piece: string, start: number): SyntaxProblem {
  const details = (error as { sqlDetails?: { message: string; cursorPosition: number } }).sqlDetails;
  const message = details?.message ?? (error as Error).message;
  const offset = start + codePointsToUnits(piece, Math.max(0, details?.cursorPosition ?? 0));
  return { message, offset };
}

/** Whole statements that stand before a syntax error, for rules that explain the error (COPY … FROM STDIN). */
function statementsBefore(
  text: string,
  start: number,
  offset: number,
  parsePiece: ParsePiece,
  known: number,
): Statement[] {
  const border = text.lastIndexOf(';', offset - 1);
  if (border < start) return [];
  const result = tryParse(text.slice(start, border + 1), start, parsePiece);
  if (result === 'opaque' || !('raws' in result)) return [];
  const position = positionTracker(text);
  return result.raws.map((raw, i) => toStatement(text, raw, known + i + 1, position));
}

/**
 * Byte ranges of the parser → UTF-16 ranges of the whole text, without leading comments.
 * @throws Error, a bug, where the ranges leave anything out that the parser may have read, or a statement has no text
 */
function locateNodes(piece: string, start: number, raws: readonly RawStatement[]): LocatedNode[] {
  const toUnits = byteToUnitConverter(piece);
  const byteLength = Buffer.byteLength(piece);
  const located: LocatedNode[] = [];
  let covered = 0;
  for (const raw of raws) {
    if (raw.stmt === undefined) continue;
    const closed = raw.stmt_len !== undefined && raw.stmt_len !== 0;
    const from = raw.stmt_location ?? 0;
    const first = skipBlank(piece, toUnits(from));
    const last = toUnits(closed ? from + (raw.stmt_len ?? 0) : byteLength);
    const end = trimmedEnd(piece, first, last);
    if (end <= first || skipEmpty(piece, covered) < first)
      throw new Error(`statement ${located.length + 1} at ${start + first} is not where the parser saw it`);
    located.push({ start: start + first, end: start + end, stmt: raw.stmt, closed });
    covered = last;
  }
  if (skipEmpty(piece, covered) < piece.length)
    throw new Error(`the text behind statement ${located.length} at ${start + covered} belongs to none`);
  return located;
}

/** First offset from `from` on that is neither blank nor a semicolon. */
function skipEmpty(text: string, from: number): number {
  let at = skipBlank(text, from);
  while (text.charAt(at) === ';') at = skipBlank(text, at + 1);
  return at;
}

/** Bytes → UTF-16 units for offsets asked in rising order; constant work for plain ASCII. */
function byteToUnitConverter(text: string): (byte: number) => number {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length === text.length) return (byte) => byte;
  let knownByte = 0;
  let knownUnit = 0;
  return (byte) => {
    if (byte < knownByte) {
      knownByte = 0;
      knownUnit = 0;
    }
    knownUnit += bytes.toString('utf8', knownByte, byte).length;
    knownByte = byte;
    return knownUnit;
  };
}

function toStatement(text: string, raw: LocatedNode, index: number, position: PositionTracker): Statement {
  const kind = Object.keys(raw.stmt)[0] ?? 'Unknown';
  const { line, column } = position(raw.start);
  const node = raw.stmt[kind] as Readonly<Record<string, unknown>>;
  return {
    index,
    start: raw.start,
    end: raw.end,
    line,
    column,
    text: text.slice(raw.start, raw.end),
    kind,
    node,
  };
}
