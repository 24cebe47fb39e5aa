// A failing migration: where, what, what state the database is in, what to type next; and nothing of it is left.
import { expect } from 'chai';
import { catalogOf, ownObjectsOf, tablesIn, trackedIn } from '../support/catalog.ts';
import { expectExit, project, type Result } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { pair, tables, versionOf } from '../support/migrations.ts';
import { testMajor } from '../support/postgres.ts';

const id = `${versionOf(1)}_bad`;
const path = `db/migrations/${id}.up.sql`;

async function upOf(text: string, args: string[] = []): Promise<{ result: Result; database: TestDatabase }> {
  const database = await createDatabase();
  const repo = await project(pair(id, text, 'SELECT 1;'));
  const result = await repo.run(['up', ...args], { env: database.env() });
  expectExit(result, 3);
  return { result, database };
}

describe('A failing migration', () => {
  it('is refused, and the session goes on, where another server that it asked does not answer', async () => {
    for (const code of ['08006', '57P01']) {
      const text = `DO $$ BEGIN RAISE 'no route to the other server' USING ERRCODE = '${code}'; END $$;`;
      const { result } = await upOf(text);
      expect(result.stderr).to.include(code).and.to.include('was rolled back').and.not.to.include('was lost');
    }
  });

  it('exits 3, keeps those before it, leaves nothing of itself, and does not reach those after it', async () => {
    const database = await createDatabase();
    const repo = await project({
      ...tables('one', 'two', 'three', 'four'),
      [`${versionOf(3)}_three.up.sql`]:
        "CREATE SCHEMA half; CREATE TYPE half.mood AS ENUM ('ok');\nCREATE EXTENSION pg_trgm;\nDROP TABLE one;\nSELECT 1/0;",
    });
    await repo.run(['up', '--n', '2'], { env: database.env() });
    const before = await catalogOf(database);
    const result = await repo.run(['up', '--json'], { env: database.env() });
    expectExit(result, 3);
    expect(await catalogOf(database)).to.deep.equal(before);
    expect(await tablesIn(database)).to.deep.equal(['one', 'two']);
    expect(await trackedIn(database)).to.deep.equal([`${versionOf(1)}_one`, `${versionOf(2)}_two`]);
    const { migrations, error } = result.json();
    expect(
      migrations.map(({ name, outcome }: Record<string, string>) => `${name}: ${outcome}`),
    ).to.deep.equal(['three: failed', 'four: pending']);
    expect(error).to.include({
      code: 'migration-failed',
      sqlState: '22012',
      line: 4,
      message: 'division by zero',
    });
  });

  it('in the middle of a run says how many stay applied', async () => {
    const database = await createDatabase();
    const repo = await project({
      ...tables('one', 'two', 'three'),
      [`${versionOf(2)}_two.up.sql`]: 'SELECT 1/0;',
    });
    const result = await repo.run(['up'], { env: database.env() });
    expectExit(result, 3);
    expect(result.stdout)
      .to.match(/applied +\d+_one/)
      .and.match(/FAILED +\d+_two/);
    expect(result.stdout).to.include('Applied 1 migration, 1 migration not reached');
    expect(result.stderr).to.match(
      /State: \d+_two was rolled back: nothing of it is left\. One migration before it in this run stays applied/,
    );
    expect(await tablesIn(database)).to.deep.equal(['one']);
  });

  it('is followed by a plain up that works, once the file is mended', async () => {
    const database = await createDatabase();
    const repo = await project(pair(id, 'CREATE TABLE t (id int); SELECT 1/0;', 'DROP TABLE t;'));
    expectExit(await repo.run(['up'], { env: database.env() }), 3);
    repo.write(`${id}.up.sql`, 'CREATE TABLE t (id int);');
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expect(await tablesIn(database)).to.deep.equal(['t']);
  });

  it('names file, line, column, statement k of n, SQLSTATE, message, and shows the place with a caret', async () => {
    const { result } = await upOf(
      '-- first\nCREATE TABLE t (id int);\n\nINSERT INTO t\n  SELECT id FROM t WHERE (nme > 1);\n',
    );
    expect(result.stderr).to.include(`ERROR ${path}:5:27, statement 2 of 2\n`);
    expect(result.stderr).to.include('column "nme" does not exist (SQLSTATE 42703)');
    expect(result.stderr).to.include(
      '  5 |   SELECT id FROM t WHERE (nme > 1);\n    |                           ^',
    );
    expect(result.stderr).to.include('State: ').and.include(`${id} was rolled back: nothing of it is left`);
    expect(result.stderr).to.match(/^Next: +.*make migrate-up/m);
  });

  it('has its column counted in characters behind emoji, CRLF and tabs', async () => {
    const text = "SELECT '🐘🐘';\r\n\r\n\tSELECT '🐘é漢', missing;\r\n";
    const { result } = await upOf(text, ['--json']);
    expect(result.json().error).to.include({ file: path, line: 3, column: 16, sqlState: '42703' });
  });

  it('has its column right behind a BOM', async () => {
    const { result } = await upOf('\ufeffSELECT missing;', ['--json']);
    expect(result.json().error).to.include({ line: 1, column: 8 });
  });

  it('is placed at its statement where PostgreSQL gives no position: a unique violation, with its DETAIL', async () => {
    const { result } = await upOf(
      "CREATE TABLE t (email text UNIQUE);\nINSERT INTO t VALUES ('a@b.c');\n/* again */ INSERT INTO t VALUES ('a@b.c');\n",
    );
    expect(result.stderr).to.include(`${path}:3:13, statement 3 of 3`).and.include('SQLSTATE 23505');
    expect(result.stderr).to.include('DETAIL: Key (email)=(a@b.c) already exists.');
  });

  it('is placed at its statement where the error is inside of a function, with the CONTEXT', async () => {
    const { result } = await upOf(
      'CREATE FUNCTION ratio(n int) RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 1 / n;\nEND $$;\nSELECT 1;\nSELECT ratio(0);\n',
    );
    expect(result.stderr)
      .to.include(`${path}:6:1, statement 3 of 3`)
      .and.include('division by zero (SQLSTATE 22012)');
    expect(result.stderr).to.match(/CONTEXT: .*PL\/pgSQL function ratio\(integer\) line 3/);
  });

  it('is placed at its statement where the wrong SQL is in a string that is executed', async () => {
    const { result } = await upOf("SELECT 1;\nDO $$ BEGIN EXECUTE 'SELECT nowhere'; END $$;\n");
    expect(result.stderr)
      .to.include(`${path}:2:1, statement 2 of 2`)
      .and.include('column "nowhere" does not exist');
  });

  it('shows the HINT of the server', async () => {
    const { result } = await upOf('CREATE TABLE t (email text);\nSELECT emial FROM t;');
    expect(result.stderr).to.include('HINT: Perhaps you meant to reference the column "t.email".');
  });

  it('may fail only at its end, at a deferred constraint', async () => {
    const { result, database } = await upOf(
      'CREATE TABLE t (id int PRIMARY KEY, parent int REFERENCES t DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO t VALUES (1, 2);',
    );
    expect(result.stderr)
      .to.include('SQLSTATE 23503')
      .and.include(path)
      .and.match(/deferred/);
    expect(await tablesIn(database)).to.deep.equal([]);
  });

  it('of 20 MB prints less than 10 kB', async () => {
    const line = `INSERT INTO t VALUES ('${'x'.repeat(1000)}');\n`;
    const filler = line.repeat(20_000);
    const { result } = await upOf(
      `CREATE TABLE t (v text);\n${filler}INSERT INTO nowhere VALUES (1);\n${line.repeat(500)}`,
    );
    expect(Buffer.byteLength(result.all)).to.be.below(10_000);
    expect(result.stderr).to.include(`${path}:20002:13`).and.include('relation "nowhere" does not exist');
  });

  it('with one statement of 20 MB prints less than 10 kB', async () => {
    const { result } = await upOf(
      `CREATE TABLE t (v int);\nINSERT INTO t VALUES ('${'x'.repeat(20_000_000)}');\n`,
    );
    expect(Buffer.byteLength(result.all)).to.be.below(10_000);
    expect(result.stderr).to.include(`${path}:2:23`).and.include('22P02');
  });

  it('with a message of 20 MB prints less than 10 kB', async () => {
    const { result } = await upOf("DO $$ BEGIN RAISE EXCEPTION '%', repeat('x', 20000000); END $$;", [
      '--json',
    ]);
    expect(Buffer.byteLength(result.all)).to.be.below(10_000);
  });

  it('in a down says so, and leaves the migration applied', async () => {
    const database = await createDatabase();
    const repo = await project(pair(id, 'CREATE TABLE t (id int);', 'DROP TABLE t;\nDROP TABLE nowhere;'));
    await repo.run(['up'], { env: database.env() });
    const result = await repo.run(['down', '--json'], { env: database.env() });
    expectExit(result, 3);
    expect(result.json().error).to.include({
      file: path.replace('.up.', '.down.'),
      line: 2,
      sqlState: '42P01',
    });
    expect(result.json().migrations[0]).to.include({ direction: 'down', outcome: 'failed' });
    expect(await tablesIn(database)).to.deep.equal(['t']);
    expect(await trackedIn(database)).to.deep.equal([id]);
  });

  it('leaves no setting, role or temporary table to the next command, nor to its own record', async () => {
    const database = await createDatabase();
    const repo = await project({
      ...pair(
        `${versionOf(1)}_set`,
        "SET search_path = pg_catalog; SET client_encoding = 'LATIN1'; CREATE TEMP TABLE x (id int); DO $$ BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); END $$;",
        'SELECT 1;',
      ),
      ...pair(`${versionOf(2)}_next`, "CREATE TABLE plain AS SELECT 'é\\' AS v;", 'DROP TABLE plain;'),
    });
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expect(await database.query('SELECT v FROM public.plain')).to.deep.equal([{ v: 'é\\' }]);
    expect(await ownObjectsOf(database)).not.to.include('relation x r');
  });
});

describe('A syntax error', () => {
  it('is found before connecting, and reported as the server would: file:line:col, 42601, exit 3', async () => {
    const repo = await project({
      ...tables('one'),
      [`${versionOf(1)}_one.up.sql`]: 'SELECT 1;\n\tCREATE TABEL t ();\n',
    });
    const result = await repo.run(['up'], {
      env: { DATABASE_URL: 'postgres://u@127.0.0.1:1/d', MIGRATE_CONNECT_TIMEOUT: '1ms' },
    });
    expectExit(result, 3);
    expect(result.stderr).to.include(`db/migrations/${versionOf(1)}_one.up.sql:2:9`);
    expect(result.stderr).to.include('syntax error at or near "TABEL" (SQLSTATE 42601)');
    expect(result.stderr).to.include('2 | \tCREATE TABEL t ();').and.include('The database was not touched');
  });

  it('in any file, also a down, keeps every migration from being applied', async () => {
    const database = await createDatabase();
    const before = await catalogOf(database);
    const repo = await project({
      ...tables('one', 'two'),
      [`${versionOf(2)}_two.down.sql`]: 'DROP TABEL two;',
    });
    const result = await repo.run(['up', '--json'], { env: database.env() });
    expectExit(result, 3);
    expect(result.json().error).to.include({
      code: 'migration-failed',
      sqlState: '42601',
      file: `db/migrations/${versionOf(2)}_two.down.sql`,
      line: 1,
      column: 6,
    });
    expect(await catalogOf(database)).to.deep.equal(before);
  });

  it('that a newer PostgreSQL would take says so, with the line that makes it right there', async () => {
    const of = (up: string) =>
      project({
        ...{ ...tables('one'), [`${versionOf(1)}_one.up.sql`]: up },
        'db/config.json': JSON.stringify({ postgres: 16 }),
      });
    const hintOf = async (up: string) => {
      const repo = await of(up);
      const run = await repo.run(['up', '--json'], {
        env: { DATABASE_URL: 'postgres://u@127.0.0.1:1/d', MIGRATE_CONNECT_TIMEOUT: '1ms' },
      });
      expectExit(run, 3);
      return run.json().error.hint as string;
    };
    const named = (major: number) =>
      `PostgreSQL ${major} would take it: if that is what your servers are, write "postgres": ${major}`;
    expect(
      await hintOf('MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE RETURNING a.id;'),
    ).to.include(named(17));
    expect(await hintOf('ALTER TABLE a ADD CONSTRAINT k NOT NULL id NOT VALID;')).to.include(named(18));
    expect(await hintOf('CREATE TABEL t ();')).to.equal('Mend the file, then run the command again.');
  });

  if (testMajor < 18)
    it('that db/config.json takes and the server does not is told as the server would, outside a transaction too', async () => {
      const database = await createDatabase();
      const own = 'ALTER TABLE a ADD CONSTRAINT k NOT NULL id NOT VALID;\n';
      const repo = await project({
        ...tables('one'),
        [`${versionOf(1)}_one.up.sql`]: `-- migrate: no-transaction\nSELECT 1;\n${own}`,
        'db/config.json': JSON.stringify({ postgres: 18 }),
      });
      const run = (...args: string[]) => runInProcess(repo.root, database.env(), args);
      const up = await run('up');
      expect(up.exitCode, up.said).to.equal(3);
      expect(up.said).to.include('_one.up.sql:3:32').and.include('syntax error at or near "NOT"');
      expect(up.said).to.include('Nothing of it was run').and.include('then run make migrate-up again');
      const { said } = await run('plan');
      expect(said).to.include('does-not-run').and.not.include('would take it');
    });

  it('in several files is listed for each', async () => {
    const repo = await project({
      ...tables('one', 'two'),
      [`${versionOf(1)}_one.up.sql`]: 'CREATE TABEL one ();',
      [`${versionOf(2)}_two.up.sql`]: 'SELECT (1;',
    });
    const result = await repo.run(['up'], {
      env: { DATABASE_URL: 'postgres://u@127.0.0.1:1/d', MIGRATE_CONNECT_TIMEOUT: '1ms' },
    });
    expectExit(result, 3);
    expect(result.stderr).to.include('_one.up.sql:1:8').and.include('_two.up.sql:1:10');
  });
});
