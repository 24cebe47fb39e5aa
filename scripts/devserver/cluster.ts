// Takes a home folder, an account and the programs; gives an initialised cluster in it, started and answering. What
// is remembered lies in the home: the cluster (with its password), the port and the log. It knows nothing of projects.
import { type ExecFileOptions, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, chownSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { MigrateError } from '../base/errors.ts';
import { type Account, identity, serverEnvironment } from './account.ts';
import type { Binaries } from './binaries.ts';
import { becomesReady, disownStalePid, livingPostmaster, loopback, readText } from './postmaster.ts';

export type Settings = Readonly<Record<string, string>>;

export interface Launch {
  /** The real path of the home folder; the account can enter it. */
  readonly home: string;
  readonly account: Account | undefined;
  readonly binaries: Binaries;
  readonly settings: Settings;
  readonly port: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** PostgreSQL's own folder in the home of an embedded server. */
export const clusterOf = (home: string) => join(home, 'cluster');
/** The superuser's password; undefined where there is no cluster yet. */
export const passwordOf = (home: string) => readText(passwordFileOf(home))?.trim();
/** Where it lies. */
export const passwordFileOf = (home: string) => join(clusterOf(home), 'superuser.password');

const startTimeout = 60_000;
const attempts = 5;

/** Rejects when the program fails; where the signal aborts, only once the program that it ends has ended. */
async function run(program: string, args: readonly string[], options: ExecFileOptions): Promise<void> {
  // A server that Windows starts keeps the pipes of its starter open, whose end would never come.
  if (process.platform === 'win32' && args[0] === 'start') return runWithoutPipes(program, args, options);
  const running = promisify(execFile)(program, args, options);
  try {
    await running;
  } catch (error) {
    const { child } = running;
    if (options.signal?.aborted && child.exitCode === null && child.signalCode === null)
      await once(child, 'exit');
    throw error;
  }
}

async function runWithoutPipes(
  program: string,
  args: readonly string[],
  { cwd, env, signal }: ExecFileOptions,
): Promise<void> {
  const child = spawn(program, args, { cwd, env, signal, stdio: 'ignore', windowsHide: true });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}

/**
 * Runs initdb when there is no cluster yet: made aside and renamed when complete, so that a crash leaves no half.
 * @throws MigrateError `connection` with initdb's words; the signal's reason
 */
export async function initialise({ home, account, binaries, settings, signal }: Launch): Promise<void> {
  if (existsSync(join(clusterOf(home), 'PG_VERSION'))) return;
  const staging = `${clusterOf(home)}.${process.pid}`;
  const passwordFile = join(home, `password.${process.pid}`);
  const password = randomBytes(24).toString('base64url');
  const sync = settings.fsync === 'off' ? ['--no-sync'] : [];
  const options = [
    '-D',
    staging,
    '-U',
    'postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    ...sync,
  ];
  try {
    writeOwned(passwordFile, `${password}\n`, account);
    await runInitdb(binaries, account, staging, [...options, '-E', 'UTF8', '--no-instructions'], signal);
    appendFileSync(join(staging, 'postgresql.conf'), "\ninclude_if_exists = 'embedded.conf'\n");
    writeOwned(join(staging, 'superuser.password'), `${password}\n`, account);
    renameSync(staging, clusterOf(home));
  } catch (cause) {
    signal?.throwIfAborted();
    if (existsSync(join(clusterOf(home), 'PG_VERSION'))) return; // another process was faster
    throw failure('The embedded PostgreSQL could not create its data folder', outputOf(cause), cause);
  } finally {
    rmSync(staging, { recursive: true, force: true, maxRetries: 5 });
    rmSync(passwordFile, { force: true });
  }
}

/** C.UTF-8 sorts like C and knows letters beyond ASCII, but not every system has it. */
async function runInitdb(
  { initdb }: Binaries,
  account: Account | undefined,
  staging: string,
  options: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const child = { ...identity(account), cwd: '/', env: serverEnvironment(), timeout: startTimeout, signal };
  const locales = ['C.UTF-8', 'C'];
  for (const locale of locales) {
    rmSync(staging, { recursive: true, force: true });
    mkdirSync(staging, { mode: 0o700 });
    if (account !== undefined) chownSync(staging, account.uid, account.gid);
    try {
      await run(initdb, [...options, `--locale=${locale}`], child);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (locale === locales.at(-1) || !/locale/i.test(outputOf(error))) throw error;
    }
  }
}

/**
 * Starts the cluster's server detached, at the remembered port if that is free, and waits until it answers.
 * @throws MigrateError `connection` with the server's words; the signal's reason
 */
export async function launch(options: Launch): Promise<void> {
  const { home, account } = options;
  const log = join(home, 'server.log');
  const deadline = Date.now() + startTimeout;
  for (let attempt = 1; ; attempt += 1) {
    if (livingPostmaster(clusterOf(home)) !== undefined) {
      if (await becomesReady(clusterOf(home), deadline - Date.now())) return;
    }
    disownStalePid(clusterOf(home));
    const port = options.port ?? (await choosePort(home));
    writeOwned(join(clusterOf(home), 'embedded.conf'), configuration(options.settings, port), account);
    writeOwned(log, '', account);
    const problem = await runPgCtl(options, log);
    if (problem === undefined) {
      writeOwned(join(home, 'port'), `${port}\n`, account);
      return;
    }
    options.signal?.throwIfAborted();
    const text = `${readText(log) ?? ''}\n`;
    if (attempt >= attempts || Date.now() > deadline || !isPassing(text)) {
      throw failure('The embedded PostgreSQL did not start', text.trim() || outputOf(problem), problem, log);
    }
    await delay(100 * attempt);
  }
}

async function runPgCtl({ home, account, binaries, signal }: Launch, log: string): Promise<unknown> {
  const seconds = String(startTimeout / 1000);
  const args = ['start', '-w', '-s', '-t', seconds, '-D', clusterOf(home), '-l', log];
  try {
    await run(binaries.pgCtl, args, { ...identity(account), cwd: '/', env: serverEnvironment(), signal });
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Reasons to try again: the port was taken in the meantime, or backends of a killed server are about to end. */
function isPassing(log: string): boolean {
  return /could not bind|could not create any TCP|is still in use|Is another postmaster/.test(log);
}

function configuration(settings: Settings, port: number): string {
  const all = {
    listen_addresses: loopback,
    port: String(port),
    unix_socket_directories: '', // a socket's path may not be longer than about 100 bytes
    max_connections: '200',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...settings,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
    .join('');
}

async function choosePort(home: string): Promise<number> {
  const remembered = Number(readText(join(home, 'port')));
  if (remembered > 0 && (await listenOnce(remembered)) !== undefined) return remembered;
  const free = await listenOnce(0);
  if (free !== undefined) return free;
  throw new MigrateError('connection', `No TCP port is free on ${loopback}.`, { hint: 'Set DATABASE_URL.' });
}

function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, loopback, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : undefined;
      server.close(() => resolve(bound));
    });
  });
}

function writeOwned(path: string, text: string, account: Account | undefined): void {
  writeFileSync(path, text, { mode: 0o600 });
  if (account !== undefined) chownSync(path, account.uid, account.gid);
}

function outputOf(error: unknown): string {
  const { stdout, stderr, message } = error as { stdout?: string; stderr?: string; message?: string };
  return `${stdout ?? ''}\n${stderr ?? ''}`.trim() || (message ?? String(error));
}

function failure(what: string, output: string, cause: unknown, log?: string): MigrateError {
  const lines = output.split('\n').slice(-8).join('\n  ');
  return new MigrateError('connection', `${what}:\n  ${lines}`, {
    hint: `${log === undefined ? '' : `The whole log is ${log}. `}Set DATABASE_URL to use a server of your own instead.`,
    cause,
  });
}
