// Takes the text of one statement and an offset that the parser gave; gives the clause that stands there.
// It reads quotes, comments and parentheses, nothing else of SQL: where clauses begin is the parser's word.
import { redact } from '../../base/secrets.ts';

/** The parser counts bytes; this gives the UTF-16 offset. */
export function unitsOf(sql: string, bytes: number): number {
  const buffer = Buffer.from(sql, 'utf8');
  return buffer.length === sql.length ? bytes : buffer.toString('utf8', 0, bytes).length;
}

/** From a byte offset to the next comma or closing parenthesis outside of parentheses, or the end. */
export function clauseAt(sql: string, bytes: number): string {
  const start = unitsOf(sql, bytes);
  let depth = 0;
  let at = start;
  while (at < sql.length) {
    const char = sql.charAt(at);
    if (depth === 0 && (char === ',' || char === ')' || char === ';')) break;
    if ('([{'.includes(char)) depth += 1;
    if (')]}'.includes(char)) depth -= 1;
    at = skipToken(sql, at);
  }
  return sql.slice(start, at).trim();
}

/** What stands inside the first pair of parentheses at or after a byte offset. */
export function parenthesizedAt(sql: string, bytes: number): string {
  const open = sql.indexOf('(', unitsOf(sql, bytes));
  if (open === -1) return '';
  let depth = 0;
  for (let at = open; at < sql.length; at = skipToken(sql, at)) {
    if (sql.charAt(at) === '(') depth += 1;
    if (sql.charAt(at) === ')') depth -= 1;
    if (depth === 0) return sql.slice(open + 1, at).trim();
  }
  return sql.slice(open + 1).trim();
}

/** The offset after the literal, quoted name, comment or single character at `at`. */
function skipToken(sql: string, at: number): number {
  const rest = sql.slice(at, at + 64);
  const opening = /^(\$[A-Za-z_0-9]*\$|'|"|--|\/\*)/.exec(rest)?.[0];
  if (opening === undefined) return at + 1;
  const closing = opening === '--' ? '\n' : opening === '/*' ? '*/' : opening;
  const end = sql.indexOf(closing, at + opening.length);
  return end === -1 ? sql.length : end + closing.length;
}

/** One line of at most `length` characters. */
export function shorten(sql: string, length = 80): string {
  const line = redact(sql)
    .replace(/--[^\n]*/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return line.length <= length ? line : `${line.slice(0, length - 1).trimEnd()}…`;
}
