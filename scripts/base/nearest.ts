// Takes a word that nobody knows and the words that are known; gives those that may have been meant. Pure.

/** The known words that need the fewest changes, case aside, nearest first; at most three, none that needs more than half. */
export function nearest(word: string, known: readonly string[]): string[] {
  return known
    .map((other) => ({ other, changes: editDistance(word.toLowerCase(), other.toLowerCase()) }))
    .filter(({ other, changes }) => changes <= other.length / 2)
    .sort((a, b) => a.changes - b.changes)
    .slice(0, 3)
    .map(({ other }) => other);
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a.charAt(i - 1) === b.charAt(j - 1) ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
