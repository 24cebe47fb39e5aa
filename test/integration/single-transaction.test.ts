// up --single-transaction: all pending migrations, or none.
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { recorded, running } from '../support/runs.ts';

const one = pair(1, 'one', 'CREATE TABLE one (id int);', 'DROP TABLE one;');
const two = pair(2, 'two', 'CREATE TABLE two (id int);', 'DROP TABLE two;');

describe('up --single-transaction', () => {
  it('applies all pending migrations in one transaction', async () => {
    const tool = await project({ ...one, ...two });
    const database = await createDatabase();
    expectExit(await tool.run(['up', '--single-transaction'], { env: database.env() }), 0);
    const { tracked, ledger } = await recorded(database);
    expect(tracked).to.have.length(2);
    expect(ledger).to.deep.equal(tracked);
    expect(await database.query('SELECT DISTINCT xmin::text FROM pgmigrations')).to.have.length(1);
  });

  it('applies none when the last one fails, and says so', async () => {
    const tool = await project({ ...one, ...two, ...pair(3, 'three', 'SELECT 1/0;') });
    const database = await createDatabase();
    const result = await tool.run(['up', '--single-transaction', '--json'], { env: database.env() });
    expectExit(result, 3);
    const document = result.json();
    expect(document.migrations.map(({ outcome }: { outcome: string }) => outcome)).to.deep.equal([
      'pending',
      'pending',
      'failed',
    ]);
    expect(await recorded(database)).to.deep.equal({ tracked: [], ledger: [] });
    expect(await database.query("SELECT to_regclass('one') AS one")).to.deep.equal([{ one: null }]);
  });

  it('applies none when it is interrupted in the last one', async () => {
    const tool = await project({ ...one, ...pair(2, 'slow', 'SELECT pg_sleep(60);') });
    const database = await createDatabase();
    const run = tool.start(['up', '--single-transaction'], { env: database.env() });
    await running(database, 'pg_sleep(60)');
    run.kill('SIGINT');
    expectExit(await run.result, 130);
    expect((await recorded(database)).tracked).to.deep.equal([]);
  });

  it('keeps the settings of one migration from the next all the same', async () => {
    const look =
      "CREATE TABLE seen AS SELECT current_user::text AS role, current_setting('search_path') AS path, to_regclass('pg_temp.scratch') IS NULL AS clean;";
    const dirt = 'CREATE TEMP TABLE scratch (id int); SET search_path = pg_temp; SET ROLE pg_monitor;';
    const tool = await project({ ...pair(1, 'dirt', dirt), ...pair(2, 'look', look) });
    const database = await createDatabase();
    expectExit(await tool.run(['up', '--single-transaction'], { env: database.env() }), 0);
    expect(await database.query('SELECT * FROM public.seen')).to.deep.equal([
      { role: database.user, path: '"$user", public', clean: true },
    ]);
  });

  it('is refused, naming the file, when one of them is no-transaction; nothing is applied', async () => {
    const tool = await project({
      ...one,
      ...pair(2, 'index', '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i ON one (id);'),
    });
    const database = await createDatabase();
    const result = await tool.run(['up', '--single-transaction'], { env: database.env() });
    expectExit(result, 2);
    expect(result.stderr).to.include('db/migrations/20250101000002_index.up.sql');
    expect(await database.query("SELECT to_regclass('pgmigrations') AS tracking")).to.deep.equal([
      { tracking: null },
    ]);
  });
});
