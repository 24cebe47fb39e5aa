// What one migration does to its session reaches neither the next one nor what is recorded.
import { expect } from 'chai';
import { expectExit, project, type Result } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { proxyTo } from '../support/proxy.ts';
import { recorded, running } from '../support/runs.ts';

/** Everything of a session that a migration can leave behind; `t` where there is something. */
const look = (table: string) => `CREATE TABLE public.${table} AS SELECT
  current_user::text AS role, session_user::text AS login, current_setting('search_path') AS path,
  current_setting('session_replication_role') AS replication, current_setting('client_encoding') AS encoding,
  current_setting('standard_conforming_strings') AS strings, current_setting('work_mem') AS memory,
  current_setting('default_transaction_read_only') AS read_only, current_setting('row_security') AS row_security,
  coalesce(current_setting('app.own', true), '') AS own,
  to_regclass('pg_temp.scratch') IS NULL AS no_temp, (SELECT count(*) FROM pg_prepared_statements) AS prepared,
  (SELECT count(*) FROM pg_cursors WHERE is_holdable) AS cursors, (SELECT count(*) FROM pg_listening_channels()) AS channels,
  (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objid = 4711) AS locks,
  EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objsubid = 1 AND classid <> 0) AS run_lock;`;

/** Each is one way to change a session, with what else it needs. */
const dirt: Record<string, string> = {
  settings: "SET work_mem = '1MB'; SET app.own = 'mine'; SET row_security = off;",
  'SET ROLE': 'SET ROLE pg_monitor;',
  'SET SESSION AUTHORIZATION': 'SET SESSION AUTHORIZATION pg_monitor;',
  search_path:
    'CREATE SCHEMA evil; CREATE TABLE evil.pgmigrations (id int, name text, run_on timestamp); SET search_path = evil;',
  'a search_path without pg_catalog first':
    "CREATE SCHEMA evil; CREATE FUNCTION evil.pg_try_advisory_lock(bigint) RETURNS boolean LANGUAGE sql AS 'SELECT false'; SET search_path = evil, pg_catalog;",
  session_replication_role: 'SET session_replication_role = replica;',
  client_encoding: "SET client_encoding = 'LATIN1';",
  standard_conforming_strings:
    "DO $$ BEGIN PERFORM set_config('standard_conforming_strings', 'off', false), set_config('backslash_quote', 'on', false); END $$;",
  'pg_advisory_unlock_all()': 'SELECT pg_advisory_unlock_all();',
  'an advisory lock': 'SELECT pg_advisory_xact_lock(4711);',
  'temporary tables': 'CREATE TEMP TABLE scratch (id int); CREATE TEMP TABLE pgmigrations (id int);',
  'prepared statements': 'PREPARE mine AS SELECT 1;',
  'LISTEN and cursors WITH HOLD': 'LISTEN news; DECLARE c CURSOR WITH HOLD FOR SELECT 1;',
  default_transaction_read_only: 'SET default_transaction_read_only = on;',
};

async function seen(database: TestDatabase, table: string): Promise<Record<string, unknown>> {
  const [row] = await database.query(`SELECT to_jsonb(t) AS row FROM public.${table} t`);
  return row!.row as Record<string, unknown>;
}

/** A session as it is with no migration before. */
async function untouched(): Promise<Record<string, unknown>> {
  const database = await createDatabase();
  const tool = await project(pair(1, 'look', look('first')));
  expectExit(await tool.run(['up'], { env: database.env() }), 0);
  return seen(database, 'first');
}

describe('session isolation', () => {
  let clean: Record<string, unknown>;
  before(async () => {
    clean = await untouched();
    expect(clean).to.include({ no_temp: true, prepared: 0, run_lock: true, encoding: 'UTF8' });
  });

  // One run for all of them: each dirty migration is followed by one that looks.
  const cases = Object.entries(dirt).map(([what, sql], i) => ({
    what,
    sql: sql.replaceAll('evil', `evil${i}`),
    i,
  }));
  const withoutDdl = (sql: string) => sql.replaceAll(/CREATE (SCHEMA|TABLE|FUNCTION)[^;]*;/g, '');
  const outside = (sql: string) => `-- migrate: no-transaction\n${withoutDdl(sql)}`;

  describe('on success', () => {
    let database: TestDatabase;
    let results: Result[];
    const looks = new Map<string, Record<string, unknown>>();

    before(async () => {
      database = await createDatabase();
      const files = cases.map(({ sql, i }) => ({
        ...pair(4 * i + 1, 'inside', sql, withoutDdl(sql)),
        ...pair(4 * i + 2, 'look', `/* größer */ ${look(`inside_${i}`)}`, `DROP TABLE public.inside_${i};`),
        ...pair(4 * i + 3, 'outside', outside(sql), outside(sql)),
        ...pair(4 * i + 4, 'look', look(`outside_${i}`), `DROP TABLE public.outside_${i};`),
      }));
      const tool = await project(Object.assign({}, ...files));
      results = [await tool.run(['up'], { env: database.env() })];
      for (const table of cases.flatMap(({ i }) => [`inside_${i}`, `outside_${i}`]))
        looks.set(table, await seen(database, table).catch(() => ({})));
      results.push(await tool.run(['down', '--to', '0'], { env: database.env() }));
    });

    it('records every migration, up and down', async () => {
      for (const result of results) expectExit(result, 0);
      expect(await recorded(database)).to.deep.equal({ tracked: [], ledger: [] });
      const entries = await database.query(
        "SELECT direction, up_sql LIKE '%größer%' AS whole FROM migration_ledger.entries",
      );
      expect(entries).to.have.length(8 * cases.length);
      expect(entries.filter(({ whole }) => whole)).to.have.length(cases.length);
    });

    for (const { what, i } of cases) {
      it(`${what} does not reach the next migration, in a transaction or outside of one`, () => {
        expect(looks.get(`inside_${i}`)).to.deep.equal(clean);
        expect(looks.get(`outside_${i}`)).to.deep.equal(clean);
      });
    }
  });

  it('is not undone by a migration that fails after all of that at once', async () => {
    const compatible = cases.filter(
      ({ sql }) => !/SESSION AUTHORIZATION|SET ROLE|evil|read_only|replica|LATIN1/.test(sql),
    );
    const everything = compatible.map(({ sql }) => sql).join('\n');
    for (const last of [
      'SET ROLE pg_monitor;',
      "SET client_encoding = 'LATIN1'; SET SESSION AUTHORIZATION pg_monitor;",
      'SET default_transaction_read_only = on;',
    ]) {
      const database = await createDatabase();
      const tool = await project(pair(1, 'dirty', `${everything}\n${last}\nSELECT 1/0;`));
      const result = await tool.run(['up'], { env: database.env() });
      expectExit(result, 3);
      expect(result.stderr).to.include('22012').and.to.include('nothing of it is left');
      tool.write(
        '20250101000001_dirty.up.sql',
        `-- migrate: no-transaction\n${everything}\n${last}\nSELECT 1/0;`,
      );
      const half = await tool.run(['up'], { env: database.env() });
      expectExit(half, 3);
      expect(half.stderr).to.include('22012').and.to.include('half done');
      expect((await recorded(database)).tracked).to.deep.equal([]);
      const journal = await database.query('SELECT done FROM migration_ledger.journal ORDER BY statement');
      expect(journal.map(({ done }) => done)).to.deep.equal([...Array(journal.length - 1).fill(true), false]);
    }
  });

  it('keeps the run lock while a migration gives up all advisory locks', async () => {
    const tool = await project(
      pair(1, 'unlock', 'SELECT pg_advisory_unlock_all(); SELECT pg_advisory_xact_lock(1);'),
    );
    const database = await createDatabase();
    const holder = await database.client();
    await holder.query('SELECT pg_advisory_lock(1)');
    const first = tool.start(['up'], { env: { ...database.env(), MIGRATE_LOCK_TIMEOUT: '30s' } });
    await running(database, 'pg_advisory_xact_lock(1)');
    const second: Result = await tool.run(['up'], { env: { ...database.env(), MIGRATE_WAIT: '200ms' } });
    await holder.query('SELECT pg_advisory_unlock_all()');
    expectExit(second, 6);
    expectExit(await first.result, 0);
  });

  describe('a file that ends its transaction, past the parser', () => {
    const committing = "CREATE PROCEDURE finish() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';";

    it('is refused by the server where a procedure tries it', async () => {
      const tool = await project(pair(1, 'call', `${committing} CALL finish();`));
      const database = await createDatabase();
      const result = await tool.run(['up'], { env: database.env() });
      expectExit(result, 3);
      expect(result.stderr).to.include('2D000').and.to.include('call.up.sql:1');
      expect((await recorded(database)).tracked).to.deep.equal([]);
    });

    it('stops the run with a clear error where it gets through', async () => {
      // Nothing that the parser lets pass can do this on a server of its own version; the proxy stands for one that can.
      const tool = await project({
        ...pair(1, 'sly', 'CREATE TABLE sly (id int); SELECT $$COMMIT_$$;'),
        ...pair(2, 'next', 'CREATE TABLE next (id int);'),
      });
      const database = await createDatabase();
      const proxy = await proxyTo(database, ({ type, raw }) => {
        const at = type === 'Q' ? raw.indexOf('SELECT $$COMMIT_$$') : -1;
        if (at > 0) raw.write('COMMIT            ', at);
        return 'forward';
      });
      const env = { ...database.env(), DATABASE_URL: proxy.url(database) };
      const result = await tool.run(['up'], { env });
      expectExit(result, 3);
      expect(result.stderr).to.include('sly.up.sql left its transaction').and.to.include('not recorded');
      expect((await recorded(database)).tracked).to.deep.equal([]);
      expect(await database.query("SELECT to_regclass('next') AS next")).to.deep.equal([{ next: null }]);
    });
  });
});
