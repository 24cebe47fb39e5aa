// Takes the run's server; gives fresh databases, one per test, dropped after it. It knows nothing of migrations.
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { cleanUpAfterRun, cleanUpAfterTest } from './cleanup.ts';
import './deprecation.ts';
import { type TestServer, testServer } from './postgres.ts';

/** A database of a test's own; its clients are closed and it is dropped after the test. */
export interface TestDatabase {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** With the password; for drivers that take a URL. */
  readonly url: string;
  /** A new connection, which is closed after the test. */
  client(config?: pg.ClientConfig): Promise<pg.Client>;
  /** One statement, or several without values, on a connection that is kept for such queries. */
  query<R extends pg.QueryResultRow = Record<string, unknown>>(sql: string, values?: unknown[]): Promise<R[]>;
  /** For a child process: the URL has no password, PGPASSWORD has. */
  env(): Record<string, string>;
  drop(): Promise<void>;
}

const key = Symbol.for('migrate.test.admin');
const shared = globalThis as { [key]?: Promise<pg.Client> };

/** The connection on which test databases are created and dropped; it ends with the run. */
export function adminClient(): Promise<pg.Client> {
  shared[key] ??= connectAdmin();
  return shared[key];
}

async function connectAdmin(): Promise<pg.Client> {
  const client = inTurn(new pg.Client({ ...(await testServer()), application_name: 'migrate tests' }));
  client.on('error', () => {});
  await client.connect();
  cleanUpAfterRun(() => client.end());
  return client;
}

/** Parts of a test may ask at the same time: what is asked waits for its turn, as pg itself is going to refuse it. */
function inTurn(client: pg.Client): pg.Client {
  const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
  let last: Promise<unknown> = Promise.resolve();
  const queued = (...args: unknown[]) => {
    const answer = last.then(() => query(...args));
    last = answer.catch(() => {});
    return answer;
  };
  return Object.assign(client, { query: queued });
}

/**
 * A new empty database, or a copy of the test database named `from` (whose connections are ended for that).
 * @param options `encoding`: of an empty one, UTF8 otherwise
 */
export async function createDatabase(
  options: { from?: string; encoding?: string } = {},
): Promise<TestDatabase> {
  const server = await testServer();
  const admin = await adminClient();
  const name = `migrate_test_${process.pid}_${randomBytes(6).toString('hex')}`;
  if (options.from !== undefined) await endSessions(admin, options.from);
  const template = pg.escapeIdentifier(options.from ?? 'template0');
  const encoded = options.encoding === undefined ? '' : ` ENCODING '${options.encoding}' LOCALE 'C'`;
  await admin.query(
    `CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE ${template} STRATEGY FILE_COPY${encoded}`,
  );
  const database = handle(server, admin, name);
  cleanUpAfterTest(() => database.drop());
  return database;
}

/** Ends the sessions and waits until they are gone, which CREATE and DROP DATABASE do in steps of 100 ms. */
async function endSessions(admin: pg.Client, name: string): Promise<void> {
  const sql = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1';
  const deadline = Date.now() + 5_000;
  while ((await admin.query(sql, [name])).rowCount !== 0 && Date.now() < deadline) await delay(2);
}

function handle(server: TestServer, admin: pg.Client, name: string): TestDatabase {
  const { host, port, user, password, ssl } = server;
  const login = `${host.includes(':') ? `[${host}]` : host}:${port}/${name}${ssl === undefined ? '' : '?sslmode=require'}`;
  const clients: pg.Client[] = [];
  let shared: Promise<pg.Client> | undefined;
  const client = async (config: pg.ClientConfig = {}) => {
    const opened = new pg.Client({ ...server, database: name, ...config });
    opened.on('error', () => {});
    clients.push(opened);
    await opened.connect();
    return opened;
  };
  const drop = async () => {
    shared = undefined;
    await endSessions(admin, name);
    await admin.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
    await Promise.all(clients.splice(0).map((opened) => opened.end().catch(() => {})));
  };
  return {
    name,
    host,
    port,
    user,
    password,
    url: `postgresql://${user}:${encodeURIComponent(password)}@${login}`,
    client,
    async query<R extends pg.QueryResultRow>(sql: string, values?: unknown[]) {
      shared ??= client({ application_name: 'migrate test query' }).then(inTurn);
      const { rows } = await (await shared).query<R>(sql, values);
      return rows;
    },
    // The scratch databases of plan and of the reviews are on the same server: no test starts one of its own for them.
    env: () => ({
      DATABASE_URL: `postgresql://${user}@${login}`,
      PGPASSWORD: password,
      MIGRATE_ENV: 'development',
      SHADOW_DATABASE_URL: `postgresql://${user}@${login}`,
    }),
    drop,
  };
}
