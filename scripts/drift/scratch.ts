// Takes migrations or a text of SQL; gives a way to query a scratch database on which they were run.
// It never touches the target.

import type { Client } from 'pg';
import { MigrateError } from '../base/errors.ts';
import { newestMajor } from '../base/postgres-major.ts';
import type { Migration } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { loadParser, type Parser } from '../files/statements.ts';
import { inQuotes } from '../schema/sql.ts';
import type { Query } from '../schema/types.ts';
import { ensureStandInsFor, runsOneByOne } from '../scratch/citus-stand-ins.ts';
import { administratorOf } from '../scratch/client.ts';
import { ensureFor } from '../scratch/placeholder-roles.ts';
import { applyMigrations } from '../scratch/replay.ts';
import { isServerWide, withoutServerWide } from '../scratch/server-wide.ts';
import { queryOn, withScratchClient } from '../scratch/with-scratch.ts';

/** The project as the server at hand needs it: what is tried beside it is tried on the embedded server of its own version. */
export function forServer(config: Config, major: number): Config {
  return { ...config, postgres: Math.min(major, newestMajor) };
}

/**
 * A database with all that the migrations build, dropped after the work.
 * @param after is awaited behind each migration
 * @throws MigrateError `migration-failed` naming the file that does not run; errors of `openScratchServer`
 */
export async function withMigrated<Result>(
  config: Config,
  migrations: readonly Migration[],
  work: (query: Query, build: Build) => Promise<Result>,
  after?: (query: Query, migration: Migration) => Promise<void>,
): Promise<Result> {
  const parse = await loadParser(config.postgres);
  return withScratchClient(config, async (client, another) => {
    try {
      const query = queryOn(client);
      await applyMigrations(client, migrations, parse, after && ((migration) => after(query, migration)));
    } catch (error) {
      throw error instanceof MigrateError ? inOurWords(error) : error;
    }
    return work(queryOn(client), (sql, inner) =>
      another(async (second) => {
        await ensureStandInsFor(second, sql);
        return runText(config, second, parse, sql, inner);
      }),
    );
  });
}

/** Runs a text on one more empty database of the same server; rejects with pg's error where it does not run. */
export type Build = <Result>(sql: string, work: (query: Query) => Promise<Result>) => Promise<Result>;

async function runText<Result>(
  config: Config,
  client: Client,
  parse: Parser,
  sql: string,
  work: (query: Query) => Promise<Result>,
  extent: Extent = 'all',
): Promise<Result> {
  await ensureFor(client, [{ text: sql }], parse);
  const text = await withoutSubscriptions(config, sql);
  const whole = withoutServerWide({ text }, parse);
  const parsed = parse(whole);
  const statements = parsed.ok === true ? parsed.statements.map((statement) => statement.text) : [whole];
  const run = async () => {
    for (const piece of runsOneByOne() ? statements : [whole]) await client.query(piece);
  };
  await run().catch((error: { code?: string }) => {
    if (extent === 'all' || error.code !== '42501') throw error;
    return runWhatMayRun(client, statements);
  });
  await client.query('RESET ALL');
  return work(queryOn(client));
}

/** `possible`: without what only a superuser may make, and without what stands on it. */
export type Extent = 'all' | 'possible';

async function runWhatMayRun(client: Client, statements: readonly string[]): Promise<void> {
  for (const sql of statements)
    await client
      .query(withoutLeakproof(sql))
      .catch(() => makeBareWrapper(client, sql).catch(() => undefined));
}

/** A wrapper without functions does nothing: the administrator makes one of its name, so that servers and tables stand on it. */
async function makeBareWrapper(client: Client, sql: string): Promise<void> {
  const [, name] = /^\s*CREATE FOREIGN DATA WRAPPER ("(?:[^"]|"")+"|[a-z_][\w$]*)\s*$/.exec(sql) ?? [];
  const administrator = administratorOf(client);
  if (name === undefined || administrator === null) return;
  const worker = inQuotes(administrator.worker);
  await administrator.inDatabase(
    `CREATE FOREIGN DATA WRAPPER ${name}; GRANT USAGE ON FOREIGN DATA WRAPPER ${name} TO ${worker}`,
  );
}

/** A function as a role without special rights may make it: LEAKPROOF changes nothing of what it does. */
export function withoutLeakproof(sql: string): string {
  if (!/^\s*CREATE OR REPLACE FUNCTION /.test(sql)) return sql;
  const body = sql.search(/^ *(?:AS |BEGIN ATOMIC$|RETURN )/m);
  const end = body < 0 ? sql.length : body;
  const attributes = /^( *(?:(?:WINDOW|IMMUTABLE|STABLE|VOLATILE|STRICT|PARALLEL \w+) )*)LEAKPROOF\b/m;
  return `${sql.slice(0, end).replace(attributes, '$1')}${sql.slice(end)}`;
}

/** A database with a subscription cannot be dropped, and what it subscribes to is another server's. */
async function withoutSubscriptions(config: Config, sql: string): Promise<string> {
  if (!/^CREATE SUBSCRIPTION /m.test(sql)) return sql;
  const parsed = (await loadParser(config.postgres))(sql);
  if (parsed.ok !== true) return sql;
  return parsed.statements
    .filter((statement) => !isServerWide(statement))
    .map(({ text }) => `${text};`)
    .join('\n');
}

function inOurWords(error: MigrateError): MigrateError {
  const message = error.message.replace('An earlier migration', 'The migration');
  return new MigrateError(error.code, message, {
    ...error.options,
    hint: 'All migrations are applied to an empty database. If one needs something that this server lacks, such as an extension, set SHADOW_DATABASE_URL to one that has it. Migrations run there without special rights; on a server that you can throw away MIGRATE_SCRATCH_TRUSTED=true lends them those of its login.',
    state: 'The target database was not touched.',
  });
}

export interface Building {
  readonly extent?: Extent;
  /** What the work goes on to run there. */
  readonly statements?: readonly string[];
  /** Whether functions stand in for Citus on a server that has it, too. */
  readonly standIn?: boolean;
}

/**
 * A database that a text of SQL was run on as one batch; rejects with pg's error where it does not run.
 * @param work also told whether Citus is called there, on a server that has it
 */
export async function withBuilt<Result>(
  config: Config,
  sql: string,
  work: (query: Query, hasCitus: boolean) => Promise<Result>,
  { extent = 'all', statements = [], standIn = false }: Building = {},
): Promise<Result> {
  const parse = await loadParser(config.postgres);
  return withScratchClient(config, async (client) => {
    let hasCitus = false;
    for (const text of [...statements, sql])
      hasCitus = (await ensureStandInsFor(client, text, standIn)) || hasCitus;
    return runText(config, client, parse, sql, (query) => work(query, hasCitus), extent);
  });
}
