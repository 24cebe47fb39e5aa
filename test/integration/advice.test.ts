// Errors whose own words do not say what to do: what the tool adds to them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, project, type Result } from '../support/cli.ts';
import { adminClient, createDatabase, type TestDatabase } from '../support/database.ts';
import { tables, versionOf } from '../support/migrations.ts';
import { pair } from '../support/runs.ts';

const v = versionOf;

async function failing(up: string, before = '', given?: TestDatabase): Promise<Result> {
  const database = given ?? (await createDatabase());
  if (before !== '') await database.query(before);
  const result = await (await project(pair(1, 'm', up))).run(['up'], { env: database.env() });
  expectExit(result, 3);
  expect(result.stderr).to.include('rolled back: nothing of it is left');
  return result;
}

describe('An error that needs the directive', () => {
  const cases: [string, string, string, RegExp][] = [
    [
      '2D000',
      'CALL p();',
      "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'",
      /commits or rolls back.*-- migrate: no-transaction/,
    ],
    ['2D000', 'DO $$ BEGIN COMMIT; END $$;', '', /-- migrate: no-transaction/],
    [
      '25001',
      "DO $$ BEGIN EXECUTE 'VACUUM'; END $$;",
      '',
      /statement of its own.*-- migrate: no-transaction/,
    ],
    [
      '55P04',
      "ALTER TYPE mood ADD VALUE 'new'; SELECT 'new'::mood;",
      "CREATE TYPE mood AS ENUM ('old')",
      /enum value.*-- migrate: no-transaction/,
    ],
  ];
  for (const [code, up, before, hint] of cases) {
    it(`says so: ${code}, ${up}`, async () => {
      const result = await failing(up, before);
      expect(result.stderr).to.include(code).and.to.match(hint);
    });
  }

  it('is not what BEGIN in a file is answered with', async () => {
    const repo = await project(pair(1, 'm', 'BEGIN; SELECT 1;'));
    const result = await repo.run(['up'], {
      env: { DATABASE_URL: 'postgres://u@127.0.0.1:1/d', MIGRATE_CONNECT_TIMEOUT: '1s' },
    });
    expectExit(result, 2);
    expect(result.stderr)
      .to.include('BEGIN: transactions are opened and closed by the tool')
      .and.not.to.include('no-transaction');
  });
});

describe('A file that takes away what it is recorded in', () => {
  for (const sql of [
    'DROP SCHEMA public CASCADE;',
    'DROP TABLE pgmigrations;',
    'DROP SCHEMA migration_ledger CASCADE;',
    'ALTER TABLE pgmigrations DROP COLUMN run_on;',
  ]) {
    it(`is told so: ${sql}`, async () => {
      const result = await failing(sql);
      expect(result.stderr)
        .to.include('removed or changed what it is to be recorded in')
        .and.include('public.pgmigrations');
    });
  }

  it('is told so where it drops all that the role owns, or gives it away without a GRANT', async () => {
    const role = `advised_${process.pid}`;
    const admin = await adminClient();
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    const database = await createDatabase();
    try {
      await database.query(
        `GRANT CREATE, CONNECT ON DATABASE ${database.name} TO ${role}; GRANT ALL ON SCHEMA public TO ${role}; CREATE ROLE ${role}_other; GRANT ${role}_other TO ${role}; GRANT ALL ON SCHEMA public TO ${role}_other`,
      );
      const env = {
        ...database.env(),
        DATABASE_URL: database.env().DATABASE_URL!.replace(`//${database.user}@`, `//${role}@`),
        PGPASSWORD: 'x',
      };
      const dropped = await (await project(pair(1, 'm', 'DROP OWNED BY CURRENT_USER;'))).run(['up'], { env });
      expectExit(dropped, 3);
      expect(dropped.stderr).to.match(/removed or changed|took away the right/);
      const given = await (
        await project(
          pair(1, 'm', `ALTER TABLE pgmigrations OWNER TO ${role}_other; REVOKE ${role}_other FROM ${role};`),
        )
      ).run(['up'], { env });
      if (given.exitCode !== 0) expect(given.stderr).to.match(/GRANT|permission denied to revoke/);
    } finally {
      await database.query(
        `REASSIGN OWNED BY ${role}, ${role}_other TO CURRENT_USER; DROP OWNED BY ${role}, ${role}_other`,
      );
      await admin.query(`DROP ROLE ${role}_other; DROP ROLE ${role}`);
    }
  });
});

describe('A login without CONNECT', () => {
  it('is answered with the GRANT, not with host and firewall', async () => {
    const role = `unconnected_${process.pid}`;
    const admin = await adminClient();
    const database = await createDatabase();
    await admin.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'x'; REVOKE CONNECT ON DATABASE ${database.name} FROM PUBLIC`,
    );
    try {
      const env = {
        ...database.env(),
        DATABASE_URL: database.env().DATABASE_URL!.replace(`//${database.user}@`, `//${role}@`),
        PGPASSWORD: 'x',
      };
      const result = await (await project(tables('one'))).run(['up'], { env });
      expectExit(result, 8);
      expect(result.stderr)
        .to.include(`GRANT CONNECT ON DATABASE "${database.name}" TO "${role}"`)
        .and.not.include('firewall');
    } finally {
      await admin.query(`DROP ROLE ${role}`);
    }
  });
});

describe('A file in UTF-16', () => {
  it('is called that, with a byte order mark or without, in either order of bytes', async () => {
    const repo = await project(tables('a', 'b', 'c', 'd'));
    const write = (name: string, bytes: Buffer) =>
      writeFileSync(join(repo.root, 'db', 'migrations', name), bytes);
    write(`${v(1)}_a.up.sql`, Buffer.from('\ufeffSELECT 1;', 'utf16le'));
    write(`${v(2)}_b.up.sql`, Buffer.from('\ufeffSELECT 1;', 'utf16le').swap16());
    write(`${v(3)}_c.up.sql`, Buffer.from('SELECT 1;', 'utf16le'));
    write(`${v(4)}_d.up.sql`, Buffer.from('SELECT 1;', 'utf16le').swap16());
    const result = await repo.run(['up'], {
      env: { DATABASE_URL: 'postgres://u@127.0.0.1:1/d', MIGRATE_CONNECT_TIMEOUT: '1s' },
    });
    expectExit(result, 2);
    for (const name of ['a', 'b', 'c', 'd'])
      expect(result.stderr).to.match(new RegExp(`_${name}\\.up\\.sql:1: is UTF-16`));
    expect(result.stderr).to.include('4 problems');
  });
});

describe('A session blocked by an orphaned prepared transaction', () => {
  it('names it, and how to end it', async function () {
    const database = await createDatabase();
    const [{ max } = { max: '0' }] = await database.query<{ max: string }>(
      "SELECT current_setting('max_prepared_transactions') AS max",
    );
    if (max === '0') this.skip();
    await database.query('CREATE TABLE busy (id int)');
    const client = await database.client();
    await client.query("BEGIN; LOCK TABLE busy; PREPARE TRANSACTION 'order 66'");
    const env = { ...database.env(), MIGRATE_LOCK_TIMEOUT: '3s', MIGRATE_LOCK_RETRIES: '0' };
    try {
      const result = await (await project(pair(1, 'm', 'ALTER TABLE busy ADD COLUMN x int;'))).run(['up'], {
        env,
      });
      expectExit(result, 6);
      expect(result.stderr)
        .to.include("blocked by prepared transaction 'order 66'")
        .and.include("ROLLBACK PREPARED 'order 66'");
      expect(result.stderr).not.to.include('pid 0');
    } finally {
      await client.query("ROLLBACK PREPARED 'order 66'");
    }
  });
});
