// Takes tables and what a person typed; gives the tables that have it in a name, a type or a comment.
import type { PageColumn, PageTable } from '../page-content.ts';

/** In lower case and as long as it was, so that a place in it is one in the text: of `İ` the lower case is two characters. */
export function lowered(text: string): string {
  const lower = text.toLowerCase();
  if (lower.length === text.length) return lower;
  const keep = (character: string) => {
    const each = character.toLowerCase();
    return each.length === character.length ? each : character;
  };
  return [...text].map(keep).join('');
}

/** Lower case and without spaces around, as `matches` wants it. */
export function wantedOf(typed: string): string {
  return lowered(typed.trim());
}

const holds = (wanted: string, texts: readonly string[]) =>
  texts.some((text) => lowered(text).includes(wanted));

/** Whether the column itself has the text. */
function columnMatches(column: PageColumn, wanted: string): boolean {
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
