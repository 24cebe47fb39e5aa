// Histories made by the real tools that npm has, in the tables that they make themselves: `baseline --from` reads them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { cleanUpAfterRun } from '../support/cleanup.ts';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';

const packages = [
  'knex@3.1.0',
  'sequelize@6.37.7',
  'umzug@3.8.2',
  'typeorm@0.3.27',
  'drizzle-orm@0.44.7',
  'pg@8.23.1',
  'reflect-metadata@0.2.2',
];
const names = ['20240101120000_create_users', '20240102120000_add_orders'] as const;
const times = ['2024-01-01T12:00:00Z', '2024-01-02T12:00:00Z'].map((time) => Date.parse(time));
const sql = ['CREATE TABLE users (id int)', 'CREATE TABLE orders (id int)'];

/** A program for each tool that applies two migrations to DATABASE_URL, in the way of its documentation. */
const programs: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  knex: {
    'knex/20240101120000_create_users.js': `exports.up = (knex) => knex.raw('${sql[0]}'); exports.down = () => undefined;`,
    'knex/20240102120000_add_orders.js': `exports.up = (knex) => knex.raw('${sql[1]}'); exports.down = () => undefined;`,
    'knex.js': `const knex = require('knex')({ client: 'pg', connection: process.env.DATABASE_URL });
      knex.migrate.latest({ directory: './knex' }).then(() => knex.destroy());`,
  },
  sequelize: {
    'sequelize.js': `const { Sequelize } = require('sequelize'); const { Umzug, SequelizeStorage } = require('umzug');
      const sequelize = new Sequelize(process.env.DATABASE_URL, { dialect: 'postgres', logging: false });
      const migrations = ${JSON.stringify(names.map((name, i) => [`${name.replaceAll('_', '-')}.js`, sql[i]]))}
        .map(([name, text]) => ({ name, up: () => sequelize.query(text) }));
      new Umzug({ migrations, storage: new SequelizeStorage({ sequelize }), logger: undefined }).up().then(() => sequelize.close());`,
  },
  typeorm: {
    'typeorm.js': `const { DataSource } = require('typeorm');
      class CreateUsers${times[0]} { name = 'CreateUsers${times[0]}'; up(runner) { return runner.query('${sql[0]}'); } down() {} }
      class AddOrders${times[1]} { name = 'AddOrders${times[1]}'; up(runner) { return runner.query('${sql[1]}'); } down() {} }
      const source = new DataSource({ type: 'postgres', url: process.env.DATABASE_URL, migrations: [CreateUsers${times[0]}, AddOrders${times[1]}] });
      source.initialize().then(() => source.runMigrations()).then(() => source.destroy());`,
  },
  drizzle: {
    'drizzle/0000_create_users.sql': `${sql[0]};`,
    'drizzle/0001_add_orders.sql': `${sql[1]};`,
    'drizzle/meta/_journal.json': JSON.stringify({
      version: '7',
      dialect: 'postgresql',
      entries: [
        { idx: 0, version: '7', when: times[0], tag: '0000_create_users', breakpoints: true },
        { idx: 1, version: '7', when: times[1], tag: '0001_add_orders', breakpoints: true },
      ],
    }),
    'drizzle.js': `const { drizzle } = require('drizzle-orm/node-postgres'); const { migrate } = require('drizzle-orm/node-postgres/migrator');
      const { Client } = require('pg'); const client = new Client({ connectionString: process.env.DATABASE_URL });
      client.connect().then(() => migrate(drizzle(client), { migrationsFolder: './drizzle' })).then(() => client.end());`,
  },
};

describe('A history that the real tool has made', function () {
  this.timeout(300_000);
  const folder = mkdtempSync(join(tmpdir(), 'migrate-tools-'));
  cleanUpAfterRun(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

  before(function () {
    writeFileSync(join(folder, 'package.json'), '{ "name": "tools", "private": true }\n');
    try {
      const args = [
        'install',
        '--no-audit',
        '--no-fund',
        '--ignore-scripts',
        '--legacy-peer-deps',
        ...packages,
      ];
      execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    } catch (error) {
      process.stdout.write(
        `# skipped, the tools could not be installed: ${(error as { stderr: string }).stderr}\n`,
      );
      this.skip();
    }
  });

  for (const [tool, files] of Object.entries(programs)) {
    it(`of ${tool} is taken over, and goes on here`, async () => {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      const database = await createDatabase();
      execFileSync(process.execPath, [`${tool}.js`], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, DATABASE_URL: database.url },
      });
      const { run } = await project({
        ...pair(`${names[0].replaceAll('_', '-').replace('-', '_')}`, `${sql[0]};\n`, 'DROP TABLE users;\n'),
        ...pair(`${names[1].replaceAll('_', '-').replace('-', '_')}`, `${sql[1]};\n`, 'DROP TABLE orders;\n'),
        ...pair('20240103120000_later', 'CREATE TABLE later (id int);\n', 'DROP TABLE later;\n'),
      });
      const env = database.env();
      const refused = await run(['up'], { env });
      expectExit(refused, 4);
      expect(refused.stderr).to.include(`baseline from=${tool}`);
      expectExit(await run(['baseline', '--from', tool], { env }), 0);
      const result = await run(['up'], { env });
      expectExit(result, 0);
      expect(result.stdout).to.include('Applied 1 migration');
    });
  }
});
