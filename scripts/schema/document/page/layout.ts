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

type Content = Pick<Box, 'table' | 'columns' | 'left' | 'width' | 'height'>;

interface Reference {
  readonly from: string;
  readonly target: string;
  readonly line: Omit<Line, 'points'>;
}

const gap = 40;

/** What foreign keys connect side by side, tables that others refer to on the left; below them the tables on their own. */
export function layOut(tables: readonly PageTable[], detail: Detail): Layout {
  const contents = tables.map((table) => {
    const columns = columnsIn(table, detail);
    const left = table.columns.length - columns.length;
    return { table, columns, left, ...sizeOf(table, columns, left) };
  });
  const shown = new Set(tables.map(({ identity }) => identity));
  const references = tables.flatMap((table) => referencesIn(table, shown));
  const isConnected = new Set(references.flatMap(({ from, target }) => [from, target]));
  const connected = layOutConnected(
    contents.filter(({ table }) => isConnected.has(table.identity)),
    references,
  );
  const alone = layOutAlone(
    contents.filter(({ table }) => !isConnected.has(table.identity)),
    Math.max(connected.width, 900, Math.sqrt(contents.length) * 200),
    connected.height,
  );
  return {
    boxes: [...connected.boxes, ...alone.boxes],
    lines: connected.lines,
    width: Math.max(connected.width, alone.width),
    height: alone.height,
  };
}

function referencesIn(table: PageTable, shown: ReadonlySet<string>): Reference[] {
  return table.references
    .filter(({ target }) => shown.has(target))
    .map(({ target, name, required, single }) => ({
      from: table.identity,
      target,
      line: { name, optional: !required, single },
    }));
}

/** With more tables than this the lines are a little longer, and the layout is there at once. */
const quickLayout = 100;

function layOutConnected(contents: readonly Content[], references: readonly Reference[]): Layout {
  if (contents.length === 0) return { boxes: [], lines: [], width: 0, height: 0 };
  const graph = new Graph({ multigraph: true });
  const ranker = contents.length > quickLayout ? 'longest-path' : 'network-simplex';
  graph.setGraph({ rankdir: 'LR', nodesep: 26, ranksep: 90, marginx: 20, marginy: 20, ranker });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { table, width, height } of contents) graph.setNode(table.identity, { width, height });
  for (const { from, target, line } of references) graph.setEdge(target, from, {}, line.name);
  layout(graph);
  const boxes = contents.map((content) => {
    const { x, y } = graph.node(content.table.identity);
    return { ...content, x: x - content.width / 2, y: y - content.height / 2 };
  });
  const lines = references.map(({ from, target, line }) => {
    const { points } = graph.edge({ v: target, w: from, name: line.name });
    return { ...line, points };
  });
  const { width = 0, height = 0 } = graph.graph();
  return { boxes, lines, width, height };
}

/** Rows no wider than `most`, from `top` on. */
function layOutAlone(contents: readonly Content[], most: number, top: number): Layout {
  let [x, y, rowBottom, width] = [20, top + (top === 0 ? 20 : gap / 2), top, 0];
  const boxes = contents.map((content) => {
    if (x > 20 && x + content.width > most) [x, y] = [20, rowBottom + gap / 2];
    const box = { ...content, x, y };
    x += content.width + gap / 2;
    rowBottom = Math.max(rowBottom, y + content.height);
    width = Math.max(width, x);
    return box;
  });
  return { boxes, lines: [], width, height: contents.length === 0 ? top : rowBottom + 20 };
}
