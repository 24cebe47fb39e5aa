// Takes the address of a server for tests (or none: then the project's embedded one); gives one connection to it per
// process, with what building, cloning and dropping databases needs. It knows nothing of migrations.
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { MigrateError } from '../base/errors.ts';
import { visible } from '../base/foreign-text.ts';
import { keepSecret } from '../base/secrets.ts';
import type { Environment } from '../config/environment.ts';
import { secretsOf } from '../config/secrets.ts';
import { readTarget, type Target } from '../config/target.ts';
import { readPassfile } from '../connection/login.ts';
import { completing, durabilityOff } from '../scratch/scratch-address.ts';
import { connectTo, inTurn, whenIdle } from './session.ts';

/** A setting of a database, for every role or for one: CREATE DATABASE copies none of its template's. */
export interface DatabaseSetting {
  readonly role: string | null;
  readonly name: string;
  readonly value: string;
}

export interface TestServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** How to log in besides, for databases of this server: variables of libpq, and parameters as a URL has them. */
  readonly variables: Environment;
  readonly parameters: string;
  /** Templates that this process built or saw, by name, each settled when it can be cloned: with what a copy lacks. */
  readonly templates: Map<string, Promise<readonly DatabaseSetting[]>>;
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Rejects (`refused`) where it belongs to another role. */
  exists(database: string): Promise<boolean>;
  /** Works while no other process holds the lock of that name; it is waited for by trying, every 50 ms. */
  locked(name: string, work: () => Promise<void>): Promise<void>;
  endSessions(database: string): Promise<void>;
  drop(database: string): Promise<void>;
  /** Databases that this process has made and not dropped; while there are none the connection ends when it is idle. */
  readonly clones: Set<string>;
}

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
  const { target, variables, parameters } = login;
  const { host, port, user } = target;
  const client = await connectTo(target);
  client.on('error', () => servers.clear());
  const query = inTurn(client);
  const server: TestServer = {
    host,
    port,
    user,
    password: target.password ?? (await readPassfile(target).catch(() => undefined)) ?? '',
    variables,
    parameters,
    templates: new Map(),
    query,
    exists: (name) => exists(query, name),
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
  const endWhenIdle = whenIdle(() => {
    if (server.clones.size > 0) return;
    forget();
    client.end().catch(() => undefined);
  });
  await dropAbandoned(server);
  return server;
}

/** Whoever may create databases could have put one in the place of ours, with triggers and functions of theirs. */
const ownerSql = `SELECT pg_catalog.pg_get_userbyid(d.datdba)::text AS owner, d.datdba = r.oid AS own
  FROM pg_catalog.pg_database d, pg_catalog.pg_roles r WHERE d.datname = $1 AND r.rolname = current_user`;

async function exists(query: TestServer['query'], name: string): Promise<boolean> {
  const [found] = await query<{ owner: string; own: boolean }>(ownerSql, [name]);
  if (found !== undefined && !found.own) throw foreign(name, found.owner);
  return found !== undefined;
}

function foreign(name: string, owner: string): MigrateError {
  return new MigrateError(
    'refused',
    visible(`The test server has a database ${name} that belongs to ${owner}`),
    {
      hint: `Tests would run on what ${visible(owner)} put into it. If it is nobody's: DROP DATABASE ${name}`,
      state: 'Nothing was changed.',
    },
  );
}

interface Login {
  /** Its own name for the session would hide who is alive. */
  readonly target: Omit<Target, 'applicationName'>;
  readonly variables: Environment;
  readonly parameters: string;
}

async function named(url: string): Promise<Login> {
  // An application's DATABASE_URL may be of any kind: one that cannot be read is another server, whose login stays its own.
  const variables = await completing(url, process.env, 'TEST_DATABASE_URL').catch(() => ({}));
  const { applicationName: _, ...target } = await readTarget(
    { ...variables, DATABASE_URL: url },
    'TEST_DATABASE_URL',
  );
  keepSecret(secretsOf({ TEST_DATABASE_URL: url }));
  const isOther = ([name]: [string, unknown]) => name.startsWith('PGSSL') || how.has(name);
  return {
    target,
    variables: Object.fromEntries(Object.entries(variables).filter(isOther)),
    parameters: parametersOf(url),
  };
}

/** Variables that say how to log in, beside those of TLS. */
const how = new Set(['PGCHANNELBINDING', 'PGREQUIREAUTH', 'PGCONNECT_TIMEOUT']);

/** The query of the URL without who and where, for a URL of another database there. */
function parametersOf(url: string): string {
  const where = /^(?:host|port|user|password|dbname|passfile|application_name)=/;
  const [, query = ''] = url.split(/\?(.*)/s);
  return query
    .split('&')
    .filter((parameter) => parameter !== '' && !where.test(parameter))
    .join('&');
}

/** The scratch server of the project: without durability, shared with verify and lint, left running between test runs. */
async function embedded(root: string): Promise<Login> {
  const { projectDirectories, startServer } = await import('../devserver/devserver.ts');
  const { host, port, user, password } = await startServer({
    dataDirectory: projectDirectories(root).scratch,
    postgres: await majorOf(root),
    settings: durabilityOff,
  });
  return {
    target: { host, port, user, password, database: 'postgres', sslMode: 'disable' },
    variables: {},
    parameters: '',
  };
}

async function majorOf(root: string): Promise<number> {
  const { resolveConfig } = await import('../config/config.ts');
  const { postgres } = await resolveConfig('status', {}, {}, root);
  return postgres;
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
