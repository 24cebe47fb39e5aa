// Many migrations: the next ones are on their way before the last is answered. What a run means must not change by that.
import { expect } from 'chai';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { many } from '../support/migrations.ts';
import { proxyTo, type Verdict } from '../support/proxy.ts';
import { recorded, running, sessionsGone, until, waitingForLock } from '../support/runs.ts';

const count = 12;
const numbers = Array.from({ length: count }, (_, i) => i + 1);
const idOf = (number: number) => `2025010100${String(number).padStart(4, '0')}_t${number}`;
const ids = (to: number) => numbers.slice(0, to).map(idOf);

/** A table each, but for those given. */
const tablesBut = (others: Record<number, string> = {}) =>
  many(count, (n) => [others[n] ?? `CREATE TABLE t${n} (id int);`, `DROP TABLE IF EXISTS t${n};`]);

/** Tracking table, ledger and schema say the same: so many are applied. */
async function expectApplied(database: TestDatabase, expected: readonly string[]): Promise<void> {
  const { tracked, ledger } = await recorded(database);
  expect(tracked).to.deep.equal(expected);
  expect(ledger).to.deep.equal(expected);
  const tables = await database.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relname ~ '^t[0-9]+$' ORDER BY substr(relname, 2)::int",
  );
  expect(tables.map(({ name }) => name)).to.deep.equal(expected.map((id) => id.replace(/.*_/, '')));
}

/** What the run says that it applied. */
const said = (stdout: string) => [...stdout.matchAll(/applied {2}(\S+)/g)].map(([, id]) => id);

async function begin(others: Record<number, string> = {}): Promise<[Project, TestDatabase]> {
  return [await project(tablesBut(others)), await createDatabase()];
}

describe('many migrations in a row', () => {
  it('are sent before the first is answered', async () => {
    const [tool, database] = await begin({ 1: 'CREATE TABLE t1 (id int); SELECT pg_sleep(60);' });
    const seen: string[] = [];
    const proxy = await proxyTo(database, ({ text }) => {
      if (/^BEGIN; SELECT pg_current_xact_id/m.test(text)) seen.push(text);
      return 'forward';
    });
    const run = tool.start(['up'], { env: { ...database.env(), DATABASE_URL: proxy.url(database) } });
    await running(database, 'pg_sleep(60)');
    await until('all of them to be sent', () => seen.length === count);
    run.kill('SIGINT');
    expectExit(await run.result, 130);
    await expectApplied(database, []);
  });

  it('wait for the disk once, with the last', async () => {
    const [tool, database] = await begin();
    const commits: string[] = [];
    const proxy = await proxyTo(database, ({ text }) => {
      if (/SELECT migration_ledger\.record[\s\S]*COMMIT/.test(text)) commits.push(text);
      return 'forward';
    });
    const env = { ...database.env(), DATABASE_URL: proxy.url(database) };
    expectExit(await tool.run(['up'], { env }), 0);
    const awaited = commits.map((text) => !/synchronous_commit.{1,4}off/.test(text));
    expect(awaited).to.deep.equal(numbers.map((i) => i === count));
  });

  it('end at the one that fails, with its place; those before it stay, of those behind it nothing is left', async () => {
    const [tool, database] = await begin({ 6: 'CREATE TABLE t6 (id int);\nSELECT 1 / 0;' });
    const result = await tool.run(['up', '--json'], { env: database.env() });
    expectExit(result, 3);
    const { error, migrations } = result.json();
    expect(error).to.include({
      file: `db/migrations/${idOf(6)}.up.sql`,
      line: 2,
      sqlState: '22012',
    });
    const outcomes = (migrations as { outcome: string }[]).map(({ outcome }) => outcome);
    expect(outcomes).to.deep.equal([
      ...Array(5).fill('applied'),
      'failed',
      ...Array(count - 6).fill('pending'),
    ]);
    await expectApplied(database, ids(5));
    tool.write(`${idOf(6)}.up.sql`, 'CREATE TABLE t6 (id int);\n');
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
    await expectApplied(database, ids(count));
  });

  it('end at a deferred constraint that does not hold', async () => {
    const [tool, database] = await begin({
      6: 'CREATE TABLE t6 (id int REFERENCES parents DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO t6 VALUES (1);',
      1: 'CREATE TABLE t1 (id int);\nCREATE TABLE parents (id int PRIMARY KEY);',
    });
    const result = await tool.run(['up'], { env: database.env() });
    expectExit(result, 3);
    expect(result.stderr).to.include('deferred constraints').and.to.include('23503');
    await expectApplied(database, ids(5));
  });

  it('are reverted the same way, and end at the down that fails', async () => {
    const [tool, database] = await begin();
    tool.write(`${idOf(4)}.down.sql`, 'DROP TABLE t4;\nSELECT 1 / 0;\n');
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
    const result = await tool.run(['down', '--to', '0'], { env: database.env() });
    expectExit(result, 3);
    expect(result.stderr).to.include('With to=V it goes on; n=K would revert K more from here.');
    await expectApplied(database, ids(4));
    expectExit(await tool.run(['down', '--to', idOf(4).slice(0, 14)], { env: database.env() }), 0);
  });

  it('wait for a table that somebody holds, and go on when it is free', async () => {
    const [tool, database] = await begin({
      6: 'ALTER TABLE t1 ADD COLUMN name text;\nCREATE TABLE t6 (id int);',
    });
    const before = Object.fromEntries(Object.entries(tablesBut()).slice(0, 2));
    const first = await project(before);
    expectExit(await first.run(['up'], { env: database.env() }), 0);
    const holder = await database.client();
    await holder.query('BEGIN; LOCK TABLE t1');
    const env = { ...database.env(), MIGRATE_LOCK_TIMEOUT: '300ms' };
    const run = tool.start(['up'], { env });
    await waitingForLock(database);
    await run.saying('trying again in');
    await holder.query('COMMIT');
    await holder.end();
    expectExit(await run.result, 0);
    await expectApplied(database, ids(count));
  });

  it('try no more often for a lock than they were told', async () => {
    const [tool, database] = await begin({ 6: 'LOCK TABLE held;\nCREATE TABLE t6 (id int);' });
    await database.query('CREATE TABLE held (id int)');
    const holder = await database.client();
    await holder.query('BEGIN; LOCK TABLE held');
    const env = { ...database.env(), MIGRATE_LOCK_TIMEOUT: '200ms', MIGRATE_LOCK_RETRIES: '0' };
    const result = await tool.run(['up'], { env });
    await holder.end();
    expectExit(result, 6);
    expect(result.stderr).to.include('in one attempt');
    await expectApplied(database, ids(5));
  });

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`stop at ${signal}: what was applied is told, the rest is not done`, async () => {
      const [tool, database] = await begin({ 6: 'CREATE TABLE t6 (id int); SELECT pg_sleep(60);' });
      const run = tool.start(['up'], { env: database.env() });
      await running(database, 'pg_sleep(60)');
      run.kill(signal);
      const result = await run.result;
      expectExit(result, code);
      expect(said(result.stdout)).to.deep.equal(ids(5));
      await expectApplied(database, ids(5));
    });
  }

  // A message each for what runs and what records: the line is cut at one of them, or its answer is lost.
  for (const [verdict, how] of [
    ['drop', 'cut before it'],
    ['forward and mute', 'cut after it'],
  ] as readonly [Verdict, string][]) {
    for (const [kind, pattern] of [
      ['file', /CREATE TABLE t5 /],
      ['recording', new RegExp(`migration_ledger\\.record\\('public\\.pgmigrations', '${idOf(5)}`)],
      ['last recording', new RegExp(`migration_ledger\\.record\\('public\\.pgmigrations', '${idOf(count)}`)],
    ] as const) {
      it(`say of each what is true when the line is ${how}: a ${kind}`, async () => {
        const [tool, database] = await begin();
        let cut = false;
        const proxy = await proxyTo(database, (message) => {
          if (cut || !pattern.test(message.text)) return 'forward';
          cut = true;
          if (verdict === 'drop') message.cut();
          else message.cutAfterAnswer();
          return verdict;
        });
        const env = { ...database.env(), DATABASE_URL: proxy.url(database) };
        const result = await tool.run(['up'], { env });
        expectExit(result, 8);
        await sessionsGone(database);
        const { tracked } = await recorded(database);
        await expectApplied(database, tracked);
        expect(said(result.stdout)).to.deep.equal(tracked);
        expectExit(await tool.run(['up'], { env: database.env() }), 0);
        await expectApplied(database, ids(count));
      });
    }
  }

  it('may reset all settings, also out of a function', async () => {
    const [tool, database] = await begin({
      1: "CREATE TABLE t1 (id int);\nCREATE FUNCTION forget() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'RESET' || ' ALL'; END $$;",
      5: 'CREATE TABLE t5 (id int);\nRESET ALL;',
      7: 'CREATE TABLE t7 (id int);\nSELECT forget();',
    });
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
    await expectApplied(database, ids(count));
  });

  it('keep their texts as they are where one changes how the session reads them', async () => {
    const umlauts = "CREATE TABLE t6 (id int);\nSELECT 'äöü €';";
    const [tool, database] = await begin({
      1: "CREATE TABLE t1 (id int);\nCREATE FUNCTION western() RETURNS text LANGUAGE sql AS $$ SELECT set_config('client_' || 'encoding', 'LATIN1', false) $$;",
      6: `${umlauts}\nSELECT western();`,
    });
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
    const [entry] = await database.query<{ up_sql: string }>(
      "SELECT up_sql FROM migration_ledger.entries WHERE name = 't6'",
    );
    expect(entry?.up_sql).to.include('äöü €');
    await expectApplied(database, ids(count));
  });

  it('leave it to a statement outside of a transaction to run alone', async () => {
    const [tool, database] = await begin({
      6: '-- migrate: no-transaction\nCREATE TABLE t6 (id int);\nCREATE INDEX CONCURRENTLY ON t5 (id);',
    });
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
    await expectApplied(database, ids(count));
  });
});
