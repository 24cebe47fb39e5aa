// What `drift --write` does where rows hang on it: what a person must decide is left to one with both readings, the rest is
// written and tried with rows, and another environment with rows of its own runs it without losing one.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, type Project, project, transcript } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { baseWithRows, changesByHand } from '../support/hand-changes.ts';
import { runInProcess } from '../support/in-process.ts';
import { pair } from '../support/migrations.ts';

interface Written {
  readonly all: string;
  readonly recorded: boolean;
  readonly up: string;
  readonly down: string;
  readonly repo: Project;
  readonly env: Record<string, string>;
}

function fileOf(repo: Project, direction: 'up' | 'down'): string {
  const directory = join(repo.root, 'db', 'migrations');
  const name = readdirSync(directory).find((file) => file.endsWith(`_by-hand.${direction}.sql`)) ?? '';
  return readFileSync(join(directory, name), 'utf8');
}

/** The base is applied, with its rows; the change is made by hand and written. */
async function write(base: string, change: string): Promise<Written> {
  const database = await createDatabase();
  const env = { ...database.env(), SHADOW_DATABASE_URL: database.url };
  const repo = await project(pair(1, 'base', base, 'SELECT 1;'));
  expectExit(await repo.run(['up'], { env }), 0);
  await database.query(change);
  const result = await repo.run(['drift', '--write', 'by-hand'], { env });
  expectExit(result, 0);
  const [up, down] = [fileOf(repo, 'up'), fileOf(repo, 'down')];
  return { all: transcript(result), recorded: result.all.includes('Recorded'), up, down, repo, env };
}

/** A table of its own for each, with a row; `by hand` what somebody does to it, then what is said about it. */
const doubtful: Record<string, readonly [base: string, change: string, said: string]> = {
  'a column renamed with a new type': [
    "CREATE TABLE a1 (id integer PRIMARY KEY, note text); INSERT INTO a1 VALUES (1, 'precious')",
    'ALTER TABLE a1 RENAME COLUMN note TO remark; ALTER TABLE a1 ALTER remark TYPE varchar(100)',
    'column public.a1.note went, column public.a1.remark came',
  ],
  'a column renamed with a new default': [
    "CREATE TABLE a2 (id integer, note text DEFAULT 'none')",
    "ALTER TABLE a2 RENAME COLUMN note TO remark; ALTER TABLE a2 ALTER remark SET DEFAULT 'x'",
    'column public.a2.note went, column public.a2.remark came',
  ],
  'a table renamed with its key': [
    'CREATE TABLE a3 (id integer CONSTRAINT a3_pkey PRIMARY KEY, n integer)',
    'ALTER TABLE a3 RENAME TO b3; ALTER INDEX a3_pkey RENAME TO b3_pkey',
    'table public.a3 went, table public.b3 came',
  ],
  'a sequence renamed that nothing owns': [
    'CREATE SEQUENCE a4',
    'ALTER SEQUENCE a4 RENAME TO b4',
    'sequence public.a4 went, sequence public.b4 came',
  ],
  'two columns that changed names': [
    'CREATE TABLE a6 (id integer, note text, code varchar(9))',
    'ALTER TABLE a6 RENAME note TO tmp; ALTER TABLE a6 RENAME code TO note; ALTER TABLE a6 RENAME tmp TO code',
    'column public.a6.note went, column public.a6.code came',
  ],
  'a column that moved to another table': [
    'CREATE TABLE a5 (id integer, street text); CREATE TABLE b5 (id integer)',
    'ALTER TABLE b5 ADD COLUMN street text; ALTER TABLE a5 DROP COLUMN street',
    'column public.a5.street went, column public.b5.street came',
  ],
};

const incomplete: Record<string, readonly [base: string, change: string, said: string]> = {
  'a conversion': [
    'CREATE TABLE c1 (price integer)',
    'ALTER TABLE c1 ALTER price TYPE numeric(10,2) USING price / 100.0',
    'public.c1.price',
  ],
  'text to a number': [
    'CREATE TABLE c2 (n text)',
    'ALTER TABLE c2 ALTER n TYPE integer USING length(n)',
    'how the values of public.c2.n became integer is not in the schema',
  ],
  'a column filled by hand': [
    'CREATE TABLE c3 (id integer)',
    "ALTER TABLE c3 ADD code text; UPDATE c3 SET code = 'c'; ALTER TABLE c3 ALTER code SET NOT NULL",
    'rows that are there already need a value for public.c3.code',
  ],
  'a plain column made computed': [
    'CREATE TABLE c4 (a integer, b integer)',
    'ALTER TABLE c4 DROP b; ALTER TABLE c4 ADD b integer GENERATED ALWAYS AS (a * 2) STORED',
    'what was written to public.c4.b is lost',
  ],
};

const joined = (cases: Record<string, readonly string[]>, index: number) =>
  `${Object.values(cases)
    .map((parts) => parts[index])
    .join(';\n')};`;

describe('drift --write, where rows hang on it', () => {
  it('leaves to a person what may have been renamed or moved, with both readings', async () => {
    const { all, recorded, up, down } = await write(joined(doubtful, 0), joined(doubtful, 1));
    expect(recorded, all).to.equal(false);
    for (const [what, [, , said]] of Object.entries(doubtful)) {
      expect(all, what).to.contain(said);
      expect(up, what).to.contain(said);
    }
    expect(up)
      .to.contain('First reading')
      .and.to.contain('-- ALTER TABLE public.a1 RENAME COLUMN note TO remark;')
      .and.to.contain('-- ALTER TABLE public.a3 RENAME TO b3;')
      .and.to.contain('Second reading')
      .and.to.contain('-- ALTER TABLE public.a1 DROP COLUMN note;');
    expect(down).to.contain('-- ALTER TABLE public.a1 RENAME COLUMN remark TO note;');
    const statements = up.split('\n').filter((line) => line !== '' && !line.startsWith('--'));
    expect(statements).to.have.lengthOf(1);
  });

  it('leaves to a person what converts or computes values, with the reason', async () => {
    const { all, recorded, up } = await write(joined(incomplete, 0), joined(incomplete, 1));
    expect(recorded, all).to.equal(false);
    for (const [what, [, , said]] of Object.entries(incomplete)) expect(all, what).to.contain(said);
    expect(up).to.contain('USING price::numeric(10,2)').and.to.contain('is a guess');
  });

  it('calls no table of another migration tool drift, and writes none; says what it cannot try without special rights', async () => {
    const database = await createDatabase();
    const env = { ...database.env(), SHADOW_DATABASE_URL: database.url, MIGRATE_ENV: 'test' };
    const repo = await project(
      pair(1, 'base', 'CREATE TABLE t (id integer); CREATE FOREIGN DATA WRAPPER w;', 'DROP TABLE t;'),
    );
    expect((await runInProcess(repo.root, env, ['up'])).exitCode).to.equal(0);
    await database.query(
      'CREATE TABLE migrations (id serial PRIMARY KEY, "timestamp" bigint NOT NULL, name varchar NOT NULL); CREATE TABLE knex_migrations (id serial PRIMARY KEY, name varchar, batch integer, migration_time timestamptz)',
    );
    const drift = await runInProcess(repo.root, env, ['drift']);
    expect(drift.exitCode, drift.said).to.equal(0);
    await database.query('ALTER TABLE t ADD COLUMN n integer; CREATE TABLE changes (id integer)');
    const written = await runInProcess(repo.root, env, ['drift', '--write', 'by-hand']);
    expect(written.document.recorded, written.said).to.equal(true);
    expect(fileOf(repo, 'up')).to.contain('public.changes').and.not.to.contain('migrations');

    await database.query(
      'CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE far (a integer) SERVER s',
    );
    const server = await runInProcess(repo.root, env, ['drift', '--write', 'server']);
    expect([server.document.recorded, server.document.proven], server.said).to.deep.equal([true, true]);

    await database.query('CREATE PUBLICATION everything FOR ALL TABLES');
    const untried = await runInProcess(repo.root, env, ['drift', '--write', 'everything']);
    expect(untried.document.recorded, untried.said).to.equal(false);
    expect(untried.said)
      .to.contain('only a superuser may make publication everything')
      .and.to.contain('MIGRATE_SCRATCH_TRUSTED=true');
  });

  it('proves with rows where policies, enums inside of others, several checks and special rights stand in the way', async () => {
    const database = await createDatabase();
    const env = { ...database.env(), SHADOW_DATABASE_URL: database.url, MIGRATE_ENV: 'test' };
    const base = `CREATE TYPE st AS ENUM ('a', 'b'); CREATE TYPE pair AS (x st, y integer);
      CREATE DOMAIN mail AS text CHECK (VALUE LIKE '%@%'); CREATE DOMAIN code AS varchar(4) CHECK (VALUE ~ '^[A-Z]$'); CREATE DOMAIN part AS numeric(5,2) NOT NULL CHECK (VALUE <= 100); CREATE DOMAIN half AS part CHECK (VALUE < 50);
      CREATE TABLE several (a mail, b code NOT NULL, c half, d text NOT NULL CHECK (d LIKE 'https:%'), e integer NOT NULL CHECK (e > 1000), f mail NOT NULL UNIQUE);
      CREATE TABLE computed (id integer GENERATED ALWAYS AS IDENTITY, a integer, b integer GENERATED ALWAYS AS (a * 2) STORED, n numeric(8,2));
      CREATE FUNCTION fine(a integer DEFAULT 1) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT LEAKPROOF AS 'SELECT true';
      CREATE TABLE tenants (id integer PRIMARY KEY CHECK (fine(id)), tenant text NOT NULL, tags text[] NOT NULL, both_of pair NOT NULL);
      ALTER TABLE tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY own ON tenants USING (tenant = current_setting('app.tenant'));`;
    const repo = await project(pair(1, 'base', base, 'DROP TABLE tenants;'));
    expect((await runInProcess(repo.root, env, ['up'])).exitCode).to.equal(0);
    await database.query(`ALTER TABLE several ADD g integer; ALTER TABLE computed ALTER b DROP EXPRESSION, ALTER n TYPE numeric; ALTER TABLE computed ALTER id DROP IDENTITY; ALTER TABLE tenants ALTER tags TYPE st[] USING tags::st[], ADD note text DEFAULT 'x', NO FORCE ROW LEVEL SECURITY;
      CREATE FUNCTION valid(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'; CREATE DOMAIN word AS text CHECK (valid(VALUE));
      CREATE VIEW ids AS SELECT id FROM tenants; CREATE FUNCTION all_ids() RETURNS SETOF ids LANGUAGE sql AS 'SELECT id FROM tenants'`);
    const { document, said } = await runInProcess(repo.root, env, ['drift', '--write', 'by-hand']);
    expect([document.recorded, document.proven], said).to.deep.equal([true, true]);
  });

  it('leaves partitions to the job that makes them where the configuration says so, unless one differs', async () => {
    const database = await createDatabase();
    const env = { ...database.env(), SHADOW_DATABASE_URL: database.url, MIGRATE_ENV: 'test' };
    const part = (year: number) =>
      `CREATE TABLE e${year} PARTITION OF e FOR VALUES FROM ('${year}-01-01') TO ('${year + 1}-01-01')`;
    const base = `CREATE TABLE e (id integer, at date DEFAULT now(), PRIMARY KEY (id, at)) PARTITION BY RANGE (at); CREATE INDEX e_at ON e (at); ${part(2024)};`;
    const repo = await project(pair(1, 'base', base, 'DROP TABLE e;'));
    const run = async (exitCode: number) => {
      const ended = await runInProcess(repo.root, env, ['drift']);
      expect(ended.exitCode, JSON.stringify(ended.document)).to.equal(exitCode);
    };
    expect((await runInProcess(repo.root, env, ['up'])).exitCode).to.equal(0);
    await database.query(`${part(2025)}; DROP TABLE e2024;`);
    await run(5);
    repo.write('db/config.json', JSON.stringify({ drift: { partitions: 'managed' } }));
    await run(0);
    await database.query('CREATE INDEX own ON e2025 (id)');
    await run(5);
  });

  it('counts no partition that a job makes in the fingerprint, stored or live, and names the setting where such a job is', async () => {
    const part = (year: number) =>
      `CREATE TABLE e${year} PARTITION OF e FOR VALUES FROM ('${year}-01-01') TO ('${year + 1}-01-01')`;
    const base = `CREATE TABLE part_config (parent_table text); CREATE TABLE e (id integer, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at); CREATE INDEX e_at ON e (at); ${part(2024)};`;
    const here = await createDatabase();
    const repo = await project(pair(1, 'base', base, 'DROP TABLE e, part_config;'));
    const run = (database: TestDatabase, ...args: string[]) =>
      runInProcess(repo.root, { ...database.env(), MIGRATE_ENV: 'test' }, args);
    expect((await run(here, 'up')).exitCode).to.equal(0);
    const counted = (await run(here, 'drift')).document.fingerprint;
    await here.query(part(2025));
    const told = await run(here, 'drift');
    expect(told.exitCode).to.equal(5);
    expect(told.said)
      .to.contain('pg_partman makes partitions here')
      .and.to.contain('"partitions": "managed"');
    repo.write('db/config.json', JSON.stringify({ drift: { partitions: 'managed' } }));
    const there = await createDatabase();
    expect((await run(there, 'up')).exitCode).to.equal(0);
    const stored = (await run(there, 'drift')).document.fingerprint;
    expect(stored).to.be.a('string').and.to.not.equal(counted);
    await there.query(part(2026));
    const live = await Promise.all([here, there].map((database) => run(database, 'drift')));
    expect(live.map(({ exitCode }) => exitCode)).to.deep.equal([0, 0]);
    expect(live.map(({ document }) => document.fingerprint)).to.deep.equal([stored, stored]);
    const again = await run(there, 'up', '--expect-fingerprint', String(stored));
    expect(again.exitCode, again.said).to.equal(0);
  });

  for (const [what, group] of Object.entries(changesByHand))
    it(`writes and proves with rows, and loses none elsewhere: ${what}`, async () => {
      const here = await createDatabase();
      const repo = await project(pair(1, 'base', baseWithRows, 'SELECT 1;'));
      const on = (database: TestDatabase) => ({
        ...database.env(),
        ...{ SHADOW_DATABASE_URL: here.url, MIGRATE_ENV: 'test' },
      });
      const run = async (database: TestDatabase, ...args: string[]) => {
        const ended = await runInProcess(repo.root, on(database), args);
        expect(ended.exitCode, ended.said).to.equal(0);
        return ended;
      };
      await run(here, 'up');
      const elsewhere = await createDatabase({ from: here.name });
      for (const change of Object.values(group)) await here.query(change);
      const { document, said } = await run(here, 'drift', '--write', 'by-hand');
      expect([document.recorded, document.proven], said).to.deep.equal([true, true]);
      const before = await rowsOf(elsewhere);
      await run(elsewhere, 'up');
      const after = await rowsOf(elsewhere);
      for (const [table, rows] of before) {
        const now = after.get(table);
        if (now !== undefined) expect(cut(now, rows), table).to.deep.equal(cut(rows, now));
      }
      const [a, b] = [await run(here, 'drift'), await run(elsewhere, 'drift')];
      expect(a.document.fingerprint).to.equal(b.document.fingerprint);
    });
});

type Row = Record<string, unknown>;

/** By what the catalog calls the table inside: a renaming leaves that as it is. */
async function rowsOf(database: TestDatabase): Promise<Map<string, Row[]>> {
  const tables = await database.query<{ oid: string; name: string }>(
    "SELECT oid::text, oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'pgmigrations'",
  );
  const found = new Map<string, Row[]>();
  for (const { oid, name } of tables) {
    const rows = await database.query<{ row: Row }>(`SELECT to_jsonb(t) AS row FROM ONLY ${name} t`);
    found.set(
      oid,
      rows.map(({ row }) => row),
    );
  }
  return found;
}

/** With the columns that both have, in the order of the whole; what is renamed on purpose is compared under no name. */
function cut(rows: readonly Row[], others: readonly Row[]): string[] {
  const known = new Set(others.flatMap((row) => Object.keys(row)));
  return rows
    .map((row) => {
      const { home: _home, feeling, ...rest } = row;
      const entries = Object.entries({ ...rest, feeling: feeling === 'fine' ? 'ok' : feeling });
      return JSON.stringify(entries.filter(([name]) => known.has(name)).sort());
    })
    .sort();
}
