// Takes tables and which columns to show; gives where each box and each line of the diagram goes. It draws nothing.
import { Graph, layout } from '@dagrejs/dagre';
import { visible } from '../../../base/foreign-text.ts';
import type { PageColumn, PageTable } from '../page-content.ts';

export type Detail = 'all' | 'keys' | 'none';

export interface Box {
  readonly table: PageTable;
  readonly columns: readonly PageColumn[];
  /** How many columns are left out. */
  readonly left: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Line {
  readonly name: string;
  /** There may be rows without a target. */
  readonly optional: boolean;
  /** At most one row per target. */
  readonly single: boolean;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Layout {
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
  readonly width: number;
  readonly height: number;
}

export const rowHeight = 19;
export const headHeight = 28;
/** No box shows more columns than this. */
const mostColumns = 40;
const longest = 34;

/** One line, cut where it is too long for a box. */
export function short(text: string): string {
  const line = [...visible(text)];
  return line.length <= longest ? line.join('') : `${line.slice(0, longest - 1).join('')}…`;
}

function columnsIn({ columns }: PageTable, detail: Detail): readonly PageColumn[] {
  if (detail === 'none') return [];
  const isKey = ({ primary, references }: PageColumn) => primary || references.length > 0;
  return (detail === 'all' ? columns : columns.filter(isKey)).slice(0, mostColumns);
}

function sizeOf(table: PageTable, columns: readonly PageColumn[], left: number) {
  const widths = columns.map(({ name, type }) => (short(name).length + short(type).length) * 7 + 62);
  const width = Math.max(130, short(table.identity).length * 7.6 + 26, ...widths);
  const rows = columns.length + (left > 0 && columns.length > 0 ? 1 : 0);
  return { width, height: headHeight + rows * rowHeight + (rows === 0 ? 0 : 6) };
}

/** Tables that others refer to stand left of those. */
export function layOut(tables: readonly PageTable[], detail: Detail): Layout {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'LR', nodesep: 26, ranksep: 90, marginx: 20, marginy: 20 });
  graph.setDefaultEdgeLabel(() => ({}));
  const shown = new Set(tables.map(({ identity }) => identity));
  const contents = tables.map((table) => {
    const columns = columnsIn(table, detail);
    const left = table.columns.length - columns.length;
    graph.setNode(table.identity, sizeOf(table, columns, left));
    return { table, columns, left };
  });
  const references = tables.flatMap((table) =>
    table.references
      .filter(({ target }) => shown.has(target))
      .map((reference) => ({ ...reference, from: table.identity })),
  );
  for (const { from, target, name } of references) graph.setEdge(target, from, {}, name);
  layout(graph);
  const boxes = contents.map((content) => {
    const { x, y, width, height } = graph.node(content.table.identity);
    return { ...content, x: x - width / 2, y: y - height / 2, width, height };
  });
  const lines = references.map(({ from, target, name, required, single }) => {
    const { points } = graph.edge({ v: target, w: from, name });
    return { name, optional: !required, single, points };
  });
  const { width = 0, height = 0 } = graph.graph();
  return { boxes, lines, width, height };
}
