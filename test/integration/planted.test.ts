// Whoever may create in a schema of the search path can offer look-alikes of PostgreSQL's own functions, operators, types
// and catalogs. No statement of ours calls one, whatever the search path of role and database; a migration's own do.
import { expect } from 'chai';
import pg from 'pg';
import { down, status, up } from '../../scripts/api/api.ts';
import { assertSchema } from '../../scripts/gate/gate.ts';
import { testDatabase } from '../../scripts/testing/testing.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, type Project, project } from '../support/cli.ts';
import { runInProcess } from '../support/in-process.ts';
import { pair } from '../support/migrations.ts';
import { type OwnServer, ownServer } from '../support/server.ts';
import { setTraps } from '../support/traps.ts';

/** SQL that needs nothing from the search path, as it would find the traps. */
const files = {
  ...pair(1, 'one', 'CREATE TABLE public.one (id int);', 'DROP TABLE public.one;'),
  ...pair(
    2,
    'two',
    '-- migrate: no-transaction\nCREATE TABLE public.two (id int);\nCREATE INDEX CONCURRENTLY two_id ON public.two (id);',
    '-- migrate: no-transaction\nDROP INDEX CONCURRENTLY public.two_id;\nDROP TABLE public.two;',
  ),
  ...pair(3, 'three', 'CREATE TABLE public.three (id int);', 'DROP TABLE public.three;'),
};
const version = (number: number) => `2025010100${String(number).padStart(4, '0')}`;

describe('Planted look-alikes', () => {
  let server: OwnServer;
  let tool: Project;
  let env: Record<string, string>;

  before(async () => {
    server = await ownServer();
    await server.query('CREATE DATABASE shop');
    const made = await setTraps((sql) => server.query(sql, 'shop'), 'shop');
    expect(made).to.be.greaterThan(1000);
    for (const other of ['postgres', 'template1']) await setTraps((sql) => server.query(sql, other), other);
  });

  beforeEach(async () => {
    tool = await project(files);
    env = { ...server.env('shop'), SHADOW_DATABASE_URL: server.env('postgres').DATABASE_URL ?? '' };
  });

  async function run(args: string[], code = 0): Promise<string> {
    const result = await tool.run(args, { env });
    expect(/trapped: .*/.exec(result.all)?.[0], args.join(' ')).to.equal(undefined);
    expectExit(result, code);
    return result.all;
  }

  it('are found by whoever calls them, so that the test means something', async () => {
    for (const sql of [
      "SELECT md5('a')",
      "SELECT 'a'::text || 'b'::text",
      'SELECT 1 FROM pg_class',
      "SELECT 'a'::regclass",
    ]) {
      const error = await server.query(sql, 'shop').catch((cause: Error) => cause.message);
      expect(error, sql).to.include('trapped');
    }
  });

  it('are called by no command on the scratch server', async () => {
    for (const command of ['plan', 'lint', 'verify', 'schema', 'docs']) {
      const result = await tool.run([command], { env });
      expect(/trapped: .*/.exec(result.all)?.[0], command).to.equal(undefined);
      expect([0, 9], result.all).to.include(result.exitCode);
    }
  });

  it('are not called by the gate of an application, on its own connection', async () => {
    await run(['up']);
    await run(['manifest', '--out', 'migrations.json']);
    const { host, port, user, password } = server;
    const client = new pg.Client({ host, port, user, password, database: 'shop' });
    await client.connect();
    cleanUpAfterTest(() => client.end());
    const said: string[] = [];
    const logger = { log: (text: string) => said.push(text), warn: (text: string) => said.push(text) };
    const manifest = `${tool.root}/migrations.json`;
    const found = await assertSchema({ client, manifest, logger });
    expect(found.state).to.equal('current');
    await client.query(
      "UPDATE migration_ledger.entries SET up_sql = '-- more\n' OPERATOR(pg_catalog.||) up_sql, up_checksum = 'x'",
    );
    expect((await assertSchema({ client, manifest, logger })).state).to.equal('current');
    await run(['down', '--to', '0']);
  });

  it('are called by no function of the interface, no run over many databases and no testDatabase()', async () => {
    const said: unknown[] = [];
    const options = { root: tool.root, env: { ...env, MIGRATE_ENV: 'development' } };
    for (const run of [up, status, down]) {
      const document = await run(options);
      expect(document.ok, JSON.stringify(document)).to.equal(true);
      said.push(document);
    }
    tool.write('db/targets', `one ${env.DATABASE_URL}\n`);
    for (const command of ['up', 'status', 'down'])
      said.push(
        await runInProcess(tool.root, options.env, [
          command,
          ...(command === 'down' ? ['--to', '0'] : ['--targets', 'db/targets']),
        ]),
      );
    const url = (env.SHADOW_DATABASE_URL ?? '').replace('@', `:${server.password}@`);
    const database = await testDatabase({ root: tool.root, server: url });
    await database.drop();
    expect(JSON.stringify(said)).not.to.include('trapped');
  });

  it('are called by no command on the target', async () => {
    await run(['status']);
    await run(['up', '--dry-run']);
    await run(['up', '--n', '1']);
    await run(['up']);
    await run(['status']);
    await run(['drift']);
    await run(['plan']);
    await run(['down']);
    await run(['down', '--to', version(1)]);
    await run(['redo']);
    await run(['up']);
    await run(['down', '--to', '0']);
    await run(['up', '--single-transaction', '--to', version(1)]);
    await run(['baseline', '--to', version(3)]);
    await run(['environment']);
    await run(['drift', '--accept', '--reason', 'test']);
    tool.write(`${version(1)}_one.up.sql`, 'CREATE TABLE public.one (id bigint);\n');
    await run(['status'], 4);
    await run(['repair', '--accept', version(1), '--reason', 'test']);
    tool.write(`${version(0)}_zero.up.sql`, 'CREATE TABLE public.zero (id int);\n');
    tool.write(`${version(0)}_zero.down.sql`, 'DROP TABLE public.zero;\n');
    await run(['up'], 4);
    await run(['rebase']);
    await run(['up']);
    await run(['db-reset']);
  });
});
