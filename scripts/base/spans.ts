// Takes a text and an offset; gives where what begins there ends. Every search is bounded by `to`, so that the cost of
// reading a text is its length however often something is looked for in it. Pure.

/** Offset of the first match of a global pattern from `from` on, or `to`. */
export function find(pattern: RegExp, text: string, from: number, to: number): number {
  const found = text.slice(from, to).search(pattern);
  return found === -1 ? to : from + found;
}

/** Offset of the first `what` from `from` on, or `to`. */
export function indexOr(what: string, text: string, from: number, to: number): number {
  const found = text.slice(from, to).indexOf(what);
  return found === -1 ? to : from + found;
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
  const stop = escapes ? /\\|'/g : /'/g;
  const inside = text.slice(from, to);
  for (let match = stop.exec(inside); match !== null; match = stop.exec(inside)) {
    if (match[0] !== '\\' && inside.charAt(match.index + 1) !== "'") return from + match.index;
    stop.lastIndex = match.index + 2;
  }
  return to;
}
