// Takes tables, one of them and a distance; gives those that foreign keys connect with it within that distance.
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
