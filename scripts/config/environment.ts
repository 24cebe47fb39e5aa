// Takes the process's environment and the project's `.env` files; gives one set of variables, the strongest first.
// It knows nothing of what the variables mean, but for which of them name a target.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MigrateError } from '../base/errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables of libpq that say where to connect. https://www.postgresql.org/docs/16/libpq-envars.html */
const targetVariables = ['DATABASE_URL', 'PGHOST', 'PGPORT', 'PGUSER', 'PGPASSWORD', 'PGDATABASE'] as const;

/** True when the variables name a database. An empty value counts as absent: a missing secret looks like that. */
export function namesTarget(environment: Environment): boolean {
  return targetVariables.some((name) => (environment[name] ?? '') !== '');
}

/**
 * The process's variables, completed from `.env.<MIGRATE_ENV>` and `.env` in `root`. Where the process names a target,
 * no part of a target is taken from a file: half of one database and half of another is never what was meant.
 * @throws MigrateError `usage` when a file exists and cannot be read.
 */
export async function readEnvironment(root: string, processEnvironment: Environment): Promise<Environment> {
  const shared = await readDotenv(join(root, '.env'));
  const name = processEnvironment.MIGRATE_ENV || shared?.MIGRATE_ENV || 'development';
  const own = /^[\w-]+$/.test(name) ? await readDotenv(join(root, `.env.${name}`)) : undefined;
  let merged: Environment = processEnvironment;
  for (const weaker of [own, shared]) {
    if (weaker !== undefined) merged = complete(merged, weaker);
  }
  return merged;
}

function complete(strong: Environment, weak: Environment): Environment {
  const hasTarget = namesTarget(strong);
  const set = Object.entries(strong).filter(([, value]) => value !== undefined && value !== '');
  const added = Object.entries(weak).filter(
    ([name]) => !(hasTarget && (targetVariables as readonly string[]).includes(name)),
  );
  return { ...Object.fromEntries(added), ...Object.fromEntries(set) };
}

async function readDotenv(path: string): Promise<Environment | undefined> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MigrateError('usage', `Cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  // A CommonJS module: once bundled it has no named exports, only a default one.
  const { default: dotenv } = await import('dotenv');
  return dotenv.parse(text);
}
