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

/** What the reader has chosen to be shown; no schema and no table stand for all. */
interface Chosen {
  readonly schema: string;
  readonly table: string;
  /** How many foreign keys away from the table. */
  readonly distance: number;
  readonly detail: Detail;
}

/** @param open goes to the card of a table */
export function diagramPart(tables: readonly PageTable[], open: (identity: string) => void): DiagramPart {
  let chosen: Chosen = {
    schema: '',
    table: tables.length > tooManyAtFirst ? busiest(tables) : '',
    distance: 1,
    detail: tables.length > many ? 'none' : 'keys',
  };
  const drawing = makeDrawing((identity) => focus(identity));
  const empty = element('p', { class: 'empty', role: 'status' });
  const choices = choicesOf(tables, (values) => change(values));
  const openButton = button('Open table', () => open(chosen.table));
  function change(values: Partial<Chosen>) {
    chosen = { ...chosen, ...values };
    draw();
  }
  function draw() {
    choices.show(chosen);
    openButton.hidden = chosen.table === '';
    const shown = shownTables(tables, chosen);
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
    ...[...choices.labels, openButton, element('span', { class: 'grow' })],
    button('−', () => drawing.zoomBy(1 / 1.4), { 'aria-label': 'Zoom out' }),
    button('+', () => drawing.zoomBy(1.4), { 'aria-label': 'Zoom in' }),
    button('Fit', drawing.fit),
  );
  return { root: element('section', { id: 'diagram' }, bar, empty, drawing.svg), focus, draw };
}

function shownTables(
  tables: readonly PageTable[],
  { schema, table, distance }: Chosen,
): readonly PageTable[] {
  if (table !== '') return neighbourhood(tables, table, distance);
  return tables.filter((each) => schema === '' || each.schema === schema);
}

/** The menus of the diagram, and how they show what is chosen. */
function choicesOf(tables: readonly PageTable[], change: (values: Partial<Chosen>) => void) {
  const named = (names: readonly string[]) => names.map((name) => [name, name] as const);
  const withAll = (names: readonly string[]) => [['', 'all'] as const, ...named(names)];
  const schemas = [...new Set(tables.map(({ schema }) => schema))];
  const schema = choice('Schema', withAll(schemas), (value) => change({ schema: value, table: '' }));
  const table = choice('Table', withAll(tables.map(({ identity }) => identity)), (value) =>
    change({ table: value }),
  );
  const distance = choice('Neighbours', named(['0', '1', '2', '3']), (value) =>
    change({ distance: Number(value) }),
  );
  const detail = choice('Columns', named(['all', 'keys', 'none']), (value) =>
    change({ detail: value as Detail }),
  );
  return {
    labels: [schema.label, table.label, distance.label, detail.label],
    show: (chosen: Chosen) => {
      schema.select.value = chosen.schema;
      table.select.value = chosen.table;
      distance.select.value = String(chosen.distance);
      distance.label.hidden = chosen.table === '';
      detail.select.value = chosen.detail;
    },
  };
}
