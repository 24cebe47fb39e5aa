// What runs in the page: takes the content that stands in it, builds the list, the cards and the diagram, and answers
// to search and choice. It asks for nothing outside of the page.
import type { PageContent, PageTable } from '../page-content.ts';
import { tableCard, typesCard } from './cards.ts';
import { diagramPart } from './diagram.ts';
import { button, element, marked } from './elements.ts';
import { matches, wantedOf } from './search.ts';

const content = JSON.parse(document.getElementById('content')?.textContent ?? '') as PageContent;
const plain = content.tables.filter(({ isView }) => !isView);

const search = element('input', {
  type: 'search',
  placeholder: 'Search names and comments',
  'aria-label': 'Search',
  autocomplete: 'off',
});
const count = element('p', { class: 'count', role: 'status' });
const list = element('nav', { 'aria-label': 'Tables' });
const cards = element('section', { id: 'tables' });
const diagram = diagramPart(plain, open);
const tabs = {
  tables: button('Tables', () => show('tables')),
  diagram: button('Diagram', () => show('diagram')),
};

function show(tab: keyof typeof tabs): void {
  cards.hidden = tab !== 'tables';
  diagram.root.hidden = tab !== 'diagram';
  for (const [name, each] of Object.entries(tabs)) each.setAttribute('aria-pressed', String(name === tab));
  if (tab === 'diagram') diagram.draw();
}

const cardOf = (identity: string) =>
  [...cards.children].find((card) => card instanceof HTMLElement && card.dataset.table === identity);

/** Goes to a table's card, past a search that hides it. */
function open(identity: string): void {
  const isFound = [...list.querySelectorAll('a')].some(({ dataset }) => dataset.table === identity);
  if (!isFound) {
    search.value = '';
    fill();
  }
  if (cardOf(identity) === undefined) addMore(true);
  show('tables');
  for (const card of cards.children) card.classList.remove('chosen');
  const card = cardOf(identity);
  card?.classList.add('chosen');
  card?.scrollIntoView({ block: 'start' });
  for (const link of list.querySelectorAll('a')) {
    link.setAttribute('aria-current', String(link.dataset.table === identity));
  }
}

function draw(identity: string): void {
  show('diagram');
  diagram.focus(identity);
}

function listEntry(table: PageTable, wanted: string): HTMLElement {
  const note = table.isView ? 'view' : String(table.columns.length);
  const entry = element('a', { href: '#', 'data-table': table.identity });
  entry.append(element('span', {}, marked(table.name, wanted)), element('small', {}, note));
  entry.addEventListener('click', (event) => {
    event.preventDefault();
    if (!diagram.root.hidden && !table.isView) draw(table.identity);
    else open(table.identity);
  });
  return entry;
}

/** As many cards as are there at once; the others come when the end of these is reached. */
const atOnce = 60;

function addCards(found: readonly PageTable[], from: number, wanted: string, until = from + atOnce): void {
  const next = found.slice(from, until).map((table) => tableCard(table, wanted, { draw, open }));
  const end = cards.querySelector('[data-end]') ?? element('div', { 'data-end': '' });
  if (end.parentNode === null) cards.prepend(end);
  end.before(...next);
  addMore = (all) => addCards(found, until, wanted, all ? found.length : undefined);
  if (until >= found.length) {
    end.remove();
    addMore = () => undefined;
  } else {
    atEnd.observe(end);
  }
}

let addMore: (all: boolean) => void = () => undefined;
const atEnd = new IntersectionObserver((seen) => {
  if (!seen.some(({ isIntersecting }) => isIntersecting)) return;
  atEnd.disconnect();
  addMore(false);
});

/** What the search finds, in the list and as cards. */
function fill(): void {
  const wanted = wantedOf(search.value);
  const found = content.tables.filter((table) => matches(table, wanted));
  const schemas = [...new Set(found.map(({ schema }) => schema))];
  list.replaceChildren(
    ...schemas.flatMap((schema) => [
      element('h2', {}, schema),
      ...found.filter((table) => table.schema === schema).map((table) => listEntry(table, wanted)),
    ]),
  );
  const types = wanted === '' && content.types.length > 0 ? [typesCard(content.types)] : [];
  const none = found.length === 0 ? [element('p', { class: 'empty' }, 'Nothing found.')] : [];
  cards.replaceChildren(...none, ...types);
  addCards(found, 0, wanted);
  const all = content.tables.length;
  count.textContent = found.length === all ? `${all} tables and views` : `${found.length} of ${all}`;
}

search.addEventListener('input', () => {
  fill();
  cards.scrollTop = 0;
});
window.addEventListener('beforeprint', () => addMore(true));
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || document.activeElement === search) return;
  event.preventDefault();
  search.focus();
});
document.body.append(
  element('aside', {}, element('header', {}, element('h1', {}, 'Database schema'), search, count), list),
  element('main', {}, element('div', { class: 'bar' }, tabs.tables, tabs.diagram), cards, diagram.root),
);
fill();
show('tables');
