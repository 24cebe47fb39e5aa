// Takes tables; gives groups of them that fit into one picture: a schema, or what hangs together within it. Pure.
import { groupBy } from '../render/model.ts';
import type { TableEntry } from './tables.ts';

/** As many tables as one can still read. */
export const groupSize = 30;

export interface TableGroup {
  readonly title: string;
  readonly tables: readonly TableEntry[];
}

/**
 * One group where there are few tables; otherwise one per schema; otherwise what foreign keys connect, of large clusters
 * the neighbourhoods, of small ones several together. The same tables always give the same groups.
 */
export function groupTables(tables: readonly TableEntry[]): TableGroup[] {
  if (tables.length === 0) return [];
  if (tables.length <= groupSize) return [{ title: 'All tables', tables }];
  const schemas = [...groupBy(tables, ({ schema }) => schema)];
  return schemas.flatMap(([schema, members]) => {
    const groups = packed(clusters(members));
    return groups.map((group, i) => ({
      title: groups.length === 1 ? schema : `${schema}, ${i + 1} of ${groups.length}`,
      tables: group,
    }));
  });
}

type Neighbours = ReadonlyMap<TableEntry, ReadonlySet<TableEntry>>;

function neighboursOf(tables: readonly TableEntry[]): Neighbours {
  const byIdentity = new Map(tables.map((table) => [table.identity, table]));
  const neighbours = new Map(tables.map((table) => [table, new Set<TableEntry>()]));
  for (const table of tables) {
    for (const { target } of table.references) {
      const other = byIdentity.get(target);
      if (other === undefined || other === table) continue;
      neighbours.get(table)?.add(other);
      neighbours.get(other)?.add(table);
    }
  }
  return neighbours;
}

/** Neighbourhoods of at most `groupSize`: around the table with most neighbours, then around the next that is left. */
function clusters(tables: readonly TableEntry[]): TableEntry[][] {
  const neighbours = neighboursOf(tables);
  const degree = (table: TableEntry) => neighbours.get(table)?.size ?? 0;
  const left = new Set(tables.toSorted((a, b) => degree(b) - degree(a)));
  const found: TableEntry[][] = [];
  for (const start of left) found.push(neighbourhood(start, left, neighbours));
  return found;
}

/** Takes the tables out of `left`, nearest first. */
function neighbourhood(start: TableEntry, left: Set<TableEntry>, neighbours: Neighbours): TableEntry[] {
  left.delete(start);
  const members = [start];
  for (const table of members) {
    for (const next of neighbours.get(table) ?? []) {
      if (members.length === groupSize) return members;
      if (left.delete(next)) members.push(next);
    }
  }
  return members;
}

/** Small clusters together, first fit; tables in a group as they stand in the document. */
function packed(found: readonly TableEntry[][]): TableEntry[][] {
  const groups: TableEntry[][] = [];
  for (const cluster of found) {
    const roomy = groups.find((group) => group.length + cluster.length <= groupSize);
    if (roomy === undefined) groups.push([...cluster]);
    else roomy.push(...cluster);
  }
  const order = (a: TableEntry, b: TableEntry) =>
    a.identity < b.identity ? -1 : Number(a.identity > b.identity);
  return groups.map((group) => group.toSorted(order));
}
