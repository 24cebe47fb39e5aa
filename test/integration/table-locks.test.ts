// Table locks: bounded waiting, rollback, another attempt, and who was in the way.
import { expect } from 'chai';
import type pg from 'pg';
import { pauseBounds } from '../../scripts/execute/retry.ts';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { pair } from '../support/migrations.ts';
import { recorded, until, waitingForLock } from '../support/runs.ts';

const impatient = { MIGRATE_LOCK_TIMEOUT: '300ms', MIGRATE_LOCK_RETRIES: '2' };
const addColumn = pair(1, 'column', 'CREATE TABLE fresh (id int); ALTER TABLE busy ADD COLUMN extra int;');

interface Scene {
  readonly tool: Project;
  readonly database: TestDatabase;
  readonly holder: pg.Client;
}

/** A table `busy` that another session has read in a transaction that is still open. */
async function scene(files: Record<string, string>): Promise<Scene> {
  const tool = await project(files);
  const database = await createDatabase();
  await database.query('CREATE TABLE busy (id int PRIMARY KEY); INSERT INTO busy VALUES (1), (2)');
  const holder = await database.client({ application_name: 'nightly report' });
  await holder.query("BEGIN; SELECT count(*) FROM busy /* it's long */");
  return { tool, database, holder };
}

describe('table locks', () => {
  it('gives up after all retries with exit 6, names the blocker, and leaves nothing behind', async () => {
    const { tool, database } = await scene(addColumn);
    const result = await tool.run(['up'], { env: { ...database.env(), ...impatient } });
    expectExit(result, 6);
    const blocker = new RegExp(
      `blocked by pid \\d+, user ${database.user}, nightly report, idle in transaction for .+: BEGIN; SELECT count`,
    );
    expect(result.stdout)
      .to.match(blocker)
      .and.to.match(/trying again in .*\(2 of 2\)/);
    expect(result.stderr).to.match(blocker).and.to.include('in 3 attempts').and.to.include('55P03');
    expect(result.stderr).to.include('column.up.sql:1:30').and.to.include('nothing of it is left');
    expect((await recorded(database)).tracked).to.deep.equal([]);
    expect(await database.query("SELECT to_regclass('fresh') AS fresh")).to.deep.equal([{ fresh: null }]);
  });

  it('waits longer from attempt to attempt, and not to the millisecond', async () => {
    const { tool, database } = await scene(addColumn);
    const env = { ...database.env(), MIGRATE_LOCK_TIMEOUT: '20ms', MIGRATE_LOCK_RETRIES: '4' };
    const { stdout } = await tool.run(['up'], { env });
    const pauses = [...stdout.matchAll(/trying again in ([\d.]+) (ms|s)\b/g)].map(
      ([, figure, unit]) => Number(figure) * (unit === 's' ? 1000 : 1),
    );
    expect(pauses).to.have.length(4);
    for (const [i, pause] of pauses.entries())
      expect(pause).to.be.within(pauseBounds(i).least, pauseBounds(i).most);
  });

  it('succeeds once the lock is free, with no trace of the attempts before', async () => {
    const { tool, database, holder } = await scene(addColumn);
    const run = tool.start(['up'], { env: { ...database.env(), MIGRATE_LOCK_TIMEOUT: '200ms' } });
    const first = await waitingForLock(database);
    await until('the first attempt to be rolled back', async () => {
      const [row] = await database.query<{ state: string }>(
        'SELECT state FROM pg_stat_activity WHERE pid = $1',
        [first.pid],
      );
      return row?.state === 'idle';
    });
    await holder.query('COMMIT');
    const result = await run.result;
    expectExit(result, 0);
    expect(result.stdout).to.include('trying again in').and.to.include('Applied 1 migration');
    const entries = await database.query('SELECT seq FROM migration_ledger.entries');
    expect(entries).to.have.length(1);
  });

  for (const [what, sqlState] of [
    ['a deadlock', '40P01'],
    ['a serialization failure', '40001'],
  ] as const) {
    it(`tries again after ${what}`, async () => {
      // The sequence is not rolled back, so the second attempt can tell that it is one.
      const failOnce = `DO $$ BEGIN IF nextval('attempts') = 1 THEN RAISE EXCEPTION 'made up' USING ERRCODE = '${sqlState}'; END IF; END $$;`;
      const tool = await project(pair(1, 'unlucky', failOnce));
      const database = await createDatabase();
      await database.query('CREATE SEQUENCE attempts');
      const result = await tool.run(['up'], { env: database.env() });
      expectExit(result, 0);
      expect(result.stdout).to.include('made up; rolled back, trying again');
    });
  }

  it('wins a real deadlock with the application in the end', async () => {
    const tool = await project(
      pair(1, 'two', 'LOCK TABLE busy; SELECT pg_advisory_xact_lock(7); LOCK TABLE other;'),
    );
    const database = await createDatabase();
    await database.query('CREATE TABLE busy (id int); CREATE TABLE other (id int)');
    const holder = await database.client();
    await holder.query('SELECT pg_advisory_lock(7)');
    const run = tool.start(['up'], { env: { ...database.env(), MIGRATE_LOCK_TIMEOUT: '10s' } });
    await waitingForLock(database);
    const application = await database.client();
    await application.query('BEGIN; LOCK TABLE other');
    const blocked = application.query('LOCK TABLE busy').then(
      () => 'granted',
      (error: { code: string }) => error.code,
    );
    await holder.query('SELECT pg_advisory_unlock_all()');
    const ended = await blocked;
    await application.query('ROLLBACK');
    expect(ended).to.be.oneOf(['granted', '40P01']);
    expectExit(await run.result, 0);
  });

  for (const kind of ['', '-- migrate: no-transaction\n'])
    it(`ends a wait without bound that a function begins, ${kind === '' ? 'in a transaction' : 'outside of one'}`, async () => {
      const lifting = `CREATE FUNCTION lifting() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
          PERFORM set_config('lock_' || 'timeout', '0', false); LOCK TABLE busy; END $$;
        CREATE FUNCTION bounded() RETURNS void LANGUAGE plpgsql SET lock_timeout = 0 AS 'BEGIN LOCK TABLE busy; END';`;
      const { tool, database, holder } = await scene(
        pair(1, 'calls', `${kind}SELECT ${kind === '' ? 'lifting' : 'bounded'}();`),
      );
      await database.query(lifting);
      const env = { ...database.env(), MIGRATE_LOCK_TIMEOUT: '100ms', MIGRATE_LOCK_RETRIES: '0' };
      const from = performance.now();
      const result = await runInProcess(tool.root, env, ['up']);
      expect(performance.now() - from).to.be.below(8000);
      expect(result.exitCode, result.said).to.equal(6);
      expect(result.said)
        .to.include('longer than 100 ms, for something that it calls has switched lock_timeout off')
        .and.to.match(/blocked by pid \d+, user .+, nightly report/);
      await holder.query('COMMIT');
      expect((await runInProcess(tool.root, env, ['up'])).exitCode).to.equal(0);
    });

  it('lets a file set its own lock time-out', async () => {
    const { tool, database } = await scene(
      pair(1, 'column', `-- migrate: lock-timeout=60ms\nALTER TABLE busy ADD COLUMN extra int;`),
    );
    await tool.write('20250101000002_shown.up.sql', 'SELECT 1;\n');
    await tool.write('20250101000002_shown.down.sql', 'SELECT 1;\n');
    const from = performance.now();
    const env = { ...database.env(), MIGRATE_LOCK_TIMEOUT: '20s', MIGRATE_LOCK_RETRIES: '0' };
    expectExit(await tool.run(['up'], { env }), 6);
    expect(performance.now() - from).to.be.lessThan(10_000);
  });

  it('sets both time-outs whatever the role has, and the variables and directives decide', async () => {
    const show = (table: string) =>
      `CREATE TABLE ${table} AS SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock;`;
    const tool = await project({
      ...pair(1, 'plain', show('plain')),
      ...pair(2, 'own', `-- migrate: statement-timeout=10min\n-- migrate: lock-timeout=5s\n${show('own')}`),
      ...pair(3, 'after', show('after')),
      ...pair(4, 'outside', `-- migrate: no-transaction\n-- migrate: lock-timeout=3s\n${show('outside')}`),
    });
    const database = await createDatabase();
    await database.query(`ALTER DATABASE ${database.name} SET statement_timeout = '1ms'`);
    await database.query(`ALTER DATABASE ${database.name} SET lock_timeout = '1ms'`);
    const env = { ...database.env(), MIGRATE_STATEMENT_TIMEOUT: '7s', MIGRATE_LOCK_TIMEOUT: '1500ms' };
    expectExit(await tool.run(['up'], { env }), 0);
    const seen = await database.query(
      ['plain', 'own', 'after', 'outside'].map((table) => `SELECT * FROM ${table}`).join(' UNION ALL '),
    );
    expect(seen).to.deep.equal([
      { statement: '7s', lock: '1500ms' },
      { statement: '10min', lock: '5s' },
      { statement: '7s', lock: '1500ms' },
      { statement: '7s', lock: '3s' },
    ]);
  });

  it('brings its own settings with the login, beside those of PGOPTIONS, so that no statement runs under others', async () => {
    const sql =
      "CREATE TABLE seen AS SELECT name, reset_val FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout', 'work_mem');";
    const tool = await project(pair(1, 'look', sql));
    const database = await createDatabase();
    for (const name of ['lock_timeout', 'statement_timeout'])
      await database.query(`ALTER DATABASE ${database.name} SET ${name} = '1ms'`);
    const env = { ...database.env(), MIGRATE_LOCK_TIMEOUT: '1500ms', PGOPTIONS: '-c work_mem=7MB' };
    expectExit(await tool.run(['up'], { env }), 0);
    expect(await database.query('SELECT * FROM seen ORDER BY name')).to.deep.equal([
      { name: 'lock_timeout', reset_val: '1500' },
      { name: 'statement_timeout', reset_val: '0' },
      { name: 'work_mem', reset_val: '7168' },
    ]);
  });

  it('has no statement time-out by default, even where the role has one', async () => {
    const tool = await project(pair(1, 'slow', 'SELECT pg_sleep(0.3);'));
    const database = await createDatabase();
    await database.query(`ALTER DATABASE ${database.name} SET statement_timeout = '100ms'`);
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
  });

  it('ends a statement at MIGRATE_STATEMENT_TIMEOUT, with exit 3 and the place in the file', async () => {
    const tool = await project(pair(1, 'slow', 'SELECT 1;\nSELECT pg_sleep(20);'));
    const database = await createDatabase();
    const result = await tool.run(['up'], { env: { ...database.env(), MIGRATE_STATEMENT_TIMEOUT: '50ms' } });
    expectExit(result, 3);
    expect(result.stderr).to.include('slow.up.sql:2').and.to.include('57014');
  });

  it('bounds only the statements of migrations, not its own', async () => {
    const tool = await project(pair(1, 'one', 'CREATE TABLE one (id int);'));
    const database = await createDatabase();
    const client = await database.client();
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
    // What the tool reads of its own is held up for longer than a statement of a migration may take.
    await client.query('BEGIN; LOCK TABLE public.pgmigrations');
    const run = tool.start(['up'], { env: { ...database.env(), MIGRATE_STATEMENT_TIMEOUT: '50ms' } });
    const { pid } = await waitingForLock(database);
    await until('longer than the statement time-out', async () => {
      const [row] = await database.query<{ long: boolean }>(
        "SELECT clock_timestamp() - query_start > '150ms' AS long FROM pg_stat_activity WHERE pid = $1",
        [pid],
      );
      return row?.long;
    });
    await client.query('COMMIT');
    expectExit(await run.result, 0);
  });

  it('tells what a migration took, without the time that looking at the schema takes afterwards', async () => {
    const tool = await project(pair(1, 'one', 'CREATE TABLE one (id int);'));
    const database = await createDatabase();
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
    for (const [name, text] of Object.entries(pair(2, 'two', 'SELECT pg_advisory_xact_lock(7);')))
      await tool.write(name, text);
    const inTheWay = await database.client();
    await inTheWay.query('SELECT pg_advisory_lock(7)');
    const run = tool.start(['up', '--json'], { env: { ...database.env(), MIGRATE_LOCK_TIMEOUT: '20s' } });
    await waitingForLock(database);
    const holder = await database.client();
    await holder.query('BEGIN; LOCK TABLE migration_ledger.snapshot_classes');
    await inTheWay.query('SELECT pg_advisory_unlock_all()');
    await until('the snapshot to wait for a second', async () => {
      const [row] = await database.query<{ long: boolean }>(
        "SELECT clock_timestamp() - max(waitstart) > '1s' AS long FROM pg_locks WHERE NOT granted AND relation = 'migration_ledger.snapshot_classes'::regclass",
      );
      return row?.long;
    });
    await holder.query('COMMIT');
    const result = await run.result;
    expectExit(result, 0);
    const [entry] = await database.query<{ ms: number }>(
      "SELECT duration_ms AS ms FROM migration_ledger.entries WHERE name = 'two'",
    );
    expect(result.json().migrations[0].durationMs).to.be.lessThan(entry!.ms + 1000);
  });

  for (const table of ['public.pgmigrations', 'migration_ledger.applied', 'migration_ledger.snapshot']) {
    it(`ends with exit 6, not as a bug, when someone locks its own ${table}`, async () => {
      const tool = await project(pair(1, 'one', 'CREATE TABLE one (id int);'));
      const database = await createDatabase();
      expectExit(await tool.run(['up'], { env: database.env() }), 0);
      const client = await database.client({ application_name: 'someone' });
      await client.query(`BEGIN; LOCK TABLE ${table}`);
      for (const command of ['up', 'status']) {
        const result = await tool.run([command], { env: { ...database.env(), ...impatient } });
        expectExit(result, 6);
        expect(result.stderr).to.include('locks the tracking table or the ledger').and.to.include('55P03');
      }
    });
  }

  const lifts = [
    'SET lock_timeout = 0;',
    "SET LOCAL lock_timeout TO '0s';",
    "SELECT pg_catalog.set_config('lock_timeout', '0', false);",
    'SET statement_timeout = 0;\nSET lock_timeout = 0;\nSET row_security = off;',
  ];
  for (const sql of lifts) {
    it(`keeps its bound where a file switches it off: ${sql.replace(/\n/g, ' ')}`, async () => {
      const { tool, database } = await scene(
        pair(1, 'column', `${sql}\n/* ü */ ALTER TABLE busy ADD COLUMN extra int;`),
      );
      const result = await tool.run(['up'], { env: { ...database.env(), ...impatient } });
      expectExit(result, 6);
      expect(result.stdout).to.include('the tool’s bound stays');
      expect(result.stderr).to.match(/column\.up\.sql:\d+:9/);
    });
  }

  it('keeps its bound in a no-transaction file too, and a bound of the file’s own counts', async () => {
    const { tool, database, holder } = await scene({
      ...pair(
        1,
        'off',
        '-- migrate: no-transaction\nSET lock_timeout = 0;\nALTER TABLE busy ADD COLUMN extra int;',
      ),
      ...pair(
        2,
        'own',
        "SET lock_timeout = '7s'; CREATE TABLE shown AS SELECT current_setting('lock_timeout') AS v;",
      ),
    });
    expectExit(await tool.run(['up'], { env: { ...database.env(), ...impatient } }), 6);
    await holder.query('COMMIT');
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
    expect(await database.query('SELECT v FROM shown')).to.deep.equal([{ v: '7s' }]);
    const kept = await database.query(
      "SELECT up_sql LIKE '%SET lock_timeout = 0;%' AS whole FROM migration_ledger.entries WHERE name = 'off'",
    );
    expect(kept).to.deep.equal([{ whole: true }]);
  });
});
