// Takes the process's environment and the project's `.env` files; gives one set of variables, the strongest first.
// It knows nothing of what the variables mean, but for which of them name a target.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { connectionVariables } from './libpq.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that say which server is meant. https://www.postgresql.org/docs/16/libpq-envars.html */
const serverVariables = ['DATABASE_URL', 'PGHOST', 'PGHOSTADDR', 'PGSERVICE'] as const;
/** Variables that say where on it, or who: alone they mean the server on this machine. */
const placeVariables = ['PGPORT', 'PGUSER', 'PGDATABASE'] as const;

/** True when the variables name a database. An empty value counts as absent: a missing secret looks like that. */
export function namesTarget(environment: Environment): boolean {
  return [...serverVariables, ...placeVariables].some((name) => isSet(environment, name));
}

function isSet(environment: Environment, name: string): boolean {
  return (environment[name] ?? '') !== '';
}

/** One place that variables come from. */
interface VariableSource {
  readonly name: string;
  readonly variables: Environment;
}

/**
 * The process's variables, completed from `.env.<MIGRATE_ENV>` and `.env` in `root`. A target is a whole: the first of
 * the three that names a server decides, the ones after it add nothing of a target (address, login, TLS, options), the
 * ones before it complete it, as PGPASSWORD of the shell does.
 * @throws MigrateError `usage` when a file exists and cannot be read, when `.env.<name>` says that it is for another
 *   environment, or where two of them name different databases
 */
export async function readEnvironment(root: string, processEnvironment: Environment): Promise<Environment> {
  const shared = await readDotenv(join(root, '.env'));
  const name = processEnvironment.MIGRATE_ENV || shared?.MIGRATE_ENV || 'development';
  const own = /^[\w-]+$/.test(name) ? await readDotenv(join(root, `.env.${name}`)) : undefined;
  if (own?.MIGRATE_ENV && own.MIGRATE_ENV !== name) {
    throw new MigrateError('usage', `.env.${name} says MIGRATE_ENV=${own.MIGRATE_ENV}`, {
      hint: `It is read because the environment is ${name}. Take MIGRATE_ENV out of it, and set MIGRATE_ENV=${own.MIGRATE_ENV} where you mean that.`,
    });
  }
  return merge([
    { name: 'the environment', variables: processEnvironment },
    { name: `.env.${name}`, variables: own ?? {} },
    { name: '.env', variables: shared ?? {} },
  ]);
}

/** @param sources the strongest first */
function merge(sources: readonly VariableSource[]): Environment {
  const naming = sources.findIndex(({ variables }) => serverVariables.some((name) => isSet(variables, name)));
  const deciding =
    naming === -1
      ? sources.findIndex(({ variables }) => placeVariables.some((name) => isSet(variables, name)))
      : naming;
  refuseTwoPlaces(sources.slice(0, Math.max(0, deciding)), sources[deciding]);
  const merged: Record<string, string | undefined> = {};
  for (const [i, { variables }] of [...sources.entries()].reverse()) {
    for (const [name, value] of Object.entries(variables)) {
      const beyond = deciding !== -1 && i > deciding && connectionVariables.has(name);
      if (!beyond && value !== undefined && value !== '') merged[name] = value;
    }
  }
  return merged;
}

/** A URL wins over PGDATABASE and PGPORT; but what the shell says must not be passed over for a file in silence. */
function refuseTwoPlaces(stronger: readonly VariableSource[], deciding: VariableSource | undefined): void {
  const url = parse(deciding?.variables.DATABASE_URL);
  if (url === null || deciding === undefined) return;
  const parameter = (name: string) => url.searchParams.get(name) ?? '';
  const said = {
    PGDATABASE: parameter('dbname') || decoded(url.pathname.slice(1)),
    PGPORT: parameter('port') || url.port,
  };
  for (const { name: source, variables } of stronger) {
    for (const name of ['PGDATABASE', 'PGPORT'] as const) {
      const value = variables[name];
      if (!value || said[name] === '' || said[name] === value) continue;
      throw new MigrateError(
        'usage',
        `${name} of ${source} is ${value}, and DATABASE_URL in ${deciding.name} says ${said[name]}`,
        { hint: `Unset ${name}, or name the whole target: DATABASE_URL=postgres://user@host:5432/database` },
      );
    }
  }
}

function parse(url: string | undefined): URL | null {
  try {
    return url ? new URL(url) : null;
  } catch {
    return null;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
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
