// What the tracer sees of each statement, and what a review does with failures, several files and their sessions.
import { expect } from 'chai';
import type pg from 'pg';
import { MigrateError } from '../../scripts/base/errors.ts';
import type { Finding, Migration } from '../../scripts/base/types.ts';
import { loadParser } from '../../scripts/files/statements.ts';
import { reviewMigrations } from '../../scripts/lint/review.ts';
import { strongestLocks } from '../../scripts/lint/trace/locks.ts';
import type { TracedLock, TracedStatement } from '../../scripts/lint/trace/traced.ts';
import { traceMigration } from '../../scripts/lint/trace/tracer.ts';
import { createDatabase } from '../support/database.ts';
import { line, lines, migration } from '../support/lint.ts';
import { testMajor } from '../support/postgres.ts';

const schema = `CREATE TABLE customers (id bigint PRIMARY KEY, email text);
  CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, note text);
  CREATE INDEX orders_customer_id_idx ON orders (customer_id);`;

describe('lint: the tracer', () => {
  let client: pg.Client;

  beforeEach(async () => {
    client = await (await createDatabase()).client();
    await client.query(schema);
  });

  it('reports the locks that each statement takes anew, and those held when it ends', async () => {
    const [first, second] = await trace(
      'ALTER TABLE orders ADD COLUMN a int; CREATE INDEX ON customers (email);',
    );
    expect(strongest(first?.locks)).to.include('public.orders AccessExclusiveLock existed');
    expect(strongest(second?.locks)).to.include('public.customers ShareLock existed');
    expect(strongest(second?.locks)).not.to.include('public.orders AccessExclusiveLock existed');
    expect(strongest(second?.held)).to.include('public.orders AccessExclusiveLock existed');
    expect(second?.scans).to.deep.equal(['public.customers']);
  });

  it('gives the strongest lock of each relation that existed', async () => {
    const [only] = await trace('ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers (id);');
    const locks = strongestLocks(only?.held ?? []).map(({ relation, mode }) => `${relation} ${mode}`);
    expect(locks).to.include.members([
      'public.orders ShareRowExclusiveLock',
      'public.customers ShareRowExclusiveLock',
    ]);
    expect(locks.filter((lock) => lock.startsWith('public.orders '))).to.have.length(1);
  });

  it('tells relations that the migration made itself', async () => {
    const [, second] = await trace('CREATE TABLE carts (id int); ALTER TABLE carts ADD COLUMN a int;');
    expect(
      second?.held
        .filter(({ relation }) => relation === 'public.carts')
        .map(({ existedBefore }) => existedBefore),
    ).not.to.include(true);
  });

  it('names relations as they were called before, after a rename and after a drop', async () => {
    const [, second, third] = await trace(
      'ALTER TABLE orders RENAME TO purchases; ALTER TABLE purchases ALTER COLUMN note TYPE int USING 1; DROP TABLE purchases;',
    );
    expect(second?.rewrites).to.deep.equal(['public.orders']);
    expect(third?.error).to.equal(undefined);
    expect(strongest(third?.held)).to.include('public.orders AccessExclusiveLock existed');
  });

  it('reports a rewritten table once, not each of its indexes', async () => {
    const [only] = await trace('ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();');
    expect(only?.rewrites).to.deep.equal(['public.orders']);
  });

  it('is not misled by scans of the session before it began', async () => {
    await client.query('SELECT count(*) FROM orders');
    const [only] = await trace('ALTER TABLE orders ADD COLUMN a int;');
    expect(only?.scans).to.deep.equal([]);
  });

  it('runs each statement of a file without a transaction by itself, and takes CONCURRENTLY from the manual', async () => {
    const [first, second] = await trace(
      'ALTER TABLE orders ADD COLUMN a int; CREATE INDEX CONCURRENTLY ON orders (a);',
      true,
    );
    expect(first?.watched).to.equal(true);
    expect(second?.watched).to.equal(false);
    expect(strongest(second?.held)).to.deep.equal(['public.orders ShareUpdateExclusiveLock existed']);
  });

  it('stops at the first failure, with its SQLSTATE and place, and leaves the database as it was', async () => {
    const traced = await trace('ALTER TABLE orders ADD COLUMN a int; SELECT nothing FROM orders; SELECT 1;');
    expect(traced).to.have.length(2);
    expect(traced[1]?.error).to.include({ sqlState: '42703', offset: 'SELECT '.length });
    const { rows } = await client.query(
      "SELECT FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'a'",
    );
    expect(rows).to.have.length(0);
  });

  it('watches rows of data together, and still places the one that PostgreSQL refuses', async () => {
    const rows = Array.from({ length: 700 }, (_, i) => `INSERT INTO orders (id) VALUES (${i});`);
    let trips = 0;
    const { query } = client;
    client.query = ((...args: unknown[]) => {
      trips += 1;
      return (query as (...all: unknown[]) => unknown).apply(client, args);
    }) as typeof client.query;
    const quiet = await trace(rows.join('\n'));
    expect(quiet).to.have.length(700);
    expect(strongest(quiet[0]?.locks)).to.include('public.orders RowExclusiveLock existed');
    expect(trips).to.be.below(20);
    client.query = query;
    await client.query('TRUNCATE orders');
    const refused = await trace(
      [...rows.slice(0, 40), 'INSERT INTO orders (id) VALUES (7);', ...rows.slice(40)].join('\n'),
    );
    expect(refused).to.have.length(41);
    expect(refused[40]?.error?.sqlState).to.equal('23505');
  });

  it('finds what a deferred constraint says at COMMIT', async () => {
    const sql = `CREATE TABLE p (id int PRIMARY KEY);
      CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);
      INSERT INTO c VALUES (1);`;
    expect((await trace(sql)).at(-1)?.error?.sqlState).to.equal('23503');
  });

  async function trace(sql: string, noTransaction = false): Promise<readonly TracedStatement[]> {
    const parsed = (await loadParser(testMajor))(sql);
    if (parsed.ok !== true) throw new Error(`not parsed: ${sql}`);
    return (await traceMigration(client, parsed.statements, { noTransaction })).statements;
  }
});

describe('lint: a review of several migrations', () => {
  let client: pg.Client;

  beforeEach(async () => {
    client = await (await createDatabase()).client();
  });

  it('knows what earlier migrations under review made: in the next file a table exists', async () => {
    const findings = await review([
      migration('20250101000000_a', 'CREATE TABLE carts (id int, note text); CREATE INDEX ON carts (id);'),
      migration('20250101000001_b', 'CREATE INDEX ON carts (note);'),
    ]);
    expect(findings.map(({ rule, file }) => `${rule} ${file}`)).to.deep.equal([
      'create-index-blocking db/migrations/20250101000001_b.up.sql',
    ]);
  });

  it('places a failing statement at the character that PostgreSQL names, and goes on with the text of the next', async () => {
    const findings = await review([
      migration('20250101000000_a', "SELECT 'ä';\nALTER TABLE missing ADD COLUMN a int;\n"),
      migration('20250101000001_b', 'DROP TABLE orders;'),
    ]);
    expect(findings.map(line), lines(findings)).to.have.length(2);
    expect(findings[0]).to.include({ rule: 'does-not-run', line: 2 });
    expect(findings[0]?.message).to.include('42P01: relation "missing" does not exist');
    expect(findings[1]?.rule).to.equal('drop-table');
  });

  it('lets no SET leak from one file into the next, watched or not', async () => {
    const leak =
      "CREATE SCHEMA other; SET search_path = other; SET ROLE pg_read_all_data; RESET ROLE; SET timezone = 'Asia/Tokyo';";
    const next = 'CREATE TABLE here (id int);';
    await review(
      [migration('20250101000002_c', next)],
      [migration('20250101000000_a', leak), migration('20250101000001_b', 'CREATE TABLE there (id int);')],
    );
    const { rows } = await client.query(
      "SELECT relname FROM pg_class WHERE relname IN ('here', 'there') AND relnamespace = 'public'::regnamespace ORDER BY 1",
    );
    expect(rows.map(({ relname }) => relname)).to.deep.equal(['here', 'there']);
  });

  it('throws when an earlier migration does not run, naming file, place and the words of PostgreSQL', async () => {
    const earlier = [migration('20250101000000_a', 'SELECT 1;\nSELECT * FROM missing;')];
    const error = await review([], earlier).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(MigrateError).and.to.include({ code: 'migration-failed' });
    const { message, options } = error as MigrateError;
    expect(message).to.include('relation "missing" does not exist');
    expect(options.location).to.deep.equal({
      file: 'db/migrations/20250101000000_a.up.sql',
      line: 2,
      column: 15,
    });
    expect(options.database?.sqlState).to.equal('42P01');
  });

  it('reports an allowance that silences nothing', async () => {
    const findings = await review([
      migration('20250101000000_a', '-- migrate: allow drop-table gone since May\nCREATE TABLE a (id int);'),
    ]);
    expect(findings.map(line)).to.have.length(1);
    expect(findings[0]).to.include({ rule: 'unused-allow', line: 1 });
  });

  function review(
    underReview: readonly Migration[],
    earlier: readonly Migration[] = [],
  ): Promise<readonly Finding[]> {
    return reviewMigrations({ postgres: testMajor, earlier, underReview, scratch: client });
  }
});

function strongest(locks: readonly TracedLock[] | undefined): readonly string[] {
  return (locks ?? []).map(
    ({ relation, mode, existedBefore }) => `${relation} ${mode}${existedBefore ? ' existed' : ''}`,
  );
}
