// Takes a path that a repository names; tells whether a symbolic link leads it elsewhere, and writes a text there where
// none does. Whoever may commit a link must not choose which other file of this machine is shown or overwritten.
import { lstatSync, mkdirSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { MigrateError } from './errors.ts';

/**
 * Whether the file is a symbolic link to something outside of the folder, also to what does not exist yet.
 * @param folder above the file, its own if left out
 * @throws as the file system does where the file does not exist
 */
export function leadsOut(path: string, folder: string = dirname(path)): boolean {
  if (!lstatSync(path).isSymbolicLink()) return false;
  return !targetOf(path).startsWith(`${realpathSync(folder)}${sep}`);
}

function targetOf(link: string): string {
  try {
    return realpathSync(link);
  } catch {
    return resolve(realpathSync(dirname(link)), readlinkSync(link));
  }
}

/**
 * Writes a whole file.
 * @param file absolute, or below the root; what is outside of the root is somebody's own choice, as /dev/stdout
 * @param makesFolders whether folders that are missing above it are made
 * @throws MigrateError `usage` where it cannot be written, or is a link that leads out of the root
 */
export function writeProjectFile(root: string, file: string, text: string, makesFolders = false): void {
  const path = resolve(root, file);
  try {
    if (makesFolders) mkdirSync(dirname(path), { recursive: true });
    if (path.startsWith(`${resolve(root)}${sep}`) && isLinkOut(path, root))
      throw new Error('it is a symbolic link to a file outside of the project');
    writeFileSync(path, text);
  } catch (cause) {
    throw new MigrateError('usage', `${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
}

function isLinkOut(path: string, root: string): boolean {
  try {
    return leadsOut(path, root);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw cause;
  }
}
