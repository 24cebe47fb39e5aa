// Takes the address of a server for tests (or none: then the project's embedded one); gives one connection to it per
// process, with what building, cloning and dropping databases needs. It knows nothing of migrations.
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { clearTimeout, setTimeout } from 'node:timers';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { MigrateError } from '../base/errors.ts';
import { defaultMajor } from '../base/postgres-major.ts';
import { readTarget } from '../config/target.ts';
import { tlsAttempts } from '../config/tls.ts';

export interface TestServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Templates that this process built or saw, by name, each settled when it can be cloned. */
  readonly templates: Map<string, Promise<void>>;
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  exists(database: string): Promise<boolean>;
  /** Works while no other process holds the lock of that name; it is waited for by trying, every 50 ms. */
  locked(name: string, work: () => Promise<void>): Promise<void>;
  endSessions(database: string): Promise<void>;
  drop(database: string): Promise<void>;
  /** Databases that this process has made and not dropped; while there are none the connection ends when it is idle. */
  readonly clones: Set<string>;
}

/** How long (ms) a connection without a database of its own is kept: jest begins each test file with new modules. */
const idleMs = 1000;

const servers = new Map<string, Promise<TestServer>>();

/**
 * The server at that address, connected once per process. The connection does not keep the process alive.
 * @param url `postgres://…`; undefined for the embedded server of the project at `root`
 * @throws MigrateError `usage` (package not installed, wrong URL), `connection`
 */
export function openServer(url: string | undefined, root: string): Promise<TestServer> {
  const key = url ?? root;
  const opened = servers.get(key) ?? open(url, root, () => servers.delete(key));
  servers.set(key, opened);
  opened.catch(() => servers.delete(key));
  return opened;
}

async function open(url: string | undefined, root: string, forget: () => void): Promise<TestServer> {
  const login = url === undefined || url === '' ? await embedded(root) : await named(url);
  const { host, port, user, password, database, ssl } = login;
  // The name tells other processes that this one lives: databases carry its pid.
  const client = new pg.Client({
    host,
    port,
    user,
    password,
    database,
    ssl,
    application_name: `migrate_clone_${process.pid}_`,
  });
  client.on('error', () => servers.clear());
  await client.connect().catch((cause: Error) => {
    throw new MigrateError(
      'connection',
      `Cannot connect to the test server ${host}:${port} as ${user}: ${cause.message}`,
      {
        hint: 'Check TEST_DATABASE_URL, or leave it unset to use the embedded server.',
        cause,
      },
    );
  });
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  // A test runner ends when its tests do: an idle connection must not keep it.
  stream.unref();
  let last: Promise<unknown> = Promise.resolve();
  // One after the other, as the connection takes them.
  const query = <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    const answer = last.then(async () => {
      stream.ref();
      try {
        return (await client.query(text, values as unknown[])).rows as Row[];
      } finally {
        stream.unref();
      }
    });
    last = answer.catch(() => undefined);
    return answer;
  };
  const server: TestServer = {
    host,
    port,
    user,
    password,
    templates: new Map(),
    query,
    exists: async (name) =>
      (await query('SELECT FROM pg_catalog.pg_database WHERE datname = $1', [name])).length > 0,
    locked: (name, work) => locked(query, name, work),
    endSessions: async (name) => {
      await query(
        'SELECT pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity WHERE datname = $1',
        [name],
      );
    },
    drop: async (name) => {
      await query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
      server.clones.delete(name);
      endWhenIdle();
    },
    clones: new Set(),
  };
  let idle: NodeJS.Timeout | undefined;
  const endWhenIdle = () => {
    clearTimeout(idle);
    idle = setTimeout(() => {
      if (server.clones.size > 0) return;
      forget();
      client.end().catch(() => undefined);
    }, idleMs);
    idle.unref();
  };
  await dropAbandoned(server);
  return server;
}

interface Login {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly ssl: NonNullable<pg.ClientConfig['ssl']>;
}

async function named(url: string): Promise<Login> {
  const { PGPASSWORD } = process.env;
  const target = await readTarget(
    { DATABASE_URL: url, ...(PGPASSWORD ? { PGPASSWORD } : {}) },
    'TEST_DATABASE_URL',
  );
  const { host, port, user, database, password = '' } = target;
  return { host, port, user, password, database, ssl: tlsAttempts(target)[0] ?? false };
}

/** The scratch server of the project: without durability, shared with verify and lint, left running between test runs. */
async function embedded(root: string): Promise<Login> {
  const { projectDirectories, startServer } = await import('../devserver/devserver.ts');
  const { host, port, user, password } = await startServer({
    dataDirectory: projectDirectories(root).scratch,
    postgres: await majorOf(root),
    settings: { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' },
  });
  return { host, port, user, password, database: 'postgres', ssl: false };
}

async function majorOf(root: string): Promise<number> {
  const { resolveConfig } = await import('../config/config.ts');
  const { postgres } = await resolveConfig('status', {}, {}, root);
  return postgres ?? defaultMajor;
}

async function locked(query: TestServer['query'], name: string, work: () => Promise<void>): Promise<void> {
  const key = createHash('sha256').update(name).digest().readBigInt64BE().toString();
  const lock = async () =>
    (await query<{ got: boolean }>('SELECT pg_catalog.pg_try_advisory_lock($1::bigint) AS got', [key]))[0]
      ?.got === true;
  while (!(await lock())) await delay(50);
  try {
    await work();
  } finally {
    await query('SELECT pg_catalog.pg_advisory_unlock($1::bigint)', [key]);
  }
}

/** Drops databases whose process has no connection any more: it was killed, or forgot them. */
async function dropAbandoned(server: TestServer): Promise<void> {
  const rows = await server.query<{ name: string }>(
    `SELECT d.datname::text AS name FROM pg_catalog.pg_database d
      WHERE d.datname ~ '^migrate_(clone|building)_[0-9]+_[0-9a-f]+$' AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_stat_activity a
         WHERE a.application_name = 'migrate_clone_' || pg_catalog.split_part(d.datname, '_', 3) || '_')`,
  );
  for (const { name } of rows) await server.drop(name).catch(() => undefined);
}

/** Drops templates of earlier states of a project's files. @param comment what says whose they are */
export async function dropStale(server: TestServer, comment: string): Promise<void> {
  const rows = await server.query<{ name: string }>(
    `SELECT datname::text AS name FROM pg_catalog.pg_database
      WHERE datname ~ '^migrate_template_[0-9a-f]+$' AND pg_catalog.shobj_description(oid, 'pg_database') = $1`,
    [comment],
  );
  for (const { name } of rows) await server.drop(name).catch(() => undefined);
}
