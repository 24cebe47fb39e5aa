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
    const database = await createDatabase();
    const { run } = await project(threePairs);
    const env = database.env();
    expectExit(await run(['up', '--to', v2], { env }), 0);
    await forgetRows(database);
    await database.query('DROP TABLE accounts, orders');
    expectExit(await run(['up', '--fresh-history'], { env }), 0);
    expect(await tracked(database)).to.have.length(3);
  });
});
