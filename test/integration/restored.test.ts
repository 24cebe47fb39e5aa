// A dump of the schema alone, restored: everything that migrations are recorded in is there, and empty.
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { threePairs, tracked, v2, v3 } from '../support/history.ts';

/** What `pg_dump --schema-only` would leave of it. */
async function forgetRows(database: TestDatabase): Promise<void> {
  await database.query('ALTER TABLE migration_ledger.audit DISABLE TRIGGER append_only');
  const tables = await database.query<{ name: string }>(
    "SELECT format('migration_ledger.%I', relname) AS name FROM pg_class WHERE relnamespace = 'migration_ledger'::regnamespace AND relkind = 'r'",
  );
  await database.query(`TRUNCATE public.pgmigrations, ${tables.map(({ name }) => name).join(', ')}`);
  await database.query('ALTER TABLE migration_ledger.audit ENABLE ALWAYS TRIGGER append_only');
}

/** A database with the first two migrations of three. */
async function afterTwo() {
  const database = await createDatabase();
  const { run } = await project(threePairs);
  const env = database.env();
  expectExit(await run(['up', '--to', v2], { env }), 0);
  return { database, run, env };
}

describe('a database that was restored without rows', () => {
  for (const older of [false, true]) {
    it(`is told by up and taken over by baseline${older ? ', also from an older version of the tool' : ''}`, async () => {
      const database = await createDatabase();
      const { run } = await project(threePairs);
      const env = database.env();
      expectExit(await run(['up', '--to', v2], { env }), 0);
      await forgetRows(database);
      if (older)
        await database.query(
          'ALTER TABLE migration_ledger.journal DROP COLUMN up_sql, DROP COLUMN down_sql, DROP COLUMN session; ALTER TABLE migration_ledger.snapshot DROP COLUMN history',
        );
      for (const command of ['up', 'plan']) {
        const refused = await run([command], { env });
        expectExit(refused, 4);
        expect(refused.all)
          .to.include('restored without its rows')
          .and.to.include('make migrate-baseline to=');
      }
      expect((await run(['status'], { env })).stdout).to.include('a restore of the schema alone');
      expect(await tracked(database)).to.deep.equal([]);
      expectExit(await run(['baseline', '--to', v2], { env }), 0);
      expectExit(await run(['up'], { env }), 0);
      expect(await tracked(database)).to.have.length(3);
      expect(await tracked(database)).to.include(`${v3}_invoices`);
      const files = await database.query('SELECT id FROM migration_ledger.migrations ORDER BY id');
      expect(files.length).to.be.greaterThan(8);
      expectExit(await run(['down', '--to', '0'], { env }), 0);
    });
  }

  it('is migrated from the start on demand, where there is nothing else in it', async () => {
    const { database, run, env } = await afterTwo();
    await forgetRows(database);
    await database.query('DROP TABLE accounts, orders');
    expectExit(await run(['up', '--fresh-history'], { env }), 0);
    expect(await tracked(database)).to.have.length(3);
  });

  it('is told too where the snapshot alone is left of its history', async () => {
    const { database, run, env } = await afterTwo();
    await database.query('TRUNCATE public.pgmigrations, migration_ledger.entries CASCADE');
    expectExit(await run(['up'], { env }), 4);
    expectExit(await run(['baseline', '--to', v2], { env }), 0);
    expectExit(await run(['up'], { env }), 0);
    expect(await tracked(database)).to.have.length(3);
  });

  it('has its tracking table filled again by baseline, from the ledger', async () => {
    const { database, run, env } = await afterTwo();
    const entries = 'SELECT count(*)::int AS entries FROM migration_ledger.entries';
    await database.query('DROP TABLE public.pgmigrations');
    const refused = await run(['up'], { env });
    expectExit(refused, 4);
    expect(refused.all).to.include('untracked').and.to.include(`make migrate-baseline to=${v2}`);
    const before = await database.query(entries);
    expect((await run(['baseline', '--to', v2], { env })).all).to.include('the ledger');
    expect(await tracked(database)).to.have.length(2);
    expect(await database.query(entries)).to.deep.equal(before);
    expectExit(await run(['up'], { env }), 0);
    expectExit(await run(['down', '--to', '0'], { env }), 0);
  });

  it('is no bug where tables of the ledger are missing: the tracking table is taken over without them', async () => {
    const { database, run, env } = await afterTwo();
    for (const table of ['migrations', 'entries', 'applied']) {
      await database.query(`DROP TABLE migration_ledger.${table} CASCADE`);
      const refused = await run(['up'], { env });
      expectExit(refused, 7);
      expect(refused.all, table).to.include('RENAME TO migration_ledger_old');
    }
    await database.query('ALTER SCHEMA migration_ledger RENAME TO migration_ledger_old');
    expectExit(await run(['up'], { env }), 0);
    expect(await tracked(database)).to.have.length(3);
  });
});
