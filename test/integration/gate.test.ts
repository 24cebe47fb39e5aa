// The application's gate: what a release was built with, against what the database has, with the rights an application has.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type pg from 'pg';
import { assertSchema, checkSchema, type GateOptions, type MigrateError } from '../../scripts/gate.ts';
import { expectExit, type Project, productRoot, project } from '../support/cli.ts';
import { adminClient, createDatabase, type TestDatabase } from '../support/database.ts';
import { cleanUpAfterTest } from '../support/hooks.ts';

const files = {
  '20250101000000_customers.up.sql': 'CREATE TABLE customers (id bigint PRIMARY KEY);\n',
  '20250101000000_customers.down.sql': 'DROP TABLE customers;\n',
  '20250102000000_orders.up.sql': 'CREATE TABLE orders (id bigint PRIMARY KEY);\n',
  '20250102000000_orders.down.sql': 'DROP TABLE orders;\n',
};

interface Release {
  readonly tool: Project;
  readonly database: TestDatabase;
  readonly client: pg.Client;
  readonly manifest: string;
  run(...args: string[]): Promise<void>;
}

/** A release of the two migrations with its manifest, and an empty database. */
async function release(): Promise<Release> {
  const tool = await project(files);
  const database = await createDatabase();
  const env = database.env();
  const run = async (...args: string[]) => expectExit(await tool.run(args, { env }), 0);
  await run('manifest', '--out', 'release/manifest.json');
  return {
    tool,
    database,
    run,
    client: await database.client(),
    manifest: join(tool.root, 'release', 'manifest.json'),
  };
}

async function refused(options: GateOptions): Promise<MigrateError> {
  try {
    await assertSchema(options);
  } catch (error) {
    return error as MigrateError;
  }
  throw new Error('the gate let it through');
}

const silent = { log: () => {}, warn: () => {} };

describe('the manifest of a release', () => {
  it('names each migration with its checksums, the same text each time', async () => {
    const { tool, manifest, run } = await release();
    const first = readFileSync(manifest, 'utf8');
    await run('manifest', '--out', 'release/manifest.json');
    expect(readFileSync(manifest, 'utf8')).to.equal(first);
    const { migrations, trackingTable } = JSON.parse(first);
    expect(trackingTable).to.equal('public.pgmigrations');
    expect(migrations.map(({ id }: { id: string }) => id)).to.deep.equal([
      '20250101000000_customers',
      '20250102000000_orders',
    ]);
    expect(first).not.to.include('CREATE TABLE');
    expectExit(await tool.run(['manifest']), 0);
    expect(readFileSync(join(tool.root, 'dist', 'migrations.json'), 'utf8')).to.equal(first);
  });
});

describe('the application’s gate', () => {
  it('refuses an empty database and lists what it lacks', async () => {
    const { client, manifest } = await release();
    const error = await refused({ client, manifest });
    expect(error.code).to.equal('pending');
    expect(error.message).to.include('20250101000000_customers, 20250102000000_orders');
    expect(error.message).to.include('make migrate-up');
  });

  it('refuses a database that is behind', async () => {
    const { client, manifest, run } = await release();
    await run('up', '--n', '1');
    const error = await refused({ client, manifest });
    expect(error.message).to.include('lacks: 20250102000000_orders.');
  });

  it('lets a migrated database through, in two queries', async () => {
    const { client, manifest, run } = await release();
    await run('up');
    let queries = 0;
    const counting = {
      query: (text: string, values?: unknown[]) => {
        queries += 1;
        return client.query(text, values);
      },
    };
    const state = await assertSchema({ client: counting, manifest, logger: silent });
    expect(state).to.include({ ready: true, state: 'current' });
    expect(queries).to.equal(2);
  });

  it('lets a database through that is ahead, and says so', async () => {
    const { tool, client, manifest, run } = await release();
    tool.write('20250103000000_later.up.sql', 'CREATE TABLE later (id bigint);\n');
    tool.write('20250103000000_later.down.sql', 'DROP TABLE later;\n');
    await run('up');
    const warnings: string[] = [];
    const logger = { ...silent, warn: (text: string) => void warnings.push(text) };
    const state = await assertSchema({ client, manifest, logger });
    expect(state.ahead).to.deep.equal(['20250103000000_later']);
    expect(warnings.join()).to.include('20250103000000_later');
  });

  it('refuses a migration that was applied with another text', async () => {
    const { tool, client, manifest, run } = await release();
    tool.write('20250102000000_orders.up.sql', 'CREATE TABLE orders (id integer PRIMARY KEY);\n');
    await run('up');
    const error = await refused({ client, manifest });
    expect(error.code).to.equal('history');
    expect(error.message).to.include('20250102000000_orders');
  });

  it('takes comments and white space for what they are', async () => {
    const { tool, client, manifest, run } = await release();
    tool.write(
      '20250102000000_orders.up.sql',
      '-- orders\nCREATE TABLE orders (\n  id bigint PRIMARY KEY\n);\n',
    );
    await run('up');
    expect(await checkSchema({ client, manifest })).to.include({ ready: true, state: 'current' });
  });

  it('refuses a database of another environment', async () => {
    const { client, manifest, run } = await release();
    await run('up');
    const error = await refused({ client, manifest, environment: 'production' });
    expect(error.code).to.equal('refused');
    expect(error.message).to.match(/marked as development.*runs as production/);
    const state = await checkSchema({ client, manifest, environment: 'development' });
    expect(state).to.include({ ready: true, environment: 'development' });
  });

  it('knows a database that only node-pg-migrate has migrated', async () => {
    const { client, manifest, run } = await release();
    await run('up');
    await client.query('DROP SCHEMA migration_ledger CASCADE');
    expect(await checkSchema({ client, manifest })).to.include({ ready: true, environment: null });
  });

  it('connects by itself with a URL or variables', async () => {
    const { manifest, database, run } = await release();
    await run('up');
    for (const connection of [database.url, database.env()]) {
      expect(await checkSchema({ connection, manifest })).to.include({ ready: true });
    }
  });

  it('takes drivers that give bare rows, as TypeORM does', async () => {
    const { client, manifest, run } = await release();
    await run('up');
    const typeorm = {
      query: async (text: string, values?: unknown[]) => (await client.query(text, values)).rows,
    };
    expect(await checkSchema({ client: typeorm, manifest })).to.include({ ready: true });
  });

  it('says how to make a manifest that is missing or broken', async () => {
    const { client, tool } = await release();
    const missing = await refused({ client, manifest: join(tool.root, 'none.json') });
    expect(missing.message).to.include('make manifest');
    tool.write('release/manifest.json', '{"format": 2}');
    const broken = await refused({ client, manifest: join(tool.root, 'release', 'manifest.json') });
    expect(broken.message).to.include('no manifest');
  });

  it('is quick and brings back one row with a thousand migrations', async () => {
    const { client, manifest, run } = await release();
    await run('up');
    const content = JSON.parse(readFileSync(manifest, 'utf8'));
    const many = Array.from({ length: 1000 }, (_, i) => ({
      ...content.migrations[0],
      id: `2024${String(i).padStart(10, '0')}_m`,
    }));
    const state = await checkSchema({ client, manifest: { ...content, migrations: many } });
    expect(state.behind.length).to.equal(1000);
    expect(state.message.length).to.be.lessThan(1000);
  });
});

describe('the roles of db/roles.sql', () => {
  const roles = ['app_owner', 'app_migrator', 'app_runtime'];
  const unique = (text: string, suffix: string) =>
    roles.reduce((sql, role) => sql.replaceAll(`'${role}'`, `'${role}_${suffix}'`), text);

  /** The file, run twice by an administrator that is no superuser, as on Azure; role names of this test's own. */
  async function prepared() {
    const { tool, database, manifest } = await release();
    const suffix = database.name.slice(-8);
    const admin = await adminClient();
    const names = [`app_admin_${suffix}`, ...roles.map((role) => `${role}_${suffix}`)];
    cleanUpAfterTest(async () => {
      await database.drop();
      for (const name of names.toReversed()) await admin.query(`DROP ROLE IF EXISTS ${name}`);
    });
    await admin.query(`CREATE ROLE ${names[0]} LOGIN CREATEROLE PASSWORD 'test'`);
    await admin.query(`ALTER DATABASE ${database.name} OWNER TO ${names[0]}`);
    const administrator = await database.client({ user: names[0], password: 'test' });
    const sql = unique(readFileSync(join(productRoot, 'db', 'roles.sql'), 'utf8'), suffix);
    await administrator.query(sql);
    await administrator.query(sql);
    for (const name of names.slice(2)) await administrator.query(`ALTER ROLE ${name} PASSWORD 'test'`);
    const env = {
      DATABASE_URL: `postgresql://app_migrator_${suffix}@${database.host}:${database.port}/${database.name}`,
      PGPASSWORD: 'test',
    };
    const application = () => database.client({ user: `app_runtime_${suffix}`, password: 'test' });
    return { tool, database, manifest, env, suffix, application };
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
    for (const forbidden of [
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

  it('are what the gate asks for when the application may not look', async () => {
    const { tool, env, manifest, application, database, suffix } = await prepared();
    expectExit(await tool.run(['up'], { env }), 0);
    await database.query(`REVOKE USAGE ON SCHEMA migration_ledger FROM app_runtime_${suffix}`);
    const error = await refused({ client: await application(), manifest });
    expect(error.code).to.equal('refused');
    expect(error.message).to.include('db/roles.sql');
  });
});
