// Takes pieces of SQL and what they depend on; gives them in an order in which they can run, the same order for the
// same schema. Pure; it must not know what the SQL says.

/** A piece of the schema: `key` is `<class> <identity>`, lower ranks come first where dependencies allow. */
export interface Piece {
  readonly key: string;
  readonly rank: number;
  readonly sql: string;
  /** Keys of parts that are written inside this piece; they can be split off where they would close a circle. */
  readonly inlined: readonly string[];
}

/** `from` needs `to`. */
export interface Dependency {
  readonly from: string;
  readonly to: string;
}

/** What could be put in order, and the keys of what still waits for each other. */
export interface Ordering {
  readonly ordered: readonly Piece[];
  readonly stuck: readonly string[];
}

function before(a: Piece, b: Piece): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

/** For each piece the pieces it needs; what is written inside another piece counts as that piece. */
function needs(pieces: readonly Piece[], dependencies: readonly Dependency[]): Map<string, Set<string>> {
  const home = new Map<string, string>();
  for (const piece of pieces) for (const key of [piece.key, ...piece.inlined]) home.set(key, piece.key);
  const result = new Map(pieces.map((piece) => [piece.key, new Set<string>()]));
  for (const { from, to } of dependencies) {
    const [source, target] = [home.get(from), home.get(to)];
    if (source !== undefined && target !== undefined && source !== target) result.get(source)?.add(target);
  }
  return result;
}

/** Topological order, the lowest rank and name first among what is ready. */
export function orderPieces(pieces: readonly Piece[], dependencies: readonly Dependency[]): Ordering {
  const waiting = needs(pieces, dependencies);
  const neededBy = new Map<string, string[]>();
  for (const [key, targets] of waiting) {
    for (const target of targets) neededBy.set(target, [...(neededBy.get(target) ?? []), key]);
  }
  const byKey = new Map(pieces.map((piece) => [piece.key, piece]));
  const ready = pieces.filter((piece) => waiting.get(piece.key)?.size === 0).sort(before);
  const ordered: Piece[] = [];
  for (let piece = ready.shift(); piece !== undefined; piece = ready.shift()) {
    ordered.push(piece);
    waiting.delete(piece.key);
    for (const key of neededBy.get(piece.key) ?? []) {
      const left = waiting.get(key);
      left?.delete(piece.key);
      const next = byKey.get(key);
      if (left?.size === 0 && next !== undefined) insert(ready, next);
    }
  }
  return { ordered, stuck: [...waiting.keys()].sort() };
}

function insert(sorted: Piece[], piece: Piece): void {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = sorted[middle];
    if (other !== undefined && before(other, piece) < 0) low = middle + 1;
    else high = middle;
  }
  sorted.splice(low, 0, piece);
}
