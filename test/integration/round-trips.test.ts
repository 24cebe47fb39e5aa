// How often a run waits for the server, counted on the wire by a proxy; never measured by time.
import { expect } from 'chai';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { many } from '../support/migrations.ts';
import { proxyTo, type Proxy as TestProxy } from '../support/proxy.ts';
import { sessionsGone } from '../support/runs.ts';

/** So many pairs, each with three statements. */
const ofThree = (count: number) =>
  many(count, (n) => [
    `CREATE TABLE t${n} (id int PRIMARY KEY);\nINSERT INTO t${n} VALUES (1);\nCREATE INDEX i${n} ON t${n} (id);`,
    `DROP TABLE t${n};`,
  ]);

describe('Round trips', () => {
  async function counted(
    database: TestDatabase,
    proxy: TestProxy,
    repo: Project,
    args: string[],
  ): Promise<number> {
    const { DATABASE_URL = '', PGPASSWORD = '' } = database.env();
    const url = DATABASE_URL.replace(`:${database.port}/`, `:${proxy.port}/`);
    // A run that has just ended may hold the run lock for a moment: the next would ask once more.
    await sessionsGone(database);
    const before = proxy.count();
    const result = await repo.run([...args, '--json'], { env: { DATABASE_URL: url, PGPASSWORD } });
    expectExit(result, 0);
    return proxy.count() - before;
  }

  it('are at most four for each migration, up and down', async () => {
    const database = await createDatabase();
    const proxy = await proxyTo(database, () => 'forward');
    const repo = await project(ofThree(1));
    const first = await counted(database, proxy, repo, ['up']);
    expect(first).to.be.greaterThan(0);
    await counted(database, proxy, repo, ['down']);
    const one = await counted(database, proxy, repo, ['up']);
    for (const [name, text] of Object.entries(ofThree(21))) repo.write(name, text);
    const twenty = await counted(database, proxy, repo, ['up']);
    expect((twenty - one) / 19, `${one} for one, ${twenty} for twenty`).to.be.at.most(4);
    const down1 = await counted(database, proxy, repo, ['down']);
    const down20 = await counted(database, proxy, repo, ['down', '--to', '0']);
    expect((down20 - down1) / 19, `${down1} for one down, ${down20} for twenty`).to.be.at.most(4);
  });

  it('of a run with nothing to do, and of status, are the same for 1 and for 100 applied migrations', async () => {
    const database = await createDatabase();
    const proxy = await proxyTo(database, () => 'forward');
    const repo = await project(ofThree(1));
    await counted(database, proxy, repo, ['up']);
    const commands = [['up'], ['status'], ['status', '--check'], ['plan']];
    const small: number[] = [];
    for (const args of commands) small.push(await counted(database, proxy, repo, args));
    for (const [name, text] of Object.entries(ofThree(100))) repo.write(name, text);
    await counted(database, proxy, repo, ['up']);
    const large: number[] = [];
    for (const args of commands) large.push(await counted(database, proxy, repo, args));
    expect(large).to.deep.equal(small);
  });
});
