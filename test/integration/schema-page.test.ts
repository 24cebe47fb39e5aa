// docs --html: one page, as a person meets it in a real browser.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { closeChromium, needsChromium, openInChromium, type Watched } from '../support/browser.ts';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';

const odd = '</script><b onclick="x">&\u202e';
const quoted = `"${odd.replaceAll('"', '""')}"`;

const files = {
  ...pair(
    1,
    'shop',
    `CREATE SCHEMA shop;
CREATE TABLE shop.customers (id bigint PRIMARY KEY, email text NOT NULL UNIQUE);
CREATE TABLE shop.orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES shop.customers, note text);
CREATE TABLE shop.items (id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES shop.orders, price numeric);
CREATE TABLE shop.prices (id bigint PRIMARY KEY);
CREATE TYPE shop.colour AS ENUM ('red', 'green');
COMMENT ON TABLE shop.customers IS 'Who buys';`,
    'DROP SCHEMA shop CASCADE;',
  ),
  ...pair(
    2,
    'reviews',
    `CREATE TABLE public.reviews (id bigint PRIMARY KEY, order_id bigint REFERENCES shop.orders);
COMMENT ON COLUMN public.reviews.order_id IS 'What was bought';`,
    'DROP TABLE public.reviews;',
  ),
  ...pair(3, 'rows', 'INSERT INTO shop.prices VALUES (1);', 'DELETE FROM shop.prices;'),
  ...pair(
    4,
    'phone',
    `ALTER TABLE shop.customers ADD COLUMN phone text; ALTER TABLE shop.prices RENAME TO tariffs;`,
    'ALTER TABLE shop.tariffs RENAME TO prices; ALTER TABLE shop.customers DROP COLUMN phone;',
  ),
  ...pair(5, 'odd', `CREATE TABLE public.${quoted} (${quoted} text);`, `DROP TABLE public.${quoted};`),
};

const id = (number: number, name: string) => `2025010100000${number}_${name}`;

describe('docs --html', () => {
  let repo: Project;
  let env: Record<string, string>;
  let text: string;

  before('write the page', async () => {
    env = { SHADOW_DATABASE_URL: (await createDatabase()).url };
    repo = await project(files);
    expectExit(await repo.run(['docs', '--html', 'schema.html'], { env }), 0);
    text = readFileSync(join(repo.root, 'schema.html'), 'utf8');
  });

  it('writes the same page for the same migrations, which --check compares', async () => {
    expectExit(await repo.run(['docs', '--html', 'schema.html', '--check'], { env }), 0);
    const other = await repo.run(['docs', '--html', 'db/other.html', '--check'], { env });
    expectExit(other, 9);
    expect(other.stdout).to.contain('db/other.html is missing').and.contain('html=db/other.html');
  });

  it('refuses a file that cannot be written, with its name', async () => {
    const result = await repo.run(['docs', '--html', 'nowhere/schema.html'], { env });
    expectExit(result, 2);
    expect(result.stderr).to.contain('nowhere/schema.html cannot be written');
  });

  it('holds names so that none of them can end the element it stands in', () => {
    expect(text).not.to.contain(odd);
    expect(text.match(/<\/script>/g)).to.have.length(2);
  });

  it('names the migration that made each table and column, and the one that changed it last', () => {
    const [, json = ''] = /<script type="application\/json" id="content">(.*)<\/script>/.exec(text) ?? [];
    const { tables } = JSON.parse(json) as { tables: Known[] };
    interface Known {
      identity: string;
      origin: object;
      columns: { name: string; origin: object }[];
    }
    const found = new Map(tables.map((table) => [table.identity, table]));
    const made = (number: number, name: string, changed = id(number, name)) => ({
      made: id(number, name),
      changed,
    });
    expect(found.get('shop.customers')?.origin).to.deep.equal(made(1, 'shop', id(4, 'phone')));
    expect(found.get('shop.customers')?.columns.map(({ name, origin }) => [name, origin])).to.deep.equal([
      ['id', made(1, 'shop')],
      ['email', made(1, 'shop')],
      ['phone', made(4, 'phone')],
    ]);
    // A reference to it changes no table, nor do rows.
    expect(found.get('shop.orders')?.origin).to.deep.equal(made(1, 'shop'));
    expect(found.get('shop.tariffs')?.origin).to.deep.equal(made(1, 'shop', id(4, 'phone')));
    expect(found.get('public.reviews')?.origin).to.deep.equal(made(2, 'reviews'));
  });

  describe('in Chromium', () => {
    let watched: Watched;

    before(function () {
      needsChromium(this);
    });
    beforeEach(async () => {
      watched = await openInChromium(pathToFileURL(join(repo.root, 'schema.html')).href);
    });
    afterEach(async () => {
      await watched.page.close();
      // No error in the console, and nothing was asked of the network.
      expect(watched.trouble).to.deep.equal([]);
    });
    after(closeChromium);

    const card = (identity: string) =>
      watched.page.locator(`article[data-table=${JSON.stringify(identity)}]`);
    const boxes = () => watched.page.locator('svg .entity').evaluateAll(tablesOf);
    const tablesOf = (found: { getAttribute(name: string): string | null }[]) =>
      found.map((each) => each.getAttribute('data-table')).sort();

    it('shows tables with columns, keys, comments and migrations, and odd names as they are', async () => {
      const customers = await card('shop.customers').innerText();
      for (const part of [
        'customers',
        'Who buys',
        'email',
        'unique',
        'primary',
        id(1, 'shop'),
        id(4, 'phone'),
      ]) {
        expect(customers).to.contain(part);
      }
      expect(await card('shop.orders').innerText()).to.contain('→ shop.customers');
      expect(await watched.page.locator('article h2').allInnerTexts()).to.include(
        `public.${odd.replace('\u202e', '\\u202e')}`,
      );
      expect(await watched.page.locator('b').count()).to.equal(0);
      expect(await watched.page.locator('article', { hasText: 'shop.colour' }).innerText()).to.contain(
        "'red'",
      );
    });

    it('finds tables by their names, columns and comments', async () => {
      const search = watched.page.getByRole('searchbox');
      for (const [typed, expected] of [
        ['TARIFF', ['shop.tariffs']],
        ['order_id', ['public.reviews', 'shop.items']],
        ['was bought', ['public.reviews']],
        ['nothing like it', []],
      ] as const) {
        await search.fill(typed);
        expect(await watched.page.locator('article[data-table]').evaluateAll(tablesOf)).to.deep.equal(
          expected,
        );
        expect(await watched.page.locator('nav a').evaluateAll(tablesOf)).to.deep.equal(expected);
      }
      expect(await watched.page.getByText('Nothing found.').isVisible()).to.equal(true);
    });

    it('draws all tables, those of a schema, or one with its neighbours', async () => {
      const { page } = watched;
      const choice = (name: string) => page.getByRole('combobox', { name });
      await page.getByRole('button', { name: 'Diagram', exact: true }).click();
      expect(await boxes()).to.have.length(6);
      expect(await page.locator('svg path.edge').count()).to.equal(3);
      await choice('Schema').selectOption('shop');
      expect(await boxes()).to.deep.equal(['shop.customers', 'shop.items', 'shop.orders', 'shop.tariffs']);
      await choice('Table').selectOption('shop.customers');
      expect(await boxes()).to.deep.equal(['shop.customers', 'shop.orders']);
      await choice('Neighbours').selectOption('2');
      expect(await boxes()).to.deep.equal(['public.reviews', 'shop.customers', 'shop.items', 'shop.orders']);
      await choice('Columns').selectOption('all');
      expect(await page.locator('svg .entity.chosen').textContent()).to.contain('phone');
      await page.getByRole('button', { name: 'Open table' }).click();
      expect(await card('shop.customers').isVisible()).to.equal(true);
    });

    it('zooms with the wheel and the buttons, and fits again', async () => {
      const { page } = watched;
      await card('shop.orders').getByRole('button', { name: 'Show in diagram' }).click();
      expect(await boxes()).to.deep.equal(['public.reviews', 'shop.customers', 'shop.items', 'shop.orders']);
      const transform = () => page.locator('svg > g').getAttribute('transform');
      const fitted = await transform();
      await page.getByRole('button', { name: 'Zoom in' }).click();
      const nearer = await transform();
      expect(nearer).not.to.equal(fitted);
      await page.locator('svg').hover();
      await page.mouse.wheel(0, 300);
      await page.waitForFunction(
        `document.querySelector('svg > g').getAttribute('transform') !== ${JSON.stringify(nearer)}`,
      );
      await page.getByRole('button', { name: 'Fit' }).click();
      expect(await transform()).to.equal(fitted);
    });

    it('stays usable with 450 tables: cards as one goes on, the diagram from the table with most keys', async () => {
      const many = pair(
        1,
        'many',
        `CREATE TABLE hub (id int PRIMARY KEY);
DO $$ BEGIN FOR i IN 1..449 LOOP
  EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, hub_id int %s)', lpad(i::text, 3, '0'),
    CASE WHEN i <= 20 THEN 'REFERENCES hub' ELSE '' END);
END LOOP; END $$;`,
        'DROP TABLE hub CASCADE;',
      );
      const other = await project(many);
      const shadow = { SHADOW_DATABASE_URL: (await createDatabase()).url };
      expectExit(await other.run(['docs', '--html', 'schema.html'], { env: shadow }), 0);
      await watched.page.close();
      watched = await openInChromium(pathToFileURL(join(other.root, 'schema.html')).href);
      const { page } = watched;
      const choice = (name: string) => page.getByRole('combobox', { name });
      expect(await page.locator('article[data-table]').count()).to.be.lessThan(450);
      await page.locator('nav a[data-table="public.t449"]').click();
      expect(await card('public.t449').isVisible()).to.equal(true);
      await page.getByRole('button', { name: 'Diagram', exact: true }).click();
      expect(await boxes())
        .to.have.length(21)
        .and.include('public.hub');
      await choice('Table').selectOption('');
      expect(await page.getByText('450 tables are too many for one diagram').isVisible()).to.equal(true);
      await choice('Table').selectOption('public.t300');
      expect(await boxes()).to.deep.equal(['public.t300']);
    });
  });
});
