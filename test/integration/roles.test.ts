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
