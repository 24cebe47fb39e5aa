// down and redo: take back what was applied, newest first.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { catalogOf, ownObjectsOf, tablesIn, trackedIn } from '../support/catalog.ts';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair, tables, versionOf } from '../support/migrations.ts';

async function applied(files: Record<string, string>): Promise<{ database: TestDatabase; repo: Project }> {
  const database = await createDatabase();
  const repo = await project(files);
  expectExit(await repo.run(['up'], { env: database.env() }), 0);
  return { database, repo };
}

describe('Reverting migrations', () => {
  it('takes back the newest one, and its row in the tracking table', async () => {
    const { database, repo } = await applied(tables('one', 'two'));
    const result = await repo.run(['down'], { env: database.env() });
    expectExit(result, 0);
    expect(await tablesIn(database)).to.deep.equal(['one']);
    expect(await trackedIn(database)).to.deep.equal([`${versionOf(1)}_one`]);
    expect(result.stdout)
      .to.match(/reverted +\d+_two/)
      .and.match(/^Reverted 1 migration in /m);
  });

  it('takes every row of its name from the tracking table, also one that somebody added', async () => {
    const { database, repo } = await applied(tables('one', 'two'));
    await database.query('INSERT INTO public.pgmigrations (name, run_on) VALUES ($1, now())', [
      `${versionOf(2)}_two`,
    ]);
    expectExit(await repo.run(['down'], { env: database.env() }), 0);
    expect(await trackedIn(database)).to.deep.equal([`${versionOf(1)}_one`]);
  });

  it('takes back as many as --n says, newest first', async () => {
    const { database, repo } = await applied(tables('one', 'two', 'three'));
    const result = await repo.run(['down', '--n', '2', '--json'], { env: database.env() });
    expectExit(result, 0);
    expect(result.json().migrations.map(({ name }: { name: string }) => name)).to.deep.equal([
      'three',
      'two',
    ]);
    expect(await tablesIn(database)).to.deep.equal(['one']);
  });

  it('takes back all that is newer than --to, and keeps that', async () => {
    const { database, repo } = await applied(tables('one', 'two', 'three'));
    expectExit(await repo.run(['down', '--to', versionOf(1)], { env: database.env() }), 0);
    expect(await tablesIn(database)).to.deep.equal(['one']);
  });

  it('takes back everything with --to 0, and up brings everything back', async () => {
    const { database, repo } = await applied(tables('one', 'two', 'three'));
    const before = await ownObjectsOf(database);
    expectExit(await repo.run(['down', '--to', '0'], { env: database.env() }), 0);
    expect(await tablesIn(database)).to.deep.equal([]);
    expect(await trackedIn(database)).to.deep.equal([]);
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expect(await ownObjectsOf(database)).to.deep.equal(before);
  });

  it('is success, and says so, where nothing is applied', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one'));
    const before = await catalogOf(database);
    for (const args of [['down'], ['down', '--n', '3'], ['down', '--to', '0']]) {
      const result = await repo.run(args, { env: database.env() });
      expectExit(result, 0);
      expect(result.stdout).to.match(/nothing to revert/i);
    }
    expect(await catalogOf(database)).to.deep.equal(before);
  });

  it('shows with --dry-run what it would do and writes nothing', async () => {
    const { database, repo } = await applied(tables('one', 'two'));
    const before = await catalogOf(database);
    const result = await repo.run(['down', '--dry-run'], { env: database.env() });
    expectExit(result, 0);
    expect(result.stdout).to.include('DROP TABLE two').and.include('Would revert 1 migration');
    expect(await catalogOf(database)).to.deep.equal(before);
    expect(await trackedIn(database)).to.have.length(2);
  });

  it('refuses a version that is not applied or nowhere, before anything happens', async () => {
    const { database, repo } = await applied(tables('one'));
    for (const version of ['20990101000000', versionOf(9)]) {
      expectExit(await repo.run(['down', '--to', version], { env: database.env() }), 2);
    }
    expect(await tablesIn(database)).to.deep.equal(['one']);
  });

  it('refuses an irreversible one with its reason, and reverts none of those asked for', async () => {
    const { database, repo } = await applied({
      ...pair(
        `${versionOf(1)}_wipe`,
        'CREATE TABLE a (id int);',
        '-- migrate: irreversible the rows are gone\n',
      ),
      ...pair(`${versionOf(2)}_two`, 'CREATE TABLE two (id int);', 'DROP TABLE two;'),
    });
    const result = await repo.run(['down', '--n', '2'], { env: database.env() });
    expectExit(result, 7);
    expect(result.stderr).to.include('the rows are gone').and.include('Nothing was changed');
    expect(await tablesIn(database)).to.deep.equal(['a', 'two']);
  });

  it('runs the text that was recorded when the migration was applied, also where the file is gone', async () => {
    const { database, repo } = await applied(tables('one', 'two'));
    rmSync(join(repo.root, 'db', 'migrations'), { recursive: true });
    repo.write('db/migrations/.gitkeep', '');
    const result = await repo.run(['down', '--n', '2'], { env: database.env() });
    expectExit(result, 0);
    expect(result.stdout).to.include('running the text in the ledger');
    expect(await tablesIn(database)).to.deep.equal([]);
  });

  it('runs the recorded text of a changed down, and the file with --from-disk', async () => {
    const { database, repo } = await applied(tables('one', 'two'));
    for (const name of ['one', 'two']) {
      const version = versionOf(name === 'one' ? 1 : 2);
      repo.write(`${version}_${name}.down.sql`, `ALTER TABLE ${name} RENAME TO kept_${name};`);
    }
    expectExit(await repo.run(['down'], { env: database.env() }), 0);
    expect(await tablesIn(database)).to.deep.equal(['one']);
    expectExit(await repo.run(['down', '--from-disk'], { env: database.env() }), 0);
    expect(await tablesIn(database)).to.deep.equal(['kept_one']);
  });
});

describe('Redoing a migration', () => {
  it('reverts the newest and applies it again as it is on disk now', async () => {
    const { database, repo } = await applied(tables('one', 'two'));
    for (const name of ['one', 'two'])
      repo.write(
        `${versionOf(name === 'one' ? 1 : 2)}_${name}.up.sql`,
        `CREATE TABLE ${name} (id int, name text);`,
      );
    const refused = await repo.run(['up'], { env: database.env() });
    expectExit(refused, 4);
    expect(refused.stderr.match(/run it anew: make migrate-redo/g), 'of the newest alone').to.have.length(1);
    repo.write(`${versionOf(1)}_one.up.sql`, tables('one')[`${versionOf(1)}_one.up.sql`] ?? '');
    const result = await repo.run(['redo', '--json'], { env: database.env() });
    expectExit(result, 0);
    expect(
      result
        .json()
        .migrations.map((each: { direction: string; outcome: string }) => [each.direction, each.outcome]),
    ).to.deep.equal([
      ['down', 'reverted'],
      ['up', 'applied'],
    ]);
    expect(await ownObjectsOf(database)).to.include('column two.name');
    expect(await trackedIn(database)).to.have.length(2);
    expect((await repo.run(['status'], { env: database.env() })).stdout).not.to.match(/modified/);
  });

  it('says which it does again where a newer one waits', async () => {
    const { database, repo } = await applied(tables('one'));
    repo.write(`${versionOf(2)}_two.up.sql`, 'CREATE TABLE two (id int);');
    repo.write(`${versionOf(2)}_two.down.sql`, 'DROP TABLE two;');
    const result = await repo.run(['redo'], { env: database.env() });
    expectExit(result, 0);
    expect(result.stderr).to.match(/_two is not applied yet .* what is done again is \d+_one/);
    expect(await tablesIn(database)).to.deep.equal(['one']);
  });

  it('does not blame the file where recording it is refused', async () => {
    const { database, repo } = await applied(tables('one'));
    await database.query(
      `ALTER TABLE migration_ledger.applied ADD CONSTRAINT refused CHECK (false) NOT VALID`,
    );
    const result = await repo.run(['redo'], { env: database.env() });
    expectExit(result, 3);
    expect(result.stderr).to.contain('recording the migration').and.to.contain('The file itself ran');
    expect(result.stderr).to.not.contain('Mend ');
  });

  it('leaves the down not behind when the up fails', async () => {
    const { database, repo } = await applied(tables('one', 'two'));
    await database.query('INSERT INTO two VALUES (42)');
    const before = await catalogOf(database);
    repo.write(`${versionOf(2)}_two.up.sql`, 'CREATE TABLE two (id int);\nSELECT 1/0;');
    const result = await repo.run(['redo', '--json'], { env: database.env() });
    expectExit(result, 3);
    expect(await catalogOf(database)).to.deep.equal(before);
    expect(await database.query('SELECT id FROM two')).to.deep.equal([{ id: 42 }]);
    expect(await trackedIn(database)).to.have.length(2);
    expect(result.json().migrations.map(({ outcome }: { outcome: string }) => outcome)).to.deep.equal([
      'pending',
      'failed',
    ]);
  });

  it('is success where nothing is applied', async () => {
    const database = await createDatabase();
    const result = await (await project(tables('one'))).run(['redo'], { env: database.env() });
    expectExit(result, 0);
    expect(result.stdout).to.include('Nothing to redo');
    expect(await tablesIn(database)).to.deep.equal([]);
  });
});
