// Takes flags and variables; gives one frozen Config. Flags win over variables, variables over `.env`, `.env` over
// db/config.json, that over defaults. It connects to nothing and starts nothing.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { defaultMajor } from '../base/postgres-major.ts';
import { liesOut } from '../base/project-file.ts';
import { connectionRemarks } from './connection-string.ts';
import { type Environment, namesTarget, readEnvironment } from './environment.ts';
import {
  checkSettings,
  type ProjectSettings,
  projectSchema,
  type Variables,
  variablesSchema,
} from './settings.ts';
import { readTarget, type Target } from './target.ts';

/** Options that every command has. */
export interface CommonFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** `--verbose` given twice. */
  readonly debug?: boolean;
  readonly dir?: string;
}

/** Where node-pg-migrate records what ran. */
export interface TrackingTable {
  readonly schema: string;
  readonly table: string;
}

export interface Config {
  readonly command: string;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Show each piece of SQL that is sent to the target. */
  readonly debug: boolean;
  /** Absolute path of the project: the working directory. */
  readonly root: string;
  /** Absolute path of the migrations directory. */
  readonly directory: string;
  readonly environmentName: string;
  /** Whether MIGRATE_ENV says it; else it is the default, which is right for the embedded server alone. */
  readonly environmentNamed: boolean;
  /** Undefined: the embedded development server. */
  readonly target: Target | undefined;
  readonly scratchUrl: string | undefined;
  /** Major version of the servers that the migrations are written for. */
  readonly postgres: number;
  readonly trackingTable: TrackingTable;
  readonly lockTimeoutMs: number;
  readonly lockRetries: number;
  readonly statementTimeoutMs: number;
  /** What one batch should take. */
  readonly batchTimeMs: number;
  /** How far a standby may lag before batches wait for it. */
  readonly batchMaxLagMs: number;
  /** Set where one process works on many databases: what all of them share. */
  readonly shared?: { files: Promise<unknown> | null };
  /** Ends the command early with its reason: work on scratch servers stops, servers that are starting are given up. */
  readonly signal?: AbortSignal;
  readonly waitMs: number;
  readonly connectTimeoutMs: number;
  readonly project: ProjectSettings;
  readonly variables: Environment;
  /** To be told once, before anything connects. */
  readonly remarks: readonly string[];
}

/**
 * @throws MigrateError `usage` listing every mistake, each with the variable or key and an example of a right value.
 */
export async function resolveConfig(
  command: string,
  flags: CommonFlags,
  processEnvironment: Environment = process.env,
  root: string = process.cwd(),
): Promise<Config> {
  const variables = await readEnvironment(root, processEnvironment);
  const checked = checkSettings<Variables>(variablesSchema, withoutEmpty(variables));
  if ('problems' in checked) throw mistakes(checked.problems);
  const project = readProject(root);
  const value = checked.value;
  return Object.freeze({
    command,
    json: flags.json ?? false,
    quiet: flags.quiet ?? false,
    verbose: flags.verbose ?? false,
    debug: flags.debug ?? value.MIGRATE_DEBUG,
    root,
    directory: resolve(root, flags.dir ?? project.dir ?? defaultDirectory),
    environmentName: value.MIGRATE_ENV,
    environmentNamed: (variables.MIGRATE_ENV ?? '') !== '',
    target: namesTarget(variables) ? await readTarget(variables) : undefined,
    scratchUrl: variables.SHADOW_DATABASE_URL || undefined,
    postgres: project.postgres ?? defaultMajor,
    trackingTable: trackingTableOf(project),
    ...bounds(variables, value, project),
    batchTimeMs: value.MIGRATE_BATCH_TIME,
    batchMaxLagMs: value.MIGRATE_BATCH_MAX_LAG,
    waitMs: value.MIGRATE_WAIT,
    connectTimeoutMs: value.MIGRATE_CONNECT_TIMEOUT,
    project,
    variables,
    remarks: connectionRemarks(variables),
  });
}

function trackingTableOf({
  trackingTable = 'public.pgmigrations',
}: ProjectSettings): Config['trackingTable'] {
  const [schema = 'public', table = 'pgmigrations'] = trackingTable.split('.');
  return { schema, table };
}

/** What may be said in db/config.json as well. */
function bounds(
  variables: Environment,
  value: Variables,
  project: ProjectSettings,
): Pick<Config, 'lockTimeoutMs' | 'lockRetries' | 'statementTimeoutMs'> {
  return {
    lockTimeoutMs: strongest(variables.MIGRATE_LOCK_TIMEOUT, value.MIGRATE_LOCK_TIMEOUT, project.lockTimeout),
    lockRetries: strongest(variables.MIGRATE_LOCK_RETRIES, value.MIGRATE_LOCK_RETRIES, project.lockRetries),
    statementTimeoutMs: strongest(
      variables.MIGRATE_STATEMENT_TIMEOUT,
      value.MIGRATE_STATEMENT_TIMEOUT,
      project.statementTimeout,
    ),
  };
}

/** The variable where it is set (then `checked` is its value), else the project's, else the default in `checked`. */
function strongest(variable: string | undefined, checked: number, project: number | undefined): number {
  return variable ? checked : (project ?? checked);
}

function withoutEmpty(variables: Environment): Environment {
  return Object.fromEntries(
    Object.entries(variables).filter(([name, value]) => name.startsWith('MIGRATE_') && value !== ''),
  );
}

function mistakes(problems: readonly string[]): MigrateError {
  const [first = ''] = problems;
  return problems.length === 1
    ? new MigrateError('usage', first)
    : new MigrateError('usage', `${problems.length} settings are wrong`, { problems });
}

/** Where commands look for migrations that are not told another directory. @throws MigrateError `usage` */
export function directoryOf(root: string): string {
  return resolve(root, readProject(root).dir ?? defaultDirectory);
}

const defaultDirectory = 'db/migrations';

function readProject(root: string): ProjectSettings {
  const path = join(root, 'db', 'config.json');
  if (!existsSync(path)) return {};
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    // What is no JSON is quoted; of a file that a link has chosen nothing is shown.
    const reason =
      existsSync(path) && liesOut(root, path)
        ? 'it is a symbolic link out of the project'
        : (cause as Error).message;
    throw new MigrateError('usage', `db/config.json is no JSON: ${reason}`, { cause });
  }
  const checked = checkSettings<ProjectSettings>(projectSchema, json);
  if ('problems' in checked) throw mistakes(checked.problems.map((problem) => `db/config.json: ${problem}`));
  return checked.value;
}

/**
 * The target a command will work on when none was named: the embedded server, in development only.
 * @throws MigrateError `usage` in CI and in every other environment, where a missing variable must never be papered over.
 */
export function refuseMissingTarget(config: Config): void {
  const inCi = !['', 'false', '0', undefined].includes(config.variables.CI?.toLowerCase());
  if (inCi || config.environmentName !== 'development') {
    const where = inCi ? 'CI is set' : `MIGRATE_ENV is ${config.environmentName}`;
    throw new MigrateError(
      'usage',
      `No database is named, and ${where}, so the embedded development server is not used`,
      {
        hint: 'Set DATABASE_URL=postgres://user@host:5432/database and PGPASSWORD, or PGHOST, PGUSER, PGPASSWORD and PGDATABASE.',
      },
    );
  }
}
