// SQL of migrations runs on the scratch server as a role without special rights, and leaves nothing there.
import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';
import { until } from '../support/runs.ts';
import { type OwnServer, ownServer } from '../support/server.ts';

const naming = [
  ['lint', '--all'],
  ['verify', '--all'],
];
const commands = [...naming, ['plan'], ['schema'], ['docs']];

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
      for (const args of naming) {
        const result = await tool.run(args, { env: env() });
        expect(result.all, args.join(' ')).to.match(
          // Lint names what it is that was refused, where it has a rule for it.
          /permission denied|must be|cannot set|not a member|\[(?:role-with-server-rights|server-program|server-file)\]/i,
        );
        expect(await leftovers(), args.join(' ')).to.deep.equal([]);
      }
    });
  }

  /** Each is tried in a block of its own; what worked is remembered, and told at the end. */
  const quiet: [string, string][] = [
    ['makes a role', 'CREATE ROLE backdoor LOGIN'],
    ['runs a program', "COPY (SELECT 1) TO PROGRAM 'touch /tmp/migrate-scratch-attack'"],
    ['reads a file', "PERFORM pg_read_file('/etc/passwd')"],
    ['makes a physical slot', "PERFORM pg_create_physical_replication_slot('stolen')"],
    ['changes another database', 'ALTER DATABASE postgres SET work_mem = 1234'],
    ['raises itself', "EXECUTE format('ALTER ROLE %I SUPERUSER', current_user)"],
    [
      'creates databases later',
      "EXECUTE format('ALTER ROLE %I CREATEDB CREATEROLE REPLICATION', current_user)",
    ],
    ['joins who runs programs', "EXECUTE format('GRANT pg_execute_server_program TO %I', current_user)"],
    ['reads a file by COPY', "CREATE TEMP TABLE f (t text); COPY f FROM '/etc/passwd'"],
    ['writes a file by COPY', "COPY (SELECT 1) TO '/tmp/migrate-scratch-attack'"],
    [
      'writes a large object to a file',
      "PERFORM lo_export(lo_from_bytea(0, 'x'), '/tmp/migrate-scratch-attack')",
    ],
    ['reads a file into a large object', "PERFORM lo_import('/etc/passwd')"],
    ['lists a folder', "PERFORM pg_ls_dir('/')"],
    ['looks at a file', "PERFORM pg_stat_file('/etc/passwd')"],
    ['makes a logical slot', "PERFORM pg_create_logical_replication_slot('stolen', 'pgoutput')"],
    ['makes a replication origin', "PERFORM pg_replication_origin_create('stolen')"],
    ['changes the server', "ALTER SYSTEM SET work_mem = '1MB'"],
    ['reloads the server', 'PERFORM pg_reload_conf()'],
    [
      'ends the administrator',
      "PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    ],
    [
      'makes an event trigger',
      'CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION evil.on_event()',
    ],
    ['loads a library', "LOAD 'passwordcheck'"],
    ['makes a function in C', "CREATE FUNCTION evil.c() RETURNS int LANGUAGE c AS '/etc/passwd', 'x'"],
    ['makes an internal function', "CREATE FUNCTION evil.i() RETURNS int LANGUAGE internal AS 'x'"],
    ['makes an untrusted language', 'CREATE EXTENSION plpython3u'],
    ['makes a tablespace', "CREATE TABLESPACE stolen LOCATION '/tmp'"],
    ['takes another session', 'SET SESSION AUTHORIZATION postgres'],
    ['takes the role of the login', 'SET ROLE postgres'],
    ['turns triggers off', 'SET session_replication_role = replica'],
    ['reads hashes', 'PERFORM rolpassword FROM pg_authid'],
    ['writes to a catalog', "UPDATE pg_catalog.pg_class SET relowner = 10 WHERE relname = 'f'"],
    [
      'loops back',
      "CREATE EXTENSION dblink; PERFORM dblink_connect('user=postgres dbname=postgres host=127.0.0.1')",
    ],
    [
      'loops back by a wrapper',
      "CREATE EXTENSION postgres_fdw; CREATE SERVER own FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', dbname 'postgres'); CREATE USER MAPPING FOR CURRENT_USER SERVER own OPTIONS (user 'postgres', password_required 'false')",
    ],
    ['subscribes', "CREATE SUBSCRIPTION s CONNECTION 'user=postgres' PUBLICATION p WITH (connect = false)"],
    [
      'preloads for others',
      "EXECUTE format('ALTER DATABASE %I SET session_preload_libraries = %L', current_database(), 'auto_explain')",
    ],
  ];
  /** Functions by which statements of ours could be caught, if they looked for names where a migration can put them. */
  const planted = [
    'format(text, text)',
    'current_database()',
    'quote_ident(text)',
    'to_regclass(text)',
    'pg_has_role(oid, text)',
    'now()',
    'set_config(text, text, boolean)',
    'current_setting(text)',
    'pg_get_userbyid(oid)',
    'array_to_string(text[], text)',
  ];
  it('is refused whatever else it tries, from wherever our own statements look for names', async () => {
    const caught = planted.map(
      (name) =>
        `CREATE FUNCTION evil.${name} RETURNS text LANGUAGE plpgsql AS $f$ BEGIN BEGIN EXECUTE 'CREATE ROLE backdoor SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END; RETURN 'x'; END $f$;`,
    );
    const tries = quiet.map(
      ([what, sql]) =>
        `DO $do$ BEGIN BEGIN ${sql}; EXCEPTION WHEN OTHERS THEN RETURN; END; INSERT INTO evil.worked VALUES ($$${what}$$); END $do$; RESET SESSION AUTHORIZATION;`,
    );
    const up = [
      'CREATE SCHEMA evil; CREATE TABLE evil.worked (what text);',
      ...caught,
      "DO $do$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = evil, pg_catalog', current_database()); END $do$;",
      ...tries,
      "DO $do$ BEGIN IF EXISTS (SELECT FROM evil.worked) THEN RAISE EXCEPTION 'WORKED: %', (SELECT string_agg(what, ', ') FROM evil.worked); END IF; END $do$;",
    ];
    const tool = await project(pair(1, 'tries', `${up.join('\n')}\n`, 'DROP SCHEMA evil CASCADE;'));
    for (const args of [...commands, ['check', '--all']]) {
      const result = await tool.run(args, { env: env() });
      expect(result.all, args.join(' ')).not.to.match(/WORKED: [a-z]/);
      expect(result.exitCode, result.all).to.be.oneOf([0, 9]);
      expect(await leftovers(), args.join(' ')).to.deep.equal([]);
    }
    expect(existsSync('/tmp/migrate-scratch-attack')).to.equal(false);
  });

  it('may own its database, name roles and hand over, make trusted and untrusted extensions, and belongs to no role of the server', async () => {
    const tool = await project({
      ...pair(
        1,
        'all',
        `CREATE EXTENSION citext; CREATE EXTENSION postgres_fdw; CREATE SCHEMA app; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw; CREATE FOREIGN TABLE app.ft (id int) SERVER far; CREATE TABLE app.t (id int, c citext);
ALTER TABLE app.t OWNER TO fresh_role; GRANT SELECT ON app.t TO other_role; ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO other_role;
CREATE TABLE app.u (id int); ALTER TABLE app.u OWNER TO postgres; ALTER TABLE app.u OWNER TO postgres_owner; ALTER SCHEMA public OWNER TO postgres_owner; COMMENT ON SCHEMA public IS 'x';
CREATE POLICY p ON app.u TO other_role USING (true);`,
        `COMMENT ON SCHEMA public IS 'standard public schema'; DROP TABLE app.t; DROP SCHEMA app CASCADE; DROP SERVER far; DROP EXTENSION postgres_fdw; DROP EXTENSION citext;`,
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
