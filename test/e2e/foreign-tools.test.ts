// Histories that other tools' own programs have made, as npm has them: `baseline --from` reads what they write, whatever
// their documentation says. TEST_FOREIGN_TOOLS=1 runs it, for the tools are fetched first.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { cleanUpAfterRun } from '../support/cleanup.ts';
import { expectExit, productRoot, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';

const files = {
  ...pair('20240101120000_create-users', 'CREATE TABLE users (id serial PRIMARY KEY);', 'DROP TABLE users;'),
  ...pair('20240102120000_add-orders', 'CREATE TABLE orders (id serial PRIMARY KEY);', 'DROP TABLE orders;'),
  ...pair('20240103120000_later', 'CREATE TABLE later (id int);', 'DROP TABLE later;'),
};
const packages = ['knex@3.3.0', 'typeorm@1.1.1', 'sequelize@6.37.8', 'umzug@3.8.3', 'drizzle-orm@0.45.4'];

/** For Umzug's own storage, named as Sequelize's command line and as Umzug's readme have it. */
const umzug = (tableName: string, names: readonly string[]) => `
  const { Umzug, SequelizeStorage } = require('umzug');
  const sequelize = new (require('sequelize').Sequelize)(url, { logging: false });
  const migration = (name, table) => ({ name, up: () => sequelize.query('CREATE TABLE ' + table + ' (id serial PRIMARY KEY)') });
  const migrations = [migration('${names[0]}', 'users'), migration('${names[1]}', 'orders')];
  const storage = new SequelizeStorage({ sequelize, tableName: '${tableName}' });
  await new Umzug({ migrations, storage, logger: undefined }).up();
  await sequelize.close();`;

/** What each tool's own program does, as the body of a function that has the address as `url`. */
const programs: Readonly<Record<string, string>> = {
  knex: `
  const source = {
    getMigrations: async () => ['20240101120000_create_users.js', '20240102120000_add_orders.js'],
    getMigrationName: (name) => name,
    getMigration: async (name) => ({ up: (knex) => knex.schema.createTable(/users|orders/.exec(name)[0], (table) => table.increments()), down: async () => {} }),
  };
  const knex = require('knex')({ client: 'pg', connection: url, migrations: { migrationSource: source } });
  await knex.migrate.latest();
  await knex.destroy();`,
  typeorm: `
  const { DataSource } = require('typeorm');
  class CreateUsers1704110400000 { up(runner) { return runner.query('CREATE TABLE users (id serial PRIMARY KEY)'); } }
  class AddOrders1704196800000 { up(runner) { return runner.query('CREATE TABLE orders (id serial PRIMARY KEY)'); } }
  const source = new DataSource({ type: 'postgres', url, migrations: [CreateUsers1704110400000, AddOrders1704196800000] });
  await source.initialize();
  await source.runMigrations();
  await source.destroy();`,
  sequelize: umzug('SequelizeMeta', ['20240101120000-create-users.js', '20240102120000-add-orders.js']),
  umzug: umzug('umzug_migrations', ['20240101120000_create-users.ts', '20240102120000_add-orders.ts']),
  drizzle: `
  const { mkdirSync, writeFileSync } = require('node:fs');
  const entries = [['0000_create_users', 'users', 1704110400000], ['0001_add_orders', 'orders', 1704196800000]];
  mkdirSync('drizzle/meta', { recursive: true });
  for (const [tag, table] of entries) writeFileSync('drizzle/' + tag + '.sql', 'CREATE TABLE "' + table + '" ("id" serial PRIMARY KEY);');
  const journal = entries.map(([tag, , when], idx) => ({ idx, version: '7', when, tag, breakpoints: true }));
  writeFileSync('drizzle/meta/_journal.json', JSON.stringify({ version: '7', dialect: 'postgresql', entries: journal }));
  const pool = new (require('pg').Pool)({ connectionString: url });
  await require('drizzle-orm/node-postgres/migrator').migrate(require('drizzle-orm/node-postgres').drizzle(pool), { migrationsFolder: 'drizzle' });
  await pool.end();`,
};

describe('baseline from what the real tools have made', function () {
  this.timeout(300_000);
  let folder: string;

  before(function () {
    if (!process.env.TEST_FOREIGN_TOOLS) {
      process.stdout.write('# skipped: TEST_FOREIGN_TOOLS=1 fetches the tools and runs this\n');
      this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), 'migrate-tools-'));
    cleanUpAfterRun(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const install = [
      'install',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      '--ignore-scripts',
      ...packages,
    ];
    execFileSync('npm', install, { cwd: folder, stdio: 'pipe' });
    rmSync(join(folder, 'node_modules', 'pg'), { recursive: true, force: true });
    symlinkSync(join(productRoot, 'node_modules', 'pg'), join(folder, 'node_modules', 'pg'));
  });

  for (const [tool, body] of Object.entries(programs))
    it(`takes over the history of ${tool}: refused by up, listed, recorded, gone on from`, async () => {
      const database = await createDatabase();
      writeFileSync(join(folder, `${tool}.cjs`), `(async (url) => {${body}\n})(process.argv[2]);\n`);
      execFileSync(process.execPath, [`${tool}.cjs`, database.url], { cwd: folder, stdio: 'pipe' });
      const { run } = await project(files);
      const env = database.env();
      const refused = await run(['up'], { env });
      expectExit(refused, 4);
      expect(refused.all).to.include(`from=${tool}`);
      const taken = await run(['baseline', '--from', tool], { env });
      expectExit(taken, 0);
      expect(taken.stdout)
        .to.match(/→ {2}20240101120000_create-users/)
        .and.match(/→ {2}20240102120000_add-orders/)
        .and.include('Recorded 2 migrations');
      const up = await run(['up'], { env });
      expectExit(up, 0);
      expect(up.stdout).to.include('applied  20240103120000_later').and.include('Applied 1 migration');
    });
});
