// Takes a Config; gives one session on the target: connected, checked to be a real one, set up and ended again.
// It knows nothing of migrations or of the ledger.
import { hostname, userInfo } from 'node:os';
import type pg from 'pg';
import { type BatchOptions, type BatchResult, sendBatch } from './batch.ts';
import { type Config, refuseMissingTarget } from './config.ts';
import { connect, poolerError, streamOf } from './connect.ts';
import { MigrateError } from './errors.ts';
import { readGitHead } from './git-head.ts';
import type { SqlPieces } from './pieces.ts';
import { sessionSettings } from './reset.ts';
import { describeTarget, type Target } from './target.ts';
import { timed } from './timing.ts';

export type Row = Readonly<Record<string, unknown>>;

export interface Session {
  readonly target: Target;
  /** True when the target is the embedded development server. */
  readonly embedded: boolean;
  /** For the libraries that bring their own queries; everything else goes through `query` and `batch`. */
  readonly client: pg.Client;
  readonly pid: number;
  /** The role we act as: the login's, or the one that ALTER ROLE … SET role gives it. */
  readonly role: string;
  /** As `server_version_num`: 160014 for 16.14. */
  readonly serverVersion: number;
  readonly readOnly: 'standby' | 'default_transaction_read_only' | null;
  /** One statement, one round trip. Rejects with pg's own error, or MigrateError `connection` when the session is lost. */
  query<Result extends Row = Row>(text: string, values?: readonly unknown[]): Promise<Result[]>;
  /** Several statements, one round trip; see `sendBatch`. */
  batch(text: SqlPieces, options?: BatchOptions): Promise<BatchResult>;
  /** Ours is UTF-8; a file that set another encoding would garble what we send next. Free when nothing changed. */
  restoreEncoding(): Promise<void>;
  /** How many round trips this session made; a claim of the README is tested with it. */
  roundTrips(): number;
  /** A second, short-lived connection to the same target, for looking at the first from outside; 5 s to connect. */
  aside<Result>(work: (client: pg.Client) => Promise<Result>, timeoutMs?: number): Promise<Result>;
  onNotice(listener: (notice: string) => void): void;
}

export interface SessionHooks {
  readonly signal?: AbortSignal;
  readonly onRetry?: (reason: string) => void;
  readonly onServerStart?: () => void;
}

/** Connects, works, disconnects; the session is ended however the work ends. */
export async function withSession<Result>(
  config: Config,
  hooks: SessionHooks,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const target = await resolveTarget(config, hooks);
  const client = await timed('connect', () =>
    connect(target, {
      applicationName: applicationName(config),
      timeoutMs: config.connectTimeoutMs,
      ...(hooks.signal === undefined ? {} : { signal: hooks.signal }),
      ...(hooks.onRetry === undefined ? {} : { onRetry: hooks.onRetry }),
    }),
  );
  try {
    return await work(await openSession(config, target, client, hooks));
  } finally {
    await endClient(client);
  }
}

/**
 * Who this is, for whoever is kept waiting. PostgreSQL cuts names at 63 bytes, so that the commit stands first.
 * https://www.postgresql.org/docs/16/runtime-config-logging.html#GUC-APPLICATION-NAME
 */
function applicationName({ command, root, variables }: Config): string {
  const commit = (variables.GITHUB_SHA || readGitHead(root) || '').slice(0, 7);
  const host = hostname().slice(0, 32);
  const actor = (variables.MIGRATE_ACTOR || variables.GITHUB_ACTOR || userName()).slice(0, 20);
  const who = actor.endsWith(`@${host}`) ? actor : `${actor}@${host}`;
  return ['migrate', command, commit, who]
    .filter((part) => part !== '')
    .join(' ')
    .slice(0, 63);
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return ''; // a container's user id without an account
  }
}

async function resolveTarget(config: Config, hooks: SessionHooks): Promise<Target> {
  if (config.target !== undefined) return config.target;
  refuseMissingTarget(config);
  const { startDevServer } = await import('./devserver.ts');
  const server = await startDevServer(config.root);
  if (server.started) hooks.onServerStart?.();
  const { host, port, user, password, database } = server;
  return { host, port, user, password, database, sslMode: 'disable' };
}

async function openSession(
  config: Config,
  target: Target,
  client: pg.Client,
  hooks: SessionHooks,
): Promise<Session> {
  const channel = openChannel(target, client, hooks.signal);
  const aside: Session['aside'] = async (work, timeoutMs = 5000) => {
    const name = `${applicationName(config).slice(0, 54)} watching`;
    const second = await connect(target, { applicationName: name, timeoutMs });
    try {
      return await work(second);
    } finally {
      await endClient(second);
    }
  };
  const facts = await timed('preflight', () => preflight(config, client, channel.query));
  if (hooks.signal !== undefined) cancelOnAbort(hooks.signal, client, facts.pid, aside);
  const onNotice = (listener: (notice: string) => void) => {
    client.on('notice', ({ severity, message }) => listener(`${severity ?? 'NOTICE'}: ${message ?? ''}`));
  };
  return { target, client, embedded: config.target === undefined, ...channel, ...facts, aside, onNotice };
}

/** How long (ms) a cancelled statement may take to end before the connection is cut. */
const cancelPatience = 1200;

/** Ends what the session runs when the signal aborts; the work sees its statement fail and rolls back. */
function cancelOnAbort(signal: AbortSignal, client: pg.Client, pid: number, aside: Session['aside']): void {
  const cancel = () => {
    aside((second) => second.query('SELECT pg_cancel_backend($1)', [pid])).catch(() => undefined);
    setTimeout(() => streamOf(client).destroy(), cancelPatience).unref();
  };
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
}

type Channel = Pick<Session, 'query' | 'batch' | 'restoreEncoding' | 'roundTrips'>;

/** The two ways to send, with counting, and with errors of a lost connection told apart from those of SQL. */
function openChannel(target: Target, client: pg.Client, signal: AbortSignal | undefined): Channel {
  let trips = 0;
  let lost: Error | null = null;
  let encoding = 'UTF8';
  client.on('error', (error) => {
    lost ??= error;
  });
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter };
  connection.on('parameterStatus', (status: { parameterName: string; parameterValue: string }) => {
    if (status.parameterName === 'client_encoding') encoding = status.parameterValue;
  });
  return {
    query: async <Result extends Row>(text: string, values?: readonly unknown[]): Promise<Result[]> => {
      trips += 1;
      try {
        return (await client.query<Result>(text, values as unknown[])).rows;
      } catch (error) {
        signal?.throwIfAborted();
        throw ownQueryError(target, error, lost);
      }
    },
    batch: async (text: SqlPieces, options?: BatchOptions) => {
      trips += 1;
      const result = await sendBatch(client, text, options);
      return isConnectionLoss(result.error)
        ? { ...result, error: lostError(target, lost ?? result.error) }
        : result;
    },
    restoreEncoding: async () => {
      if (encoding === 'UTF8') return;
      trips += 1;
      await sendBatch(client, 'RESET client_encoding');
    },
    roundTrips: () => trips,
  };
}

/** Errors of our own queries that are not bugs: the session is gone, or something out there is in the way. */
function ownQueryError(target: Target, error: unknown, lost: Error | null): unknown {
  if (isConnectionLoss(error)) return lostError(target, lost ?? error);
  const { code, message } = error as { code?: string; message: string };
  if (code === '42501') {
    return new MigrateError('refused', `The role lacks a privilege: ${message}`, {
      hint: 'Use the migration role, or have an administrator grant it (README, "Credentials").',
      database: { sqlState: code },
      cause: error,
    });
  }
  if (code !== '55P03' && code !== '40P01') return error;
  return new MigrateError('locked', `Another session locks the tracking table or the ledger: ${message}`, {
    hint: 'SELECT pid, query FROM pg_stat_activity shows who is in a transaction. Let it end, then run the same command again.',
    database: { sqlState: code },
    cause: error,
  });
}

type Preflight = Pick<Session, 'pid' | 'role' | 'serverVersion' | 'readOnly'>;

/** One round trip that sets the session up and tells whether it is one. */
async function preflight(config: Config, client: pg.Client, query: Session['query']): Promise<Preflight> {
  // Through a pooler in transaction mode the backend that answers is not the one that was promised at login; nothing is
  // set up there, for the next client would inherit it.
  const promised = (client as unknown as { processID: number | null }).processID;
  const [row] = await query<{
    pid: number;
    role: string;
    version: number;
    standby: boolean;
    read_only: boolean;
  }>(
    `${sessionSettings(config)}, pg_backend_pid() AS pid, current_user AS role, current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only')::bool AS read_only WHERE pg_backend_pid() = ${promised ?? 0}`,
  );
  if (row === undefined) throw poolerError('another backend answers than the one that was promised at login');
  const readOnly = row.standby ? 'standby' : row.read_only ? 'default_transaction_read_only' : null;
  return { pid: row.pid, role: row.role, serverVersion: row.version, readOnly };
}

/** @throws MigrateError `refused` on a standby or where sessions are read-only: nothing can be written there. */
export function refuseReadOnly(session: Session): void {
  if (session.readOnly === null) return;
  const standby = session.readOnly === 'standby';
  throw new MigrateError(
    'refused',
    standby
      ? `${describeTarget(session.target)} is a standby (read replica) and cannot be migrated`
      : `Sessions on ${describeTarget(session.target)} are read-only (default_transaction_read_only is on)`,
    {
      hint: standby
        ? 'Connect to the primary server.'
        : 'Use the migration role, or have the setting removed: ALTER ROLE … RESET default_transaction_read_only.',
      state: 'Nothing was changed.',
    },
  );
}

/** True for errors after which the session is gone: sockets, and SQLSTATE classes 08 and 57P. */
export function isConnectionLoss(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof MigrateError) return false;
  const code = String((error as { code?: unknown }).code ?? '');
  return (
    /^(08|57P0[123])/.test(code) ||
    /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET)/.test(code) ||
    /^(Connection terminated|Client (was closed|has encountered))/.test(error.message)
  );
}

function lostError(target: Target, cause: Error): MigrateError {
  return new MigrateError(
    'connection',
    `The connection to ${describeTarget(target)} was lost: ${cause.message}`,
    { cause },
  );
}

async function endClient(client: pg.Client): Promise<void> {
  await client.end().catch(() => undefined);
}
