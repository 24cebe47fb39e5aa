// Takes the address of a server for scratch work (or none: then an embedded one); gives databases that are created,
// cloned and dropped there. It must not know what they are for, and never touches a database it did not create.
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { MigrateError } from '../base/errors.ts';
import { majorOf, tooOld } from '../base/postgres-major.ts';
import { connectOnce } from '../connection/connect.ts';
import { ownSearchPath } from '../connection/session-settings.ts';
import type { Administrator } from './client.ts';
import { unlessAborted } from './interruption.ts';
import { noteOnce } from './notes.ts';
import { placeholdersSql } from './placeholder-roles.ts';
import { type ScratchConnection, type ScratchOptions, scratchAddress, timeoutMs } from './scratch-address.ts';
import { dropStale, prefix } from './stale-databases.ts';
import { createWorker, type Worker } from './worker.ts';

/** A database of our own; `connection` is what `new pg.Client` takes. */
export interface ScratchDatabase {
  readonly name: string;
  readonly connection: ScratchConnection;
  readonly administrator: Administrator;
}

export interface ScratchServer {
  /** An empty database, made from template0. */
  create(): Promise<ScratchDatabase>;
  /** A copy of one of this server's databases; its idle connections are ended first. */
  clone(from: ScratchDatabase): Promise<ScratchDatabase>;
  /** Drops one of this server's databases, and ends whoever is connected to it. */
  drop(database: ScratchDatabase): Promise<void>;
  /** Drops all that is left and disconnects; may be called twice. */
  close(): Promise<void>;
}

/**
 * Opens a server, hands it to `work`, and closes it whatever happens: when the options' signal aborts, under the work.
 * Errors as `openScratchServer`, and the signal's reason.
 * @throws MigrateError as `openScratchServer`; the signal's reason; what `work` throws
 */
export async function withScratchServer<T>(
  options: ScratchOptions,
  work: (server: ScratchServer) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  signal?.throwIfAborted();
  const opening = openScratchServer(options);
  const server = await unlessAborted(signal, opening, async () => (await opening).close());
  let ended = false;
  try {
    return await unlessAborted(signal, work(server), () => {
      ended = true;
      return server.close();
    });
  } finally {
    if (!ended) await server.close();
  }
}

/**
 * Connects to the scratch server and removes what runs that were killed more than an hour ago left there.
 * @throws MigrateError `connection` (cannot connect, or a session broke), `refused` (too old, or it may not create databases),
 *   `usage` (no URL, and the embedded server is not installed)
 */
export async function openScratchServer(options: ScratchOptions): Promise<ScratchServer> {
  const server = await scratchAddress(options);
  // One token per run, in the names of its databases and of its session: who has no session any more is dead.
  const token = `${prefix}${process.pid}_${Math.floor(Date.now() / 1000)}${randomBytes(4).toString('hex')}`;
  const admin = await connect(server, token);
  try {
    await judgeVersion(admin, options.postgres);
    await dropStale(admin);
    const worker = await createWorker(admin, server, token);
    return databasesOf({ server, admin, worker, token }, options.signal);
  } catch (error) {
    await admin.end();
    throw error;
  }
}

interface Opened {
  readonly server: ScratchConnection;
  readonly admin: pg.Client;
  readonly worker: Worker;
  /** What the names of this run's databases begin with. */
  readonly token: string;
}

function databasesOf({ server, admin, worker, token }: Opened, signal?: AbortSignal): ScratchServer {
  const own = new Map<string, ScratchDatabase>();
  let counter = 0;
  let closing: Promise<void> | null = null;
  const createFrom = async (template: string) => {
    signal?.throwIfAborted();
    counter += 1;
    const database = describe(server, admin, worker, `${token}_${counter}`);
    own.set(database.name, database);
    const owner = worker.role === null ? '' : ` OWNER ${quote(worker.role)}`;
    await run(admin, `CREATE DATABASE ${quote(database.name)} TEMPLATE ${quote(template)}${owner}`);
    return database;
  };
  const drop = async ({ name }: ScratchDatabase) => {
    demandOwn(own, name);
    await endSessions(admin, name, 'all');
    await run(admin, `DROP DATABASE IF EXISTS ${quote(name)} WITH (FORCE)`);
    own.delete(name);
  };
  return {
    create: () => createFrom('template0'),
    async clone(from) {
      demandOwn(own, from.name);
      await endSessions(admin, from.name, 'idle');
      return createFrom(from.name);
    },
    drop,
    close: () => {
      closing ??= closeAll(admin, [...own.values()], drop, worker);
      return closing;
    },
  };
}

async function closeAll(
  admin: pg.Client,
  databases: readonly ScratchDatabase[],
  drop: (database: ScratchDatabase) => Promise<void>,
  { role }: Worker,
): Promise<void> {
  try {
    for (const database of databases) await drop(database);
    if (role !== null) await admin.query(`DROP ROLE IF EXISTS ${quote(role)}`).catch(() => {});
    await dropPlaceholders(admin);
  } finally {
    await admin.end().catch(() => {});
  }
}

/** Roles that were made so that migrations run; one that another run has come to use meanwhile stays. */
async function dropPlaceholders(admin: pg.Client): Promise<void> {
  const { rows } = await admin.query<{ sql: string }>(placeholdersSql);
  for (const { sql } of rows) await admin.query(sql).catch(() => {});
}

/** The names are quoted, but a name from elsewhere must not get this far at all. */
function demandOwn(own: ReadonlyMap<string, ScratchDatabase>, name: string): void {
  if (!own.has(name)) throw new Error(`${name} is not a scratch database of this run`);
}

function describe(
  server: ScratchConnection,
  admin: pg.Client,
  { connection, role, superuser }: Worker,
  name: string,
): ScratchDatabase {
  const administrator: Administrator = {
    worker: connection.user,
    database: name,
    superuser,
    isApart: role !== null,
    query: async (text) => (await admin.query<Record<string, unknown>>(text)).rows,
    inDatabase: async (text) => {
      const client = await connect({ ...server, database: name }, `${name} administration`, [name]);
      await client.query(text).finally(() => client.end().catch(() => {}));
    },
  };
  return { name, connection: { ...connection, database: name }, administrator };
}

const quote = (name: string) => pg.escapeIdentifier(name);

/** CREATE DATABASE must be sent from some database: `postgres`, which every server has unless someone dropped it. */
async function connect(
  server: ScratchConnection,
  name: string,
  candidates: readonly string[] = [...new Set(['postgres', server.database])],
): Promise<pg.Client> {
  const settings = { search_path: ownSearchPath, statement_timeout: 0, idle_session_timeout: 0 };
  for (const database of candidates) {
    try {
      return await connectOnce(server, { applicationName: name, database, settings, timeoutMs });
    } catch (cause) {
      if (sqlState(cause) === '3D000' && database !== candidates.at(-1)) continue;
      throw connectionError(server, cause);
    }
  }
  throw new Error('unreachable: the last candidate returns or throws');
}

function connectionError({ host, port, user }: ScratchConnection, cause: unknown): MigrateError {
  if (cause instanceof MigrateError)
    return new MigrateError(cause.code, `SHADOW_DATABASE_URL: ${cause.message}`, cause.options);
  const message = `Cannot connect to the scratch server ${host}:${port} as ${user}: ${(cause as Error).message}`;
  const hint = 'Check SHADOW_DATABASE_URL (and PGPASSWORD), or leave it unset to use the embedded server.';
  return new MigrateError('connection', message, { hint, cause });
}

async function run(admin: pg.Client, sql: string): Promise<void> {
  try {
    await admin.query(sql);
  } catch (cause) {
    if (sqlState(cause) === '42501') {
      throw new MigrateError('refused', 'The scratch server does not let this user create databases.', {
        hint: `On that server: ALTER ROLE ${quote(admin.user ?? 'user')} CREATEDB. Or leave SHADOW_DATABASE_URL unset.`,
        cause,
      });
    }
    if (sqlState(cause) !== undefined) throw cause;
    throw new MigrateError('connection', `The scratch server went away: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function sqlState(error: unknown): string | undefined {
  const { code } = error as { code?: string };
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * Ends the sessions of a database and waits until they are gone (at most 5 s): CREATE DATABASE refuses a template in
 * use, and waits for it, as DROP DATABASE does, in steps of 100 ms.
 */
async function endSessions(admin: pg.Client, name: string, which: 'idle' | 'all'): Promise<void> {
  // Only sessions that we may end: autovacuum's give way by themselves, and asking for them is refused. Citus has one of its
  // own in each database, which comes back after seconds.
  const sql = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = $1 AND pg_has_role(usesysid, 'USAGE') AND (state LIKE 'idle%' OR backend_type LIKE 'Citus Maintenance%' OR $2)`;
  const deadline = Date.now() + 5_000;
  while ((await admin.query(sql, [name, which === 'all'])).rowCount !== 0 && Date.now() < deadline)
    await delay(2);
}

/** @param wanted major version of the server that the migrations are for */
async function judgeVersion(admin: pg.Client, wanted: number | undefined): Promise<void> {
  const { rows } = await admin.query<{ server_version_num: string }>('SHOW server_version_num');
  const major = majorOf(Number(rows[0]?.server_version_num));
  const old = tooOld(major);
  if (old === null) {
    if (wanted !== undefined && major !== wanted)
      noteOnce(
        `note: the scratch server (SHADOW_DATABASE_URL) is PostgreSQL ${major}, the migrations are for ${wanted}: what it refuses, locks or prints may be otherwise there`,
      );
    return;
  }
  throw new MigrateError('refused', `The scratch server (SHADOW_DATABASE_URL) is ${old.message}`, {
    hint: `${old.hint} Name another server, or leave SHADOW_DATABASE_URL unset to use the embedded one.`,
    state: 'Nothing was changed.',
  });
}
