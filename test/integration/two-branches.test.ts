// Two pull requests whose versions cross: the second one is told before it is merged, and mended with one line.
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { branchRenames, crossings } from '../../scripts/files/version-order.ts';
import { expectExit, type Project, project, transcript } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { tablePair, tables, v1, v2, v3 } from '../support/history.ts';

describe('two branches with crossing versions', function () {
  this.timeout(120_000);
  let work: Project;
  let shadow: Record<string, string>;
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@localhost', ...args], {
      cwd: work.root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const commit = (files: Record<string, string>) => {
    for (const [name, text] of Object.entries(files)) work.write(name, text);
    git('add', '.');
    git('commit', '--quiet', '-m', 'x');
  };
  const run = (...args: string[]) => work.run(args, { env: shadow });
  const migrations = () => readdirSync(join(work.root, 'db', 'migrations')).sort();

  beforeEach(async () => {
    work = await project();
    shadow = { SHADOW_DATABASE_URL: (await createDatabase()).url };
    git('init', '--quiet', '--initial-branch', 'main');
    commit(tablePair(v1, 'accounts'));
    git('branch', 'one');
    git('branch', 'other');
  });

  it('lets the first one through, finds the second, and accepts it when it is rebased', async () => {
    git('checkout', '--quiet', 'other');
    commit({ ...tablePair(v2, 'orders'), ...tablePair('20260101000009', 'lines') });
    expectExit(await run('schema'), 0);
    git('add', '.');
    git('commit', '--quiet', '-m', 'schema');
    const alone = await run('check', '--since', 'main');
    expectExit(alone, 0);
    git('checkout', '--quiet', 'one');
    commit(tablePair(v3, 'invoices'));
    git('checkout', '--quiet', 'main');
    git('merge', '--quiet', '--no-ff', '-m', 'merge', 'one');

    git('checkout', '--quiet', 'other');
    const crossed = await run('check', '--since', 'main', '--json');
    expectExit(crossed, 9);
    const [finding] = crossed.json().findings;
    expect(finding, transcript(crossed)).to.include({
      rule: 'version-order',
      severity: 'error',
      file: `db/migrations/${v2}_orders.up.sql`,
    });
    expect(finding.help).to.contain('make migrate-rebase since=main');

    const shown = await run('rebase', '--since', 'main', '--dry-run');
    expectExit(shown, 0);
    expect(migrations()).to.include(`${v2}_orders.up.sql`);
    expectExit(await run('rebase', '--since', 'main'), 0);
    const fresh = migrations().filter((name) => name.endsWith('.up.sql'));
    expect(fresh.map((name) => name.slice(15))).to.deep.equal([
      'accounts.up.sql',
      'orders.up.sql',
      'lines.up.sql',
    ]);
    expect((fresh[1] ?? '') > v3).to.equal(true);
    expectExit(await run('schema'), 0);
    git('add', '--all', '.');
    git('commit', '--quiet', '-m', 'rebased');
    expectExit(await run('check', '--since', 'main'), 0);
    git('merge', '--quiet', '-m', 'main', 'main');
    const database = await createDatabase();
    expectExit(await work.run(['up'], { env: database.env() }), 0);
    expect(await tables(database)).to.deep.equal(['accounts', 'invoices', 'lines', 'orders']);
  });

  it('finds a version that the base has as well, also in the merge of both', async () => {
    git('checkout', '--quiet', 'one');
    commit(tablePair(v2, 'invoices'));
    git('checkout', '--quiet', 'other');
    commit(tablePair(v2, 'orders'));
    git('checkout', '--quiet', 'main');
    git('merge', '--quiet', '--no-ff', '-m', 'merge', 'one');
    git('checkout', '--quiet', '--detach', 'other');
    git('merge', '--quiet', '-m', 'as a pull request is checked out', 'main');
    const same = await run('check', '--since', 'main');
    expectExit(same, 9);
    expect(same.all).to.contain(`${v2}_orders has the version of ${v2}_invoices`);
    expectExit(await run('rebase', '--since', 'main'), 0);
    expect(migrations()).to.include(`${v2}_invoices.up.sql`).and.not.include(`${v2}_orders.up.sql`);
  });

  it('says nothing about what the base took away, and needs no folder that git did not keep', async () => {
    git('rm', '--quiet', '-r', 'db');
    git('commit', '--quiet', '-m', 'squashed');
    git('checkout', '--quiet', 'other');
    rmSync(join(work.root, 'db', 'migrations'), { recursive: true });
    const rebase = await run('rebase', '--since', 'main');
    expectExit(rebase, 0);
    expect(rebase.all).to.contain('Nothing here is older');
    expectExit(await run('rebase', '--since', 'nowhere'), 2);
    expectExit(await run('rebase', v1, '--since', 'main'), 2);
  });
});

describe('fresh versions for a branch', () => {
  it('are newer than the base, keep the order of the branch, and leave nothing that crosses', () => {
    const ids = fc.uniqueArray(fc.integer({ min: 10, max: 59 }), { maxLength: 8 });
    const id = (i: number, name: string) => `202601010000${i}_${name}`;
    fc.assert(
      fc.property(ids, ids, (here, there) => {
        const added = here.sort().map((i) => id(i, 'new'));
        const tip = there.sort().map((i) => id(i, 'base'));
        const renames = branchRenames({ base: 'main', added, tip }, new Date('2026-01-01T00:00:30Z'));
        const renamed = new Map(renames.map(({ from, to }) => [from, to]));
        const after = added.map((each) => renamed.get(each) ?? each);
        expect([...after].sort()).to.deep.equal(after);
        expect(crossings({ base: 'main', added: after, tip })).to.deep.equal([]);
      }),
    );
  });
});
