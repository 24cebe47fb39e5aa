// status: every migration and its state; it never writes.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { catalogOf } from '../support/catalog.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, project } from '../support/cli.ts';
import { adminClient, createDatabase } from '../support/database.ts';
import { tables, versionOf } from '../support/migrations.ts';

describe('Status', () => {
  it('shows every migration with its state, who applied it and when', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two'));
    const env = { ...database.env(), MIGRATE_ACTOR: 'ada', GITHUB_SHA: 'a'.repeat(40) };
    await repo.run(['up', '--n', '1'], { env });
    const result = await repo.run(['status'], { env });
    expectExit(result, 0);
    expect(result.stdout).to.match(/applied +\d+_one +\d{4}-\d\d-\d\dT[\d:.]+Z +by ada at aaaaaaa/);
    expect(result.stdout).to.match(/pending +\d+_two/);
    expect(result.stdout).to.include('1 migration applied, 1 pending');
  });

  it('gives the same as one JSON document', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two'));
    const env = { ...database.env(), MIGRATE_ACTOR: 'ada' };
    await repo.run(['up', '--n', '1'], { env });
    const result = await repo.run(['status', '--json'], { env });
    expectExit(result, 0);
    const document = result.json();
    expect(document).to.include({
      command: 'status',
      ok: true,
      exitCode: 0,
      environment: 'development',
      error: null,
    });
    expect(document).to.have.property('fingerprint');
    expect(document.drift).to.have.keys('state', 'differences');
    const [one, two] = document.migrations;
    expect(one).to.include({ version: versionOf(1), name: 'one', state: 'applied', appliedBy: 'ada' });
    expect(new Date(one.appliedAt).toISOString()).to.equal(one.appliedAt);
    expect(one.durationMs).to.be.a('number');
    expect(two).to.deep.equal({
      version: versionOf(2),
      name: 'two',
      state: 'pending',
      appliedAt: null,
      appliedBy: null,
      gitSha: null,
      durationMs: null,
    });
  });

  it('names what is modified, missing and out of order, and exits 4 as up would', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two', 'three'));
    await repo.run(['up'], { env: database.env() });
    repo.write(`${versionOf(1)}_one.up.sql`, 'CREATE TABLE one (id bigint);');
    for (const direction of ['up', 'down']) {
      rmSync(join(repo.root, 'db', 'migrations', `${versionOf(2)}_two.${direction}.sql`));
      repo.write(`${versionOf(2)}_late.${direction}.sql`, 'SELECT 1;');
    }
    const result = await repo.run(['status', '--json'], { env: database.env() });
    expectExit(result, 4);
    const states = result
      .json()
      .migrations.map(({ name, state }: Record<string, string>) => `${name}: ${state}`);
    expect(states).to.deep.equal(['one: modified', 'late: out of order', 'two: missing', 'three: applied']);
    expectExit(await repo.run(['up'], { env: database.env() }), 4);
  });

  it('takes a change in comments, white space and line ends for none', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one'));
    await repo.run(['up'], { env: database.env() });
    repo.write(`${versionOf(1)}_one.up.sql`, '\ufeff-- why\r\nCREATE  TABLE one\r\n(\tid int\r\n) ;;\r\n');
    const result = await repo.run(['status', '--json'], { env: database.env() });
    expect(result.json().migrations[0].state).to.equal('applied');
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
  });

  it('with --check exits 10 when something is pending, and 0 when not', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one'));
    const pending = await repo.run(['status', '--check', '--json'], { env: database.env() });
    expectExit(pending, 10);
    expect(pending.json()).to.include({ ok: false, exitCode: 10, error: null });
    await repo.run(['up'], { env: database.env() });
    expectExit(await repo.run(['status', '--check'], { env: database.env() }), 0);
  });

  it('never writes, not even a table, before the first up nor after it', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two'));
    const empty = await catalogOf(database);
    expectExit(await repo.run(['status'], { env: database.env() }), 0);
    expectExit(await repo.run(['status', '--check', '--json'], { env: database.env() }), 10);
    expect(await catalogOf(database)).to.deep.equal(empty);
    await repo.run(['up', '--n', '1'], { env: database.env() });
    const after = await catalogOf(database);
    const [{ n } = { n: '' }] = await database.query<{ n: string }>(
      'SELECT count(*) AS n FROM migration_ledger.entries',
    );
    expectExit(await repo.run(['status'], { env: database.env() }), 0);
    expect(await catalogOf(database)).to.deep.equal(after);
    expect(await database.query('SELECT count(*) AS n FROM migration_ledger.entries')).to.deep.equal([{ n }]);
  });

  it('works for a role that may only read, in a session that is read-only', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two'));
    await repo.run(['up', '--n', '1'], { env: database.env() });
    const role = `reader_${database.name}`;
    const admin = await adminClient();
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'reader-password'`);
    cleanUpAfterTest(async () => {
      await database.drop();
      await admin.query(`DROP ROLE ${role}`);
    });
    await database.query(
      `ALTER ROLE ${role} SET default_transaction_read_only = on; GRANT USAGE ON SCHEMA migration_ledger TO ${role};
       GRANT SELECT ON ALL TABLES IN SCHEMA migration_ledger TO ${role}; GRANT SELECT ON public.pgmigrations TO ${role}`,
    );
    const env = {
      PGHOST: database.host,
      PGPORT: String(database.port),
      PGDATABASE: database.name,
      PGUSER: role,
    };
    const result = await repo.run(['status'], { env: { ...env, PGPASSWORD: 'reader-password' } });
    expectExit(result, 0);
    expect(result.stdout)
      .to.match(/applied +\d+_one/)
      .and.match(/pending +\d+_two/);
    expectExit(await repo.run(['up'], { env: { ...env, PGPASSWORD: 'reader-password' } }), 7);
  });

  it('says so where there are no migrations', async () => {
    const database = await createDatabase();
    const result = await (await project()).run(['status'], { env: database.env() });
    expectExit(result, 0);
    expect(result.stdout).to.include('There are no migrations');
  });
});

describe('The plan', () => {
  it('shows what up would do, statement by statement, writing nothing', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two'));
    const before = await catalogOf(database);
    const result = await repo.run(['plan'], { env: database.env() });
    expectExit(result, 0);
    expect(result.stdout).to.match(/up \d+_one, in one transaction\n +1: CREATE TABLE one/);
    expect(result.stdout).to.include('Nothing was changed');
    const limited = await repo.run(['plan', '--n', '1', '--json'], { env: database.env() });
    expect(limited.json().migrations).to.have.length(1);
    expect(limited.json().migrations[0]).to.deep.include({
      name: 'one',
      direction: 'up',
      outcome: 'pending',
    });
    expect(await catalogOf(database)).to.deep.equal(before);
  });

  it('of nothing is Already up to date', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one'));
    await repo.run(['up'], { env: database.env() });
    expect((await repo.run(['plan'], { env: database.env() })).stdout).to.include('Already up to date');
  });
});
