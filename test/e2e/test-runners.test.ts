// testDatabase() under the test runners that teams use: each runs the same two files at once, in workers of its own kind, in
// a project of its own.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { productRoot } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';

const body = `
describe('orders', () => {
  let database;
  beforeEach(async () => { database = await testDatabase(); });
  afterEach(() => database.drop());
  for (const n of [1, 2]) {
    it('are stored in a database of their own, ' + n, async () => {
      const client = new Client({ connectionString: database.url });
      await client.connect();
      await client.query('INSERT INTO orders VALUES (1)');
      const { rows } = await client.query('SELECT count(*)::int AS n FROM orders');
      await client.end();
      if (rows[0].n !== 1) throw new Error('another test wrote here');
    });
  }
});
`;
const required = `const { testDatabase } = require('postgres-migrations-orchestrator/testing');\nconst { Client } = require('pg');\n`;
const imported = `import { testDatabase } from 'postgres-migrations-orchestrator/testing';\nimport pg from 'pg';\nconst { Client } = pg;\n`;
const mocha = join(productRoot, 'node_modules', 'mocha', 'bin', 'mocha.js');

const runners: readonly {
  name: string;
  /** What a name of a test file ends with. */
  suffix: string;
  text: string;
  command: readonly string[];
  says: RegExp;
}[] = [
  {
    name: 'mocha',
    suffix: '.test.cjs',
    text: required + body,
    command: [process.execPath, mocha, '--parallel', '--jobs', '2', '*.test.cjs', '--timeout', '60000'],
    says: /4 passing/,
  },
  {
    name: 'node:test',
    suffix: '.test.mjs',
    text: `import { afterEach, beforeEach, describe, it } from 'node:test';\n${imported}${body}`,
    command: [process.execPath, '--test', 'orders.test.mjs', 'invoices.test.mjs'],
    says: /pass 4/,
  },
  {
    name: 'jest',
    suffix: '.test.js',
    text: required + body,
    command: ['npx', '--yes', 'jest@30.2.0', '-w', '2', '--testTimeout', '60000', '--rootDir', '.'],
    says: /Tests: +4 passed/,
  },
  {
    name: 'vitest',
    suffix: '.test.mjs',
    text: imported + body,
    command: [
      'npx',
      '--yes',
      'vitest@3.2.4',
      'run',
      '--globals',
      '--testTimeout',
      '60000',
      '--hookTimeout',
      '60000',
      // Threads of one process: the default, processes, is what the other runners have.
      '--pool=threads',
      '--poolOptions.threads.minThreads=2',
      '--poolOptions.threads.maxThreads=2',
    ],
    says: /Tests +4 passed/,
  },
];

describe('testDatabase', function () {
  this.timeout(240_000);

  before(() => {
    execFileSync(process.execPath, [join(productRoot, 'scripts', 'run.cjs'), '--build-only']);
  });

  for (const { name, suffix, text, command, says } of runners) {
    it(`gives each test of ${name} its own database, and lets the runner end`, async function () {
      const root = mkdtempSync(join(tmpdir(), 'migrate-runner-'));
      cleanUpAfterTest(async () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
      const write = (path: string, content: string) => {
        mkdirSync(dirname(join(root, path)), { recursive: true });
        writeFileSync(join(root, path), content);
      };
      write('package.json', '{ "name": "shop", "private": true }\n');
      write('db/migrations/20250101000000_orders.up.sql', 'CREATE TABLE orders (id int PRIMARY KEY);\n');
      write('db/migrations/20250101000000_orders.down.sql', 'DROP TABLE orders;\n');
      for (const topic of ['orders', 'invoices']) write(topic + suffix, text);
      mkdirSync(join(root, 'node_modules'));
      symlinkSync(productRoot, join(root, 'node_modules', 'postgres-migrations-orchestrator'));
      symlinkSync(join(productRoot, 'node_modules', 'pg'), join(root, 'node_modules', 'pg'));
      const { url } = await createDatabase();
      const [program = '', ...args] = command;
      const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...rest } = process.env;
      const { status, stdout, stderr } = spawnSync(program, args, {
        cwd: root,
        encoding: 'utf8',
        env: { ...rest, TEST_DATABASE_URL: url, NO_COLOR: '1', CI: 'true' },
      });
      const said = `${stdout}${stderr}`;
      if (status !== 0 && /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|E404/.test(said)) {
        process.stdout.write(`# skipped, the registry does not have ${name}:\n${said}\n`);
        this.skip();
      }
      expect(status, said).to.equal(0);
      expect(said).to.match(says);
    });
  }
});
