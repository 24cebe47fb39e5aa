// Servers, roles and connections that print, read and plan otherwise than PostgreSQL does by itself: every command says and
// does the same there. What a file stores under such settings is the business of settings-as-psql.test.ts.
import { expect } from 'chai';
import { project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { pair } from '../support/migrations.ts';

const odd: Readonly<Record<string, string>> = {
  DateStyle: 'German',
  IntervalStyle: 'sql_standard',
  TimeZone: 'Pacific/Chatham',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  quote_all_identifiers: 'on',
  standard_conforming_strings: 'off',
  transform_null_equals: 'on',
  xmloption: 'document',
  default_transaction_isolation: 'serializable',
  check_function_bodies: 'off',
  row_security: 'off',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  lock_timeout: '1',
};

const files = {
  ...pair(
    1,
    'items',
    "CREATE TABLE items (id int PRIMARY KEY, note text DEFAULT 'a\\b', size float8, at timestamptz DEFAULT now());\nINSERT INTO items (id, size) VALUES (1, 0.1234567890123456), (2, 7);",
    'DROP TABLE items;',
  ),
  ...pair(
    2,
    'order',
    'ALTER TABLE items DROP COLUMN note;',
    "ALTER TABLE items ADD COLUMN note text DEFAULT 'a\\b';",
  ),
  ...pair(3, 'grant', 'GRANT SELECT ON items TO PUBLIC;', 'SELECT 1;'),
  ...pair(
    4,
    'index',
    '-- migrate: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY ON items (size);',
    'DROP INDEX items_size_idx;',
  ),
};
const config = JSON.stringify({ drift: { include: ['grants'] } });

/** What the commands end with, without what differs in any two runs. */
async function walk(database: TestDatabase, options: Readonly<Record<string, string>>) {
  const given = Object.entries(options)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
    .join(' ');
  const suffix = given === '' ? '' : `?options=${encodeURIComponent(given)}`;
  const env = Object.fromEntries(
    Object.entries(database.env()).map(([name, value]) => [
      name,
      name.endsWith('_URL') ? value + suffix : value,
    ]),
  );
  const tool = await project(files);
  tool.write('db/config.json', config);
  const told: string[] = [];
  const run = async (...args: string[]) => {
    const { exitCode, said } = await runInProcess(tool.root, env, args);
    const shown = said
      .replaceAll(/migrate_(?:test|scratch)_\w+|127\.0\.0\.1:\d+|\d{4}-\d\d-\d\dT[\d:.]+Z/g, '#')
      .replaceAll(/\d+ m?s\b|in [\d.]+ s\b/g, '#')
      // The server's own messages quote each name there.
      .replaceAll('"', '');
    told.push(`$ ${args.join(' ')} → ${exitCode}\n${shown}`);
  };
  await run('up', '--to', '20250101000003');
  await database.query('UPDATE items SET size = 7');
  await run('up');
  await database.query('UPDATE items SET size = id');
  for (const args of [['status'], ['up'], ['drift'], ['verify'], ['schema'], ['plan'], ['down'], ['status']])
    await run(...args);
  const indexes = await database.query(
    "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'items'::regclass ORDER BY 1",
  );
  return { told, indexes };
}

describe('A server whose settings are odd', () => {
  it('has every command say and do what it says and does on any other', async () => {
    const [usual, strange] = [await createDatabase(), await createDatabase()];
    const expected = await walk(usual, {});
    expect(expected.told.join('\n'))
      .to.include('inexact-down')
      .and.include('column-order')
      .and.include('INVALID');
    expect(await walk(strange, odd)).to.deep.equal(expected);
  });
});
