// Errors whose own words do not say what to do: what the tool adds to them.
import { expect } from 'chai';
import { cleanUpAfterTest } from '../support/cleanup.ts';
import { expectExit, project } from '../support/cli.ts';
import { adminClient, createDatabase } from '../support/database.ts';
import { pair, tables } from '../support/migrations.ts';

const id = '20250101000001_m';
const outside = '-- migrate: no-transaction\n';

/** A database and a project whose one migration is written anew for each try; every try must fail with exit 3. */
async function trial(setup = 'SELECT 1') {
  const database = await createDatabase();
  await database.query(setup);
  const repo = await project();
  const fails = async (up: string) => {
    for (const [name, sql] of Object.entries(pair(id, `${up}\n`, 'SELECT 1;'))) repo.write(name, sql);
    const result = await repo.run(['up'], { env: database.env() });
    expectExit(result, 3);
    return result.stderr;
  };
  const settle = () =>
    repo.run(['repair', '--resolve', '20250101000001', 'pending', '--reason', 'next'], {
      env: database.env(),
    });
  return { database, repo, fails, settle };
}

describe('An error that needs the directive, or that has it', () => {
  const inside: readonly (readonly [code: string, up: string, hint: RegExp])[] = [
    ['2D000', 'CALL commits();', /commits or rolls back.*-- migrate: no-transaction/],
    ['2D000', 'DO $$ BEGIN ROLLBACK; END $$;', /commits or rolls back.*-- migrate: no-transaction/],
    ['25001', "DO $$ BEGIN EXECUTE 'VACUUM'; END $$;", /statement of its own.*-- migrate: no-transaction/],
    [
      '55P04',
      "ALTER TYPE mood ADD VALUE 'new'; SELECT 'new'::mood;",
      /enum value.*-- migrate: no-transaction/,
    ],
    ['0A000', "DO $$ BEGIN EXECUTE 'BEGIN'; END $$;", /no text for EXECUTE/],
  ];
  const alone: typeof inside = [
    ['25001', "DO $$ BEGIN EXECUTE 'VACUUM'; END $$;", /statement of its own\. Mend/],
    ['2D000', 'SELECT commits_too();', /CALL is a statement of its own/],
  ];

  it('says so', async () => {
    const { fails, settle } = await trial(`CREATE TYPE mood AS ENUM ('old');
      CREATE PROCEDURE commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
      CREATE FUNCTION commits_too() RETURNS void LANGUAGE plpgsql AS 'BEGIN COMMIT; END'`);
    for (const [code, up, hint] of inside) {
      const said = await fails(up);
      expect(said, up).to.include(code).and.to.include('rolled back: nothing of it is left');
      expect(said.replaceAll('\n', ' '), up)
        .to.match(hint)
        .and.to.match(/Mend .*then run make migrate-up again/);
    }
    for (const [code, up, hint] of alone) {
      const said = await fails(outside + up);
      expect(said, up).to.include(code).and.to.match(hint).and.not.to.include('put "-- migrate:');
      expectExit(await settle(), 0);
    }
  });

  it('is not what BEGIN in a file is answered with', async () => {
    const repo = await project(pair(id, 'BEGIN; SELECT 1;', 'SELECT 1;'));
    const result = await repo.run(['up'], {
      env: { DATABASE_URL: 'postgres://u@127.0.0.1:1/d', MIGRATE_CONNECT_TIMEOUT: '1ms' },
    });
    expectExit(result, 2);
    expect(result.stderr)
      .to.include('BEGIN: transactions are opened and closed by the tool')
      .and.not.to.include('no-transaction');
  });
});

describe('A file that takes away what it is recorded in', () => {
  it('is told so, in a transaction and outside of one', async () => {
    const { fails } = await trial();
    for (const up of [
      'DROP SCHEMA public CASCADE;',
      'DROP TABLE pgmigrations;',
      'DROP SCHEMA migration_ledger CASCADE;',
      'ALTER SCHEMA public RENAME TO old;',
      'ALTER TABLE pgmigrations DROP COLUMN run_on;',
    ])
      expect(await fails(up), up)
        .to.match(/The file removed or changed what it is to be recorded in: .*does not exist/)
        .and.include('public.pgmigrations and the schema migration_ledger must stay')
        .and.include('rolled back: nothing of it is left');
    expect(await fails(`${outside}DROP TABLE pgmigrations;`)).to.include('The file removed or changed');
  });

  it('is told so where it takes its own right away, with the GRANT', async () => {
    const { database, repo } = await trial();
    const role = `giving_${process.pid}`;
    const admin = await adminClient();
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    cleanUpAfterTest(async () => {
      await database.query(`DROP OWNED BY ${role}`);
      await admin.query(`DROP ROLE ${role}`);
    });
    await database.query(
      `GRANT CREATE ON DATABASE ${database.name} TO ${role}; GRANT ALL ON SCHEMA public TO ${role}`,
    );
    for (const [name, sql] of Object.entries(
      pair(id, `REVOKE INSERT ON pgmigrations FROM ${role};`, 'SELECT 1;'),
    ))
      repo.write(name, sql);
    const result = await repo.run(['up'], {
      env: {
        DATABASE_URL: `postgres://${role}@${database.host}:${database.port}/${database.name}`,
        PGPASSWORD: 'x',
      },
    });
    expectExit(result, 3);
    expect(result.stderr)
      .to.include('The right to record it is missing: permission denied for table pgmigrations')
      .and.include(`GRANT SELECT, INSERT, DELETE ON public.pgmigrations TO "${role}"`);
  });
});

describe('A login without CONNECT', () => {
  it('is answered with the GRANT, not with host and firewall', async () => {
    const role = `Unconnected ${process.pid}`;
    const admin = await adminClient();
    const { name, host, port } = await createDatabase();
    await admin.query(
      `CREATE ROLE "${role}" LOGIN PASSWORD 'x'; REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC`,
    );
    cleanUpAfterTest(async () => void (await admin.query(`DROP ROLE "${role}"`)));
    const result = await (await project(tables('one'))).run(['up'], {
      env: {
        DATABASE_URL: `postgres://${encodeURIComponent(role)}@${host}:${port}/${name}`,
        PGPASSWORD: 'x',
      },
    });
    expectExit(result, 8);
    expect(result.stderr)
      .to.include(`GRANT CONNECT ON DATABASE "${name}" TO "${role}"`)
      .and.not.include('firewall');
  });
});

describe('A session blocked by an orphaned prepared transaction', () => {
  it('names it, and how to end it', async function () {
    const { database, repo } = await trial('CREATE TABLE busy (id int)');
    const [{ max } = { max: '0' }] = await database.query<{ max: string }>(
      "SELECT current_setting('max_prepared_transactions') AS max",
    );
    if (max === '0') {
      console.log('    SKIPPED: the server has max_prepared_transactions = 0, so nothing can be prepared');
      return this.skip();
    }
    const client = await database.client();
    const gid = `order ${database.name}`;
    await client.query(`BEGIN; LOCK TABLE busy; PREPARE TRANSACTION '${gid}'`);
    try {
      for (const [name, sql] of Object.entries(pair(id, 'ALTER TABLE busy ADD x int;', 'SELECT 1;')))
        repo.write(name, sql);
      const result = await repo.run(['up'], {
        env: { ...database.env(), MIGRATE_LOCK_TIMEOUT: '1s', MIGRATE_LOCK_RETRIES: '0' },
      });
      expectExit(result, 6);
      expect(result.stderr)
        .to.match(
          new RegExp(`blocked by prepared transaction '${gid}' of \\S+, for .*ROLLBACK PREPARED '${gid}'`),
        )
        .and.not.to.include('pid 0');
    } finally {
      await client.query(`ROLLBACK PREPARED '${gid}'`);
    }
  });
});
