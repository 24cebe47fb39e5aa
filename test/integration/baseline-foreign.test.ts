// Histories of further tools, as their documented tables hold them: taken over as they are, listed first, never guessed.
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';

const files = {
  ...pair('20240101120000_create-users', 'CREATE TABLE users (id int);\n', 'DROP TABLE users;\n'),
  ...pair('20240102120000_add-orders', 'CREATE TABLE orders (id int);\n', 'DROP TABLE orders;\n'),
  ...pair('20240103120000_later', 'CREATE TABLE later (id int);\n', 'DROP TABLE later;\n'),
};
const [first, second] = ['2024-01-01T12:00:00Z', '2024-01-02T12:00:00Z'].map((time) => Date.parse(time)) as [
  number,
  number,
];

/** Two of three migrations applied, by each tool's own table. */
const histories: Readonly<Record<string, { readonly sql: string; readonly args?: readonly string[] }>> = {
  typeorm: {
    sql: `CREATE TABLE migrations (id serial PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL);
      INSERT INTO migrations (timestamp, name) VALUES (${first}, 'CreateUsers${first}'), (${second}, 'AddOrders${second}')`,
  },
  prisma: {
    sql: `CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count int NOT NULL DEFAULT 0);
      INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, rolled_back_at) VALUES
      ('1', 'x', now(), '20240101120000_create_users', NULL), ('2', 'x', NULL, '20240102120000_add_orders', now()), ('3', 'x', now(), '20240102120000_add_orders', NULL)`,
  },
  drizzle: {
    sql: `CREATE SCHEMA drizzle; CREATE TABLE drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
      INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('abc', ${first}), ('def', ${second})`,
  },
  knex: {
    sql: `CREATE TABLE knex_migrations (id serial PRIMARY KEY, name varchar(255), batch int, migration_time timestamptz);
      INSERT INTO knex_migrations (name, batch) VALUES ('20240101120000_create_users.js', 1), ('20240102120000_add_orders.ts', 1)`,
  },
  sequelize: {
    sql: `CREATE TABLE "SequelizeMeta" (name varchar(255) PRIMARY KEY); INSERT INTO "SequelizeMeta" VALUES ('20240102120000-add-orders.js'), ('20240101120000-create-users.js')`,
  },
  umzug: {
    sql: `CREATE TABLE umzug_migrations (name text PRIMARY KEY); INSERT INTO umzug_migrations VALUES ('20240101120000_create-users.ts'), ('20240102120000_add-orders.ts')`,
  },
  goose: {
    sql: `CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now());
      INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (20240101120000, true), (20240102120000, true), (20240103120000, true), (20240103120000, false)`,
  },
  sqlx: {
    sql: `CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL);
      INSERT INTO _sqlx_migrations VALUES (20240101120000, 'create users', now(), true, '\\x00', 1), (20240102120000, 'add orders', now(), true, '\\x00', 1)`,
  },
  liquibase: {
    sql: `CREATE TABLE databasechangelog (id varchar(255), author varchar(255), filename varchar(255), dateexecuted timestamp, orderexecuted int, exectype varchar(10), md5sum varchar(35));
      INSERT INTO databasechangelog VALUES ('create-users', 'me', 'x.xml', now(), 1, 'EXECUTED'), ('add-orders', 'me', 'x.xml', now(), 2, 'EXECUTED'), ('odd', 'me', 'x.xml', now(), 3, 'SKIPPED')`,
  },
  rails: {
    sql: `CREATE TABLE schema_migrations (version varchar PRIMARY KEY); CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar);
      INSERT INTO schema_migrations VALUES ('20240101120000'), ('20240102120000')`,
  },
  alembic: {
    sql: `CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('1975ea83b712')`,
    args: ['--to', '20240102120000'],
  },
};

describe('baseline from further tools', () => {
  for (const [tool, { sql, args = [] }] of Object.entries(histories)) {
    it(`takes over what ${tool} has applied, shown before, run by nobody`, async () => {
      const { run } = await project(files);
      const database = await createDatabase();
      await database.query(`${sql}; CREATE TABLE users (id int); CREATE TABLE orders (id int)`);
      const env = database.env();
      const shown = await run(['baseline', '--from', tool, '--dry-run', ...args], { env });
      expectExit(shown, 0);
      expect(shown.stdout)
        .to.include('20240101120000_create-users')
        .and.to.include('20240102120000_add-orders');
      expect((await run(['up'], { env })).exitCode).to.equal(4);
      expectExit(await run(['baseline', '--from', tool, ...args], { env }), 0);
      const up = await run(['up'], { env });
      expectExit(up, 0);
      expect(up.stdout).to.include('applied  20240103120000_later').and.to.include('Applied 1 migration');
    });
  }

  const broken: readonly (readonly [string, string, string])[] = [
    [
      'prisma',
      `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('4', 'x', '20240103120000_later')`,
      'failed: mend that first',
    ],
    [
      'sqlx',
      `UPDATE _sqlx_migrations SET success = false WHERE version = 20240102120000`,
      'failed: mend that first',
    ],
    ['alembic', `INSERT INTO alembic_version VALUES ('ffff')`, '2 heads'],
    [
      'knex',
      `INSERT INTO knex_migrations (name, batch) VALUES ('20240109120000_nowhere.js', 2)`,
      'no migration with its version',
    ],
    ['typeorm', `UPDATE migrations SET name = 'Other${second}' WHERE timestamp = ${second}`, 'another name'],
  ];
  for (const [tool, sql, told] of broken) {
    it(`writes nothing where a record of ${tool} does not match: ${told}`, async () => {
      const { run } = await project(files);
      const database = await createDatabase();
      await database.query(`${histories[tool]!.sql}; ${sql}`);
      const result = await run(['baseline', '--from', tool, ...(histories[tool]!.args ?? [])], {
        env: database.env(),
      });
      expectExit(result, 4);
      expect(result.all).to.include(told);
      expect(
        await database.query("SELECT FROM pg_namespace WHERE nspname = 'migration_ledger'"),
      ).to.deep.equal([]);
    });
  }
});
