// Takes a layout; gives it drawn, in an SVG that can be moved and zoomed.
import { select } from 'd3-selection';
import { type ZoomBehavior, zoom, zoomIdentity } from 'd3-zoom';
import type { PageColumn } from '../page-content.ts';
import { drawn } from './elements.ts';
import { type Box, headHeight, type Layout, type Line, rowHeight, short } from './layout.ts';

export interface Drawing {
  readonly svg: SVGSVGElement;
  /** @param chosen the table to stand out */
  show(layout: Layout, chosen: string): void;
  /** The whole diagram as large as there is room. */
  fit(): void;
  zoomBy(factor: number): void;
}

/** @param choose is called with the identity of a table that was clicked */
export function makeDrawing(choose: (identity: string) => void): Drawing {
  const content = drawn('g');
  const svg = drawn('svg', { role: 'img', 'aria-label': 'Tables and their foreign keys' }, arrow(), content);
  const behaviour: ZoomBehavior<SVGSVGElement, unknown> = zoom<SVGSVGElement, unknown>()
    .scaleExtent([0.02, 4])
    .on('zoom', ({ transform }) => content.setAttribute('transform', String(transform)));
  const surface = select<SVGSVGElement, unknown>(svg).call(behaviour).on('dblclick.zoom', null);
  let size = { width: 1, height: 1 };
  const fit = () => {
    const { clientWidth, clientHeight } = svg;
    if (clientWidth === 0 || clientHeight === 0) return;
    const scale = Math.min(1.25, clientWidth / size.width, clientHeight / size.height);
    const x = (clientWidth - size.width * scale) / 2;
    const y = (clientHeight - size.height * scale) / 2;
    surface.call(behaviour.transform, zoomIdentity.translate(x, y).scale(scale));
  };
  const show = (layout: Layout, chosen: string) => {
    size = { width: Math.max(1, layout.width), height: Math.max(1, layout.height) };
    content.replaceChildren(
      ...layout.lines.map(edge),
      ...layout.boxes.map((box) => entity(box, box.table.identity === chosen, choose)),
    );
    fit();
  };
  return { svg, show, fit, zoomBy: (factor) => surface.call(behaviour.scaleBy, factor) };
}

/** A crow's foot, at the table that may have many rows for one of the other. */
function arrow(): SVGElement {
  const foot = drawn('path', { d: 'M0,6 L10,0 M0,6 L10,6 M0,6 L10,12' });
  const size = { markerWidth: 12, markerHeight: 12, refX: 10, refY: 6 };
  const many = drawn('marker', { id: 'many', ...size, orient: 'auto', viewBox: '0 0 12 12' }, foot);
  return drawn('defs', {}, many);
}

function edge({ points, name, optional, single }: Line): SVGElement {
  const [first = { x: 0, y: 0 }, ...rest] = points;
  const last = rest.at(-1) ?? first;
  const middles = rest.slice(0, -1).map((point, i) => {
    const next = rest[i + 1] ?? last;
    const isLast = i === rest.length - 2;
    const end = isLast ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${point.x},${point.y} ${end.x},${end.y}`;
  });
  const path = middles.length === 0 ? `L${last.x},${last.y}` : middles.join(' ');
  const style = optional ? 'edge optional' : 'edge';
  const d = `M${first.x},${first.y} ${path}`;
  const end = single ? {} : { 'marker-end': 'url(#many)' };
  return drawn('path', { class: style, d, ...end }, drawn('title', {}, name));
}

function entity(box: Box, isChosen: boolean, choose: (identity: string) => void): SVGElement {
  const { table, columns, left, x, y, width, height } = box;
  const more = drawn('text', { class: 'type', x: 10, y: rowAt(columns.length) }, `and ${left} more`);
  const made = drawn(
    'g',
    {
      class: isChosen ? 'entity chosen' : 'entity',
      transform: `translate(${x},${y})`,
      'data-table': table.identity,
    },
    drawn('title', {}, table.comment === '' ? table.identity : `${table.identity}: ${table.comment}`),
    drawn('rect', { class: 'box', width, height, rx: 7 }),
    drawn('rect', { class: 'head', x: 1, y: 1, width: width - 2, height: headHeight - 2, rx: 6 }),
    drawn('text', { class: 'title', x: 10, y: 19 }, short(table.identity)),
    ...columns.flatMap((column, i) => columnTexts(column, i, width)),
    left > 0 && columns.length > 0 ? more : null,
  );
  made.addEventListener('click', () => choose(table.identity));
  return made;
}

const rowAt = (index: number) => headHeight + 15 + index * rowHeight;

function columnTexts(column: PageColumn, index: number, width: number): SVGElement[] {
  const y = rowAt(index);
  const mark = column.primary ? 'PK' : column.references.length > 0 ? 'FK' : '';
  return [
    drawn('text', { class: 'mark', x: 10, y }, mark),
    drawn('text', { x: 30, y }, short(column.name)),
    drawn('text', { class: 'type', x: width - 10, y, 'text-anchor': 'end' }, short(column.type)),
  ];
}
