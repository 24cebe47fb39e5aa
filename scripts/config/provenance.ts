// Takes variables and the git checkout; gives who runs this, from which commit and where: what the ledger remembers.
import { execFile } from 'node:child_process';
import { hostname, userInfo } from 'node:os';
import { promisify } from 'node:util';
import { visible } from '../base/foreign-text.ts';
import { gitDirectory, readGitHead } from '../base/git-head.ts';
import { toolVersion } from '../base/paths.ts';
import { redact } from '../base/secrets.ts';
import type { Config } from './config.ts';

export interface Provenance {
  readonly actor: string;
  readonly gitSha: string | null;
  readonly runUrl: string | null;
  readonly host: string;
  readonly toolVersion: string;
  readonly environment: string;
}

/** A variable says anything: what is recorded for good is one line, without secrets. */
function kept(text: string): string {
  return visible(redact(text)).slice(0, 300);
}

/** As a database of this encoding takes it: a person's name is no reason to record nothing. */
export function held(text: string, encoding: string): string {
  if (holdsEverything(encoding)) return text;
  return text.replaceAll(/[^\0-\x7f]/gu, (character) => `U+${character.codePointAt(0)?.toString(16)}`);
}

/** Whether a database of this encoding takes every text of UTF8. */
export function holdsEverything(encoding: string): boolean {
  return encoding === 'UTF8' || encoding === 'SQL_ASCII';
}

/**
 * Never fails: what cannot be found out is null.
 * @param encoding of the database that it is recorded in
 */
export async function readProvenance(config: Config, encoding: string): Promise<Provenance> {
  const { variables } = config;
  const user = () => `${userName() ?? `uid ${process.getuid?.() ?? '?'}`}@${hostname()}`;
  return {
    actor: held(kept(variables.MIGRATE_ACTOR || variables.GITHUB_ACTOR || user()), encoding),
    // Git itself is asked only where its files are not of the usual kind: starting it costs more than all the rest here.
    gitSha: variables.GITHUB_SHA ? kept(variables.GITHUB_SHA) : await headOf(config),
    runUrl: runUrl(config),
    host: hostname(),
    toolVersion: toolVersion(),
    environment: config.environmentName,
  };
}

/** Null of a container's user id without an account. */
export function userName(): string | null {
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}

function runUrl({ variables }: Config): string | null {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = variables;
  if (!repository || !run) return null;
  return kept(`${server || 'https://github.com'}/${repository}/actions/runs/${run}`);
}

async function headOf(config: Config): Promise<string | null> {
  return readGitHead(config.root) || (await headCommit(config));
}

async function headCommit({ root, variables }: Config): Promise<string | null> {
  if (!variables.GIT_DIR && gitDirectory(root) === null) return null;
  try {
    const { stdout } = await promisify(execFile)('git', ['rev-parse', 'HEAD'], { cwd: root });
    return stdout.trim();
  } catch {
    return null;
  }
}
