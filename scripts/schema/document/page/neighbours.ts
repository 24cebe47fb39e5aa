// Takes tables; gives those that foreign keys connect with one of them within a distance, and which has most of them.
import type { PageTable } from '../page-content.ts';

/** @param distance 0 is the table alone */
export function neighbourhood(
  tables: readonly PageTable[],
  identity: string,
  distance: number,
): readonly PageTable[] {
  const found = new Set([identity]);
  for (let step = 0; step < distance; step += 1) {
    const reached = new Set(found);
    for (const table of tables) {
      for (const { target } of table.references) {
        if (reached.has(table.identity)) found.add(target);
        if (reached.has(target)) found.add(table.identity);
      }
    }
  }
  return tables.filter((table) => found.has(table.identity));
}

/** The table that most foreign keys lead to or from. */
export function busiest(tables: readonly PageTable[]): string {
  const counts = new Map(tables.map(({ identity }) => [identity, 0]));
  for (const { identity, references } of tables) {
    for (const { target } of references) {
      for (const end of [identity, target]) counts.set(end, (counts.get(end) ?? 0) + 1);
    }
  }
  const [first = ''] = [...counts.keys()].toSorted((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
  return first;
}
