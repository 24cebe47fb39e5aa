// Takes a Config; gives one session on the target: connected, checked to be a real one, set up and ended again.
// It knows nothing of migrations or of the ledger.
import { hostname } from 'node:os';
import type pg from 'pg';
import { MigrateError } from '../base/errors.ts';
import { readGitHead } from '../base/git-head.ts';
import { majorOf, tooOld } from '../base/postgres-major.ts';
import { timed } from '../base/timing.ts';
import { type Config, refuseMissingTarget } from '../config/config.ts';
import { userName } from '../config/provenance.ts';
import { describeTarget, type Target } from '../config/target.ts';
import { cancelOnAbort } from './cancel.ts';
import { type Channel, openChannel, type Row } from './channel.ts';
import { type Citus, followed, readCitus } from './citus.ts';
import { connect, poolerError } from './connect.ts';
import { debugged } from './debug-log.ts';
import { type LoginSettings, loginSql, ownSearchPath, sessionSettings } from './session-settings.ts';

export interface Session extends Channel {
  readonly target: Target;
  /** True when the target is the embedded development server. */
  readonly embedded: boolean;
  /** For the libraries that bring their own queries; everything else goes through `query` and `batch`. */
  readonly client: pg.Client;
  readonly pid: number;
  /** When the server began the session, in seconds since 1970 as text: with `pid` it names the session for good. */
  readonly backendStart: string;
  /** Major version of the server. */
  readonly major: number;
  /** Of the database, as the server calls it. */
  readonly encoding: string;
  /** The role we act as: the login's, or the one that ALTER ROLE … SET role gives it. */
  readonly role: string;
  readonly readOnly: 'standby' | 'default_transaction_read_only' | null;
  /** Null on a plain server. */
  readonly citus: Citus | null;
  /** What role and database give a session; migrations start from it, our own statements do not. */
  readonly login: LoginSettings;
  /** A second, short-lived connection to the same target, for looking at the first from outside. */
  aside<Result>(work: (client: pg.Client) => Promise<Result>, options?: AsideOptions): Promise<Result>;
  onNotice(listener: (notice: string) => void): void;
}

export interface AsideOptions {
  /** How long to go on trying to connect, in ms; 5 s. */
  readonly timeoutMs?: number;
  /** Gives up connecting; work that has begun goes on. */
  readonly signal?: AbortSignal;
}

export interface SessionHooks {
  readonly signal?: AbortSignal;
  readonly onRetry?: (reason: string) => void;
  readonly onServerStart?: () => void;
  /** Told of each piece of SQL, with its milliseconds and without secrets. */
  readonly onSql?: (text: string) => void;
}

/**
 * Connects, works, disconnects; the session is ended however the work ends.
 * @throws MigrateError `usage`, `connection`, `refused` while connecting; then what `work` throws
 */
export async function withSession<Result>(
  config: Config,
  hooks: SessionHooks,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const target = await resolveTarget(config, hooks);
  const client = await timed('connect', () =>
    connect(target, {
      applicationName: applicationName(config),
      settings: sessionSettings(config),
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
  const actor = (variables.MIGRATE_ACTOR || variables.GITHUB_ACTOR || userName() || '').slice(0, 20);
  const who = actor.endsWith(`@${host}`) ? actor : `${actor}@${host}`;
  return ['migrate', command, commit, who]
    .filter((part) => part !== '')
    .join(' ')
    .slice(0, 63);
}

async function resolveTarget(config: Config, hooks: SessionHooks): Promise<Target> {
  if (config.target !== undefined) return config.target;
  refuseMissingTarget(config);
  const { startDevServer } = await import('../devserver/devserver.ts');
  const server = await startDevServer(config.root, config.postgres, hooks.signal);
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
  const plain = openChannel(target, client, hooks.signal);
  const channel = hooks.onSql === undefined ? plain : debugged(plain, hooks.onSql);
  const aside: Session['aside'] = async (work, { timeoutMs = 5000, signal } = {}) => {
    const name = `${applicationName(config).slice(0, 54)} watching`;
    // No file runs here: seconds keep their digits.
    const settings = { ...sessionSettings(config), search_path: ownSearchPath, extra_float_digits: 1 };
    const second = await connect(target, {
      applicationName: name,
      settings,
      timeoutMs,
      ...(signal && { signal }),
    });
    try {
      return await work(second);
    } finally {
      await endClient(second);
    }
  };
  const facts = await timed('preflight', () => preflight(target, client, channel.query));
  if (hooks.signal !== undefined) cancelOnAbort(hooks.signal, target, client);
  client.on('notice', ({ message }) => followed(facts.citus, message));
  const onNotice = (listener: (notice: string) => void) => {
    client.on('notice', ({ severity, message }) => listener(`${severity ?? 'NOTICE'}: ${message ?? ''}`));
  };
  return { target, client, embedded: config.target === undefined, ...channel, ...facts, aside, onNotice };
}

type Preflight = Pick<
  Session,
  'pid' | 'backendStart' | 'major' | 'encoding' | 'role' | 'readOnly' | 'login' | 'citus'
>;

/** What the session says of itself, as `loginSql` asks. */
interface LoginRow extends Row {
  readonly pid: number;
  readonly backend_start: string;
  readonly version: number;
  readonly role: string;
  readonly standby: boolean;
  readonly read_only: boolean;
  readonly replication_role: string;
  readonly encoding: string;
  readonly transaction_timeout: string | null;
  readonly search_path: string;
  readonly login_role: number;
  readonly database: number;
  readonly stored: string | null;
  readonly citus: boolean;
}

/** One round trip (on a Citus cluster one more) that tells whether this is a session, and what can be done in it. */
async function preflight(target: Target, client: pg.Client, query: Session['query']): Promise<Preflight> {
  // Through a pooler in transaction mode the backend that answers is not the one that was promised at login.
  const promised = (client as unknown as { processID: number | null }).processID;
  const [row] = await query<LoginRow>(loginSql(promised));
  if (row === undefined || row.pid !== promised)
    throw poolerError('another backend answers than the one that was promised at login');
  refuseOldServer(row.version);
  refuseReplicationRole(row.replication_role, row.role);
  const readOnly = row.standby ? 'standby' : row.read_only ? 'default_transaction_read_only' : null;
  const login = {
    searchPath: row.search_path,
    stored: row.stored,
    loginRole: row.login_role,
    database: row.database,
    transactionTimeout: !['0', null].includes(row.transaction_timeout),
  };
  return {
    pid: row.pid,
    backendStart: row.backend_start,
    major: majorOf(row.version),
    encoding: row.encoding,
    role: row.role,
    readOnly,
    login,
    citus: await readCitus(query, target, row.citus),
  };
}

/** @throws MigrateError `refused` where role or database switch triggers and foreign keys off */
function refuseReplicationRole(setting: string, role: string): void {
  if (setting === 'origin') return;
  throw new MigrateError(
    'refused',
    `Sessions of ${role} have session_replication_role = ${setting}: foreign keys and triggers would not count`,
    {
      hint: 'Have the setting removed: ALTER ROLE … RESET session_replication_role (or ALTER DATABASE …).',
      state: 'Nothing was changed.',
    },
  );
}

/** @throws MigrateError `refused` for a server older than the oldest that is served */
function refuseOldServer(version: number): void {
  const old = tooOld(majorOf(version));
  if (old === null) return;
  throw new MigrateError('refused', `The server is ${old.message}`, {
    hint: `${old.hint} Upgrade the server, then run the same command again.`,
    state: 'Nothing was changed.',
  });
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

async function endClient(client: pg.Client): Promise<void> {
  await client.end().catch(() => undefined);
}
