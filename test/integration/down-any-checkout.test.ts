// A database goes back from any checkout: the ledger keeps the text that belongs to what was applied.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, project, transcript } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { tablePair, tables, threePairs, tracked, v1, v2, v3 } from '../support/history.ts';

describe('down from any checkout', () => {
  it('reverts migrations that this checkout never had', async () => {
    const database = await createDatabase();
    const [release, former] = [await project(threePairs), await project(tablePair(v1, 'accounts'))];
    expectExit(await release.run(['up'], { env: database.env() }), 0);
    const plan = await former.run(['down', '--to', v1, '--dry-run'], { env: database.env() });
    expectExit(plan, 0);
    expect(plan.all).to.contain('DROP TABLE invoices');
    const down = await former.run(['down', '--to', v1], { env: database.env() });
    expectExit(down, 0);
    expect(down.all, transcript(down)).to.contain('not on disk');
    expect(await tables(database)).to.deep.equal(['accounts']);
    expectExit(await former.run(['status'], { env: database.env() }), 0);
  });

  it('reverts from an empty directory', async () => {
    const database = await createDatabase();
    const [release, empty] = [await project(threePairs), await project()];
    expectExit(await release.run(['up'], { env: database.env() }), 0);
    // git keeps no empty folder.
    rmSync(join(empty.root, 'db', 'migrations'), { recursive: true });
    expectExit(await empty.run(['down', '--to', '0'], { env: database.env() }), 0);
    expect(await tables(database)).to.deep.equal([]);
    expect(await tracked(database)).to.deep.equal([]);
    // It may be an image whose files nobody can write.
    expect(existsSync(join(empty.root, 'db', 'migrations'))).to.equal(false);
  });

  const changed = async () => {
    const database = await createDatabase();
    const work = await project({
      [`${v1}_both.up.sql`]: 'CREATE TABLE one (id int); CREATE TABLE two (id int);\n',
      [`${v1}_both.down.sql`]: 'DROP TABLE one; DROP TABLE two;\n',
    });
    expectExit(await work.run(['up'], { env: database.env() }), 0);
    work.write(`${v1}_both.down.sql`, 'DROP TABLE two;\n');
    return { database, work };
  };

  it('runs the text of the ledger where the file differs, and says so', async () => {
    const { database, work } = await changed();
    const down = await work.run(['down'], { env: database.env() });
    expectExit(down, 0);
    expect(down.all).to.contain('running the text in the ledger').and.to.contain('--from-disk');
    expect(await tables(database)).to.deep.equal([]);
  });

  it('runs the file with --from-disk', async () => {
    const { database, work } = await changed();
    expectExit(await work.run(['down', '--from-disk'], { env: database.env() }), 0);
    expect(await tables(database)).to.deep.equal(['one']);
  });

  it('refuses an irreversible migration with its reason, before any of the requested downs runs', async () => {
    const database = await createDatabase();
    const files: Record<string, string> = {
      ...threePairs,
      [`${v2}_orders.down.sql`]: '-- migrate: irreversible the orders are gone for good\n',
    };
    const work = await project(files);
    expectExit(await work.run(['up'], { env: database.env() }), 0);
    for (const direction of ['up', 'down'])
      rmSync(join(work.root, 'db', 'migrations', `${v2}_orders.${direction}.sql`));
    const down = await work.run(['down', '--to', '0'], { env: database.env() });
    expectExit(down, 7);
    expect(down.all).to.contain('the orders are gone for good');
    expect(await tables(database)).to.deep.equal(['accounts', 'invoices', 'orders']);
    expect(await tracked(database)).to.have.length(3);
    expectExit(await work.run(['down'], { env: database.env() }), 0);
    expect(await tracked(database)).to.not.contain(`${v3}_invoices`);
  });
});
