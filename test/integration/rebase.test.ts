// rebase gives pending files that are older than the newest applied fresh versions.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { tablePair, tables, v1, v2, v3 } from '../support/history.ts';

describe('rebase', () => {
  let database: TestDatabase;
  let work: Project;
  const run = (...args: string[]) => work.run(args, { env: database.env() });
  const files = () => readdirSync(join(work.root, 'db', 'migrations')).sort();

  beforeEach(async () => {
    database = await createDatabase();
    work = await project(tablePair(v3, 'invoices'));
    expectExit(await run('up'), 0);
    for (const [name, text] of Object.entries({ ...tablePair(v1, 'first'), ...tablePair(v2, 'second') }))
      work.write(name, text);
  });

  it('renames both files of each pair, keeps their order and shows the renames', async () => {
    const result = await run('rebase');
    expectExit(result, 0);
    expect(result.all).to.match(new RegExp(`${v1}_first → \\d{14}_first`));
    const names = files();
    expect(names).to.have.length(6);
    expect(names.slice(0, 2)).to.deep.equal([`${v3}_invoices.down.sql`, `${v3}_invoices.up.sql`]);
    expect(names.slice(2).map((name) => name.slice(15))).to.deep.equal([
      'first.down.sql',
      'first.up.sql',
      'second.down.sql',
      'second.up.sql',
    ]);
    expect((names[2] ?? '') > v3).to.equal(true);
    expectExit(await run('up'), 0);
    expect(await tables(database)).to.deep.equal(['first', 'invoices', 'second']);
  });

  it('only shows the renames with --dry-run', async () => {
    const before = files();
    const result = await run('rebase', '--dry-run', '--json');
    expectExit(result, 0);
    expect(result.json().renames).to.have.length(2);
    expect(files()).to.deep.equal(before);
  });

  it('renames only what is named, and refuses what is applied or unknown', async () => {
    for (const wish of [v3, '20990101000000']) expectExit(await run('rebase', wish), 2);
    expectExit(await run('rebase', v1), 0);
    expect(files().filter((name) => name.includes('second'))[0]).to.equal(`${v2}_second.down.sql`);
    expect(files().some((name) => name.startsWith(v1))).to.equal(false);
  });

  it('says when there is nothing to rename', async () => {
    expectExit(await run('up', '--allow-out-of-order'), 0);
    const result = await run('rebase');
    expectExit(result, 0);
    expect(result.all).to.contain('Nothing is out of order');
  });
});
