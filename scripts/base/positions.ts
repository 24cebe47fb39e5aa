// Takes a text and offsets into it; gives lines, columns and what is comment or white space. Pure; it knows no grammar.

export type PositionTracker = (offset: number) => { line: number; column: number };

/** Line and column for offsets asked in rising order, reading the text once. */
export function positionTracker(text: string): PositionTracker {
  let line = 1;
  let column = 1;
  let known = 0;
  let nextBreak = text.indexOf('\n');
  return (offset) => {
    while (nextBreak !== -1 && nextBreak < offset) {
      line += 1;
      column = 1;
      known = nextBreak + 1;
      nextBreak = text.indexOf('\n', known);
    }
    column += countCodePoints(text, known, offset);
    known = offset;
    return { line, column };
  };
}

function countCodePoints(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; count += 1) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return count;
}

/** 1-based line and column (code points) of a UTF-16 offset. */
export function positionAt(text: string, offset: number): { line: number; column: number } {
  return positionTracker(text)(offset);
}

/** UTF-16 offset of the n-th (0-based) code point, which is what PostgreSQL counts positions in. */
export function codePointsToUnits(text: string, codePoints: number): number {
  let unit = 0;
  for (let seen = 0; seen < codePoints && unit < text.length; seen += 1) {
    unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
  }
  return unit;
}

/**
 * First offset at or after `from` that is neither white space nor inside a comment, as PostgreSQL's scanner sees both:
 * block comments nest, and a line comment ends at LF or CR.
 */
export function skipBlank(text: string, from: number): number {
  let at = from;
  for (;;) {
    while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
    if (text.startsWith('--', at)) {
      at = lineCommentEnd(text, at);
    } else if (text.startsWith('/*', at)) {
      at = blockCommentEnd(text, at);
    } else {
      return at;
    }
  }
}

/** Blank, TAB, LF, VT (from PostgreSQL 17 on), FF, CR; no other white space of Unicode is any to PostgreSQL. */
function isSpace(unit: number): boolean {
  return unit === 32 || (unit >= 9 && unit <= 13);
}

/** The text from `from` to `to`, without white space at its end, as an offset. */
export function trimmedEnd(text: string, from: number, to: number): number {
  let end = to;
  while (end > from && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return end;
}

/** Offset of what ends the line comment that begins at `from`, or of the text's end. */
export function lineCommentEnd(text: string, from: number): number {
  const lineEnd = /[\n\r]/g;
  lineEnd.lastIndex = from;
  return lineEnd.exec(text)?.index ?? text.length;
}

/** Offset behind the block comment that begins at `from`; they nest. */
export function blockCommentEnd(text: string, from: number): number {
  const delimiter = /\/\*|\*\//g;
  delimiter.lastIndex = from;
  let depth = 0;
  for (let match = delimiter.exec(text); match !== null; match = delimiter.exec(text)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return delimiter.lastIndex;
  }
  return text.length;
}
