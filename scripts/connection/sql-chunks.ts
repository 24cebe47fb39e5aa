// Takes long SQL texts; gives them as a sequence of short ones, so that a file of 50 MB is never copied as a whole on
// its way to the server. It knows nothing of what the texts say.
import { quoteLiteral } from '../schema/sql.ts';

/** SQL to be sent in the order given. */
export type SqlPieces = string | Iterable<string>;

/** Texts up to this many characters are not worth cutting. */
const pieceLength = 1024 * 1024;

export function isLong(text: string | null): text is string {
  return text !== null && text.length > pieceLength;
}

/** The text itself, in pieces; a pair of surrogates stays together. */
export function* cut(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + pieceLength);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1;
    yield text.slice(at, end);
    at = end;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** `quoteLiteral(text)`, in pieces. https://www.postgresql.org/docs/16/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS */
export function* quotedPieces(text: string): Generator<string> {
  const backslashed = text.includes('\\');
  yield backslashed ? "E'" : "'";
  for (const piece of cut(text)) {
    const doubled = piece.replaceAll("'", "''");
    yield backslashed ? doubled.replaceAll('\\', '\\\\') : doubled;
  }
  yield "'";
}

/**
 * Pieces of a statement whose long values stand in it as placeholders.
 * @param values from placeholder, as `quoteLiteral` writes it into the statement, to the text meant
 */
export function fill(statement: string, values: ReadonlyMap<string, string>): Iterable<string> {
  if (values.size === 0) return [statement];
  return { [Symbol.iterator]: () => filled(statement, values) };
}

function* filled(statement: string, values: ReadonlyMap<string, string>): Generator<string> {
  let rest = statement;
  for (const [placeholder, text] of values) {
    const [before = '', ...after] = rest.split(quoteLiteral(placeholder));
    yield before;
    yield* quotedPieces(text);
    rest = after.join(quoteLiteral(placeholder));
  }
  yield rest;
}

/** All of them, one after the other; can be read again and again. */
export function concatenate(parts: readonly SqlPieces[]): Iterable<string> {
  return {
    *[Symbol.iterator]() {
      for (const part of parts) {
        if (typeof part !== 'string') yield* part;
        else if (isLong(part)) yield* cut(part);
        else yield part;
      }
    },
  };
}
