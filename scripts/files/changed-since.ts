// Takes the git checkout and a ref; tells which migrations are new or changed against it. It changes nothing.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { MigrateError } from '../base/errors.ts';
import type { Migration } from '../base/types.ts';
import type { Config } from '../config/config.ts';

const run = promisify(execFile);

/** What git prints, run in the project; rejects where it ends with an error. */
export async function git({ root }: Pick<Config, 'root'>, args: readonly string[]): Promise<string> {
  const { stdout } = await run('git', [...args], { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/**
 * Where git is to be asked about the migrations: they may be in another repository than the working directory, or beside
 * it. git keeps no empty folder, so that theirs may be missing.
 */
export function placeOf({ root, directory }: Config): { readonly root: string } {
  return { root: existsSync(directory) ? directory : root };
}

/** True when the ref names a commit of the repository that the migrations are in; false where they are in none. */
export async function hasRef(config: Config, ref: string): Promise<boolean> {
  try {
    await git(placeOf(config), ['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]);
    return true;
  } catch {
    return false;
  }
}

/** @throws MigrateError `usage` when git does not know the ref */
export async function knownRef(config: Config, ref: string): Promise<void> {
  if (await hasRef(config, ref)) return;
  const isTracked = await git(placeOf(config), ['rev-parse', '--git-dir']).catch(() => null);
  if (isTracked === null)
    throw new MigrateError('usage', `--since ${ref}: ${config.directory} is in no git repository`, {
      hint: 'Leave --since out, or name all of them with --all.',
    });
  throw new MigrateError('usage', `--since ${ref}: git knows no such commit here`, {
    hint: 'In a pipeline fetch the base branch first (actions/checkout with fetch-depth: 0).',
  });
}

/**
 * Migrations of which a file was added or changed since the common ancestor with `ref`, committed or not.
 * @throws MigrateError `usage` when git does not know the ref
 */
export async function changedSince(
  config: Config,
  migrations: readonly Migration[],
  ref: string,
): Promise<ReadonlySet<string>> {
  await knownRef(config, ref);
  const there = placeOf(config);
  const base = (
    await git(there, ['merge-base', ref, 'HEAD']).catch(() => git(there, ['rev-parse', ref]))
  ).trim();
  const listed = await Promise.all([
    git(there, ['diff', '--name-only', '--relative', '-z', base, '--', '.']),
    git(there, ['ls-files', '--others', '--exclude-standard', '-z', '--', '.']),
  ]);
  const changed = new Set(listed.join('').split('\0'));
  const isChanged = (path: string) => changed.has(basename(path));
  return new Set(
    migrations.filter(({ up, down }) => isChanged(up.path) || isChanged(down.path)).map(({ id }) => id),
  );
}

/**
 * Which of these files git could not give back: changed or new since the last commit.
 * @param paths relative to the root
 * @returns null where there is no git checkout
 */
export async function notCommitted(
  config: Config,
  paths: readonly string[],
): Promise<readonly string[] | null> {
  if (paths.length === 0) return [];
  try {
    const options = ['--porcelain', '-z', '--no-renames', '--untracked-files=all', '--ignored=matching'];
    // Paths of status count from the top of the checkout, which need not be our root.
    const prefix = (await git(config, ['rev-parse', '--show-prefix'])).trim();
    const listed = await git(config, ['status', ...options, '--', ...paths]);
    const dirty = new Set(listed.split('\0').map((entry) => entry.slice(3)));
    return paths.filter((path) => dirty.has(`${prefix}${path}`));
  } catch {
    return null;
  }
}
