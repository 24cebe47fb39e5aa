// Takes a data directory and the server's account; gives the real folder that this account can enter. It knows nothing of
// what lies in it.
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  symlinkSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { type Account, makeElsewhere, reaches, shellUnsafe, substituteFor } from './account.ts';

/** The real path of a data directory; undefined where there is none. */
export function realHome(dataDirectory: string): string | undefined {
  return existsSync(dataDirectory) ? realpathSync(dataDirectory) : undefined;
}

/**
 * The real path of the data directory, made if missing. Where the server's account cannot enter it (a project under
 * /root), the data directory becomes a link to a folder that it can enter.
 * @throws MigrateError `usage` where nothing may be written, `connection` where no folder can be entered
 */
export function prepareHome(dataDirectory: string, account: Account | undefined): string {
  makeFolder(dirname(dataDirectory));
  const isLink = lstatSync(dataDirectory, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  const home = isLink ? readlinkSync(dataDirectory) : dataDirectory;
  mkdirSync(home, { recursive: true });
  if (account !== undefined) chmodSync(home, 0o755);
  const real = realpathSync(dataDirectory);
  if (reaches(account, real) && !shellUnsafe(real)) return real;
  return moveAway(dataDirectory, real, account);
}

/** @throws MigrateError `usage` where nothing may be written: in a container there is no server to start */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new MigrateError(
      'usage',
      `No server is named, and the embedded one cannot be made here: ${(cause as Error).message}`,
      {
        hint: 'Name the database: DATABASE_URL, or PGHOST, PGUSER, PGDATABASE and PGPASSWORD; for lint, verify, schema and plan SHADOW_DATABASE_URL as well.',
        cause,
      },
    );
  }
}

function moveAway(dataDirectory: string, real: string, account: Account | undefined): string {
  const substitute = substituteFor(dataDirectory);
  makeElsewhere();
  mkdirSync(substitute, { recursive: true });
  if (account !== undefined) chmodSync(substitute, 0o755);
  if (readdirSync(real).length > 0 || !reaches(account, substitute)) {
    throw new MigrateError(
      'connection',
      `The account ${account?.name ?? 'of this process'} cannot enter ${real}.`,
      {
        hint: 'PostgreSQL does not run as root. Make the folder reachable, delete it, or set DATABASE_URL.',
      },
    );
  }
  try {
    rmdirSync(dataDirectory);
    // A junction, which needs no right on Windows; elsewhere the word says nothing.
    symlinkSync(substitute, dataDirectory, 'junction');
  } catch (error) {
    if (realHome(dataDirectory) !== realpathSync(substitute)) throw error; // else a parallel start did the same
  }
  return realpathSync(substitute);
}
