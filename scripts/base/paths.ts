// Gives the folder this package lives in and its version. The same from a source file in scripts/ and from dist/.
import { existsSync, readFileSync } from 'node:fs';
import nodePath, { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const path = fileURLToPath(import.meta.url);

/** Absolute path of the package: the folder that holds `package.json`, `db/` and `scripts/`. */
export const packageRoot = rootAbove(dirname(path));

/** @returns the nearest folder, `folder` or one above it, that holds a `package.json` */
function rootAbove(folder: string): string {
  const parent = dirname(folder);
  return parent === folder || existsSync(join(folder, 'package.json')) ? folder : rootAbove(parent);
}

/**
 * A path below the root as people, git and GitHub write it: relative, with slashes whatever this system's separator is.
 * @param system Windows' or POSIX' rules; this machine's if left out
 */
export function shownPath(root: string, target: string, system: typeof nodePath = nodePath): string {
  return system.relative(root, target).split(system.sep).join('/');
}

/** The file that runs: in dist/ a name that says what is in it, so that no two builds share one. */
export const programName = basename(path);

/** The tool's version as in package.json; recorded in the ledger with every migration. */
export function toolVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
