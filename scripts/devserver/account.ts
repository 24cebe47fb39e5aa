// Takes who runs this process; gives the account that the embedded server runs as, and folders it can reach, because
// PostgreSQL refuses to run as root. It must not know what is in those folders.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { MigrateError } from '../base/errors.ts';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const candidates = ['postgres', '_postgres', 'nobody'];

/**
 * The account for the server when this process is root, else undefined (it runs as whoever we are). A cluster that is
 * there already is run by its owner.
 * @throws MigrateError `connection` when root finds no other account
 */
export function serverAccount(cluster?: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = cluster === undefined ? undefined : statSync(cluster, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0)
    return { name: `of user id ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  const known = new Map(readAccounts().map((account) => [account.name, account]));
  const name = candidates.find((candidate) => known.has(candidate));
  const account = name === undefined ? undefined : known.get(name);
  if (account !== undefined) return account;
  throw new MigrateError(
    'connection',
    'PostgreSQL does not run as root, and there is no account it could run as.',
    {
      hint: 'Add one (useradd --system postgres), run as an ordinary user, or set DATABASE_URL.',
    },
  );
}

function readAccounts(): Account[] {
  if (!existsSync('/etc/passwd')) return [];
  return readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 4 && Number(fields[2]) > 0)
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}

/** The environment for PostgreSQL's programs: no PG* variable of ours may change what they do. */
export function serverEnvironment(system: NodeJS.Platform = process.platform): NodeJS.ProcessEnv {
  const own = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  if (system !== 'win32') return own;
  // Without them Windows opens no socket, and pg_ctl finds no shell to start the server with.
  const { SystemRoot, ComSpec, TEMP, TMP } = process.env;
  return { ...own, SystemRoot, ComSpec, TEMP, TMP };
}

/** Spawn options that make a child run as `account`. */
export function identity(account: Account | undefined): { uid?: number; gid?: number } {
  return account === undefined ? {} : { uid: account.uid, gid: account.gid };
}

/** True when `account` can run this program with success. */
export function runsAs(account: Account | undefined, program: string, args: readonly string[]): boolean {
  const { status } = spawnSync(program, args, {
    ...identity(account),
    cwd: '/',
    env: serverEnvironment(),
    stdio: 'ignore',
  });
  return status === 0;
}

/** True when `account` can enter this folder; asked by trying, for modes alone do not tell (ACLs, mounts). */
export function reaches(account: Account | undefined, folder: string): boolean {
  return account === undefined || runsAs(account, '/bin/sh', ['-c', 'cd "$1"', 'sh', folder]);
}

/** pg_ctl and initdb put paths in double quotes into a shell command line: these characters would break out. */
export function shellUnsafe(path: string, system: NodeJS.Platform = process.platform): boolean {
  return (system === 'win32' ? /["%\n]/ : /["$`\\\n]/).test(path);
}

/** Where to put what cannot stay in the project: a folder that only we can write to and every account can enter. */
export function elsewhere(): string {
  const isRoot = process.getuid?.() === 0;
  return isRoot ? '/var/lib/postgres-migrations' : join(homedir(), '.cache', 'postgres-migrations');
}

/** Makes `elsewhere()` if it is missing; the mode is set apart, for the umask may forbid it. */
export function makeElsewhere(): string {
  const folder = elsewhere();
  if (!existsSync(folder)) {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
  }
  return folder;
}

/** The stand-in for a project folder that the account cannot reach: always the same one for the same path. */
export function substituteFor(folder: string): string {
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  return join(elsewhere(), `${basename(folder).replace(/[^\w.-]/g, '_')}-${hash}`);
}
