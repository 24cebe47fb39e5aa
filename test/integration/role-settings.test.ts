// What role and database set for every session: nothing of it ends, slows or unsaves a run, and what a migration stores of
// it counts for the next one, in the same run as in another.
import { expect } from 'chai';
import { effectiveSettingsSql, storedNow, storedThen } from '../../scripts/connection/session-settings.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { plainPassword, plainRole } from '../support/roles.ts';
import { until } from '../support/runs.ts';

const setting = (name: string) => `pg_catalog.current_setting('${name}', true)`;

describe('Settings of role and database', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createDatabase();
  });

  const store = (sql: string) => database.query(`ALTER DATABASE "${database.name}" SET ${sql}`);

  it('that could end, slow or unsave a run do not count', async () => {
    for (const sql of [
      "idle_session_timeout = '50ms'",
      "idle_in_transaction_session_timeout = '50ms'",
      "statement_timeout = '50ms'",
      "lock_timeout = '1ms'",
      'synchronous_commit = off',
      "default_transaction_isolation = 'serializable'",
      'default_transaction_deferrable = on',
      'standard_conforming_strings = off',
      'exit_on_error = on',
      'client_min_messages = error',
      "DateStyle = 'SQL, DMY'",
      'quote_all_identifiers = on',
    ])
      await store(sql);
    const tool = await project({
      ...pair(
        1,
        'seen',
        `CREATE TABLE seen AS SELECT ${setting('synchronous_commit')} AS commit, ${setting('transaction_isolation')} AS isolation, 'a\\b' AS text; SELECT pg_sleep(0.2);`,
      ),
      ...pair(2, 'locked', 'ALTER TABLE seen ADD COLUMN more int;'),
    });
    const holder = await database.client({
      options:
        '-c idle_session_timeout=0 -c idle_in_transaction_session_timeout=0 -c statement_timeout=0 -c lock_timeout=0',
    });
    expectExit(await tool.run(['up', '--n', '1'], { env: database.env() }), 0);
    await holder.query('BEGIN; LOCK TABLE seen');
    const run = tool.start(['up', '--verbose'], {
      env: { ...database.env(), MIGRATE_LOCK_TIMEOUT: '300ms' },
    });
    // Its pause before the next attempt is longer than the idle time-out of the database.
    await until('an attempt that gave up', async () => {
      const rows = await database.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'migrate up%' AND state = 'idle' AND clock_timestamp() - state_change > '60ms'",
      );
      return rows.length > 0;
    });
    await holder.query('COMMIT');
    expectExit(await run.result, 0);
    expect(await database.query('SELECT commit, isolation, text FROM seen')).to.deep.equal([
      { commit: 'on', isolation: 'read committed', text: 'a\\b' },
    ]);
    for (const command of ['status', 'drift', 'plan'])
      expectExit(await tool.run([command], { env: database.env() }), 0);
    expectExit(await tool.run(['down', '--to', '0'], { env: database.env() }), 0);
  });

  it('that switch foreign keys off are refused', async () => {
    await store('session_replication_role = replica');
    const tool = await project(pair(1, 'one', 'CREATE TABLE one (id int);'));
    const result = await tool.run(['up'], { env: database.env() });
    expectExit(result, 7);
    expect(result.stderr).to.include('session_replication_role');
  });

  for (const [what, sql] of [
    ['of the database', "ALTER DATABASE %I SET search_path = app, public', current_database()"],
    [
      'of role and database',
      "ALTER ROLE %I IN DATABASE %I SET search_path = app, public', current_user, current_database()",
    ],
  ] as const) {
    for (const together of [false, true]) {
      for (const kind of ['', '-- migrate: no-transaction\n']) {
        if (together && kind !== '') continue;
        it(`${what} stored by a migration count for the next one, ${kind === '' ? 'in a transaction' : 'outside of one'}${together ? ', all in one' : ''}, in one run as in two`, async () => {
          const files = {
            ...pair(1, 'app', `CREATE SCHEMA app;\nDO $$ BEGIN EXECUTE format('${sql}); END $$;`),
            ...pair(2, 'table', `${kind}CREATE TABLE things (id int);`),
            ...pair(3, 'again', `${kind}CREATE TABLE others (id int);`),
          };
          const tool = await project(files);
          const places = async (target: TestDatabase) =>
            (
              await target.query<{ place: string }>(
                "SELECT schemaname || '.' || tablename AS place FROM pg_tables WHERE tablename IN ('things', 'others') ORDER BY 1",
              )
            ).map(({ place }) => place);
          expectExit(
            await tool.run(together ? ['up', '--single-transaction'] : ['up'], { env: database.env() }),
            0,
          );
          expect(await places(database)).to.deep.equal(['app.others', 'app.things']);
          const second = await createDatabase();
          expectExit(await tool.run(['up', '--n', '1'], { env: second.env() }), 0);
          expectExit(await tool.run(['up'], { env: second.env() }), 0);
          expect(await places(second)).to.deep.equal(['app.others', 'app.things']);
          if (what.includes('role'))
            for (const each of [database, second])
              await each.query(`ALTER ROLE CURRENT_USER IN DATABASE "${each.name}" RESET ALL`);
        });
      }
    }
  }

  it('stored by a function that a migration calls count for the next one, the role too', async () => {
    const role = `stored_${database.name}`;
    await database.query(`CREATE ROLE ${role} SUPERUSER; CREATE FUNCTION store() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
      EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET role = ${role}', current_database()); END $$`);
    const tool = await project({
      ...pair(1, 'call', 'SELECT store();'),
      ...pair(2, 'seen', 'CREATE TABLE seen AS SELECT current_user::text AS who;'),
    });
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
    expect(await database.query('SELECT who FROM seen')).to.deep.equal([{ who: role }]);
    await database.query(`ALTER ROLE CURRENT_USER IN DATABASE "${database.name}" RESET ALL`);
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  it('taken away by a migration do not count for the next one', async () => {
    await store('work_mem = 1234');
    const tool = await project({
      ...pair(
        1,
        'reset',
        `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET work_mem', current_database()); END $$;`,
      ),
      ...pair(2, 'seen', `CREATE TABLE seen AS SELECT ${setting('work_mem')} AS m;`),
    });
    expectExit(await tool.run(['up'], { env: database.env() }), 0);
    expect(await database.query('SELECT m FROM seen')).to.deep.equal([{ m: '4MB' }]);
  });
});

describe('Settings stored for role, database, both or all', () => {
  it('count in the same order for us as for the server', async () => {
    const database = await createDatabase();
    const role = await plainRole(database);
    const levels = [
      'ROLE ALL',
      `DATABASE "${database.name}"`,
      `ROLE ${role.name}`,
      `ROLE ${role.name} IN DATABASE "${database.name}"`,
    ];
    try {
      // A setting for each choice of levels that say something of it.
      for (let choice = 1; choice < 2 ** levels.length; choice += 1) {
        for (const [i, level] of levels.entries())
          if (choice & (1 << i))
            await database.query(`ALTER ${level} SET stored.at_${choice} = 'by ${i} = "x"'`);
      }
      const [{ role: oid = '0', database: here = '0' } = {}] = await database.query(
        `SELECT '${role.name}'::regrole::oid AS role, oid AS database FROM pg_database WHERE datname = current_database()`,
      );
      const itemsOf = async (rows: string) =>
        (await database.query<{ item: string }>(effectiveSettingsSql(rows))).map(({ item }) => item);
      const [found] = await database.query<{ stored: string }>(
        `SELECT json_agg(json_build_array(setrole, setdatabase, setconfig))::text AS stored FROM pg_db_role_setting WHERE setrole IN (0, ${oid}) AND setdatabase IN (0, ${here})`,
      );
      const ours = await itemsOf(storedThen({ stored: found?.stored ?? null }));
      expect(ours).to.have.members(
        await itemsOf(storedNow({ loginRole: Number(oid), database: Number(here) })),
      );
      const session = await database.client({ user: role.name, password: plainPassword });
      for (const item of ours) {
        const [name = '', ...value] = item.split('=');
        const { rows } = await session.query(`SELECT current_setting('${name}') AS value`);
        expect(rows[0].value, name).to.equal(value.join('='));
      }
      expect(ours).to.have.length(2 ** levels.length - 1);
    } finally {
      for (const level of levels.slice(0, 2)) {
        for (let choice = 1; choice < 2 ** levels.length; choice += 1)
          await database.query(`ALTER ${level} RESET stored.at_${choice}`);
      }
    }
  });
});

describe('Advisory locks of a migration', () => {
  const look = `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND objid = 4711`;
  for (const kind of ['', '-- migrate: no-transaction\n']) {
    it(`end with it, ${kind === '' ? 'in a transaction' : 'outside of one'}, and the run lock stays`, async () => {
      const database = await createDatabase();
      const tool = await project({
        ...pair(1, 'takes', `${kind}SELECT pg_advisory_lock(4711);\nSELECT pg_advisory_lock(4711);`),
        ...pair(2, 'looks', `${kind}CREATE TABLE seen AS ${look};`),
        ...pair(3, 'fails', `${kind}SELECT pg_advisory_lock(4711);\nSELECT 1/0;`),
      });
      expectExit(await tool.run(['up', '--n', '2'], { env: database.env() }), 0);
      expect(await database.query('SELECT n FROM seen')).to.deep.equal([{ n: 0 }]);
      expectExit(await tool.run(['up'], { env: database.env() }), 3);
    });
  }
});
