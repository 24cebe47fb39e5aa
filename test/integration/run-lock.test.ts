// One run at a time: who waits for whom, for how long, and what is said meanwhile.
import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { PG_MIGRATE_LOCK_ID, runner } from 'node-pg-migrate';
import { runLockKey } from '../../scripts/connection/session-settings.ts';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { recorded, running, toolSessions, until } from '../support/runs.ts';

/** A migration that runs until the advisory lock 1 is free: the test holds it as long as it needs. */
const gated = 'SELECT pg_advisory_xact_lock(1);';

async function holdGate(database: TestDatabase): Promise<() => Promise<unknown>> {
  const client = await database.client();
  await client.query('SELECT pg_advisory_lock(1)');
  return () => client.query('SELECT pg_advisory_unlock_all()');
}

/** A project in a git checkout; gives the commit. */
function commitAll(tool: Project): string {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: tool.root,
      encoding: 'utf8',
    });
  git('init', '-q');
  git('add', '-A');
  git('commit', '-qm', 'Add migrations');
  return git('rev-parse', 'HEAD').trim();
}

describe('one run at a time', () => {
  it('applies each migration exactly once when 20 processes start at once, and all of them succeed', async () => {
    const files = [1, 2, 3].map((n) =>
      pair(n, `t${n}`, `CREATE TABLE t${n} (id int); INSERT INTO t${n} VALUES (1);`),
    );
    const tool = await project(Object.assign({}, ...files));
    const database = await createDatabase();
    const runs = Array.from({ length: 20 }, () => tool.run(['up'], { env: database.env() }));
    const results = await Promise.all(runs);
    for (const result of results) expectExit(result, 0);
    const applied = results.filter(({ stdout }) => stdout.includes('Applied 3 migrations'));
    expect(applied).to.have.length(1);
    const { tracked, ledger } = await recorded(database);
    expect(tracked).to.have.length(3);
    expect(ledger).to.deep.equal(tracked);
  });

  it('uses the key of node-pg-migrate', () => {
    expect(runLockKey).to.equal(PG_MIGRATE_LOCK_ID);
  });

  it('waits for a plain node-pg-migrate run, which is excluded by this one in turn', async () => {
    const tool = await project(pair(1, 'slow', gated));
    const database = await createDatabase();
    const plain = () =>
      runner({
        databaseUrl: database.url,
        dir: 'db/ledger',
        migrationsTable: 'other',
        direction: 'up',
        count: 0,
        logger: { info() {}, warn() {}, error() {} },
        migrationLoaderStrategies: [{ extensions: ['.sql'], loader: async () => [] }],
      });
    const open = await holdGate(database);
    const run = tool.start(['up'], { env: database.env() });
    await running(database, 'pg_advisory_xact_lock(1)');
    const refusal = await plain().then(
      () => 'it ran',
      (error: Error) => error.message,
    );
    expect(refusal).to.include('Another migration is already running');
    await open();
    expectExit(await run.result, 0);

    const other = await database.client({ application_name: 'node-pg-migrate' });
    await other.query(`SELECT pg_advisory_lock(${PG_MIGRATE_LOCK_ID})`);
    const result = await tool.run(['up'], { env: { ...database.env(), MIGRATE_WAIT: '300ms' } });
    expectExit(result, 6);
    expect(result.all).to.include('node-pg-migrate');
  });

  it('names the holder with process, user, application, host, commit and since when, and gives up after MIGRATE_WAIT', async () => {
    const tool = await project(pair(1, 'slow', gated));
    const sha = commitAll(tool);
    const database = await createDatabase();
    const open = await holdGate(database);
    const first = tool.start(['up'], { env: { ...database.env(), MIGRATE_ACTOR: 'alice' } });
    const { pid } = await running(database, 'pg_advisory_xact_lock(1)');
    const from = performance.now();
    const second = await tool.run(['up'], { env: { ...database.env(), MIGRATE_WAIT: '500ms' } });
    expectExit(second, 6);
    expect(performance.now() - from).to.be.greaterThan(450);
    const host = execFileSync('hostname', { encoding: 'utf8' }).trim();
    const holder = new RegExp(
      `pid ${pid}, user ${database.user}, migrate up ${sha.slice(0, 7)} alice@${host}, connected since \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC`,
    );
    expect(second.stdout)
      .to.match(/Waiting for another migration run to finish: /)
      .and.to.match(holder);
    expect(second.stderr).to.match(holder).and.to.include('This run changed nothing');
    await open();
    expectExit(await first.result, 0);
  });

  it('shows the commit that the pipeline names', async () => {
    const tool = await project(pair(1, 'slow', gated));
    commitAll(tool);
    const database = await createDatabase();
    const open = await holdGate(database);
    const env = { ...database.env(), GITHUB_SHA: 'c0ffee1234567890', GITHUB_ACTOR: 'bob' };
    const run = tool.start(['up'], { env });
    const { application_name: name } = await running(database, 'pg_advisory_xact_lock(1)');
    expect(name).to.match(/^migrate up c0ffee1 bob@/);
    await open();
    expectExit(await run.result, 0);
  });

  it('goes on as soon as the other run has ended', async () => {
    const tool = await project(pair(1, 'slow', gated));
    const database = await createDatabase();
    const open = await holdGate(database);
    const first = tool.start(['up'], { env: database.env() });
    await running(database, 'pg_advisory_xact_lock(1)');
    const second = tool.start(['up'], { env: database.env() });
    await until('the second run to connect', async () => (await toolSessions(database)).length === 2);
    await open();
    expectExit(await first.result, 0);
    const result = await second.result;
    expectExit(result, 0);
    expect(result.stdout).to.include('Already up to date');
  });

  it('keeps the histories of two applications apart and lets one wait for the other', async () => {
    const one = await project(pair(1, 'slow', gated));
    const two = await project({
      ...pair(1, 'slow', 'CREATE TABLE second (id int);'),
      'db/config.json': JSON.stringify({ trackingTable: 'public.second_migrations' }),
    });
    const database = await createDatabase();
    const open = await holdGate(database);
    const first = one.start(['up'], { env: database.env() });
    await running(database, 'pg_advisory_xact_lock(1)');
    expectExit(await two.run(['up'], { env: { ...database.env(), MIGRATE_WAIT: '200ms' } }), 6);
    await open();
    expectExit(await first.result, 0);
    expectExit(await two.run(['up'], { env: database.env() }), 0);
    expectExit(await one.run(['down'], { env: database.env() }), 0);
    const left = await database.query<{ name: string }>('SELECT name FROM second_migrations');
    expect(left).to.have.length(1);
    expect((await recorded(database)).tracked).to.deep.equal([]);
    const applied = await database.query('SELECT tracking FROM migration_ledger.applied');
    expect(applied).to.deep.equal([{ tracking: 'public.second_migrations' }]);
  });
});
