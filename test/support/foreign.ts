// Takes a database; gives it the history of another migration tool, by the real tool where npm ships it, else by the
// tool's documented tables.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { migrate } from 'postgres-migrations';
import { cleanUpAfterTest } from './cleanup.ts';
import { productRoot } from './cli.ts';
import type { TestDatabase } from './database.ts';

function folder(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'migrate-foreign-'));
  cleanUpAfterTest(async () => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

/** Runs postgres-migrations itself; `files` are `<number>_<name>.sql`. */
export async function runPostgresMigrations(
  database: TestDatabase,
  files: Record<string, string>,
): Promise<void> {
  const client = await database.client();
  await migrate({ client }, folder(files));
}

/** Runs dbmate itself; `files` are `<version>_<name>.sql` with its `-- migrate:up` and `-- migrate:down`. */
export async function runDbmate(database: TestDatabase, files: Record<string, string>): Promise<void> {
  const root = folder(files);
  const url = new URL(database.url);
  url.searchParams.set('sslmode', 'disable');
  await execa(
    process.execPath,
    [
      join(productRoot, 'node_modules', 'dbmate', 'dist', 'cli.js'),
      '--migrations-dir',
      root,
      '--no-dump-schema',
      '--url',
      url.href,
      'migrate',
    ],
    { cwd: root },
  );
}

/** Runs plain node-pg-migrate; `files` are `<timestamp>_<name>.js` as it makes them. */
export async function runNodePgMigrate(database: TestDatabase, files: Record<string, string>): Promise<void> {
  const { runner } = await import('node-pg-migrate');
  const dir = folder({ 'package.json': '{ "type": "commonjs" }', ...prefixed('migrations', files) });
  await runner({
    databaseUrl: database.url,
    dir: join(dir, 'migrations'),
    direction: 'up',
    migrationsTable: 'pgmigrations',
    log: () => {},
  });
}

function prefixed(directory: string, files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [`${directory}/${name}`, text]));
}

/** https://github.com/golang-migrate/migrate/tree/master/database/postgres: one row, `schema_migrations`. */
export async function golangMigrateTable(
  database: TestDatabase,
  version: string,
  dirty = false,
): Promise<void> {
  await database.query(
    `CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null);
     INSERT INTO schema_migrations VALUES (${version}, ${dirty})`,
  );
}

export interface FlywayRow {
  readonly version: string | null;
  readonly description: string;
  readonly type?: string;
  readonly success?: boolean;
}

/** https://documentation.red-gate.com/fd/flyway-schema-history-table-273973417.html, as Flyway creates it. */
export async function flywayTable(database: TestDatabase, rows: readonly FlywayRow[]): Promise<void> {
  await database.query(`CREATE TABLE flyway_schema_history (
    installed_rank int NOT NULL CONSTRAINT flyway_schema_history_pk PRIMARY KEY, version varchar(50),
    description varchar(200) NOT NULL, type varchar(20) NOT NULL, script varchar(1000) NOT NULL, checksum int,
    installed_by varchar(100) NOT NULL, installed_on timestamp NOT NULL DEFAULT now(),
    execution_time int NOT NULL, success boolean NOT NULL)`);
  for (const [i, { version, description, type = 'SQL', success = true }] of rows.entries()) {
    const prefix = version === null ? 'R' : `V${version}`;
    await database.query(
      `INSERT INTO flyway_schema_history VALUES ($1, $2, $3, $4, $5, 0, 'app', now(), 1, $6)`,
      [i + 1, version, description, type, `${prefix}__${description.replaceAll(' ', '_')}.sql`, success],
    );
  }
}
