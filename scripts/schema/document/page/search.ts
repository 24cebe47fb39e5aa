// Takes tables and what a person typed; gives the tables that have it in a name, a type or a comment.
import type { PageColumn, PageTable } from '../page-content.ts';

/** Lower case and without spaces around, as `matches` wants it. */
export function wantedOf(typed: string): string {
  return typed.trim().toLowerCase();
}

const holds = (wanted: string, texts: readonly string[]) =>
  texts.some((text) => text.toLowerCase().includes(wanted));

/** Whether the column itself has the text. */
export function columnMatches(column: PageColumn, wanted: string): boolean {
  return wanted !== '' && holds(wanted, [column.name, column.type, column.comment]);
}

/** Whether the table has the text: in its name, its comment, a column, a constraint or an index. */
export function matches(table: PageTable, wanted: string): boolean {
  if (wanted === '') return true;
  const parts = [...table.references, ...table.checks, ...table.indexes, ...table.partitions];
  return (
    holds(wanted, [`${table.schema}.${table.name}`, table.identity, table.comment]) ||
    table.columns.some((column) => columnMatches(column, wanted)) ||
    holds(
      wanted,
      parts.map(({ name }) => name),
    )
  );
}
