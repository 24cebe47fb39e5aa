// Takes a target; gives a connected client, or says why not. Tries again while the server may still be coming up.
// It runs no query of its own.
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { formatDuration } from '../base/duration.ts';
import { MigrateError } from '../base/errors.ts';
import { shellWord } from '../base/shell-word.ts';
import { describeTarget, type Target } from '../config/target.ts';
import { tlsAttempts } from '../config/tls.ts';
import { watchLogin } from './login.ts';

export interface ConnectOptions {
  readonly applicationName: string;
  /** Instead of the target's own: a password file is asked for that one all the same. */
  readonly database?: string;
  /** Of the session, from its first statement on; after those of the target, so that these count. */
  readonly settings?: Readonly<Record<string, number | string>>;
  /** How long to go on trying, in ms. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Told once, when the first attempt failed and more follow. */
  readonly onRetry?: (reason: string) => void;
}

/** What the last attempt may take (ms) where nothing of the time is left: enough for a server that is there. */
const lastAttempt = 100;

/** Errors that time may heal: the server is starting, restarting, or its name is not known yet. */
const passing = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  '57P03',
  '57P01',
  '57P02',
  '53300',
]);

/**
 * @throws MigrateError `connection` at once for a wrong password or a missing database, after `timeoutMs` for a server
 * that cannot be reached; `refused` for a pooler that does not let a session be set up.
 */
export async function connect(target: Target, options: ConnectOptions): Promise<pg.Client> {
  const started = Date.now();
  const deadline = started + options.timeoutMs;
  for (let attempt = 0; ; attempt += 1) {
    options.signal?.throwIfAborted();
    try {
      return await tryModes(target, options, deadline);
    } catch (error) {
      options.signal?.throwIfAborted();
      const left = deadline - Date.now();
      if (!isPassing(error) || left <= 0) throw connectionError(error, target, Date.now() - started);
      const pause = Math.min(2000, 100 * 2 ** attempt) * (0.5 + Math.random() / 2);
      if (attempt === 0) options.onRetry?.((error as Error).message || codeOf(error));
      // The last attempt is made when the time is up, so that the time that is told was spent.
      await sleep(Math.min(pause, left), undefined, {
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      }).catch(() => options.signal?.throwIfAborted());
    }
  }
}

/**
 * As `connect`, but tries no second time: for servers that are there or not, such as those of scratch work and tests.
 * @throws MigrateError `refused`, `connection` for a login that the target does not allow, or no answer; else pg's error
 */
export function connectOnce(target: Target, options: ConnectOptions): Promise<pg.Client> {
  return tryModes(target, options, Date.now() + options.timeoutMs);
}

async function tryModes(target: Target, options: ConnectOptions, deadline: number): Promise<pg.Client> {
  const attempts = tlsAttempts(target);
  for (const [i, ssl] of attempts.entries()) {
    try {
      return await open(target, ssl, options, Math.max(lastAttempt, deadline - Date.now()));
    } catch (error) {
      if (i === attempts.length - 1 || !isAboutTls(error)) throw error;
    }
  }
  throw new Error('unreachable: there is always one way to try');
}

/** The server has no TLS where we asked for it, or wants it where we did not: worth trying the other way. */
function isAboutTls(error: unknown): boolean {
  return codeOf(error) === '28000' || /does not support SSL/.test((error as Error).message);
}

async function open(
  target: Target,
  ssl: ReturnType<typeof tlsAttempts>[number],
  options: ConnectOptions,
  timeoutMs: number,
): Promise<pg.Client> {
  const timeLimit = Math.min(timeoutMs, target.connectTimeoutMs ?? timeoutMs);
  const client: pg.Client = new pg.Client({
    host: target.host,
    port: target.port,
    user: target.user,
    database: options.database ?? target.database,
    password: () => login.password() as Promise<string>,
    ssl,
    application_name: target.applicationName ?? options.applicationName,
    connectionTimeoutMillis: timeLimit,
    keepAlive: target.keepAlive ?? true,
    ...({ enableChannelBinding: bindsChannel(target) } as object),
  });
  // Not as an option of the client: where there is none, pg would take PGOPTIONS, which may belong to another target.
  const { connectionParameters } = client as unknown as { connectionParameters: { options?: string } };
  connectionParameters.options = startupOptions(target, options.settings);
  const login = watchLogin(client, target);
  client.on('error', () => undefined);
  // A polite end would wait for the server's next word, which may never come.
  const abort = () => void streamOf(client).destroy();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    await client.connect();
    login.check();
    return client;
  } catch (error) {
    streamOf(client).destroy();
    throw timedOut(error) ? noAnswer(target, timeLimit) : error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

function bindsChannel({ channelBinding }: Target): boolean {
  return channelBinding === 'prefer' || channelBinding === 'require';
}

/**
 * The target's own options, then ours, which count where both say something.
 * https://www.postgresql.org/docs/16/libpq-connect.html#LIBPQ-CONNECT-OPTIONS
 */
function startupOptions({ options }: Target, settings: ConnectOptions['settings']): string {
  const own = Object.entries(settings ?? {}).map(([name, value]) => `-c ${name}=${escaped(String(value))}`);
  return [...(options === undefined ? [] : [options]), ...own].join(' ');
}

function escaped(value: string): string {
  return value.replace(/[\s\\]/g, '\\$&');
}

/** The socket below a client. */
export function streamOf(client: pg.Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code ?? '');
}

function isPassing(error: unknown): boolean {
  const inner = (error as AggregateError).errors as unknown[] | undefined;
  if (inner !== undefined && inner.length > 0) return inner.every(isPassing);
  return passing.has(codeOf(error)) || (error as Error).message === 'Connection terminated unexpectedly';
}

function timedOut(error: unknown): boolean {
  return (error as Error).message === 'timeout expired';
}

function noAnswer(target: Target, limitMs: number): MigrateError {
  return new MigrateError(
    'connection',
    `Cannot connect to ${describeTarget(target)}: no answer within ${formatDuration(limitMs)}`,
    { hint: reachable, state: 'Nothing was changed.' },
  );
}

const reachable =
  'Check that the server runs, and host, port and firewall; MIGRATE_CONNECT_TIMEOUT sets how long to keep trying.';

function connectionError(error: unknown, target: Target, triedMs: number): MigrateError {
  if (error instanceof MigrateError) return error;
  const inner = (error as AggregateError).errors?.[0] as Error | undefined;
  const message = (inner ?? (error as Error)).message;
  const code = codeOf(inner ?? error);
  if (code === '08P01' && /startup parameter/.test(message)) return poolerError(message);
  const sqlState =
    /^[0-9A-Z]{5}$/.test(code) && error instanceof pg.DatabaseError ? { database: { sqlState: code } } : {};
  return new MigrateError(
    'connection',
    `Cannot connect to ${describeTarget(target)}: ${explain(code, message, triedMs)}`,
    {
      hint: hintFor(code, message, target),
      state: 'Nothing was changed.',
      ...sqlState,
      cause: error,
    },
  );
}

function explain(code: string, message: string, triedMs: number): string {
  if (code === 'ETIMEDOUT') return `no answer within ${formatDuration(triedMs)}`;
  if (/client password must be a string/.test(message))
    return 'the server asks for a password and none is set';
  return passing.has(code) ? `${message} (tried for ${formatDuration(triedMs)})` : message;
}

function hintFor(code: string, message: string, target: Target): string {
  if (code === '28P01' || /password must be a string/.test(message))
    return 'Check PGPASSWORD (or the password in DATABASE_URL, or .pgpass).';
  if (code === '3D000') return `Create the database first: createdb ${shellWord(target.database)}`;
  if (code === '42501')
    return `Have its owner grant it: GRANT CONNECT ON DATABASE ${pg.escapeIdentifier(target.database)} TO ${pg.escapeIdentifier(target.user)}`;
  if (code === '28000') return 'Check the user, and what pg_hba.conf or the firewall allows for it.';
  if (/does not support SSL/.test(message)) {
    return `The server has no TLS. TLS is verified by default for every host that is not loopback; to go without on a network you trust, set PGSSLMODE=disable.`;
  }
  if (/certificate|CERT_|altnames|self.signed/i.test(`${message} ${code}`)) {
    return 'The server’s certificate could not be verified. Set PGSSLROOTCERT to the PEM file of its authority; PGSSLMODE=require encrypts without verifying.';
  }
  return reachable;
}

/** Refusal for a connection that goes through a pooler which shares sessions. */
export function poolerError(observed: string): MigrateError {
  return new MigrateError(
    'refused',
    `The connection goes through a pooler that does not keep one session per client (${observed})`,
    {
      hint: 'Connect to PostgreSQL directly: locks and time-outs belong to a session. On Azure use port 5432 instead of 6432.',
      state: 'Nothing was changed.',
    },
  );
}
