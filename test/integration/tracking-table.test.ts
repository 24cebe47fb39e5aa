// Where the tables that migrations are recorded in cannot be made: own words, the state, and what to do; never a stack.
import { expect } from 'chai';
import { expectExit, project, type Result } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { tables } from '../support/migrations.ts';
import { toolSessions, until } from '../support/runs.ts';

async function refusedOn(database: TestDatabase, config?: string): Promise<Result> {
  const repo = await project({
    ...tables('one'),
    ...(config === undefined ? {} : { 'db/config.json': config }),
  });
  const result = await repo.run(['up'], { env: database.env() });
  expectExit(result, 7);
  expect(result.stderr)
    .to.match(/^State: (Nothing was changed|No migration was run)/m)
    .and.match(/^Next: /m);
  expect(result.stderr).not.to.include('    at ');
  expect(await database.query("SELECT to_regclass('one') AS one")).to.deep.equal([{ one: null }]);
  return result;
}

describe('Preparing the tracking table', () => {
  const taken: [string, string, RegExp][] = [
    ['a view', "CREATE VIEW pgmigrations AS SELECT 1 AS id, 'x' AS name, now() AS run_on", /is a view/],
    [
      'a materialized view',
      'CREATE MATERIALIZED VIEW pgmigrations AS SELECT 1 AS id',
      /is a materialized view/,
    ],
    ['a sequence', 'CREATE SEQUENCE pgmigrations', /is a sequence/],
    ['a composite type', 'CREATE TYPE pgmigrations AS (id int, name text, run_on date)', /is a type/],
    ['an enum', "CREATE TYPE pgmigrations AS ENUM ('a')", /could not be created: .*already exists/],
    ['a domain', 'CREATE DOMAIN pgmigrations AS int', /could not be created: .*already exists/],
    [
      'a table of another shape',
      'CREATE TABLE pgmigrations (version text)',
      /a table with the columns version, not the tracking table/,
    ],
    ['a table without columns', 'CREATE TABLE pgmigrations ()', /a table with the columns none/],
    ['an index', 'CREATE TABLE x (a int); CREATE INDEX pgmigrations ON x (a)', /is an index/],
  ];
  for (const [what, sql, message] of taken) {
    it(`says so where ${what} has its name`, async () => {
      const database = await createDatabase();
      await database.query(sql);
      expect((await refusedOn(database)).stderr)
        .to.match(message)
        .and.include('trackingTable');
    });
  }

  it('is refused by every command in the same words', async () => {
    const database = await createDatabase();
    await database.query('CREATE VIEW pgmigrations AS SELECT 1 AS id');
    const repo = await project(tables('one'));
    for (const args of [['status'], ['plan'], ['down'], ['baseline', '--to', '20250101000001'], ['drift']]) {
      const result = await repo.run(args, { env: database.env() });
      expectExit(result, 7);
      expect(result.stderr, args[0]).to.include('is a view');
    }
  });

  it('says so where there is no schema public', async () => {
    const database = await createDatabase();
    await database.query('DROP SCHEMA public');
    const repo = await project(tables('one'));
    const result = await repo.run(['up'], { env: database.env() });
    expectExit(result, 7);
    expect(result.stderr).to.include('There is no schema public').and.include('CREATE SCHEMA public');
  });

  it('says so where trackingTable names another tool’s table', async () => {
    const database = await createDatabase();
    await database.query('CREATE TABLE schema_migrations (version varchar)');
    const result = await refusedOn(database, '{ "trackingTable": "public.schema_migrations" }');
    expect(result.stderr).to.include('public.schema_migrations is a table with the columns version');
  });

  for (const [what, when] of [
    ['the tracking table', "position('pgmigrations' IN current_query()) > 0"],
    ['the ledger', "position('migration_ledger' IN current_query()) > 0"],
  ] as const) {
    it(`says so where an event trigger refuses ${what}`, async () => {
      const database = await createDatabase();
      await database.query(`CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
          IF ${when} THEN RAISE EXCEPTION 'DDL is frozen'; END IF; END $$;
        CREATE EVENT TRIGGER frozen ON ddl_command_start EXECUTE FUNCTION refuse()`);
      expect((await refusedOn(database)).stderr).to.include('DDL is frozen');
    });
  }

  it('ends with exit 8 where the connection is lost meanwhile', async () => {
    const database = await createDatabase();
    await database.query(`CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        IF position('pgmigrations' IN current_query()) > 0 THEN PERFORM pg_sleep(30); END IF; END $$;
      CREATE EVENT TRIGGER slow ON ddl_command_start EXECUTE FUNCTION slow()`);
    const running = (await project(tables('one'))).start(['up'], { env: database.env() });
    const session = await until('the tool to be creating its table', async () =>
      (await toolSessions(database)).find(
        ({ query, state }) => state === 'active' && /CREATE TABLE/i.test(query),
      ),
    );
    await database.query('SELECT pg_terminate_backend($1)', [session.pid]);
    const result = await running.result;
    expectExit(result, 8);
    expect(result.stderr).to.include('No migration was run').and.include('Run the same command again');
    expect(result.stderr).not.to.include('    at ');
  });
});

describe('A ledger of which something is gone, or that is somebody else’s', () => {
  const tablesGone = ['migrations', 'entries', 'applied'];
  const columnsGone = ['applied seq', 'entries up_checksum', 'journal done', 'environment name'];
  /** What takes it away, and what brings it back. */
  const damages: readonly (readonly [string, string])[] = [
    ...tablesGone.map((table) => [`${table} RENAME TO gone`, `gone RENAME TO ${table}`] as const),
    ...columnsGone.map((each) => {
      const [table = '', name = ''] = each.split(' ');
      return [`${table} RENAME ${name} TO gone`, `${table} RENAME gone TO ${name}`] as const;
    }),
  ];

  it('is called that by every command, with the way out, which works', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one'));
    const run = (...args: string[]) => repo.run(args, { env: database.env() });
    expectExit(await run('up'), 0);
    for (const [name, sql] of Object.entries(tables('one', 'two'))) repo.write(name, sql);
    for (const [damage, mend] of damages) {
      await database.query(`ALTER TABLE migration_ledger.${damage}`);
      const result = await run('up');
      expectExit(result, 7);
      expect(result.stderr, damage)
        .to.match(/^ERROR The ledger is not whole: /)
        .and.include('ALTER SCHEMA migration_ledger RENAME TO')
        .and.not.include('    at ');
      expect(await database.query("SELECT to_regclass('two') AS two"), damage).to.deep.equal([{ two: null }]);
      await database.query(`ALTER TABLE migration_ledger.${mend}`);
    }
    await database.query('ALTER TABLE migration_ledger.entries RENAME TO gone');
    for (const args of [
      ['status'],
      ['plan'],
      ['drift'],
      ['down'],
      ['redo'],
      ['baseline', '--to', '20250101000002'],
    ])
      expect((await run(...args)).stderr, args[0]).to.match(/^ERROR The ledger is not whole/m);
    await database.query('ALTER SCHEMA migration_ledger RENAME TO migration_ledger_old');
    const adopted = await run('up');
    expectExit(adopted, 0);
    expect(adopted.stdout).to.include('Adopted 1 migration').and.include('Applied 1 migration');
    await database.query('DROP SCHEMA migration_ledger CASCADE; CREATE SCHEMA migration_ledger');
    await database.query('CREATE TABLE migration_ledger.entries (theirs int)');
    const theirs = await run('up');
    expectExit(theirs, 7);
    expect(theirs.stderr)
      .to.include('relation "entries" already exists')
      .and.not.include('named pgmigrations');
  });
});
