// baseline adopts an existing database up to a version, and takes over the history of other tools.
import { expect } from 'chai';
import { expectExit, type Project, project, transcript } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import {
  flywayTable,
  golangMigrateTable,
  runDbmate,
  runNodePgMigrate,
  runPostgresMigrations,
} from '../support/foreign.ts';
import { audit, entries, tablePair, tables, threePairs, tracked, v1, v2, v3 } from '../support/history.ts';

const [id1, id2, id3] = [`${v1}_accounts`, `${v2}_orders`, `${v3}_invoices`];

describe('baseline', () => {
  let database: TestDatabase;
  let work: Project;
  const run = (...args: string[]) => work.run(args, { env: database.env() });

  beforeEach(async () => {
    database = await createDatabase();
    work = await project(threePairs);
  });

  const existing = () =>
    database.query(
      'CREATE TABLE accounts (id bigint PRIMARY KEY); CREATE TABLE orders (id bigint PRIMARY KEY)',
    );

  it('records everything up to a version as applied without running it; up goes on from there', async () => {
    await existing();
    const result = await run('baseline', '--to', v2, '--reason', 'made by hand in 2024');
    expectExit(result, 0);
    expect(await tracked(database)).to.deep.equal([id1, id2]);
    const recorded = await entries(database);
    expect(recorded.map(({ kind }) => kind)).to.deep.equal(['baseline', 'baseline']);
    expect(recorded[0]).to.include({ reason: 'made by hand in 2024', down_sql: 'DROP TABLE accounts;\n' });
    expectExit(await run('up'), 0);
    expect(await tables(database)).to.deep.equal(['accounts', 'invoices', 'orders']);
    expectExit(await run('down', '--to', '0'), 0);
    expect(await tables(database)).to.deep.equal([]);
  });

  it('keeps the schema as it found it: a change by hand stops the next up', async () => {
    await existing();
    expectExit(await run('baseline', '--to', v2), 0);
    expect((await run('status', '--json')).json().drift.state).to.equal('none');
    await database.query('ALTER TABLE accounts ADD COLUMN surprise int');
    const result = await run('up');
    expectExit(result, 5);
    expect(result.all).to.contain('surprise');
  });

  it('writes nothing with --dry-run', async () => {
    await existing();
    const result = await run('baseline', '--to', v2, '--dry-run');
    expectExit(result, 0);
    expect(result.all).to.contain(id1).and.to.contain('Nothing was changed');
    const [row] = await database.query(
      "SELECT to_regclass('pgmigrations') AS t, to_regnamespace('migration_ledger') AS l",
    );
    expect(row).to.deep.equal({ t: null, l: null });
  });

  it('says so when everything is recorded already', async () => {
    expectExit(await run('up'), 0);
    const result = await run('baseline', '--to', v2);
    expectExit(result, 0);
    expect(result.all).to.contain('Nothing to record');
    expect(await audit(database)).to.have.length(1);
  });

  it('refuses a version that is not on disk, and one before what is applied', async () => {
    expectExit(await run('baseline', '--to', '20990101000000'), 2);
    expectExit(await run('baseline'), 2);
    expectExit(await run('baseline', '--from', 'nonsense'), 2);
    expectExit(await run('up'), 0);
    for (const [name, text] of Object.entries(tablePair('20250101000000', 'late'))) work.write(name, text);
    const result = await run('baseline', '--to', '20250101000000');
    expectExit(result, 4);
    expect(result.all).to.contain(id3);
  });

  it('adopts what plain node-pg-migrate applied, together with the rest', async () => {
    const js = (table: string) =>
      `exports.up = (pgm) => pgm.createTable('${table}', { id: 'bigint' });\nexports.down = false;\n`;
    await runNodePgMigrate(database, { [`${id1}.js`]: js('accounts') });
    await database.query('CREATE TABLE orders (id bigint PRIMARY KEY)');
    expectExit(await run('baseline', '--to', v2), 0);
    expect(await tracked(database)).to.deep.equal([id1, id2]);
    expect((await entries(database)).map(({ kind }) => kind)).to.deep.equal(['adopted', 'baseline']);
    expectExit(await run('up'), 0);
  });

  describe('--from node-pg-migrate', () => {
    it('takes over names with milliseconds as its own, renaming them in the tracking table', async () => {
      const js = (table: string) =>
        `exports.up = (pgm) => pgm.createTable('${table}', { id: 'bigint' });\nexports.down = false;\n`;
      const at = (seconds: number) => Date.UTC(2026, 0, 1, 0, 0, seconds) + 123;
      await runNodePgMigrate(database, {
        [`${at(1)}_accounts.js`]: js('accounts'),
        [`${at(2)}_orders.js`]: js('orders'),
      });
      const refused = await run('up');
      expectExit(refused, 4);
      expect(refused.all).to.contain('--from node-pg-migrate');
      const result = await run('baseline', '--from', 'node-pg-migrate');
      expectExit(result, 0);
      expect(result.all, transcript(result))
        .to.contain(`${at(1)}_accounts`)
        .and.to.contain(id1);
      expect(await tracked(database)).to.deep.equal([id1, id2]);
      expectExit(await run('up'), 0);
      expect(await tracked(database)).to.have.length(3);
    });
  });

  describe('--from postgres-migrations', () => {
    const theirs = {
      '1_accounts.sql': 'CREATE TABLE accounts (id bigint PRIMARY KEY);',
      '2_orders.sql': 'CREATE TABLE orders (id bigint PRIMARY KEY);',
    };

    it('maps by order and name, and shows the mapping', async () => {
      await runPostgresMigrations(database, theirs);
      const result = await run('baseline', '--from', 'postgres-migrations', '--json');
      expectExit(result, 0);
      expect(result.json().recorded).to.deep.equal([
        { version: v1, name: 'accounts', kind: 'imported', from: 'postgres-migrations: 1_accounts' },
        { version: v2, name: 'orders', kind: 'imported', from: 'postgres-migrations: 2_orders' },
      ]);
      expect(result.stderr).to.contain(`1_accounts`).and.to.contain(`→  ${id1}`);
      expect((await entries(database))[0]?.reason).to.equal('postgres-migrations: 1_accounts');
      expectExit(await run('up'), 0);
      expect(await tables(database)).to.include('invoices');
    });

    it('refuses what does not match, listing it, and writes nothing', async () => {
      await runPostgresMigrations(database, {
        '1_accounts.sql': 'SELECT 1;',
        '2_customers.sql': 'SELECT 2;',
        '3_invoices.sql': 'SELECT 3;',
        '4_payments.sql': 'SELECT 4;',
      });
      const result = await run('baseline', '--from', 'postgres-migrations');
      expectExit(result, 4);
      expect(result.all).to.contain(`number 2 is 2_customers there, and ${id2} here`);
      expect(result.all).to.contain('4_payments (number 4) has no migration here');
      const [row] = await database.query("SELECT to_regnamespace('migration_ledger') AS l");
      expect(row?.l).to.equal(null);
    });

    it('refuses a migration that the other tool has not applied', async () => {
      await runPostgresMigrations(database, theirs);
      const result = await run('baseline', '--from', 'postgres-migrations', '--to', v3);
      expectExit(result, 4);
      expect(result.all).to.contain(`${id3} is not applied`);
    });
  });

  describe('--from dbmate', () => {
    const dbmateFile = (table: string) =>
      `-- migrate:up\nCREATE TABLE ${table} (id bigint PRIMARY KEY);\n-- migrate:down\nDROP TABLE ${table};\n`;

    it('maps by version', async () => {
      await runDbmate(database, {
        [`${id1}.sql`]: dbmateFile('accounts'),
        [`${id2}.sql`]: dbmateFile('orders'),
      });
      const result = await run('baseline', '--from', 'dbmate', '--to', v2);
      expectExit(result, 0);
      expect(await tracked(database)).to.deep.equal([id1, id2]);
      expectExit(await run('up'), 0);
    });

    it('refuses versions that have no migration, and migrations it did not apply', async () => {
      await runDbmate(database, {
        [`${id1}.sql`]: dbmateFile('accounts'),
        '20260101000009_other.sql': dbmateFile('other'),
      });
      const result = await run('baseline', '--from', 'dbmate', '--to', v2);
      expectExit(result, 4);
      expect(result.all).to.contain('version 20260101000009 has no migration');
      expect(result.all).to.contain(`${id2} is not applied`);
    });

    it('takes bare numbers only where --to names as many', async () => {
      await runDbmate(database, {
        '1_accounts.sql': dbmateFile('accounts'),
        '2_orders.sql': dbmateFile('orders'),
      });
      expectExit(await run('baseline', '--from', 'dbmate'), 4);
      expectExit(await run('baseline', '--from', 'dbmate', '--to', v3), 4);
      expectExit(await run('baseline', '--from', 'dbmate', '--to', v2), 0);
    });
  });

  describe('--from golang-migrate', () => {
    it('takes over everything up to its version', async () => {
      await existing();
      await golangMigrateTable(database, v2);
      expectExit(await run('baseline', '--from', 'golang-migrate'), 0);
      expect(await tracked(database)).to.deep.equal([id1, id2]);
    });

    it('refuses a dirty version, another version, and one beyond --to', async () => {
      await golangMigrateTable(database, v2, true);
      const dirty = await run('baseline', '--from', 'golang-migrate', '--to', v2);
      expectExit(dirty, 4);
      expect(dirty.all).to.contain('dirty');
      await database.query('UPDATE schema_migrations SET dirty = false');
      expectExit(await run('baseline', '--from', 'golang-migrate', '--to', v1), 4);
      await database.query('UPDATE schema_migrations SET version = 7');
      expectExit(await run('baseline', '--from', 'golang-migrate', '--to', v2), 4);
      await database.query('UPDATE schema_migrations SET version = 2');
      expectExit(await run('baseline', '--from', 'golang-migrate', '--to', v2), 0);
    });

    it('is not taken for dbmate, whose table has the same name', async () => {
      await golangMigrateTable(database, v2);
      expectExit(await run('baseline', '--from', 'dbmate', '--to', v2), 4);
    });
  });

  describe('--from flyway', () => {
    it('maps by order and description, leaving out repeatables, undone and marked rows', async () => {
      await flywayTable(database, [
        { version: null, description: '<< Flyway Schema Creation >>', type: 'SCHEMA' },
        { version: '1', description: 'accounts' },
        { version: '2', description: 'Orders' },
        { version: null, description: 'views' },
        { version: '3', description: 'gone' },
        { version: '3', description: 'gone', type: 'UNDO_SQL' },
      ]);
      const result = await run('baseline', '--from', 'flyway');
      expectExit(result, 0);
      expect(result.all).to.contain('is repeatable');
      expect(await tracked(database)).to.deep.equal([id1, id2]);
    });

    it('maps by version where the versions are the same', async () => {
      await flywayTable(database, [
        { version: '2026.01.01.000001', description: 'accounts' },
        { version: v2, description: 'orders' },
      ]);
      expectExit(await run('baseline', '--from', 'flyway', '--to', v2), 0);
      expect(await tracked(database)).to.deep.equal([id1, id2]);
    });

    it('refuses failed migrations and a Flyway baseline', async () => {
      await flywayTable(database, [
        { version: '1', description: '<< Flyway Baseline >>', type: 'BASELINE' },
        { version: '2', description: 'orders', success: false },
      ]);
      const result = await run('baseline', '--from', 'flyway', '--to', v2);
      expectExit(result, 4);
      expect(result.all).to.contain('V2 orders failed').and.to.contain('Flyway baseline');
    });
  });

  it('finds the table in any schema, and asks where there are several', async () => {
    await database.query('CREATE SCHEMA a; CREATE SCHEMA b');
    for (const schema of ['a', 'b'])
      await database.query(
        `CREATE TABLE ${schema}.schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL); INSERT INTO ${schema}.schema_migrations VALUES (${v1}, false)`,
      );
    const several = await run('baseline', '--from', 'golang-migrate');
    expectExit(several, 4);
    expect(several.all).to.contain('"a"."schema_migrations", "b"."schema_migrations"');
    expectExit(await run('baseline', '--from', 'golang-migrate', '--table', 'b.schema_migrations'), 0);
  });

  it('refuses an import into a database that has a history already', async () => {
    expectExit(await run('up', '--to', v1), 0);
    await golangMigrateTable(database, v2);
    expectExit(await run('baseline', '--from', 'golang-migrate'), 4);
  });

  it('is recorded all or nothing', async () => {
    await database.query(`CREATE TABLE pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);
      ALTER TABLE pgmigrations ADD CHECK (name <> '${id2}')`);
    expectExit(await run('baseline', '--to', v2), 3);
    expect(await tracked(database)).to.deep.equal([]);
    expect(await entries(database)).to.deep.equal([]);
  });
});
