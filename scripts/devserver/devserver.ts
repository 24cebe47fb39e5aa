// Takes a folder; gives the embedded PostgreSQL that keeps its data there: started when needed, once, and left
// running. It must not know migrations, configuration or commands.
import { join, resolve } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { defaultMajor } from '../base/postgres-major.ts';
import { serverAccount } from './account.ts';
import {
  clusterOf,
  initialise,
  type Launch,
  launch,
  passwordFileOf,
  passwordOf,
  type Settings,
} from './cluster.ts';
import { prepareHome, realHome } from './home.ts';
import { withStartLock } from './lock.ts';
import { answeringPostmaster, loopback, readText, stopPostmaster } from './postmaster.ts';
import { deleteMade, refuseForeign } from './removal.ts';

export interface EmbeddedServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly dataDirectory: string;
  /** False: it was running already. */
  readonly started: boolean;
}

export interface StartOptions {
  readonly dataDirectory: string;
  /** Major version of the server; 16 if left out. */
  readonly postgres?: number;
  /** Server settings by name, such as `{ fsync: 'off' }`; they count when the server is started. */
  readonly settings?: Settings;
  /** A fixed TCP port; without it a free one is chosen and remembered. */
  readonly port?: number;
  /** Gives up with its reason; what initdb has made by then is deleted. */
  readonly signal?: AbortSignal | undefined;
}

/** A development server and its database. */
export interface DevServer extends EmbeddedServer {
  readonly database: string;
}

const user = 'postgres';
const developmentDatabase = 'app_development';
/** How long (ms) to wait for another process that starts the same server. */
const lockTimeout = 120_000;

/**
 * The server of this data directory, initialised and started if need be; it outlives this process. When it runs
 * already, no child process is spawned.
 * @throws MigrateError `usage` (package not installed, or the data are of another major version), `connection` (with
 *   the last log lines), `locked`
 */
export async function startServer(options: StartOptions): Promise<EmbeddedServer> {
  const major = options.postgres ?? defaultMajor;
  refuseOtherMajor(options.dataDirectory, major);
  const running = await serverStatus(options.dataDirectory);
  if (running !== undefined) return running;
  const account = serverAccount(clusterOf(options.dataDirectory));
  const home = prepareHome(resolve(options.dataDirectory), account);
  const status = () => {
    options.signal?.throwIfAborted();
    return serverStatus(options.dataDirectory);
  };
  return withStartLock(join(home, 'start.lock'), lockTimeout, status, async () => {
    const meanwhile = await status();
    if (meanwhile !== undefined) return meanwhile;
    const { locateBinaries } = await import('./binaries.ts');
    const { settings = {}, port, signal } = options;
    const start: Launch = { home, account, binaries: locateBinaries(account, major), settings, port, signal };
    await initialise(start);
    await launch(start);
    const started = await status();
    if (started !== undefined) return { ...started, started: true };
    throw new MigrateError('connection', 'The embedded PostgreSQL started and stopped at once.', {
      hint: `Read ${join(home, 'server.log')}`,
    });
  });
}

/**
 * The server of this data directory if it runs and answers, else undefined. Takes a few milliseconds.
 * @throws MigrateError `connection` where the folder may not be read
 */
export async function serverStatus(dataDirectory: string): Promise<EmbeddedServer | undefined> {
  const home = realHome(dataDirectory);
  if (home === undefined) return undefined;
  try {
    const postmaster = await answeringPostmaster(clusterOf(home));
    const password = postmaster === undefined ? undefined : passwordOf(home);
    if (postmaster === undefined || password === undefined) return undefined;
    return { host: loopback, port: postmaster.port, user, password, dataDirectory, started: false };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EACCES') throw cause;
    throw new MigrateError(
      'connection',
      `The embedded PostgreSQL in ${dataDirectory} belongs to another user.`,
      {
        hint: 'Run as the user who started it first, or delete that folder as that user.',
        cause,
      },
    );
  }
}

/** Ends the server of this data directory and waits for it; false when none was running. @throws as `refuseForeign` */
export async function stopServer(dataDirectory: string): Promise<boolean> {
  const home = realHome(dataDirectory);
  if (home === undefined) return false;
  refuseForeign(dataDirectory);
  return stopPostmaster(clusterOf(home));
}

/** Stops the server and deletes what it has made; false when there was nothing to delete. @throws as `refuseForeign` */
export async function removeServer(dataDirectory: string): Promise<boolean> {
  const home = realHome(dataDirectory);
  if (home === undefined) return false;
  refuseForeign(dataDirectory);
  await stopPostmaster(clusterOf(home));
  deleteMade(dataDirectory);
  return true;
}

/** The file that holds the password of a server with these data, readable by its owner only. */
export function passwordFile(dataDirectory: string): string {
  return passwordFileOf(realHome(dataDirectory) ?? dataDirectory);
}

/** Where a project's development data and its scratch databases lie (both ignored by git). */
export function projectDirectories(root: string): { development: string; scratch: string } {
  return { development: join(root, '.postgres', 'development'), scratch: join(root, '.postgres', 'scratch') };
}

/**
 * The project's development server with its database, which is created when missing.
 * @param postgres its major version; 16 if left out
 * @throws MigrateError `usage` (not installed, other data, no folder), `connection` (it does not start), `locked`
 */
export async function startDevServer(
  root: string,
  postgres?: number,
  signal?: AbortSignal,
): Promise<DevServer> {
  const dataDirectory = projectDirectories(root).development;
  const server = await startServer({
    dataDirectory,
    ...(postgres === undefined ? {} : { postgres }),
    signal,
  });
  const { ensureDatabase } = await import('./database.ts');
  await ensureDatabase(server, developmentDatabase);
  return { ...server, database: developmentDatabase };
}

/** Stops the project's development and scratch servers; tells which of them were running. */
export async function stopDevServer(
  root: string,
): Promise<{ readonly development: boolean; readonly scratch: boolean }> {
  const directories = projectDirectories(root);
  const [development, scratch] = await Promise.all([
    stopServer(directories.development),
    stopServer(directories.scratch),
  ]);
  return { development, scratch };
}

/**
 * Stops the project's servers and deletes their data; true when there was development data.
 * @throws MigrateError `refused` (the folder is another user's)
 */
export async function removeDevServer(root: string): Promise<boolean> {
  const { development, scratch } = projectDirectories(root);
  for (const each of [development, scratch]) refuseForeign(each);
  const [removed] = await Promise.all([removeServer(development), removeServer(scratch)]);
  return removed;
}

/**
 * The major version that the data in this directory were made by; undefined where there are none.
 * @throws the error of the file system, where the file is there and cannot be read
 */
export function dataMajor(dataDirectory: string): number | undefined {
  const home = realHome(dataDirectory);
  const text = home === undefined ? undefined : readText(join(clusterOf(home), 'PG_VERSION'));
  return text === undefined ? undefined : Number.parseInt(text, 10);
}

/** Data of another major version are never touched: no server of this one can read them. */
function refuseOtherMajor(dataDirectory: string, major: number): void {
  const found = dataMajor(dataDirectory);
  if (found === undefined || found === major) return;
  throw new MigrateError(
    'usage',
    `The data in ${dataDirectory} are of PostgreSQL ${found}, and PostgreSQL ${major} is wanted`,
    {
      hint: `make db-reset makes a new, empty cluster of PostgreSQL ${major}; to keep this one, write "postgres": ${found} into db/config.json.`,
      state: 'Nothing was changed.',
    },
  );
}
