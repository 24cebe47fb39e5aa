// The first run on a database that another tool has migrated: refused, with the line that takes its history over.
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { flywayTable, golangMigrateTable, runDbmate, runPostgresMigrations } from '../support/foreign.ts';
import { pair, tables, versionOf } from '../support/migrations.ts';

const seed = pair(
  `${versionOf(1)}_seed`,
  "CREATE TABLE IF NOT EXISTS seed (v text); INSERT INTO seed VALUES ('once');",
  'DROP TABLE seed;',
);

/** As each tool documents or creates it; with a row in it. */
const histories: Record<string, string> = {
  Rails:
    "CREATE TABLE schema_migrations (version varchar PRIMARY KEY); CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar, created_at timestamp, updated_at timestamp); INSERT INTO schema_migrations VALUES ('20240101000000')",
  Ecto: 'CREATE TABLE schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp(0)); INSERT INTO schema_migrations VALUES (20240101000000, now())',
  goose:
    'CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now()); INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (1, true)',
  'sql-migrate':
    "CREATE TABLE gorp_migrations (id text PRIMARY KEY, applied_at timestamptz); INSERT INTO gorp_migrations VALUES ('1_a.sql', now())",
  Prisma:
    "CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz DEFAULT now(), applied_steps_count integer DEFAULT 0); INSERT INTO _prisma_migrations VALUES ('1', 'x', now(), '20240101_init')",
  Drizzle:
    "CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint); INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('x', 1)",
  Knex: "CREATE TABLE knex_migrations (id serial PRIMARY KEY, name varchar(255), batch integer, migration_time timestamptz); INSERT INTO knex_migrations (name, batch) VALUES ('2024_a.js', 1)",
  TypeORM:
    "CREATE TABLE migrations (id serial PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL); INSERT INTO migrations (timestamp, name) VALUES (1700000000000, 'Init1700000000000')",
  Sequelize: `CREATE TABLE "SequelizeMeta" (name varchar(255) PRIMARY KEY); INSERT INTO "SequelizeMeta" VALUES ('2024-a.js')`,
  Alembic:
    "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('ab12')",
  Liquibase:
    "CREATE TABLE databasechangelog (id varchar(255), author varchar(255), filename varchar(255), dateexecuted timestamp, orderexecuted int, exectype varchar(10), md5sum varchar(35)); INSERT INTO databasechangelog VALUES ('1', 'bob', 'a.sql', now(), 1, 'EXECUTED', 'x')",
  sqlx: "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text, installed_on timestamptz DEFAULT now(), success boolean, checksum bytea, execution_time bigint); INSERT INTO _sqlx_migrations VALUES (1, 'a', now(), true, 'x', 1)",
  Diesel:
    "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp DEFAULT now()); INSERT INTO __diesel_schema_migrations VALUES ('20240101')",
  refinery:
    "CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name varchar(255), applied_on varchar(255), checksum varchar(255)); INSERT INTO refinery_schema_history VALUES (1, 'a', 'x', 'y')",
  Phinx:
    "CREATE TABLE phinxlog (version bigint PRIMARY KEY, migration_name varchar(100), start_time timestamp, end_time timestamp, breakpoint boolean); INSERT INTO phinxlog VALUES (1, 'A')",
  Doctrine:
    "CREATE TABLE doctrine_migration_versions (version varchar(191) PRIMARY KEY, executed_at timestamp(0), execution_time int); INSERT INTO doctrine_migration_versions VALUES ('V1')",
  Laravel:
    "CREATE TABLE migrations (id serial PRIMARY KEY, migration varchar(255) NOT NULL, batch int NOT NULL); INSERT INTO migrations (migration, batch) VALUES ('2024_a', 1)",
  Django:
    "CREATE TABLE django_migrations (id bigserial PRIMARY KEY, app varchar(255), name varchar(255), applied timestamptz); INSERT INTO django_migrations (app, name, applied) VALUES ('a', '0001', now())",
  'Entity Framework Core': `CREATE TABLE "__EFMigrationsHistory" ("MigrationId" varchar(150) PRIMARY KEY, "ProductVersion" varchar(32)); INSERT INTO "__EFMigrationsHistory" VALUES ('1_A', '8')`,
  'db-migrate':
    "CREATE TABLE migrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL); INSERT INTO migrations (name, run_on) VALUES ('/2024-a', now())",
  'node-pg-migrate':
    "CREATE SCHEMA app; CREATE TABLE app.pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL); INSERT INTO app.pgmigrations (name, run_on) VALUES ('1_a', now())",
};

async function nothingRan(database: TestDatabase): Promise<void> {
  const [row] = await database.query(
    "SELECT to_regclass('seed') AS seed, to_regclass('pgmigrations') AS tracking, to_regnamespace('migration_ledger') AS ledger",
  );
  expect(row).to.deep.equal({ seed: null, tracking: null, ledger: null });
}

describe('The first up over another tool’s history', () => {
  it('is refused by each tool’s name, wherever its table is', async () => {
    const database = await createDatabase();
    // Each in a schema of its own, but for those that make one.
    const made = Object.entries(histories).map(([tool, sql], i) => {
      const schema = /CREATE SCHEMA (\w+)/.exec(sql)?.[1] ?? `tool_${i}`;
      return {
        tool,
        schema,
        sql: `CREATE SCHEMA IF NOT EXISTS ${schema}; SET search_path = ${schema}; ${sql}`,
      };
    });
    for (const { sql } of made)
      await database.query(sql.replace(/(CREATE SCHEMA)(?! IF)/, '$1 IF NOT EXISTS'));
    const result = await (await project(seed)).run(['up'], { env: database.env() });
    expectExit(result, 4);
    const lines = result.stderr.split('\n');
    for (const { tool, schema } of made) {
      const line = lines.find((each) => each.includes(`- ${tool}: ${schema}.`)) ?? '';
      expect(line, tool).to.include(
        tool === 'node-pg-migrate' ? '"trackingTable": "app.pgmigrations"' : 'make migrate-baseline to=',
      );
    }
    expect(result.stderr).to.include('--fresh-history');
    await database.query('RESET search_path');
    await nothingRan(database);
  });

  it('names the baseline that reads the history, which works as it stands', async () => {
    const fillers: [string, (database: TestDatabase) => Promise<void>][] = [
      [
        'dbmate',
        (db) =>
          runDbmate(db, {
            '20250101000001_seed.sql': '-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;',
          }),
      ],
      ['golang-migrate', (db) => golangMigrateTable(db, '20250101000001')],
      ['flyway', (db) => flywayTable(db, [{ version: '20250101000001', description: 'seed' }])],
      ['postgres-migrations', (db) => runPostgresMigrations(db, { '1_seed.sql': 'SELECT 1;' })],
    ];
    for (const [from, fill] of fillers) {
      const database = await createDatabase();
      await fill(database);
      const repo = await project({ ...seed, ...pair(`${versionOf(2)}_next`, 'SELECT 1;', 'SELECT 1;') });
      const result = await repo.run(['up'], { env: database.env() });
      expectExit(result, 4);
      expect(result.stderr, from).to.include(`make migrate-baseline from=${from}`);
      await nothingRan(database);
      const taken = await repo.run(['baseline', '--from', from], { env: database.env() });
      expectExit(taken, 0);
      // The other tool's own table is no difference from what the migrations build.
      expect(taken.all).not.to.include('+ table');
      const after = await repo.run(['up', '--json'], { env: database.env() });
      expectExit(after, 0);
      expect(
        after.json().migrations.map(({ name }: { name: string }) => name),
        from,
      ).to.deep.equal(['next']);
    }
  });

  it('is found under a name that its project chose, each with its own line', async () => {
    const database = await createDatabase();
    const chosen: Record<string, string> = {
      'golang-migrate: public.deployed': '(version bigint, dirty boolean)',
      'goose: public.releases': '(id serial, version_id bigint, is_applied boolean, tstamp timestamp)',
      'Flyway: public.FLYWAY_SCHEMA_HISTORY':
        '(installed_rank int, version text, script text, checksum int, success boolean)',
      'Knex: app.steps': '(id serial, name text, batch int, migration_time timestamptz)',
      'Alembic: app.alembic_of_app': '(version_num text)',
      'Liquibase: public.DATABASECHANGELOG':
        '("ID" text, "AUTHOR" text, "FILENAME" text, "DATEEXECUTED" timestamp, "ORDEREXECUTED" int, "MD5SUM" text)',
      'node-pg-migrate: app.shop_history': '(id serial, name text, run_on timestamp)',
      'dbmate: app.app_migrations': '(version text)',
      'Sequelize: public.sequelize_meta': '(name text)',
      'TypeORM: public.custom_migration_table': '(id serial, timestamp bigint, name text)',
      'Drizzle: drizzle.log': '(id serial, hash text, created_at bigint)',
    };
    await database.query('CREATE SCHEMA app; CREATE SCHEMA drizzle');
    for (const [found, columns] of Object.entries(chosen)) {
      const [schema, table] = (found.split(': ')[1] ?? '').split('.');
      await database.query(`CREATE TABLE ${schema}."${table}" ${columns}`);
      await database.query(`ALTER TABLE ${schema}."${table}" ENABLE ROW LEVEL SECURITY`);
    }
    const result = await (await project(seed)).run(['up'], { env: database.env() });
    expectExit(result, 4);
    for (const found of Object.keys(chosen)) expect(result.stderr).to.include(`${found}. Take it over`);
    expect(result.stderr).to.include('from=goose table=public.releases');
    await nothingRan(database);
  });

  it('is taken over from a table whose name has to be quoted, with the line that was named', async () => {
    const database = await createDatabase();
    await database.query(`CREATE SCHEMA "my app.x"; CREATE TABLE "my app.x"."It's" (id serial, version_id bigint, is_applied boolean);
      INSERT INTO "my app.x"."It's" (version_id, is_applied) VALUES (20250101000001, true)`);
    const repo = await project(seed);
    const refused = await repo.run(['up'], { env: database.env() });
    expectExit(refused, 4);
    const table = `"my app.x".It's`;
    expect(refused.stderr).to.include(`from=goose table='${table.replace("'", "'\\''")}'`);
    expectExit(await repo.run(['baseline', '--from', 'goose', '--table', table], { env: database.env() }), 0);
    expect((await repo.run(['up'], { env: database.env() })).all).to.include('Already up to date');
  });

  it('is found where it is our own, recorded for another tracking table', async () => {
    const database = await createDatabase();
    expectExit(await (await project(seed)).run(['up'], { env: database.env() }), 0);
    const moved = await project({ ...seed, 'db/config.json': '{ "trackingTable": "app.history" }' });
    const result = await moved.run(['up'], { env: database.env() });
    expectExit(result, 4);
    expect(result.stderr)
      .to.include('{ "trackingTable": "public.pgmigrations" }')
      .and.include('--fresh-history');
    expect(await database.query('SELECT count(*)::int AS seeds FROM seed')).to.deep.equal([{ seeds: 1 }]);
    expectExit(await moved.run(['up', '--fresh-history'], { env: database.env() }), 0);
    expectExit(await moved.run(['up'], { env: database.env() }), 0);
    // Of another application that was made from the same template, the first one has a text of its own.
    const other = await project({
      ...pair(`${versionOf(1)}_seed`, 'CREATE TABLE other (v text);', 'DROP TABLE other;'),
      'db/config.json': '{ "trackingTable": "other.history" }',
    });
    expectExit(await other.run(['up'], { env: database.env() }), 0);
  });

  it('is refused by plan too; --fresh-history runs, once said', async () => {
    const database = await createDatabase();
    await database.query(histories.Knex ?? '');
    const repo = await project(tables('a', 'b'));
    expectExit(await repo.run(['plan'], { env: database.env() }), 4);
    expectExit(await repo.run(['up', '--dry-run'], { env: database.env() }), 4);
    expectExit(await repo.run(['status'], { env: database.env() }), 0);
    expectExit(await repo.run(['up', '--n', '1', '--fresh-history'], { env: database.env() }), 0);
    expectExit(await repo.run(['down'], { env: database.env() }), 0);
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
  });

  it('goes ahead beside an application’s own tables of such names, and empty ones', async () => {
    const database = await createDatabase();
    await database.query(`
      CREATE TABLE migrations (id serial PRIMARY KEY, species text, name text, run_on date);
      INSERT INTO migrations (species, name, run_on) VALUES ('stork', 'south', now());
      CREATE SCHEMA a; CREATE TABLE a.migrations (id int, timestamp timestamptz, name text); INSERT INTO a.migrations VALUES (1, now(), 'x');
      CREATE SCHEMA b; CREATE TABLE b.schema_migrations (version varchar PRIMARY KEY);
      CREATE SCHEMA c; CREATE TABLE c.changes (id int, change text); INSERT INTO c.changes VALUES (1, 'x');
      CREATE TABLE app_versions (version text, dirty text); INSERT INTO app_versions VALUES ('1', 'no');
      CREATE TABLE documents (id int, version_num int); INSERT INTO documents VALUES (1, 1);
      CREATE TABLE migration_kinds (id int, name text); INSERT INTO migration_kinds VALUES (1, 'x');
      CREATE TABLE schema_changes (id int, migration_name text, run_on date); INSERT INTO schema_changes VALUES (1, 'x', now());
      CREATE VIEW alembic_version AS SELECT 'x' AS version_num;
      CREATE TABLE changelog (id int, text text); INSERT INTO changelog VALUES (1, 'x');
      CREATE TABLE migration (version int, from_place text, apply_time text); INSERT INTO migration VALUES (1, 'x', 'y')`);
    expectExit(await (await project(seed)).run(['up'], { env: database.env() }), 0);
  });

  it('is found in a schema and a table that the role may not read, and named where there are several', async () => {
    const database = await createDatabase();
    await database.query(`CREATE SCHEMA x; CREATE TABLE x.schema_migrations (version varchar); INSERT INTO x.schema_migrations VALUES ('1');
      CREATE SCHEMA y; CREATE TABLE y.schema_migrations (version varchar); INSERT INTO y.schema_migrations VALUES ('1')`);
    const result = await (await project(seed)).run(['up'], { env: database.env() });
    expectExit(result, 4);
    expect(result.stderr)
      .to.include('from=dbmate table=x.schema_migrations')
      .and.include('table=y.schema_migrations');
  });

  it('does not stand in the way of two applications of this tool in one database', async () => {
    const database = await createDatabase();
    const one = await project(seed);
    const two = await project({
      ...tables('other'),
      'db/config.json': '{ "trackingTable": "app.pgmigrations" }',
    });
    expectExit(await two.run(['up'], { env: database.env() }), 0);
    expectExit(await one.run(['up'], { env: database.env() }), 0);
  });
});
