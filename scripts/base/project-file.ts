// Takes a path that a repository names; tells whether a symbolic link leads it elsewhere, and writes a text there where
// none does. Whoever may commit a link must not choose which other file of this machine is shown or overwritten.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { MigrateError } from './errors.ts';
import { checkoutAround } from './git-head.ts';
import { shownPath } from './paths.ts';

/**
 * Whether the file is a symbolic link to something outside of its folder, also to what does not exist yet.
 * @throws as the file system does where the file does not exist
 */
export function leadsOut(path: string): boolean {
  if (!lstatSync(path).isSymbolicLink()) return false;
  return !realPath(path).startsWith(`${realpathSync(dirname(path))}${sep}`);
}

/**
 * Refuses to write where a symbolic link, of the file or of a folder above it, leads out of the project: out of the git
 * checkout around it, where there is one, for several packages of one repository may share a folder.
 * @param path absolute, or below the root; what is outside of the root is somebody's own choice, as /dev/stdout
 * @throws MigrateError `usage`
 */
export function refuseLinkOut(root: string, path: string): void {
  if (!liesOut(root, path)) return;
  throw new MigrateError(
    'usage',
    `${shownPath(root, resolve(root, path))} cannot be written: a symbolic link leads out of the project there`,
    {
      hint: 'Put the folder itself in its place, or name the folder that is meant (--dir).',
      state: 'It was not written.',
    },
  );
}

/**
 * Whether links lead from below the root to outside of the checkout around it, or of the root where there is none.
 * @throws MigrateError `usage` where nobody can tell: links in a circle, folders that may not be read
 */
export function liesOut(root: string, path: string): boolean {
  const file = resolve(root, path);
  if (!`${file}${sep}`.startsWith(`${resolve(root)}${sep}`)) return false;
  const bound = checkoutAround(realpathSync(root)) ?? realpathSync(root);
  try {
    return !`${realPath(file)}${sep}`.startsWith(bound === sep ? sep : `${bound}${sep}`);
  } catch (cause) {
    throw new MigrateError('usage', `${shownPath(root, file)}: ${(cause as Error).message}`, { cause });
  }
}

/** Nothing is there, or a file where a folder should be: what writes there says so. */
const absent = new Set(['ENOENT', 'ENOTDIR']);

/** Where a path leads, also to what does not exist yet. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    if (!absent.has((cause as NodeJS.ErrnoException).code ?? '') || dirname(path) === path) throw cause;
  }
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  const folder = realPath(dirname(path));
  return isLink ? realPath(resolve(folder, readlinkSync(path))) : join(folder, basename(path));
}

/**
 * Writes a whole file.
 * @param file absolute, or below the root
 * @param makesFolders whether folders that are missing above it are made
 * @throws MigrateError `usage` where it cannot be written, @see refuseLinkOut
 */
export function writeProjectFile(root: string, file: string, text: string, makesFolders = false): void {
  const path = resolve(root, file);
  try {
    refuseLinkOut(root, path);
    if (makesFolders) mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (cause) {
    if (cause instanceof MigrateError) throw cause;
    throw new MigrateError('usage', `${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
}

/** What is in a folder, nothing where there is none. @throws MigrateError `usage` where it cannot be read, as a file */
export function listFolder(root: string, folder: string): readonly string[] {
  try {
    return existsSync(folder) ? readdirSync(folder) : [];
  } catch (cause) {
    throw new MigrateError('usage', `Cannot read ${shownPath(root, folder)}: ${(cause as Error).message}`, {
      cause,
    });
  }
}
