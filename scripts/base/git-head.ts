// Takes a folder; gives the commit its git checkout stands at, read from git's own files: no process is started, so that
// a session can bear the commit in its name from its first moment. It knows nothing of who asks.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The commit's name in full, or null outside of a checkout. https://git-scm.com/docs/gitrepository-layout */
export function readGitHead(folder: string): string | null {
  const directory = gitDirectory(folder);
  if (directory === null) return null;
  const head = readText(join(directory, 'HEAD'));
  const [, ref] = /^ref: (\S+)/.exec(head) ?? [];
  if (ref === undefined) return commitIn(head);
  // In a linked work tree HEAD is its own, the branches are those of the common directory.
  const common = resolve(directory, readText(join(directory, 'commondir')).trim());
  return commitIn(readText(join(common, ref))) ?? packed(readText(join(common, 'packed-refs')), ref);
}

/** The folder or the one above it that is a git checkout, or null. */
export function checkoutAround(folder: string): string | null {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at;
    if (dirname(at) === at) return null;
  }
}

/** The folder with git's own files, in the folder or above it, or null. */
export function gitDirectory(folder: string): string | null {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const path = join(at, '.git');
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) return path;
    const [, linked] = found === undefined ? [] : (/^gitdir: (.+)/.exec(readText(path)) ?? []);
    if (linked !== undefined) return resolve(at, linked);
    if (dirname(at) === at) return null;
  }
}

function packed(text: string, ref: string): string | null {
  const line = text.split('\n').find((entry) => entry.endsWith(` ${ref}`));
  return commitIn(line ?? '');
}

function commitIn(text: string): string | null {
  return /^[0-9a-f]{40,64}\b/.exec(text)?.[0] ?? null;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
