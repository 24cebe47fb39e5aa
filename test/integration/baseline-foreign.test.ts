// Histories of further tools, as their documented tables hold them: taken over as they are, listed first, never guessed.
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
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

  const flyway = (rows: readonly string[]) =>
    `CREATE SCHEMA "odd one"; CREATE TABLE "odd one".flyway_schema_history (installed_rank int, version varchar(50), description varchar(200), type varchar(20), script varchar(1000), success boolean);
     INSERT INTO "odd one".flyway_schema_history VALUES ${rows.map((row, i) => `(${i + 1}, ${row})`).join(', ')}`;
  const users = "'1', 'create users', 'SQL', 'V1__create_users.sql', true";
  const orders = "'1.10', 'add orders', 'SQL', 'V1.10__add_orders.sql', true";
  const later = "'1.9', 'later', 'SQL', 'x', true";
  const odd: readonly (readonly [
    title: string,
    tool: string,
    sql: string,
    says: RegExp,
    exitCode: number,
  ])[] = [
    [
      'out of order, with a repeatable one run twice, in a schema of another name',
      'flyway',
      flyway([
        "'1.10', 'later', 'SQL', 'x', true",
        users,
        "NULL, 'views', 'SQL', 'R__views.sql', true",
        "NULL, 'views', 'SQL', 'R__views.sql', true",
        "'1.9', 'add orders', 'SQL', 'x', true",
      ]),
      /20240103120000_later/,
      0,
    ],
    [
      'failed once and then right',
      'flyway',
      flyway([users.replace('true', 'false'), users, orders]),
      /add-orders/,
      0,
    ],
    [
      'failed and left so',
      'flyway',
      flyway([users, orders.replace('true', 'false')]),
      /failed: mend that first/,
      4,
    ],
    ['undone', 'flyway', flyway([users, orders, orders.replace("'SQL'", "'UNDO_SQL'")]), /create-users/, 0],
    [
      'of a baseline that stands for what nobody knows',
      'flyway',
      flyway(["'1', '<< Flyway Baseline >>', 'BASELINE', 'x', true", orders]),
      /does not say which migrations/,
      4,
    ],
    [
      'whose order is another than here',
      'flyway',
      flyway([users, orders, later]),
      /number 2 is V1.9 later there, and 20240102120000_add-orders here/,
      4,
    ],
    [
      'two versions where one is kept',
      'golang-migrate',
      'CREATE TABLE schema_migrations (version bigint, dirty boolean); INSERT INTO schema_migrations VALUES (20240102120000, false), (20240101120000, false)',
      /it holds 2 versions, where the tool keeps one/,
      4,
    ],
    [
      'dirty',
      'golang-migrate',
      'CREATE TABLE schema_migrations (version bigint, dirty boolean); INSERT INTO schema_migrations VALUES (20240102120000, true)',
      /is dirty: it failed half-way/,
      4,
    ],
    [
      'taken back whole',
      'golang-migrate',
      'CREATE TABLE schema_migrations (version bigint, dirty boolean)',
      /names no applied migration/,
      4,
    ],
    [
      'in two schemas',
      'knex',
      'CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.knex_migrations (name text, batch int, migration_time date); CREATE TABLE b.knex_migrations (LIKE a.knex_migrations)',
      /several tables.*"?a"?\..*"?b"?\./,
      4,
    ],
    [
      'squashed into one of another name',
      'prisma',
      `${histories.prisma!.sql}; DELETE FROM _prisma_migrations; INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name) VALUES ('9', 'x', now(), '20240102120000_squashed')`,
      /has the version of 20240102120000_add-orders, but another name/,
      4,
    ],
    [
      'applied twice',
      'goose',
      `${histories.goose!.sql}; INSERT INTO goose_db_version (version_id, is_applied) VALUES (20240102120000, true)`,
      /add-orders/,
      0,
    ],
  ];
  for (const [title, tool, sql, says, exitCode] of odd) {
    it(`reads a history of ${tool} that is ${title}`, async () => {
      const { root } = await project(files);
      const database = await createDatabase();
      await database.query(sql);
      const result = await runInProcess(root, database.env(), ['baseline', '--from', tool, '--dry-run']);
      expect(result.exitCode, result.said).to.equal(exitCode);
      expect(result.said).to.match(says);
      expect(result.said.match(/is repeatable/g) ?? []).to.have.length(title.includes('repeatable') ? 1 : 0);
    });
  }
});
