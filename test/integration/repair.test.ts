// repair changes what is recorded, and only what the user names, with a reason.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, type Project, project, transcript } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { entries, tablePair, tables, tracked, v1, v2, v3 } from '../support/history.ts';

describe('repair', () => {
  let database: TestDatabase;
  let work: Project;
  const run = (...args: string[]) => work.run(args, { env: database.env() });
  const repair = (...args: string[]) => run('repair', ...args, '--reason', 'agreed in the review');
  const remove = (id: string) => {
    for (const direction of ['up', 'down'])
      rmSync(join(work.root, 'db', 'migrations', `${id}.${direction}.sql`));
  };

  beforeEach(async () => {
    database = await createDatabase();
    work = await project({ ...tablePair(v1, 'accounts'), ...tablePair(v2, 'orders') });
    expectExit(await run('up'), 0);
  });

  it('accepts a changed text, shows what it will do and records the reason', async () => {
    const text = 'CREATE TABLE accounts (id integer PRIMARY KEY);\n';
    work.write(`${v1}_accounts.up.sql`, text);
    const result = await repair('--accept', v1);
    expectExit(result, 0);
    expect(result.all).to.contain(`accept ${v1}_accounts`).and.to.contain('nothing is run');
    const entry = (await entries(database)).at(-1);
    expect(entry).to.include({ version: v1, kind: 'repaired', reason: 'agreed in the review', up_sql: text });
    expect(entry?.down_sql).to.equal('DROP TABLE accounts;\n');
    expectExit(await run('up'), 0);
  });

  it('accepts the text of one direction without that of the other', async () => {
    work.write(`${v1}_accounts.up.sql`, 'CREATE TABLE accounts (id integer PRIMARY KEY);\n');
    work.write(`${v1}_accounts.down.sql`, 'DROP TABLE IF EXISTS accounts;\n');
    expectExit(await repair('--accept', v1), 0);
    const still = await run('up');
    expectExit(still, 4);
    expect(still.all).to.contain('.down.sql was changed');
    expectExit(await repair('--accept-down', v1), 0);
    expectExit(await run('up'), 0);
  });

  it('forgets a missing migration and leaves what it did', async () => {
    remove(`${v1}_accounts`);
    expectExit(await repair('--forget', v1), 0);
    expect(await tracked(database)).to.deep.equal([`${v2}_orders`]);
    expect(await tables(database)).to.deep.equal(['accounts', 'orders']);
    expectExit(await run('up'), 0);
  });

  it('records a migration as applied without running it', async () => {
    for (const [name, text] of Object.entries(tablePair(v3, 'invoices'))) work.write(name, text);
    expectExit(await repair('--record', v3, 'applied'), 0);
    expect(await tracked(database)).to.include(`${v3}_invoices`);
    expect(await tables(database)).to.deep.equal(['accounts', 'orders']);
    expect((await run('up')).all).to.contain('Already up to date');
  });

  it('records a migration as pending without reverting it', async () => {
    expectExit(await repair('--record', `${v2}=pending`), 0);
    expect(await tracked(database)).to.deep.equal([`${v1}_accounts`]);
    expect(await tables(database)).to.deep.equal(['accounts', 'orders']);
    expectExit(await run('status', '--check'), 10);
  });

  it('settles what tracking table and ledger disagree about', async () => {
    await database.query(`DELETE FROM pgmigrations WHERE name = '${v1}_accounts'`);
    expectExit(await repair('--record', v1, 'applied'), 0);
    expectExit(await run('up'), 0);
    await database.query(`INSERT INTO pgmigrations (name, run_on) VALUES ('${v3}_invoices', now())`);
    expectExit(await run('up'), 4);
    expectExit(await repair('--forget', v3), 0);
    expectExit(await run('up'), 0);
  });

  it('records a new name for a renamed pair, as the refusal says', async () => {
    remove(`${v2}_orders`);
    for (const [name, text] of Object.entries(tablePair(v3, 'orders'))) work.write(name, text);
    const refused = await run('up', '--json');
    expectExit(refused, 4);
    const [, command = ''] =
      /npm run migrate:repair -- (.*) --reason/.exec(refused.json().error.problems[0]) ?? [];
    expectExit(await repair(...command.split(' ')), 0);
    expect(await tracked(database)).to.deep.equal([`${v1}_accounts`, `${v3}_orders`]);
    expect((await run('up')).all).to.contain('Already up to date');
  });

  it('changes nothing with --dry-run', async () => {
    const before = await entries(database);
    const result = await repair('--record', v2, 'pending', '--dry-run');
    expectExit(result, 0);
    expect(result.all).to.contain(`record ${v2}_orders as pending`);
    expect(await entries(database)).to.have.length(before.length);
    expect(await tracked(database)).to.have.length(2);
  });

  it('never guesses: without a name, a reason or a fitting option it refuses', async () => {
    for (const args of [
      ['--reason', 'why not'],
      ['--forget', v1],
      ['--accept', v1, '--reason', 'nothing changed'],
      ['--forget', v1, '--reason', 'it is on disk'],
      ['--record', v1, 'applied', '--reason', 'it is'],
      ['--record', v1, 'maybe', '--reason', 'no state'],
      ['--record', '20990101000000', 'applied', '--reason', 'nowhere'],
      ['--record', v1, 'pending', '--accept', v1, '--reason', 'both'],
      ['--resolve', v1, 'applied', '--reason', 'not half done'],
    ]) {
      const result = await run('repair', ...args);
      expect(result.exitCode, transcript(result)).to.equal(2);
    }
    expect(await entries(database)).to.have.length(2);
  });

  it('resolves a half-done migration as applied or as pending', async () => {
    work.write(
      `${v3}_half.up.sql`,
      '-- migrate: no-transaction\nCREATE TABLE half (id int);\nSELECT 1 / 0;\n',
    );
    work.write(`${v3}_half.down.sql`, 'DROP TABLE half;\n');
    expectExit(await run('up'), 3);
    const refused = await repair('--record', v3, 'applied');
    expectExit(refused, 2);
    expect(refused.all).to.contain('half done');
    expectExit(await repair('--resolve', v3, 'applied'), 0);
    expect(await tracked(database)).to.include(`${v3}_half`);
    expect((await run('up')).all).to.contain('Already up to date');
    expect(await database.query('SELECT * FROM migration_ledger.journal')).to.deep.equal([]);
    expectExit(await run('down'), 0);
    expectExit(await run('up'), 3);
    expectExit(await repair('--resolve', v3, 'pending'), 0);
    expect(await database.query('SELECT * FROM migration_ledger.journal')).to.deep.equal([]);
  });
});
