// A database that plain node-pg-migrate migrated is picked up as it is: nothing is run again, everything can be reverted.
import { join } from 'node:path';
import { expect } from 'chai';
import { type RunnerOption, runner } from 'node-pg-migrate';
import { catalogOf, ownObjectsOf, tablesIn, trackedIn } from '../support/catalog.ts';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { tables, versionOf } from '../support/migrations.ts';

/** What a team does that uses node-pg-migrate itself on such a folder: its runner, with its loader for pairs of files. */
async function plainNodePgMigrate(
  database: TestDatabase,
  { root }: Project,
  direction: 'up' | 'down' = 'up',
) {
  const client = await database.client();
  const quiet = () => undefined;
  return runner({
    dbClient: client,
    dir: join(root, 'db', 'migrations'),
    direction,
    migrationsTable: 'pgmigrations',
    ...(direction === 'up' ? { count: Infinity } : { count: 1 }),
    migrationLoaderStrategies: [{ extensions: ['.sql'], loader: 'sql' }],
    logger: { info: quiet, warn: quiet, error: quiet, debug: quiet },
  } as RunnerOption);
}

describe('A database that node-pg-migrate has migrated', () => {
  async function migrated() {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two'));
    await plainNodePgMigrate(database, repo);
    expect(await trackedIn(database)).to.deep.equal([`${versionOf(1)}_one`, `${versionOf(2)}_two`]);
    await database.query('INSERT INTO one VALUES (42)');
    return { database, repo };
  }

  it('shows its migrations as applied before anything is written', async () => {
    const { database, repo } = await migrated();
    const before = await catalogOf(database);
    const result = await repo.run(['status', '--check', '--json'], { env: database.env() });
    expectExit(result, 0);
    expect(result.json().migrations.map(({ state }: { state: string }) => state)).to.deep.equal([
      'applied',
      'applied',
    ]);
    expect(await catalogOf(database)).to.deep.equal(before);
  });

  it('is taken over without running anything again', async () => {
    const { database, repo } = await migrated();
    const before = await ownObjectsOf(database);
    const result = await repo.run(['up'], { env: database.env() });
    expectExit(result, 0);
    expect(result.stdout).to.include('Adopted 2 migrations').and.include('Already up to date');
    expect(await ownObjectsOf(database)).to.deep.equal(before);
    expect(await database.query('SELECT id FROM one')).to.deep.equal([{ id: 42 }]);
    expect(await trackedIn(database)).to.have.length(2);
    expect(await database.query('SELECT DISTINCT kind FROM migration_ledger.entries')).to.deep.equal([
      { kind: 'adopted' },
    ]);
  });

  it('goes on with what is new', async () => {
    const { database, repo } = await migrated();
    for (const [name, text] of Object.entries(tables('one', 'two', 'three'))) repo.write(name, text);
    const result = await repo.run(['up', '--json'], { env: database.env() });
    expectExit(result, 0);
    expect(result.json().migrations.map(({ name }: { name: string }) => name)).to.deep.equal(['three']);
    expect(await trackedIn(database)).to.have.length(3);
  });

  it('can be reverted, one by one and as a whole', async () => {
    const { database, repo } = await migrated();
    expectExit(await repo.run(['down'], { env: database.env() }), 0);
    expect(await tablesIn(database)).to.deep.equal(['one']);
    expectExit(await repo.run(['down', '--to', '0'], { env: database.env() }), 0);
    expect(await tablesIn(database)).to.deep.equal([]);
    expect(await trackedIn(database)).to.deep.equal([]);
  });

  it('can still be read by plain node-pg-migrate afterwards, which finds nothing to do and can revert', async () => {
    const { database, repo } = await migrated();
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expect(await plainNodePgMigrate(database, repo)).to.deep.equal([]);
    await plainNodePgMigrate(database, repo, 'down');
    expect(await tablesIn(database)).to.deep.equal(['one']);
  });
});
