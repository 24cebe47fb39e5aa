// SIGINT, SIGTERM and SIGKILL at every kind of moment: how fast, with which code, and what is left.
import { expect } from 'chai';
import { runLockKey } from '../../scripts/connection/session-settings.ts';
import { expectExit, type Project, project, type Result, type RunningTool } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { silentServer } from '../support/proxy.ts';
import { plainRole } from '../support/roles.ts';
import { recorded, running, sessionsGone, toolSessions, until, waitingForLock } from '../support/runs.ts';

const first = pair(1, 'first', 'CREATE TABLE first (id int);');
const slow = pair(2, 'slow', 'CREATE TABLE slow (id int);\nSELECT pg_sleep(60);');
const outside = pair(
  2,
  'slow',
  '-- migrate: no-transaction\nCREATE TABLE slow (id int);\nSELECT pg_sleep(60);\nSELECT 1;',
);
const third = pair(3, 'third', 'CREATE TABLE third (id int);');

/** The limit is 2 s; the rest is for a machine that does other things. */
const soon = 2500;

async function interrupt(run: RunningTool, signal: NodeJS.Signals): Promise<Result> {
  const from = performance.now();
  run.kill(signal);
  const result = await run.result;
  expect(performance.now() - from).to.be.lessThan(soon);
  return result;
}

async function begin(files: Record<string, string>): Promise<[Project, TestDatabase]> {
  return [await project(files), await createDatabase()];
}

const tables = (database: TestDatabase) =>
  database.query(
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname IN ('first', 'slow', 'third') ORDER BY 1",
  );

describe('interruption', () => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`${signal} cancels the running statement, rolls back and says what was applied and what was not`, async () => {
      const [tool, database] = await begin({ ...first, ...slow, ...third });
      const run = tool.start(['up'], { env: database.env() });
      await running(database, 'pg_sleep(60)');
      const result = await interrupt(run, signal);
      expectExit(result, code);
      expect(result.stdout)
        .to.match(/applied {2}20250101000001_first/)
        .and.to.match(/FAILED {3}20250101000002_slow/);
      expect(result.stdout).to.include('Applied 1 migration, 1 migration not reached');
      expect(result.stderr)
        .to.include(`Interrupted by ${signal}`)
        .and.to.include('20250101000002_slow was rolled back');
      expect(result.stderr).to.include('One migration before it in this run stays applied');
      expect((await recorded(database)).tracked).to.deep.equal(['20250101000001_first']);
      expect(await tables(database)).to.deep.equal([{ relname: 'first' }]);
      expect(await toolSessions(database)).to.deep.equal([]);
    });
  }

  it('stops a migration outside of a transaction where it is, and the next up goes on there', async () => {
    const [tool, database] = await begin({ ...outside, ...third });
    const run = tool.start(['up'], { env: database.env() });
    await running(database, 'pg_sleep(60)');
    const result = await interrupt(run, 'SIGINT');
    expectExit(result, 130);
    expect(result.stderr).to.include('statement 2 of 3 did not finish, 1 before it did');
    expect(await tables(database)).to.deep.equal([{ relname: 'slow' }]);
    tool.write(Object.keys(outside)[0]!, Object.values(outside)[0]!.replace('60', '0'));
    const next = await tool.run(['up'], { env: database.env() });
    expectExit(next, 0);
    expect(next.stdout).to.include('resuming 20250101000002_slow at statement 2 of 3');
  });

  it('is obeyed while waiting for a table lock', async () => {
    const [tool, database] = await begin(pair(1, 'wants', 'LOCK TABLE busy;'));
    await database.query('CREATE TABLE busy (id int)');
    const holder = await database.client();
    await holder.query('BEGIN; LOCK TABLE busy');
    const run = tool.start(['up'], { env: { ...database.env(), MIGRATE_LOCK_TIMEOUT: '50s' } });
    await waitingForLock(database);
    const result = await interrupt(run, 'SIGINT');
    expectExit(result, 130);
    expect((await recorded(database)).tracked).to.deep.equal([]);
  });

  it('is obeyed while pausing between two attempts at a lock', async () => {
    const [tool, database] = await begin(pair(1, 'wants', 'LOCK TABLE busy;'));
    await database.query('CREATE TABLE busy (id int)');
    const holder = await database.client();
    await holder.query('BEGIN; LOCK TABLE busy');
    const run = tool.start(['up'], {
      env: { ...database.env(), MIGRATE_LOCK_TIMEOUT: '1ms', MIGRATE_LOCK_RETRIES: '99' },
    });
    await until('a long pause', async () => {
      const rows = await database.query(
        "SELECT FROM pg_stat_activity WHERE application_name LIKE 'migrate up%' AND application_name NOT LIKE '%watching' AND state = 'idle' AND clock_timestamp() - state_change > '600ms'",
      );
      return rows.length > 0;
    });
    expectExit(await interrupt(run, 'SIGTERM'), 143);
  });

  it('is obeyed while waiting for the run lock', async () => {
    const [tool, database] = await begin(first);
    const holder = await database.client();
    await holder.query(`SELECT pg_advisory_lock(${runLockKey})`);
    const run = tool.start(['up'], { env: database.env() });
    await until('the run to wait', async () => (await toolSessions(database))[0]?.query.includes('pg_locks'));
    const result = await interrupt(run, 'SIGINT');
    expectExit(result, 130);
    expect(result.stderr).to.include('This run changed nothing');
  });

  it('is obeyed while waiting for a server that says nothing, and for one that refuses', async () => {
    const tool = await project(first);
    const silent = await silentServer();
    const env = { DATABASE_URL: `postgresql://x@127.0.0.1:${silent.port}/x`, PGPASSWORD: 'x' };
    const run = tool.start(['up'], { env });
    await until('the connection', () => silent.connections() > 0);
    const result = await interrupt(run, 'SIGINT');
    expectExit(result, 130);
    expect(result.stderr).to.include('This run changed nothing');

    const refused = tool.start(['up'], {
      env: { DATABASE_URL: 'postgresql://x@no-such-host.invalid/x?sslmode=disable' },
    });
    await refused.saying('Waiting for the server');
    expectExit(await interrupt(refused, 'SIGTERM'), 143);
  });

  it('is obeyed where no second connection can be had, neither to cancel nor to watch', async () => {
    const [tool, database] = await begin(slow);
    const role = await plainRole(database);
    await database.query(`GRANT CREATE ON DATABASE ${database.name} TO ${role.name}`);
    await database.query(
      `GRANT CREATE ON SCHEMA public TO ${role.name}; ALTER ROLE ${role.name} CONNECTION LIMIT 1`,
    );
    const run = tool.start(['up'], { env: role.env() });
    const { pid } = await running(database, 'pg_sleep(60)');
    await until('the watcher to be refused', async () => {
      const [row] = await database.query<{ long: boolean }>(
        "SELECT clock_timestamp() - query_start > '800ms' AS long FROM pg_stat_activity WHERE pid = $1",
        [pid],
      );
      return row?.long;
    });
    expectExit(await interrupt(run, 'SIGINT'), 130);
    await sessionsGone(database);
    expect(await tables(database)).to.deep.equal([]);
  });

  it('ends at once on a second signal', async () => {
    const [tool, database] = await begin(slow);
    const run = tool.start(['up'], { env: database.env() });
    const { pid } = await running(database, 'pg_sleep(60)');
    run.kill('SIGINT');
    run.kill('SIGINT');
    expectExit(await run.result, 130);
    await until('the server to notice', async () =>
      (await toolSessions(database)).every((session) => session.pid !== pid),
    );
    expect(await tables(database)).to.deep.equal([]);
  });

  it('gives --json one document all the same', async () => {
    const [tool, database] = await begin({ ...first, ...slow });
    const run = tool.start(['up', '--json'], { env: database.env() });
    await running(database, 'pg_sleep(60)');
    const result = await interrupt(run, 'SIGINT');
    const document = result.json();
    expect(document).to.include({ ok: false, exitCode: 130 });
    expect(document.migrations.map(({ outcome }: { outcome: string }) => outcome)).to.deep.equal([
      'applied',
      'failed',
    ]);
  });

  for (const [how, files, sql] of [
    ['in a transaction', slow, 'pg_sleep(60)'],
    ['outside of one', outside, 'pg_sleep(60)'],
    [
      'while it waits for a lock',
      pair(2, 'slow', 'CREATE TABLE slow (id int); SET lock_timeout = 0; LOCK TABLE busy;'),
      'LOCK TABLE busy',
    ],
  ] as const) {
    it(`SIGKILL ${how} is noticed by the server within about a second, and a plain up works`, async () => {
      const [tool, database] = await begin(files);
      await database.query('CREATE TABLE busy (id int)');
      const holder = await database.client();
      await holder.query('BEGIN; LOCK TABLE busy');
      const run = tool.start(['up'], { env: { ...database.env(), MIGRATE_LOCK_TIMEOUT: '50s' } });
      await running(database, sql);
      run.kill('SIGKILL');
      await run.result;
      expect(await sessionsGone(database)).to.be.lessThan(soon);
      await holder.query('ROLLBACK');
      if (files !== outside) expect(await tables(database)).to.deep.equal([]);
      const name = Object.keys(files)[0] as keyof typeof files;
      tool.write(name, String(files[name]).replace('60', '0'));
      expectExit(await tool.run(['up'], { env: database.env() }), 0);
      expect(await tables(database)).to.deep.equal([{ relname: 'slow' }]);
      expect((await recorded(database)).tracked).to.have.length(1);
    });
  }
});
