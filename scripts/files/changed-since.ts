// Takes the git checkout and a ref; tells which migrations are new or changed against it. It changes nothing.
import { execFile } from 'node:child_process';
import { relative } from 'node:path';
import { promisify } from 'node:util';
import { MigrateError } from '../base/errors.ts';
import type { Migration } from '../base/types.ts';
import type { Config } from '../config/config.ts';

const run = promisify(execFile);

/** What git prints, run in the project; rejects where it ends with an error. */
export async function git({ root }: Config, args: readonly string[]): Promise<string> {
  const { stdout } = await run('git', [...args], { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** True when the ref names a commit here. */
export async function hasRef(config: Config, ref: string): Promise<boolean> {
  try {
    await git(config, ['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]);
    return true;
  } catch {
    return false;
  }
}

/** @throws MigrateError `usage` when git does not know the ref */
export async function knownRef(config: Config, ref: string): Promise<void> {
  if (await hasRef(config, ref)) return;
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
  const base = (
    await git(config, ['merge-base', ref, 'HEAD']).catch(() => git(config, ['rev-parse', ref]))
  ).trim();
  const directory = relative(config.root, config.directory) || '.';
  const listed = await Promise.all([
    git(config, ['diff', '--name-only', '--relative', '-z', base, '--', directory]),
    git(config, ['ls-files', '--others', '--exclude-standard', '-z', '--', directory]),
  ]);
  const changed = new Set(listed.join('').split('\0'));
  return new Set(
    migrations.filter(({ up, down }) => changed.has(up.path) || changed.has(down.path)).map(({ id }) => id),
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
