import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import { MigrateError } from '../../scripts/base/errors.ts';
import { projectDirectories, removeDevServer } from '../../scripts/devserver/devserver.ts';
import {
  openScratchServer,
  type ScratchDatabase,
  withScratchServer,
} from '../../scripts/scratch/scratch-server.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { adminClient, createDatabase, type TestDatabase } from '../support/database.ts';
import { endWithProcess } from '../support/postgres.ts';

const root = join(tmpdir(), 'a project that needs no embedded server');

async function connect(database: ScratchDatabase): Promise<pg.Client> {
  const client = new pg.Client(database.connection);
  client.on('error', () => {});
  await client.connect();
  cleanUpAfterTest(() => client.end().catch(() => {}));
  return client;
}

async function databases(like: string): Promise<string[]> {
  const admin = await adminClient();
  const sql = 'SELECT datname FROM pg_database WHERE datname LIKE $1 ORDER BY datname';
  return (await admin.query<{ datname: string }>(sql, [like])).rows.map(({ datname }) => datname);
}

async function createNamed(name: string): Promise<void> {
  const admin = await adminClient();
  await admin.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  cleanUpAfterTest(() => admin.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)}`));
}

describe('a server on SHADOW_DATABASE_URL', () => {
  let target: TestDatabase;
  const ours = `migrate_scratch_${process.pid}_%`;

  beforeEach(async () => {
    target = await createDatabase();
  });

  it('creates empty databases of its own and drops them when it closes', async () => {
    await withScratchServer({ scratchUrl: target.url, root }, async (server) => {
      const database = await server.create();
      expect(await databases(ours)).to.deep.equal([database.name]);
      const client = await connect(database);
      const { rows } = await client.query(
        "SELECT count(*)::int FROM pg_class WHERE relnamespace = 'public'::regnamespace",
      );
      expect(rows).to.deep.equal([{ count: 0 }]);
    });
    expect(await databases(ours)).to.deep.equal([]);
  });

  it('clones a database that idle sessions are still connected to', async () => {
    await withScratchServer({ scratchUrl: target.url, root }, async (server) => {
      const original = await server.create();
      await (await connect(original)).query('CREATE TABLE kept AS SELECT 42 AS answer');
      const clone = await connect(await server.clone(original));
      expect((await clone.query('SELECT answer FROM kept')).rows).to.deep.equal([{ answer: 42 }]);
    });
  });

  it('drops its databases when the work fails, busy sessions or not', async () => {
    const failure = new Error('the work failed');
    const outcome = withScratchServer({ scratchUrl: target.url, root }, async (server) => {
      const client = await connect(await server.create());
      client.query('SELECT pg_sleep(60)').catch(() => {});
      throw failure;
    });
    expect(await outcome.catch((error: unknown) => error)).to.equal(failure);
    expect(await databases(ours)).to.deep.equal([]);
  });

  it('never touches the database that the URL names, nor any other', async () => {
    await target.query('CREATE TABLE precious ()');
    await withScratchServer({ scratchUrl: target.url, root }, async (server) => {
      await server.create();
      const foreign = { ...(await server.create()), name: target.name };
      expect(await server.drop(foreign).catch((error: Error) => error.message)).to.contain(
        'not a scratch database',
      );
      expect(await server.clone(foreign).catch((error: Error) => error.message)).to.contain(
        'not a scratch database',
      );
    });
    expect(await target.query('SELECT FROM precious')).to.deep.equal([]);
  });

  it('removes what a killed run left an hour ago, and nothing younger or in use', async () => {
    const seconds = Math.floor(Date.now() / 1000);
    const old = `migrate_scratch_1_${seconds - 7200}00000000_1`;
    const young = `migrate_scratch_1_${seconds - 600}00000000_1`;
    const inUse = `migrate_scratch_1_${seconds - 7200}11111111_1`;
    const alike = 'migrate_scratch_of_somebody';
    for (const name of [old, young, inUse, alike]) await createNamed(name);
    await target.client({ application_name: inUse.replace(/_1$/, '') });
    await withScratchServer({ scratchUrl: target.url, root }, async () => {});
    expect(await databases('migrate_scratch_%'))
      .to.include.members([young, inUse, alike])
      .and.not.to.include(old);
  });

  it('says what is missing to a user who may not create databases', async () => {
    const role = `limited_${process.pid}`;
    const admin = await adminClient();
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'limited'`);
    cleanUpAfterTest(() => admin.query(`DROP ROLE ${role}`));
    const url = new URL(target.url);
    url.username = role;
    url.password = 'limited';
    const error = await withScratchServer({ scratchUrl: url.href, root }, (server) => server.create()).catch(
      (reason) => reason,
    );
    expect(error).to.be.instanceOf(MigrateError);
    expect(error).to.have.property('code', 'refused');
    expect(error.options.hint).to.contain(`ALTER ROLE "${role}" CREATEDB`);
  });

  it('says which server it could not reach', async () => {
    const error = await openScratchServer({ scratchUrl: 'postgresql://me@127.0.0.1:1/x', root }).catch(
      (reason) => reason,
    );
    expect(error).to.have.property('code', 'connection');
    expect(error.message).to.contain('127.0.0.1:1').and.to.contain('ECONNREFUSED');
  });
});

describe('a server without SHADOW_DATABASE_URL', () => {
  it('uses an embedded server beside the development one, without durability', async () => {
    const project = mkdtempSync(join(tmpdir(), 'migrate server '));
    endWithProcess(projectDirectories(project).scratch, project);
    cleanUpAfterTest(async () => {
      await removeDevServer(project);
      rmSync(project, { recursive: true, force: true });
    });
    await withScratchServer({ root: project }, async (server) => {
      const { administrator } = await server.create();
      const rows = await administrator.query(
        "SELECT current_setting('fsync'), current_setting('data_directory') AS folder",
      );
      expect(rows[0]).to.have.property('current_setting', 'off');
      expect(rows[0]?.folder).to.contain('scratch');
    });
  });
});
