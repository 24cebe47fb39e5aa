// Takes the environment; gives the one PostgreSQL of this test run, started on first use and ended with the run:
// TEST_DATABASE_URL, else a container if a Docker engine answers, else the embedded server. TEST_POSTGRES names its major
// version.
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';
import { defaultMajor } from '../../scripts/base/postgres-major.ts';
import { removeServer, startServer } from '../../scripts/devserver/devserver.ts';
import { cleanUpAfterRun } from './cleanup.ts';

/** Where the run's server is, and a login that may create databases. */
export interface TestServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** A database to connect to while creating others. */
  readonly database: string;
  /** TLS settings of TEST_DATABASE_URL, if it has any. */
  readonly ssl?: pg.ClientConfig['ssl'];
}

const key = Symbol.for('migrate.test.server');
const shared = globalThis as { [key]?: Promise<TestServer> };

/** No durability: these databases live for one test. */
const fast = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  autovacuum: 'off',
  max_prepared_transactions: '4',
  // The files are in memory.
  max_wal_size: '128MB',
  min_wal_size: '32MB',
};
/** Major version of the servers that tests start. */
export const testMajor = Number(process.env.TEST_POSTGRES || defaultMajor);
const image = `postgres:${testMajor}-alpine`;

/** The server of this run; the choice is printed once. */
export function testServer(): Promise<TestServer> {
  shared[key] ??= choose();
  return shared[key];
}

async function choose(): Promise<TestServer> {
  const url = process.env.TEST_DATABASE_URL;
  if (url) return announce(given(url), 'TEST_DATABASE_URL');
  let why =
    'no Docker engine answers, so testcontainers is not used; set TEST_DATABASE_URL to choose another';
  if (await dockerAnswers()) {
    try {
      return await announce(await container(), `testcontainers, ${image}`);
    } catch (error) {
      // An engine without images and without a registry is as good as none, but somebody may count on it.
      why = `Docker answers, but gives no ${image}`;
      process.stderr.write(`# WARNING: ${why}: ${(error as Error).message.split('\n')[0]}\n`);
    }
  }
  return announce(await embedded(), `embedded (${why})`);
}

async function announce(server: TestServer, choice: string): Promise<TestServer> {
  const client = new pg.Client(server);
  await client.connect();
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
  await client.end();
  process.stdout.write(`# PostgreSQL ${rows[0]?.server_version.split(' ')[0]}: ${choice}\n`);
  return server;
}

function given(url: string): TestServer {
  const {
    host = 'localhost',
    port = 5432,
    user = 'postgres',
    database = 'postgres',
    ssl,
    ...rest
  } = parseIntoClientConfig(url);
  const password = typeof rest.password === 'string' ? rest.password : (process.env.PGPASSWORD ?? '');
  return { host, port, user, password, database, ...(ssl === undefined ? {} : { ssl }) };
}

/** Cheap: one connection to the engine's socket, no client library. */
async function dockerAnswers(): Promise<boolean> {
  const engine = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
  const { hostname, port, protocol, pathname } = new URL(engine);
  return new Promise((resolve) => {
    const socket = protocol === 'unix:' ? connect(pathname) : connect(Number(port || 2375), hostname);
    socket.setTimeout(1_000);
    const answer = (verdict: boolean) => {
      socket.destroy();
      resolve(verdict);
    };
    socket.once('connect', () => answer(true));
    socket.once('timeout', () => answer(false));
    socket.once('error', () => answer(false));
  });
}

async function container(): Promise<TestServer> {
  const { GenericContainer, Wait } = await import('testcontainers');
  const password = 'test';
  const started = await new GenericContainer(image)
    .withEnvironment({ POSTGRES_PASSWORD: password })
    .withCommand(['postgres', ...Object.entries(fast).flatMap(([name, value]) => ['-c', `${name}=${value}`])])
    .withExposedPorts(5432)
    // Twice: the image starts the server once for its own set-up.
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .start();
  cleanUpAfterRun(() => started.stop());
  return {
    host: started.getHost(),
    port: started.getMappedPort(5432),
    user: 'postgres',
    password,
    database: 'postgres',
  };
}

async function embedded(): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-tests-'));
  endWithProcess(folder);
  const { host, port, user, password } = await startServer({
    dataDirectory: folder,
    postgres: testMajor,
    settings: fast,
  });
  cleanUpAfterRun(() => removeServer(folder));
  return { host, port, user, password, database: 'postgres' };
}

/**
 * Ends the server of this data directory, and deletes that (or the folder around it), when this process ends. The
 * server is detached, and a run may end in any way (an abort, a broken pipe, SIGKILL): a small shell process waits for
 * the end of its input, which comes with the end of this process.
 */
export function endWithProcess(dataDirectory: string, folder = dataDirectory): void {
  const script = `cat >/dev/null
    pid=$(head -n 1 "$1/cluster/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" 2>/dev/null
    for attempt in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$2" 2>/dev/null && break; sleep 0.2; done`;
  const guard = spawn('/bin/sh', ['-c', script, 'sh', dataDirectory, folder], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();
  (guard.stdin as Socket).unref();
}
