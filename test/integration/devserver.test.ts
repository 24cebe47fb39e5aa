import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import pg from 'pg';
import { MigrateError } from '../../scripts/base/errors.ts';
import {
  type EmbeddedServer,
  projectDirectories,
  removeDevServer,
  removeServer,
  serverStatus,
  startDevServer,
  startServer,
  stopDevServer,
  stopServer,
} from '../../scripts/devserver/devserver.ts';
import { livingPostmaster, readPostmaster } from '../../scripts/devserver/postmaster.ts';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { project } from '../support/cli.ts';
import { endWithProcess } from '../support/postgres.ts';

/** A folder that is not there yet, in a path as people have them; its server is removed after the test. */
function freshFolder(name = "data of O'Neil"): string {
  const parent = mkdtempSync(join(tmpdir(), 'migrate devserver '));
  chmodSync(parent, 0o755);
  const folder = join(parent, name);
  endWithProcess(folder, parent);
  cleanUpAfterTest(async () => {
    await removeServer(folder);
    rmSync(parent, { recursive: true, force: true });
  });
  return folder;
}

const clusterIn = (folder: string) => join(folder, 'cluster');
const pidIn = (folder: string) => readPostmaster(clusterIn(folder))?.pid;

async function query(server: EmbeddedServer, sql: string, database = 'postgres'): Promise<unknown[]> {
  const { host, port, user, password } = server;
  const client = new pg.Client({ host, port, user, password, database });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query({ text: sql, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

/** Ends the server as a power cut would, and waits until its process is gone. */
async function cutPower(folder: string): Promise<void> {
  process.kill(pidIn(folder)!, 'SIGKILL');
  while (livingPostmaster(clusterIn(folder)) !== undefined) await new Promise(setImmediate);
}

/** PostgreSQL insists on both; cpSync keeps no owner, and from Node 24 on no mode of a folder. */
async function ownLike(original: string, copy: string): Promise<void> {
  const { uid, gid, mode } = statSync(original);
  chmodSync(copy, mode);
  await execa('chown', ['-R', `${uid}:${gid}`, copy]);
}

async function rejection(promise: Promise<unknown>): Promise<MigrateError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(MigrateError);
  return error as MigrateError;
}

async function occupy(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  cleanUpAfterTest(() => new Promise((resolve) => server.close(resolve)));
  return server;
}

describe('the embedded server', () => {
  it('starts cold as PostgreSQL 16 on the loopback address only', async () => {
    const server = await startServer({ dataDirectory: freshFolder() });
    expect(server).to.include({ host: '127.0.0.1', user: 'postgres', started: true });
    const facts = `SELECT current_setting('server_version_num')::int / 10000, current_setting('listen_addresses'),
      current_setting('unix_socket_directories'), current_setting('fsync'), current_setting('max_connections'),
      current_setting('server_encoding')`;
    expect(await query(server, facts)).to.deep.equal([16, '127.0.0.1', '', 'on', '200', 'UTF8']);
  });

  it('lets nobody in without the password, which only its owner can read', async () => {
    const folder = freshFolder();
    const server = await startServer({ dataDirectory: folder });
    expect(await query(server, 'SELECT 1')).to.deep.equal([1]);
    const refusal = await query({ ...server, password: 'wrong' }, 'SELECT 1').catch((error) => error.code);
    expect(refusal).to.equal('28P01');
    expect(statSync(join(clusterIn(folder), 'superuser.password')).mode & 0o777).to.equal(0o600);
  });

  it('answers again at once without a second start', async () => {
    const dataDirectory = freshFolder();
    const first = await startServer({ dataDirectory });
    const pid = pidIn(dataDirectory);
    expect(await startServer({ dataDirectory })).to.deep.equal({ ...first, started: false });
    expect(pidIn(dataDirectory)).to.equal(pid);
  });

  it('gives one server to starts within one process, too', async () => {
    const dataDirectory = freshFolder();
    const servers = await Promise.all([1, 2, 3, 4].map(() => startServer({ dataDirectory })));
    expect(servers.filter(({ started }) => started)).to.have.length(1);
    expect(new Set(servers.map(({ port }) => port))).to.have.property('size', 1);
  });

  it('stops, says whether it ran, and comes back with its data at the same port', async () => {
    const dataDirectory = freshFolder();
    const first = await startServer({ dataDirectory });
    await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
    expect(await stopServer(dataDirectory)).to.equal(true);
    expect(await serverStatus(dataDirectory)).to.equal(undefined);
    expect(await stopServer(dataDirectory)).to.equal(false);
    const second = await startServer({ dataDirectory });
    expect(second).to.deep.equal(first);
    expect(await query(second, 'SELECT answer FROM kept')).to.deep.equal([42]);
  });

  it('moves to another port when its own was taken while it was down', async () => {
    const dataDirectory = freshFolder();
    const first = await startServer({ dataDirectory });
    await stopServer(dataDirectory);
    await occupy(first.port);
    expect(await serverStatus(dataDirectory)).to.equal(undefined);
    const second = await startServer({ dataDirectory });
    expect(second.port).not.to.equal(first.port);
  });

  it('survives a SIGKILL of the postmaster without losing what was committed', async () => {
    const dataDirectory = freshFolder();
    const first = await startServer({ dataDirectory });
    await query(first, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await cutPower(dataDirectory);
    expect(readPostmaster(clusterIn(dataDirectory)), 'the stale postmaster.pid').not.to.equal(undefined);
    const second = await startServer({ dataDirectory });
    expect(second.started).to.equal(true);
    expect(await query(second, 'SELECT answer FROM kept')).to.deep.equal([42]);
  });

  it('is not misled by a stale postmaster.pid whose process id now belongs to another program', async () => {
    const dataDirectory = freshFolder();
    await startServer({ dataDirectory });
    await cutPower(dataDirectory);
    const path = join(clusterIn(dataDirectory), 'postmaster.pid');
    writeFileSync(path, readFileSync(path, 'utf8').replace(/^\d+/, String(process.pid)));
    expect(await stopServer(dataDirectory)).to.equal(false);
    expect(await startServer({ dataDirectory })).to.have.property('started', true);
    expect(pidIn(dataDirectory)).not.to.equal(process.pid);
  });

  it('is not taken for the server of a copy of its folder', async () => {
    const dataDirectory = freshFolder();
    const copy = freshFolder('copy');
    const original = await startServer({ dataDirectory });
    cpSync(dataDirectory, copy, { recursive: true });
    await ownLike(clusterIn(dataDirectory), clusterIn(copy));
    expect(await serverStatus(copy)).to.equal(undefined);
    const second = await startServer({ dataDirectory: copy });
    expect(second.started).to.equal(true);
    expect(second.port).not.to.equal(original.port);
    expect(await serverStatus(dataDirectory)).to.have.property('port', original.port);
  });

  it('takes over the lock of a start that was killed', async () => {
    const dataDirectory = freshFolder();
    await startServer({ dataDirectory });
    await stopServer(dataDirectory);
    const noSuchProcess = 2 ** 31 - 2;
    writeFileSync(join(dataDirectory, 'start.lock'), `${noSuchProcess}\n`);
    expect(await startServer({ dataDirectory })).to.have.property('started', true);
  });

  it('passes settings on, quoted', async () => {
    const settings = { fsync: 'off', 'app.motto': "it's $HOME" };
    const server = await startServer({ dataDirectory: freshFolder(), settings });
    const shown = await query(server, "SELECT current_setting('fsync'), current_setting('app.motto')");
    expect(shown).to.deep.equal(['off', "it's $HOME"]);
  });

  it('says with the last lines of the log why it does not start', async () => {
    const options = { dataDirectory: freshFolder(), settings: { shared_buffers: 'plenty' } };
    const error = await rejection(startServer(options));
    expect(error.code).to.equal('connection');
    expect(error.message).to.match(
      /did not start:\n.*invalid value for parameter "shared_buffers": "plenty"/s,
    );
    expect(error.options.hint).to.contain('server.log');
  });

  it('is removed with its data', async () => {
    const dataDirectory = freshFolder();
    await startServer({ dataDirectory });
    const pid = pidIn(dataDirectory);
    expect(await removeServer(dataDirectory)).to.equal(true);
    expect(statSync(dataDirectory, { throwIfNoEntry: false })).to.equal(undefined);
    expect(pid).to.be.a('number');
    expect(await removeServer(dataDirectory)).to.equal(false);
  });
});

describe('the development server', () => {
  function freshProject(): string {
    const root = freshFolder('my project');
    endWithProcess(projectDirectories(root).development, dirname(root));
    cleanUpAfterTest(() => removeDevServer(root));
    return root;
  }

  it('has a database for the project, also after someone dropped it', async () => {
    const root = freshProject();
    const server = await startDevServer(root);
    expect(server.dataDirectory).to.equal(projectDirectories(root).development);
    expect(await query(server, 'SELECT current_database()', server.database)).to.deep.equal([
      'app_development',
    ]);
    await query(server, 'DROP DATABASE app_development');
    const again = await startDevServer(root);
    expect(again.started).to.equal(false);
    expect(await query(again, 'SELECT current_database()', again.database)).to.deep.equal([
      'app_development',
    ]);
  });

  it('is deleted only where the tool made it: links to other folders, and what else lies there, stay', async () => {
    const tool = await project({});
    const place = join(tool.root, '.postgres');
    const treasure = join(tool.root, 'treasure');
    mkdirSync(join(treasure, 'development', 'cluster'), { recursive: true });
    const files = ['gold', 'development/gold', 'development/port', 'development/cluster/PG_VERSION'];
    for (const name of files) writeFileSync(join(treasure, name), '16\n');
    const links: [string, string][] = [
      [place, treasure],
      [join(place, 'development'), join(treasure, 'development')],
      [join(place, 'scratch'), join(treasure, 'development')],
    ];
    for (const [link, to] of links) {
      rmSync(place, { recursive: true, force: true });
      if (link !== place) mkdirSync(place);
      symlinkSync(to, link);
      for (const command of ['db-reset', 'db-down']) {
        const result = await tool.run([command]);
        expect(result.exitCode, result.all).to.equal(7);
        expect(result.stderr).to.include('is a link to');
      }
      for (const name of files) expect(readFileSync(join(treasure, name), 'utf8')).to.equal('16\n');
    }
    rmSync(place, { recursive: true, force: true });
    cpSync(treasure, place, { recursive: true });
    const result = await tool.run(['db-reset']);
    expect(result.exitCode, result.all).to.equal(7);
    expect(result.stderr).to.include('did not make');
  });

  it('leaves beside it what the tool did not make', async () => {
    const root = freshProject();
    await startDevServer(root);
    const { development } = projectDirectories(root);
    writeFileSync(join(development, 'notes.txt'), 'mine');
    expect(await removeDevServer(root)).to.equal(true);
    expect(readFileSync(join(development, 'notes.txt'), 'utf8')).to.equal('mine');
    expect(statSync(join(development, 'cluster'), { throwIfNoEntry: false })).to.equal(undefined);
  });

  it('is stopped by project, and loses its data only when removed', async () => {
    const root = freshProject();
    const server = await startDevServer(root);
    await query(server, 'CREATE TABLE kept ()', server.database);
    expect(await stopDevServer(root)).to.deep.equal({ development: true, scratch: false });
    const again = await startDevServer(root);
    expect(await query(again, 'SELECT FROM kept', server.database)).to.deep.equal([]);
    expect(await removeDevServer(root)).to.equal(true);
    const fresh = await startDevServer(root);
    const gone = await query(fresh, 'SELECT FROM kept', server.database).catch((error) => error.code);
    expect(gone).to.equal('42P01');
  });
});
