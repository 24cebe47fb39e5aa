// The roles of db/roles.sql: enough for what each is for, and no more.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type pg from 'pg';
import { checkSchema } from '../../scripts/gate/gate.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, productRoot } from '../support/cli.ts';
import { adminClient } from '../support/database.ts';
import { refused, release } from '../support/release.ts';

describe('the roles of db/roles.sql', () => {
  const roles = ['app_owner', 'app_migrator', 'app_runtime'];
  const unique = (text: string, suffix: string) =>
    roles.reduce((sql, role) => sql.replaceAll(`'${role}'`, `'${role}_${suffix}'`), text);

  /** A release whose database belongs to an administrator that is no superuser, as on Azure; role names of this test's own. */
  async function released() {
    const { tool, database, manifest } = await release();
    const suffix = database.name.slice(-8);
    const admin = await adminClient();
    const own = roles.map((role) => `${role}_${suffix}`);
    const administrator = `app_admin_${suffix}`;
    cleanUpAfterTest(async () => {
      await database.drop();
      for (const name of [administrator, ...own].toReversed())
        await admin.query(`DROP ROLE IF EXISTS ${name}`);
    });
    await admin.query(`CREATE ROLE ${administrator} LOGIN CREATEROLE PASSWORD 'test'`);
    await admin.query(`ALTER DATABASE ${database.name} OWNER TO ${administrator}`);
    const login = (user: string) => ({
      DATABASE_URL: `postgresql://${user}@${database.host}:${database.port}/${database.name}`,
      PGPASSWORD: 'test',
    });
    /** The administrator runs the file, twice. */
    const runFile = async () => {
      const client = await database.client({ user: administrator, password: 'test' });
      const sql = unique(readFileSync(join(productRoot, 'db', 'roles.sql'), 'utf8'), suffix);
      await client.query(sql);
      await client.query(sql);
      for (const name of own.slice(1)) await client.query(`ALTER ROLE ${name} PASSWORD 'test'`);
    };
    return {
      ...{ tool, database, manifest, suffix, runFile },
      asAdministrator: login(administrator),
      asMigrator: login(`app_migrator_${suffix}`),
      application: () => database.client({ user: `app_runtime_${suffix}`, password: 'test' }),
    };
  }

  async function prepared() {
    const all = await released();
    await all.runFile();
    return { ...all, env: all.asMigrator };
  }

  it('let the migration login migrate, and everything belongs to the owner', async () => {
    const { tool, env, database, suffix } = await prepared();
    for (const command of ['up', 'redo', 'status']) expectExit(await tool.run([command], { env }), 0);
    const rows = await database.query<{ owner: string }>(
      "SELECT DISTINCT relowner::regrole::text AS owner FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'migration_ledger'::regnamespace)",
    );
    expect(rows).to.deep.equal([{ owner: `app_owner_${suffix}` }]);
  });

  it('let the application work on rows and pass the gate, and nothing else', async () => {
    const { tool, env, manifest, application } = await prepared();
    expectExit(await tool.run(['up'], { env }), 0);
    const client = await application();
    await client.query('INSERT INTO customers VALUES (1); DELETE FROM customers');
    expect(await checkSchema({ client, manifest })).to.include({ ready: true });
    const { fingerprint } = await checkSchema({
      client,
      manifest: { ...JSON.parse(readFileSync(manifest, 'utf8')), fingerprint: '0'.repeat(16) },
      fingerprint: true,
    });
    expect(fingerprint, 'it may read the stored schema').to.match(/^[0-9a-f]{16}$/);
    for (const forbidden of [
      'SELECT down_sql FROM migration_ledger.entries',
      'SELECT * FROM migration_ledger.audit',
      'SELECT * FROM migration_ledger.snapshot',
      'CREATE TABLE mine (id int)',
      'CREATE SCHEMA mine',
      'ALTER TABLE customers ADD COLUMN x int',
      "INSERT INTO pgmigrations (name, run_on) VALUES ('x', now())",
      'DELETE FROM migration_ledger.applied',
      'TRUNCATE customers',
    ]) {
      const error = await client.query(forbidden).then(
        () => null,
        (thrown: unknown) => thrown as pg.DatabaseError,
      );
      expect(error?.code, forbidden).to.equal('42501');
    }
  });

  it('make the extensions of their list, each where it belongs, for migrations that then need no right', async () => {
    const { tool, env, database, suffix } = await prepared();
    // What comes with PostgreSQL: one for superusers, one that anybody may make, and one for pg_catalog alone.
    const fixed = await database.query<{ name: string }>(
      "SELECT name FROM pg_available_extension_versions WHERE schema = 'pg_catalog' AND name = 'adminpack' LIMIT 1",
    );
    // And one that requires another, cube, which the list does not name.
    const names = ['pg_stat_statements', 'hstore', 'earthdistance', ...fixed.map(({ name }) => name)];
    const sql = unique(readFileSync(join(productRoot, 'db', 'roles.sql'), 'utf8'), suffix);
    const listed = sql.replace(/(extensions +constant text\[\] := )'\{\}'/, `$1'{${names.join(',')}}'`);
    expect(listed).not.to.equal(sql);
    for (const _ of ['once', 'again']) await database.query(listed);
    const made = await database.query(
      `SELECT extname AS name, extnamespace::regnamespace::text AS schema FROM pg_extension WHERE extname = ANY ('{${names.join(',')}}') ORDER BY 1`,
    );
    expect(made).to.deep.equal(
      names.sort().map((name) => ({ name, schema: name === 'adminpack' ? 'pg_catalog' : 'public' })),
    );
    tool.write(
      '20250103000000_extensions.up.sql',
      names.map((name) => `CREATE EXTENSION IF NOT EXISTS ${name};\n`).join(''),
    );
    tool.write('20250103000000_extensions.down.sql', 'SELECT 1;\n');
    expectExit(await tool.run(['up'], { env }), 0);
  });

  it('are what the gate asks for when the application may not look', async () => {
    const { tool, env, manifest, application, database, suffix } = await prepared();
    expectExit(await tool.run(['up'], { env }), 0);
    await database.query(`REVOKE USAGE ON SCHEMA migration_ledger FROM app_runtime_${suffix}`);
    const error = await refused({ client: await application(), manifest });
    expect(error.code).to.equal('refused');
    expect(error.message).to.include('db/roles.sql');
  });

  it('take over what an administrator without superuser has migrated before', async () => {
    const { tool, database, manifest, suffix, runFile, asAdministrator, asMigrator, application } =
      await released();
    await database.query('CREATE TABLE public.of_another (id int)');
    tool.write(
      '20250601000000_kinds.up.sql',
      `CREATE SCHEMA app; CREATE TABLE app.rows (id serial PRIMARY KEY, at timestamptz); CREATE VIEW app.seen AS SELECT * FROM app.rows;
CREATE MATERIALIZED VIEW app.kept AS SELECT 1 AS one; CREATE SEQUENCE app.numbers; CREATE TYPE app.mood AS ENUM ('good'); CREATE TYPE app.pair AS (a int, b int);
CREATE DOMAIN app.small AS int CHECK (VALUE < 10); CREATE FUNCTION app.one() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE app.nothing() LANGUAGE sql AS 'SELECT 1'; CREATE AGGREGATE app.total(int) (sfunc = int4pl, stype = int); CREATE STATISTICS app.both ON id, at FROM app.rows;
CREATE TABLE app.parts (id int) PARTITION BY LIST (id); CREATE TABLE app.part PARTITION OF app.parts FOR VALUES IN (1); CREATE EXTENSION IF NOT EXISTS citext; CREATE COLLATION app.c FROM "C";\n`,
    );
    tool.write('20250601000000_kinds.down.sql', 'DROP SCHEMA app CASCADE;\n');
    expectExit(await tool.run(['up'], { env: asAdministrator }), 0);
    await runFile();
    const left = await database.query(
      `SELECT c.oid::regclass::text AS name FROM pg_class c WHERE relnamespace::regnamespace::text IN ('public', 'app', 'migration_ledger') AND relowner <> 'app_owner_${suffix}'::regrole
       UNION ALL SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace::regnamespace::text IN ('app', 'migration_ledger') AND proowner <> 'app_owner_${suffix}'::regrole
       UNION ALL SELECT oid::regtype::text FROM pg_type WHERE typnamespace::regnamespace::text = 'app' AND typowner <> 'app_owner_${suffix}'::regrole`,
    );
    expect(left).to.deep.equal([{ name: 'of_another' }]);
    const accept = ['drift', '--accept', '--reason', 'roles'];
    for (const args of [accept, ['status'], ['redo'], ['down'], ['up']])
      expectExit(await tool.run(args, { env: asMigrator }), 0);
    const client = await application();
    await client.query('INSERT INTO customers VALUES (1); DELETE FROM customers');
    expect(await checkSchema({ client, manifest })).to.include({ ready: true });
    const error = await client
      .query('DELETE FROM migration_ledger.applied')
      .catch((thrown: unknown) => thrown);
    expect((error as pg.DatabaseError).code).to.equal('42501');
  });
});
