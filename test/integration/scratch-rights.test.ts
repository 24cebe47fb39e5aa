// SQL of migrations runs on the scratch server as a role without special rights, and leaves nothing there.
import { expect } from 'chai';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { until } from '../support/runs.ts';
import { type OwnServer, ownServer } from '../support/server.ts';

const commands = [['plan'], ['lint', '--all'], ['verify', '--all'], ['schema'], ['docs']];

describe('SQL of migrations on a scratch server', () => {
  let server: OwnServer;
  let database: TestDatabase;
  before(async () => {
    server = await ownServer();
    await server.query(
      "CREATE ROLE postgres_owner NOLOGIN; CREATE ROLE standby_admin LOGIN REPLICATION CREATEDB PASSWORD 'x'",
    );
  });
  beforeEach(async () => {
    database = await createDatabase();
  });

  const env = () => ({
    ...database.env(),
    SHADOW_DATABASE_URL: (server.env().DATABASE_URL ?? '').replace(
      '@',
      `:${encodeURIComponent(server.password)}@`,
    ),
  });
  const leftovers = async () => [
    ...(await server.query<{ name: string }>(
      "SELECT rolname AS name FROM pg_roles WHERE rolname !~ '^pg_' AND rolname NOT IN ('postgres', 'postgres_owner', 'standby_admin')",
    )),
    ...(await server.query<{ name: string }>(
      "SELECT datname AS name FROM pg_database WHERE datname LIKE 'migrate_scratch%'",
    )),
    ...(await server.query<{ name: string }>('SELECT slot_name::text AS name FROM pg_replication_slots')),
  ];

  const attacks: [string, string][] = [
    ['makes a superuser', "DO $$ BEGIN EXECUTE 'CREATE ROLE ' || 'backdoor SUPERUSER LOGIN'; END $$;"],
    [
      'runs a program',
      "DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch /tmp/migrate-scratch-attack'''; END $$;",
    ],
    ['reads a file of the server', "CREATE TABLE passwd AS SELECT pg_read_file('/etc/passwd') AS text;"],
    [
      'makes a replication slot',
      "DO $$ BEGIN PERFORM pg_create_physical_replication_slot('stolen'); END $$;",
    ],
    [
      'becomes a superuser again',
      'DO $$ BEGIN SET SESSION AUTHORIZATION postgres; EXECUTE $x$CREATE ROLE backdoor SUPERUSER$x$; END $$;',
    ],
    ['takes a role of the server', "DO $$ BEGIN EXECUTE 'SET ROLE postgres_owner'; END $$;"],
    ['drops another database', "DO $$ BEGIN EXECUTE 'ALTER DATABASE postgres SET work_mem = 1234'; END $$;"],
  ];
  for (const [what, sql] of attacks) {
    it(`that ${what} is refused, and nothing stays`, async () => {
      const tool = await project(pair(1, 'attack', sql));
      for (const args of commands) {
        const result = await tool.run(args, { env: env() });
        expect(result.all, args.join(' ')).to.match(
          // Lint names what it is that was refused, where it has a rule for it.
          /permission denied|must be|cannot set|not a member|\[(?:role-with-server-rights|server-program|server-file)\]/i,
        );
        expect(await leftovers(), args.join(' ')).to.deep.equal([]);
      }
    });
  }

  it('may own its database, name roles and hand over, make trusted and untrusted extensions, and belongs to no role of the server', async () => {
    const tool = await project({
      ...pair(
        1,
        'all',
        `CREATE EXTENSION citext; CREATE EXTENSION postgres_fdw; CREATE SCHEMA app; CREATE TABLE app.t (id int, c citext);
ALTER TABLE app.t OWNER TO fresh_role; GRANT SELECT ON app.t TO other_role; ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO other_role;
CREATE TABLE app.u (id int); ALTER TABLE app.u OWNER TO postgres; ALTER TABLE app.u OWNER TO postgres_owner; ALTER SCHEMA public OWNER TO postgres_owner; COMMENT ON SCHEMA public IS 'x';
CREATE POLICY p ON app.u TO other_role USING (true);`,
        `COMMENT ON SCHEMA public IS 'standard public schema'; DROP TABLE app.t; DROP SCHEMA app CASCADE; DROP EXTENSION postgres_fdw; DROP EXTENSION citext;`,
      ),
    });
    for (const args of commands) {
      const result = await tool.run(args, { env: env() });
      expect(result.all, args.join(' ')).not.to.match(/permission denied|must be/i);
      expect([0, 9], result.all).to.include(result.exitCode);
      expect(await leftovers(), args.join(' ')).to.deep.equal([]);
    }
  });

  it('runs as the login itself where that has no special right, and is refused where it has one and may make no role', async () => {
    const tool = await project(pair(1, 'one', 'CREATE TABLE one (id int);', 'DROP TABLE one;'));
    await server.query("CREATE ROLE plain LOGIN CREATEDB PASSWORD 'x'");
    cleanUpAfterTest(async () => void (await server.query('DROP ROLE plain')));
    const as = (user: string) => ({
      ...env(),
      SHADOW_DATABASE_URL: `postgres://${user}:x@${server.host}:${server.port}/postgres`,
    });
    expectExit(await tool.run(['verify', '--all'], { env: as('plain') }), 0);
    const refused = await tool.run(['verify', '--all'], { env: as('standby_admin') });
    expectExit(refused, 7);
    expect(refused.stderr).to.include('REPLICATION').and.include('CREATEROLE');
  });

  it('leaves no role behind when the command is interrupted', async () => {
    const tool = await project(pair(1, 'slow', 'SELECT pg_sleep(30);'));
    const run = tool.start(['verify', '--all'], { env: env() });
    await until(
      'the migration to run',
      async () =>
        (
          await server.query(
            "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND state = 'active' AND pid <> pg_backend_pid()",
          )
        ).length > 0,
    );
    run.kill('SIGINT');
    expectExit(await run.result, 130);
    expect(await leftovers()).to.deep.equal([]);
  });
});
