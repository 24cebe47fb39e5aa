// Takes the tables; gives the part of the page with the diagram and what is chosen to be shown in it.
import type { PageTable } from '../page-content.ts';
import { makeDrawing } from './drawing.ts';
import { button, choice, element } from './elements.ts';
import { type Detail, layOut } from './layout.ts';
import { busiest, neighbourhood } from './neighbours.ts';

export interface DiagramPart {
  readonly root: HTMLElement;
  /** Shows one table with its neighbours. */
  focus(identity: string): void;
  /** Draws what is chosen; call it once the part can be seen. */
  draw(): void;
}

/** With more tables than this only their names are drawn at first. */
const many = 60;
/** With more than this the diagram begins at the table with most foreign keys. */
const tooManyAtFirst = 150;
/** More than this take long to arrange, and nobody could read them. */
const tooMany = 400;

/** @param open goes to the card of a table */
export function diagramPart(tables: readonly PageTable[], open: (identity: string) => void): DiagramPart {
  const chosen = {
    schema: '',
    table: tables.length > tooManyAtFirst ? busiest(tables) : '',
    distance: 1,
    detail: (tables.length > many ? 'none' : 'keys') as Detail,
  };
  const drawing = makeDrawing((identity) => focus(identity));
  const empty = element('p', { class: 'empty', role: 'status' });
  const openButton = button('Open table', () => open(chosen.table));
  const change = (values: Partial<typeof chosen>) => {
    Object.assign(chosen, values);
    draw();
  };
  const schemas = [...new Set(tables.map(({ schema }) => schema))];
  const schema = choice('Schema', [['', 'all'], ...schemas.map((name) => [name, name] as const)], (value) =>
    change({ schema: value, table: '' }),
  );
  const table = choice(
    'Table',
    [['', 'all'], ...tables.map(({ identity }) => [identity, identity] as const)],
    (value) => change({ table: value }),
  );
  const distances = [0, 1, 2, 3].map((value) => [String(value), String(value)] as const);
  const distance = choice('Neighbours', distances, (value) => change({ distance: Number(value) }));
  const detail = choice(
    'Columns',
    [
      ['all', 'all'],
      ['keys', 'keys'],
      ['none', 'none'],
    ],
    (value) => change({ detail: value as Detail }),
  );
  function draw() {
    schema.select.value = chosen.schema;
    table.select.value = chosen.table;
    distance.select.value = String(chosen.distance);
    distance.label.hidden = chosen.table === '';
    openButton.hidden = chosen.table === '';
    detail.select.value = chosen.detail;
    const shown =
      chosen.table === ''
        ? tables.filter((each) => chosen.schema === '' || each.schema === chosen.schema)
        : neighbourhood(tables, chosen.table, chosen.distance);
    const isTooMany = shown.length > tooMany;
    empty.hidden = shown.length > 0 && !isTooMany;
    empty.textContent = isTooMany
      ? `${shown.length} tables are too many for one diagram: choose a schema, or a table and how far its neighbours go.`
      : 'There are no tables.';
    drawing.show(layOut(isTooMany ? [] : shown, chosen.detail), chosen.table);
  }
  function focus(identity: string) {
    change({ table: identity, schema: '', detail: chosen.detail === 'none' ? 'keys' : chosen.detail });
  }
  const bar = element(
    'div',
    { class: 'bar' },
    ...[
      schema.label,
      table.label,
      distance.label,
      detail.label,
      openButton,
      element('span', { class: 'grow' }),
    ],
    button('−', () => drawing.zoomBy(1 / 1.4), { 'aria-label': 'Zoom out' }),
    button('+', () => drawing.zoomBy(1.4), { 'aria-label': 'Zoom in' }),
    button('Fit', drawing.fit),
  );
  return { root: element('section', { id: 'diagram' }, bar, empty, drawing.svg), focus, draw };
}
