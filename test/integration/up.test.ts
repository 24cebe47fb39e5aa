// up: applies pending migrations, oldest first, and nothing else.
import { expect } from 'chai';
import { catalogOf, ownObjectsOf, tablesIn, trackedIn } from '../support/catalog.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair, tables, versionOf } from '../support/migrations.ts';

describe('Applying migrations', () => {
  it('runs everything pending in order, says each, and records it in the tracking table', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two', 'three'));
    const result = await repo.run(['up'], { env: database.env() });
    expectExit(result, 0);
    expect(await tablesIn(database)).to.deep.equal(['one', 'three', 'two']);
    expect(await trackedIn(database)).to.deep.equal([
      `${versionOf(1)}_one`,
      `${versionOf(2)}_two`,
      `${versionOf(3)}_three`,
    ]);
    expect(result.stdout).to.match(/applying \d+_one \(1 of 3\)[\s\S]*applied +\d+_one \(\d+ ms\)/);
    expect(result.stdout.trimEnd().split('\n').at(-1)).to.match(/^Applied 3 migrations in /);
    expect(result.stderr).to.equal('');
  });

  it('says Already up to date when there is nothing to do, and touches nothing', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one'));
    await repo.run(['up'], { env: database.env() });
    const before = await catalogOf(database);
    const [{ n } = { n: '' }] = await database.query<{ n: string }>(
      'SELECT count(*) AS n FROM migration_ledger.entries',
    );
    const again = await repo.run(['up'], { env: database.env() });
    expectExit(again, 0);
    expect(again.stdout).to.match(/^Already up to date at \d+_one$/m);
    expect(await catalogOf(database)).to.deep.equal(before);
    expect(await database.query('SELECT count(*) AS n FROM migration_ledger.entries')).to.deep.equal([{ n }]);
  });

  it('says Already up to date in a project without migrations, and leaves the database as it is', async () => {
    const database = await createDatabase();
    const before = await catalogOf(database);
    const result = await (await project()).run(['up'], { env: database.env() });
    expectExit(result, 0);
    expect(result.stdout).to.include('Already up to date');
    expect(await catalogOf(database)).to.deep.equal(before);
  });

  it('applies only what is new when a file was added', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one'));
    await repo.run(['up'], { env: database.env() });
    for (const [name, text] of Object.entries(tables('one', 'two'))) repo.write(name, text);
    const result = await repo.run(['up', '--json'], { env: database.env() });
    expectExit(result, 0);
    expect(result.json().migrations).to.have.length(1);
    expect(result.json().migrations[0]).to.include({ name: 'two', direction: 'up', outcome: 'applied' });
  });

  it('stops behind the version of --to', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two', 'three'));
    expectExit(await repo.run(['up', '--to', versionOf(2)], { env: database.env() }), 0);
    expect(await tablesIn(database)).to.deep.equal(['one', 'two']);
    const again = await repo.run(['up', '--to', versionOf(1)], { env: database.env() });
    expectExit(again, 0);
    expect(again.stdout).to.include('Already up to date');
  });

  it('applies as many as --n says', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two', 'three'));
    expectExit(await repo.run(['up', '--n', '1'], { env: database.env() }), 0);
    expect(await tablesIn(database)).to.deep.equal(['one']);
    expectExit(await repo.run(['up', '--n', '9'], { env: database.env() }), 0);
    expect(await tablesIn(database)).to.have.length(3);
  });

  it('shows with --dry-run what it would do, statement by statement, and writes nothing', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two'));
    const before = await catalogOf(database);
    const result = await repo.run(['up', '--dry-run'], { env: database.env() });
    expectExit(result, 0);
    expect(result.stdout).to.include('CREATE TABLE one').and.include('Would apply 2 migrations');
    expect(await catalogOf(database)).to.deep.equal(before);
  });

  it('keeps going where a file holds a BOM, CRLF, tabs and a last comment without an end of line', async () => {
    const database = await createDatabase();
    const repo = await project(
      pair(
        `${versionOf(1)}_odd`,
        '\ufeff-- migrate: lock-timeout=5s\r\nCREATE TABLE odd (\r\n\tid int\r\n)\r\n-- the end',
        '\ufeffDROP TABLE odd -- gone',
      ),
    );
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expect(await tablesIn(database)).to.deep.equal(['odd']);
    expectExit(await repo.run(['down'], { env: database.env() }), 0);
    expect(await tablesIn(database)).to.deep.equal([]);
  });

  it('takes .gitkeep, README.md and dotfiles for no migrations', async () => {
    const database = await createDatabase();
    const repo = await project({
      ...tables('one'),
      '.gitkeep': '',
      'README.md': '# Hello',
      '.DS_Store': '\u0000',
    });
    const result = await repo.run(['up', '--json'], { env: database.env() });
    expectExit(result, 0);
    expect(result.json().migrations).to.have.length(1);
  });

  it('never runs a down file', async () => {
    const database = await createDatabase();
    await database.query('CREATE TABLE witness (id int)');
    const repo = await project(
      pair(`${versionOf(1)}_one`, 'CREATE TABLE one (id int);', 'DROP TABLE witness;'),
    );
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expect(await tablesIn(database)).to.deep.equal(['one', 'witness']);
    expect(await trackedIn(database)).to.deep.equal([`${versionOf(1)}_one`]);
  });

  it('sends the text as it is: quotes, dollars, backslashes, percent signs and braces mean nothing to it', async () => {
    const database = await createDatabase();
    const value = `it's $1 \${x} {name} \\n %s ? :name`;
    const repo = await project(
      pair(
        `${versionOf(1)}_text`,
        `CREATE TABLE t AS SELECT $$${value}$$ AS v; INSERT INTO t SELECT '${value.replaceAll("'", "''")}';`,
        'DROP TABLE t;',
      ),
    );
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expect(await database.query('SELECT DISTINCT v FROM t')).to.deep.equal([{ v: value }]);
  });

  it('applies the schema that the product itself brings, and takes it away again without a trace', async () => {
    const database = await createDatabase();
    const before = await ownObjectsOf(database);
    const repo = await project(`${import.meta.dirname}/../../db/migrations`);
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    const [user] = await database.query<{ updated_at: Date; id: string }>(
      "INSERT INTO users (email, display_name, password_hash) VALUES ('a@b.c', 'A', 'x') RETURNING id, updated_at",
    );
    const [changed] = await database.query<{ updated_at: Date }>(
      "UPDATE users SET display_name = 'B' RETURNING updated_at",
    );
    expect(changed?.updated_at.getTime()).to.be.greaterThan(user?.updated_at.getTime() ?? Infinity);
    expectExit(await repo.run(['down', '--to', '0'], { env: database.env() }), 0);
    expect(await ownObjectsOf(database)).to.deep.equal(before);
  });

  it('works on a database whose default search_path leads elsewhere', async () => {
    const database = await createDatabase();
    await database.query(
      `CREATE SCHEMA app; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = app', current_database()); END $$`,
    );
    const repo = await project(tables('one'));
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expect(await database.query("SELECT to_regclass('app.one') IS NOT NULL AS there")).to.deep.equal([
      { there: true },
    ]);
    expect(await trackedIn(database)).to.have.length(1);
    expectExit(await repo.run(['down'], { env: database.env() }), 0);
    expect(await trackedIn(database)).to.have.length(0);
  });
});
