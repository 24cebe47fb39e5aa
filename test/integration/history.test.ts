// What ran is what git says: files, tracking table and ledger are compared before anything runs.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, type Project, project, transcript } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { tablePair, tables, threePairs, tracked, v1, v2, v3 } from '../support/history.ts';

describe('the history check', () => {
  let database: TestDatabase;
  let work: Project;
  const run = (...args: string[]) => work.run(args, { env: database.env() });
  const remove = (...names: string[]) => {
    for (const name of names) rmSync(join(work.root, 'db', 'migrations', name));
  };

  beforeEach(async () => {
    database = await createDatabase();
    work = await project({ ...tablePair(v1, 'accounts'), ...tablePair(v2, 'orders') });
    expectExit(await run('up'), 0);
  });

  for (const command of ['up', 'redo', 'down', 'plan', 'status']) {
    it(`refuses a changed text before ${command}, with a diff and the remedy`, async () => {
      work.write(`${v1}_accounts.up.sql`, 'CREATE TABLE accounts (id integer PRIMARY KEY);\n');
      const before = await tracked(database);
      const result = await run(command);
      expectExit(result, 4);
      expect(result.all, transcript(result)).to.contain(`modified: ${v1}_accounts`);
      expect(result.all).to.contain('-CREATE TABLE accounts (id bigint PRIMARY KEY);');
      expect(result.all).to.contain('+CREATE TABLE accounts (id integer PRIMARY KEY);');
      expect(result.all).to.contain(`--accept ${v1}`);
      expect(await tracked(database)).to.deep.equal(before);
    });
  }

  it('takes comments, white space, line ends and a BOM for no modification', async () => {
    work.write(
      `${v1}_accounts.up.sql`,
      '\uFEFF-- Accounts.\r\nCREATE   TABLE accounts\r\n  (id bigint /* key */ PRIMARY KEY)\r\n;\r\n',
    );
    expectExit(await run('up'), 0);
    const status = await run('status', '--json');
    expectExit(status, 0);
    expect(status.json().migrations[0].state).to.equal('applied');
  });

  it('takes white space inside a literal for a modification', async () => {
    work.write('20260101000009_note.up.sql', "COMMENT ON TABLE accounts IS 'a  b';\n");
    work.write('20260101000009_note.down.sql', 'COMMENT ON TABLE accounts IS NULL;\n');
    expectExit(await run('up'), 0);
    work.write('20260101000009_note.up.sql', "COMMENT ON TABLE accounts IS 'a b';\n");
    expectExit(await run('up'), 4);
  });

  it('names a migration that is applied and gone from disk', async () => {
    remove(`${v1}_accounts.up.sql`, `${v1}_accounts.down.sql`);
    const result = await run('up');
    expectExit(result, 4);
    expect(result.all).to.contain(`missing: ${v1}_accounts`).and.to.contain('--forget');
  });

  it('refuses a pending migration older than the newest applied, unless it is allowed', async () => {
    for (const [name, text] of Object.entries(tablePair('20250101000000', 'late'))) work.write(name, text);
    const refused = await run('up');
    expectExit(refused, 4);
    expect(refused.all).to.contain('out of order: 20250101000000_late').and.to.contain('migrate-rebase');
    expect(await tables(database)).to.deep.equal(['accounts', 'orders']);
    expectExit(await run('up', '--allow-out-of-order'), 0);
    expect(await tables(database)).to.deep.equal(['accounts', 'late', 'orders']);
  });

  it('runs out of order where db/config.json allows it for the environment', async () => {
    for (const [name, text] of Object.entries(tablePair('20250101000000', 'late'))) work.write(name, text);
    work.write('db/config.json', '{ "environments": { "staging": { "allowOutOfOrder": true } } }');
    expectExit(await run('up'), 4);
    work.write('db/config.json', '{ "environments": { "development": { "allowOutOfOrder": true } } }');
    expectExit(await run('plan'), 0);
    expectExit(await run('status'), 0);
    expectExit(await run('up'), 0);
  });

  it('names a renamed migration as such, with both names', async () => {
    remove(`${v2}_orders.up.sql`, `${v2}_orders.down.sql`);
    for (const [name, text] of Object.entries(tablePair(v3, 'orders'))) work.write(name, text);
    const result = await run('up', '--json');
    expectExit(result, 4);
    const { problems } = result.json().error;
    expect(problems).to.have.length(1);
    expect(problems[0]).to.match(new RegExp(`^renamed: ${v2}_orders .* ${v3}_orders`));
  });

  it('reports an edited .down.sql, which repair accepts on its own', async () => {
    work.write(`${v2}_orders.down.sql`, 'DROP TABLE IF EXISTS orders;\n');
    const result = await run('up');
    expectExit(result, 4);
    expect(result.all)
      .to.contain(`${v2}_orders.down.sql was changed`)
      .and.to.contain('+DROP TABLE IF EXISTS orders;');
    expectExit(await run('repair', '--accept-down', v2, '--reason', 'more forgiving'), 0);
    expectExit(await run('up'), 0);
  });

  it('names what the tracking table has and the ledger has not, and the reverse', async () => {
    await database.query(`INSERT INTO pgmigrations (name, run_on) VALUES ('${v3}_invoices', now())`);
    await database.query(`DELETE FROM pgmigrations WHERE name = '${v1}_accounts'`);
    const result = await run('up');
    expectExit(result, 4);
    expect(result.all).to.contain(`unrecorded: ${v3}_invoices`).and.to.contain(`untracked: ${v1}_accounts`);
  });

  it('lists all problems at once, each with its remedy', async () => {
    work.write(`${v1}_accounts.up.sql`, 'CREATE TABLE accounts (id integer);\n');
    remove(`${v2}_orders.up.sql`, `${v2}_orders.down.sql`);
    for (const [name, text] of Object.entries(tablePair('20250101000000', 'late'))) work.write(name, text);
    const result = await run('up', '--json');
    expectExit(result, 4);
    const states = result.json().error.problems.map((problem: string) => problem.split(':')[0]);
    expect(states).to.deep.equal(['out of order', 'modified', 'missing']);
  });

  it('shows no secret and no endless text in a diff', async () => {
    const grown = Array.from({ length: 200 }, (_, i) => `COMMENT ON TABLE accounts IS 'line ${i}';`).join(
      '\n',
    );
    work.write(
      `${v1}_accounts.up.sql`,
      `CREATE TABLE accounts (id bigint PRIMARY KEY);\nCREATE ROLE app PASSWORD 'hunter2hunter2';\n${grown}\n`,
    );
    const result = await run('up');
    expectExit(result, 4);
    expect(result.all).to.not.contain('hunter2hunter2');
    expect(result.all).to.match(/… \d+ more lines/);
    expect(result.all.split('\n').length).to.be.lessThan(70);
  });

  it('lets redo apply a changed newest migration, and no other changed one', async () => {
    work.write(`${v2}_orders.up.sql`, 'CREATE TABLE orders (id integer);\n');
    expectExit(await run('redo'), 0);
    expectExit(await run('status'), 0);
    work.write(`${v1}_accounts.up.sql`, 'CREATE TABLE accounts (id integer);\n');
    expectExit(await run('redo'), 4);
  });

  it('shows every state in status', async () => {
    await project(threePairs);
    work.write(`${v1}_accounts.up.sql`, 'CREATE TABLE accounts (id integer);\n');
    for (const [name, text] of Object.entries(tablePair(v3, 'invoices'))) work.write(name, text);
    const result = await run('status', '--json');
    expectExit(result, 4);
    const states = result.json().migrations.map(({ state }: { state: string }) => state);
    expect(states).to.deep.equal(['modified', 'applied', 'pending']);
  });
});
