// Takes a text and an offset; gives where what begins there ends. Every search is bounded by `to`, so that the cost of
// reading a text is its length however often something is looked for in it. Pure.

/** UTF-16 offsets of the secret itself, without its quotes. */
export interface SecretRange {
  readonly from: number;
  readonly to: number;
  /** Where SQL has the secret without quotes. */
  readonly isWord?: true;
}

/** Offset of the first match of a global pattern from `from` on, or `to`. */
export function find(pattern: RegExp, text: string, from: number, to: number): number {
  const found = text.slice(from, to).search(pattern);
  return found === -1 ? to : from + found;
}

/** Offset of the first `what` from `from` on, or `to`. */
export function indexOr(what: string, text: string, from: number, to: number): number {
  const found = (to === text.length ? text : text.slice(0, to)).indexOf(what, from);
  return found === -1 ? to : found;
}

/** Offset behind the sticky pattern's match at `at`; at least one further. */
export function behind(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? Math.max(pattern.lastIndex, at + 1) : at + 1;
}

/** Offset behind the block comment that begins at `at`; they nest. */
export function blockEnd(text: string, at: number, to: number): number {
  const delimiter = /\/\*|\*\//g;
  const inside = text.slice(at, to);
  let depth = 0;
  for (let match = delimiter.exec(inside); match !== null; match = delimiter.exec(inside)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return at + delimiter.lastIndex;
  }
  return to;
}

/** Offset of the quote that closes a literal whose inside begins at `from`, or `to`. */
export function literalEnd(text: string, from: number, to: number, escapes: boolean): number {
  let start = from;
  let at = indexOr("'", text, start, to);
  while (at < to) {
    const backslash = escapes ? indexOr('\\', text, start, at) : at;
    if (backslash < at) start = backslash + 2;
    else if (at + 1 < to && text.charAt(at + 1) === "'") start = at + 2;
    else return at;
    if (at < start) at = indexOr("'", text, start, to);
  }
  return to;
}

/** Offset of the double quote that closes a string of JSON whose inside begins at `from`, or `to`; E'…' doubles backslashes. */
export function stringEnd(text: string, from: number, to: number): number {
  let end = indexOr('"', text, from, to);
  for (; end < to; end = indexOr('"', text, end + 1, to)) {
    let slashes = 0;
    while (text.charAt(end - 1 - slashes) === '\\') slashes += 1;
    if (slashes === 0 || (slashes % 2 === 0 && /[\s,}\]:]/.test(text.charAt(end + 1)))) return end;
  }
  return end;
}
