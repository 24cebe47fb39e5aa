// An older release on a database that a newer one has migrated: the normal state while a release is rolled back.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import type { AppliedMigration, Migration } from '../../scripts/base/types.ts';
import { aheadOf, classify, historyError } from '../../scripts/history/history.ts';
import { expectExit, type Project, project, transcript } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { audit, tablePair, tables, threePairs, tracked, v1, v2, v3 } from '../support/history.ts';

describe('a database that is ahead of a release', () => {
  let database: TestDatabase;
  let older: Project;
  const run = (...args: string[]) => older.run(args, { env: database.env() });

  beforeEach(async () => {
    database = await createDatabase();
    older = await project(tablePair(v1, 'accounts'));
    const newer = await project(threePairs);
    expectExit(await newer.run(['up'], { env: database.env() }), 0);
  });

  it('lets up of the older release apply nothing, say so, and end with 0', async () => {
    const before = await tracked(database);
    const result = await run('up');
    expectExit(result, 0);
    expect(result.all, transcript(result))
      .to.contain(`Already up to date at ${v1}_accounts`)
      .and.contain(
        `ahead: 2 migrations of a newer release, not touched by this one: ${v2}_orders, ${v3}_invoices`,
      );
    expect(await tracked(database)).to.deep.equal(before);
    expectExit(await run('up', '--dry-run'), 0);
  });

  it('is told in JSON, in status, and in the audit log', async () => {
    const up = await run('up', '--json');
    expect(up.json()).to.deep.include({
      ok: true,
      migrations: [],
      ahead: [`${v2}_orders`, `${v3}_invoices`],
    });
    const status = await run('status', '--json', '--check');
    expectExit(status, 0);
    const states = status.json().migrations.map(({ state }: { state: string }) => state);
    expect(states).to.deep.equal(['applied', 'ahead', 'ahead']);
    expect((await run('status')).all).to.contain('ahead: 2 migrations');
    const [last] = (await audit(database)).slice(-1);
    expect(last).to.include({ command: 'up', result: 'ok' });
    expect(last?.message).to.contain('ahead: 2 migrations');
  });

  it('is not asked for the fingerprint of the older release, and says that', async () => {
    const result = await run('up', '--expect-fingerprint', '0123456789abcdef');
    expectExit(result, 0);
    expect(result.all).to.contain('The fingerprint 0123456789abcdef is not asked for');
  });

  it('still refuses what is changed, missing in between, or pending and older', async () => {
    older.write(`${v1}_accounts.up.sql`, 'CREATE TABLE accounts (id integer);\n');
    expectExit(await run('up'), 4);
    rmSync(join(older.root, 'db', 'migrations'), { recursive: true });
    for (const [name, text] of Object.entries({ ...tablePair(v1, 'accounts'), ...tablePair(v3, 'invoices') }))
      older.write(name, text);
    expectExit(await run('up'), 4);
    const branch = await project({ ...tablePair(v1, 'accounts'), ...tablePair('20270101000000', 'branch') });
    const newerPending = await branch.run(['up'], { env: database.env() });
    expectExit(newerPending, 4);
    expect(newerPending.all).to.contain(`missing: ${v2}_orders`);
    const late = await project({ ...tablePair(v1, 'accounts'), ...tablePair('20260101000000', 'late') });
    expectExit(await late.run(['up'], { env: database.env() }), 4);
    expect(await tables(database)).to.deep.equal(['accounts', 'invoices', 'orders']);
  });

  it('is no older release where there is no file at all', async () => {
    const empty = await project();
    expectExit(await empty.run(['up'], { env: database.env() }), 4);
  });

  it('still checks drift', async () => {
    await database.query('ALTER TABLE accounts ADD COLUMN by_hand text');
    expectExit(await run('up'), 5);
  });
});

describe('the states of a history', () => {
  const id = (i: number) => `202601010000${String(i).padStart(2, '0')}_m`;
  const file = (i: number) => ({ id: id(i), version: id(i).slice(0, 14), name: 'm' }) as Migration;
  const row = (i: number) =>
    ({
      id: id(i),
      version: id(i).slice(0, 14),
      name: 'm',
      tracked: true,
      entry: null,
    }) as unknown as AppliedMigration;
  const unchanged = { modified: new Map(), downModified: new Map(), renamed: new Map() };

  it('are ahead exactly where the files are the oldest part of what is applied', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(20)), fc.uniqueArray(fc.nat(20)), (disk, applied) => {
        const [files, rows] = [disk, applied].map((list) => [...list].sort((a, b) => a - b)) as [
          number[],
          number[],
        ];
        const statuses = classify(files.map(file), rows.map(row), unchanged);
        const prefix = files.length > 0 && files.every((each, i) => rows[i] === each);
        const ahead = prefix ? rows.slice(files.length).map(id) : [];
        expect(aheadOf(statuses)).to.deep.equal(ahead);
        if (prefix) expect(historyError(statuses, new Set())).to.equal(null);
        const broken = rows.some((each) => !files.includes(each)) && !prefix;
        if (broken) expect(historyError(statuses, new Set())).not.to.equal(null);
      }),
    );
  });
});
