// Takes a table; gives its card: columns with types, keys and comments, constraints, indexes, where it comes from.
import type { Origin } from '../origins.ts';
import type { PageColumn, PageTable } from '../page-content.ts';
import type { NamedText, TypeEntry } from '../tables.ts';
import { button, element, marked } from './elements.ts';

export interface CardActions {
  /** Shows the table and its neighbours in the diagram. */
  draw(identity: string): void;
  /** Goes to the table's card. */
  open(identity: string): void;
}

/** @param wanted what was searched for, in lower case */
export function tableCard(table: PageTable, wanted: string, actions: CardActions): HTMLElement {
  const { identity, schema, name, kind, comment, origin, partitionKey } = table;
  const draw = button('Show in diagram', () => actions.draw(identity));
  const by = partitionKey === undefined ? '' : `, by ${partitionKey}`;
  return element(
    'article',
    { 'data-table': identity },
    element(
      'header',
      {},
      element('h2', {}, element('span', {}, marked(`${schema}.`, '')), marked(name, wanted)),
      kind === 'table' ? null : element('span', { class: 'kind' }, `${kind}${by}`),
      table.isView ? null : draw,
    ),
    origin === null ? null : element('p', { class: 'origin' }, originText(origin)),
    comment === '' ? null : element('p', { class: 'comment' }, marked(comment, wanted)),
    columnTable(table, wanted, actions),
    ...list('Constraints', table.checks),
    ...list('Foreign keys', table.references.map(referenceText)),
    ...list('Indexes', table.indexes),
    ...list('Partitions', table.partitions),
  );
}

function originText({ made, changed }: Origin): string {
  return made === changed ? `Made by ${made}` : `Made by ${made}, last changed by ${changed}`;
}

function referenceText({ name, columns, target }: PageTable['references'][number]): NamedText {
  return { name, text: `(${columns.join(', ')}) → ${target}` };
}

function columnTable(table: PageTable, wanted: string, actions: CardActions): HTMLElement {
  if (table.columns.length === 0) return element('p', { class: 'comment' }, 'No columns.');
  const titles = ['Column', 'Type', 'Null', 'Default', 'Key', 'Comment', 'Migration'];
  const head = element('tr', {}, ...titles.map((title) => element('th', { scope: 'col' }, title)));
  const rows = table.columns.map((column) => columnRow(column, wanted, actions));
  return element(
    'div',
    { class: 'scroll' },
    element('table', {}, element('thead', {}, head), element('tbody', {}, ...rows)),
  );
}

function columnRow(column: PageColumn, wanted: string, actions: CardActions): HTMLElement {
  const keys = [
    ...(column.primary ? [element('span', { class: 'key' }, 'primary')] : []),
    ...(column.unique ? [element('span', { class: 'key' }, 'unique')] : []),
    ...column.references.map((target) => link(target, () => actions.open(target))),
  ];
  const since = column.origin === null ? '' : column.origin.changed;
  return element(
    'tr',
    {},
    element('td', { class: 'name' }, marked(column.name, wanted)),
    element('td', { class: 'type' }, marked(column.type, wanted)),
    element('td', {}, column.nullable),
    element('td', {}, defaultOf(column)),
    element('td', {}, ...keys),
    element('td', { class: 'comment' }, marked(column.comment, wanted)),
    element('td', { class: 'since', title: column.origin === null ? '' : originText(column.origin) }, since),
  );
}

function defaultOf({ identityColumn, generated, defaultValue }: PageColumn): HTMLElement | null {
  if (identityColumn !== undefined) return element('span', {}, `identity (${identityColumn})`);
  if (generated !== undefined) return element('code', {}, `generated ${generated}`);
  return defaultValue === undefined ? null : element('code', {}, defaultValue);
}

function link(target: string, press: () => void): HTMLElement {
  const made = element('a', { class: 'to', href: '#' }, `→ ${target} `);
  made.addEventListener('click', (event) => {
    event.preventDefault();
    press();
  });
  return made;
}

function list(title: string, items: readonly NamedText[]): HTMLElement[] {
  if (items.length === 0) return [];
  const lines = items.map(({ name, text }) => element('li', {}, `${name}: `, element('code', {}, text)));
  return [element('h3', {}, title), element('ul', {}, ...lines)];
}

/** The types that are no tables, as one card. */
export function typesCard(types: readonly TypeEntry[]): HTMLElement {
  const lines = types.map(({ identity, kind, definition, comment }) =>
    element(
      'li',
      {},
      `${identity}: ${kind} `,
      element('code', {}, definition),
      comment === '' ? null : `: ${comment}`,
    ),
  );
  return element(
    'article',
    {},
    element('header', {}, element('h2', {}, 'Types')),
    element('ul', {}, ...lines),
  );
}
