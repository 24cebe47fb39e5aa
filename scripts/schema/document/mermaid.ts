// Takes tables; gives entity-relationship diagrams that Mermaid can read whatever the names are, each shorter than the
// text that Mermaid accepts. Pure. https://mermaid.js.org/syntax/entityRelationshipDiagram.html

import { visible } from '../../base/foreign-text.ts';
import type { ColumnEntry, TableEntry } from './tables.ts';

/** Mermaid refuses more than 50,000 characters (`maxTextSize`). */
const mermaidLimit = 48_000;
/** No table takes more of it than this; its keys come first. */
const tableLimit = 12_000;

/** In quotes Mermaid takes character codes (`#37;`) for what would end or change its text. */
function quoted(text: string): string {
  return `"${visible(text).replaceAll(/["#%\\:;`<>{}*~]/g, (character) => `#${character.charCodeAt(0)};`)}"`;
}

/** Mermaid's words begin with a letter or `_`, and are none of its three keywords. */
function word(text: string): string {
  const plain =
    text
      .replaceAll('[]', ' array')
      .replaceAll(/(?:[^\p{L}\p{N}_]|[^A-Za-z0-9_\u00c0-\ud7ff])+/gu, ' ')
      .trim()
      .replaceAll(' ', '_') || '_';
  if (/^[pfu]k$/i.test(plain)) return `${plain}_`;
  return /^[A-Za-z_\u00c0-\ud7ff]/.test(plain) ? plain : `_${plain}`;
}

function columnLine(column: ColumnEntry): string {
  const markers = [
    ...(column.primary ? ['PK'] : []),
    ...(column.references.length > 0 ? ['FK'] : []),
    ...(column.unique ? ['UK'] : []),
  ].join(', ');
  const name = word(column.name);
  // A word that is not the name stands beside the name.
  const note = name === column.name ? '' : ` ${quoted(column.name)}`;
  return `    ${word(column.type)} ${name}${markers === '' ? '' : ` ${markers}`}${note}`;
}

/** Of a table with too many columns the keys are kept, then the first ones. */
function entity(table: TableEntry): string {
  const lines = table.columns.map((column) => ({
    text: columnLine(column),
    isKey: column.primary || column.references.length > 0,
  }));
  let length = 0;
  const kept = new Set(
    lines
      .toSorted((a, b) => Number(b.isKey) - Number(a.isKey))
      .filter(({ text }) => {
        length += text.length + 1;
        return length <= tableLimit;
      }),
  );
  const left = lines.length - kept.size;
  const shown = lines.filter((line) => kept.has(line)).map(({ text }) => text);
  const rest = left === 0 ? [] : [`    _ _ "and ${left} more columns"`];
  return [`  ${quoted(table.identity)} {`, ...shown, ...rest, '  }'].join('\n');
}

function relationships(table: TableEntry): string[] {
  return table.references.map(({ name, target, required, single }) => {
    const line = `${required ? '||' : '|o'}--${single ? 'o|' : 'o{'}`;
    return `  ${quoted(target)} ${line} ${quoted(table.identity)} : ${quoted(name)}`;
  });
}

export interface Diagram {
  readonly text: string;
  readonly tables: readonly TableEntry[];
  /** How many foreign keys had no room. */
  readonly left: number;
}

/** One diagram where the text is short enough, otherwise several. */
export function diagramsOf(tables: readonly TableEntry[]): Diagram[] {
  const whole = diagram(tables);
  if (tables.length === 1 || (whole.left === 0 && whole.text.length <= mermaidLimit)) return [whole];
  const half = Math.ceil(tables.length / 2);
  return [...diagramsOf(tables.slice(0, half)), ...diagramsOf(tables.slice(half))];
}

function diagram(tables: readonly TableEntry[]): Diagram {
  const lines = ['erDiagram', ...tables.map(entity)];
  let length = lines.join('\n').length;
  let left = 0;
  for (const line of tables.flatMap(relationships)) {
    length += line.length + 1;
    if (length <= mermaidLimit) lines.push(line);
    else left += 1;
  }
  return { text: lines.join('\n'), tables, left };
}
