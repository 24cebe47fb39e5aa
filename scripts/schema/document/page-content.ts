// Takes what a schema holds and which migrations made it; gives what the page shows. Pure; the page itself knows no more.
import type { Origin, TableOrigin } from './origins.ts';
import type { ColumnEntry, SchemaEntries, TableEntry, TypeEntry } from './tables.ts';

export interface PageColumn extends ColumnEntry {
  readonly origin: Origin | null;
}

export interface PageTable extends Omit<TableEntry, 'columns'> {
  readonly columns: readonly PageColumn[];
  /** Null where no migration made it. */
  readonly origin: Origin | null;
}

/** What the script in the page reads. */
export interface PageContent {
  readonly tables: readonly PageTable[];
  readonly types: readonly TypeEntry[];
}

/** @param origins by the identity of a table */
export function pageContent(entries: SchemaEntries, origins: ReadonlyMap<string, TableOrigin>): PageContent {
  const tables = entries.tables.map((table) => {
    const found = origins.get(table.identity);
    const columns = table.columns.map((column) => ({
      ...column,
      origin: found?.columns.get(column.name) ?? null,
    }));
    const origin = found === undefined ? null : { made: found.made, changed: found.changed };
    return { ...table, columns, origin };
  });
  return { tables, types: entries.types };
}
