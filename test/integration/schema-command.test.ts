// schema: db/schema.sql from a scratch database, with the fingerprint in its head; --check for pipelines.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, type Project, productRoot, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/runs.ts';
import { fingerprintOf, queryOn, schemaFixture } from '../support/schema.ts';

const users = pair(
  1,
  'users',
  'CREATE TABLE users (id integer PRIMARY KEY, email text);',
  'DROP TABLE users;',
);

async function withScratch(files: Record<string, string> | string) {
  const { url } = await createDatabase();
  const repo = await project(files);
  const run = (...args: string[]) => repo.run(args, { env: { SHADOW_DATABASE_URL: url } });
  return { repo, run, url };
}

const fileOf = (repo: Project) => join(repo.root, 'db', 'schema.sql');
const textOf = (repo: Project) => readFileSync(fileOf(repo), 'utf8');

describe('schema', () => {
  it('writes fingerprint and newest version into the head, and the same text every time', async () => {
    const { repo, run } = await withScratch(users);
    const result = await run('schema', '--json');
    expectExit(result, 0);
    const text = textOf(repo);
    expect(text).to.contain(`-- fingerprint: ${result.json().fingerprint}`);
    expect(text).to.contain('-- newest: 20250101000001_users');
    expectExit(await run('schema'), 0);
    expect(textOf(repo)).to.equal(text);
  });

  it('makes a file that gives the same fingerprint on an empty database, for one of everything', async () => {
    const one = schemaFixture('one-of-everything.sql');
    const { repo, run } = await withScratch(pair(1, 'everything', one));
    const result = await run('schema', '--json');
    expectExit(result, 0);
    expect(result.json().unsupported).to.deep.equal([]);
    const empty = await createDatabase();
    const client = await empty.client();
    await client.query(textOf(repo));
    await client.query('RESET ALL');
    expect(await fingerprintOf(queryOn(client))).to.equal(result.json().fingerprint);
  });

  it('runs files without a transaction statement by statement', async () => {
    const { repo, run } = await withScratch({
      ...users,
      ...pair(
        2,
        'index',
        '-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY a ON users (email);\nVACUUM users;',
        'DROP INDEX a;',
      ),
    });
    expectExit(await run('schema'), 0);
    expect(textOf(repo)).to.contain('CREATE INDEX a ON public.users');
  });

  it('names what it cannot carry over', async () => {
    const { repo, run } = await withScratch(
      pair(1, 'publication', 'CREATE PUBLICATION news;', 'DROP PUBLICATION news;'),
    );
    const result = await run('schema');
    expectExit(result, 0);
    expect(result.all).to.contain('publication news');
    expect(textOf(repo)).to.contain('-- not carried over: publication news');
  });

  it('exits 9 with --check when the file is missing or stale, names what differs, and writes nothing', async () => {
    const { repo, run } = await withScratch(users);
    expectExit(await run('schema', '--check'), 9);
    expect(existsSync(fileOf(repo))).to.equal(false);
    expectExit(await run('schema'), 0);
    expectExit(await run('schema', '--check'), 0);
    const more = pair(
      2,
      'age',
      'ALTER TABLE users ADD COLUMN age integer;',
      'ALTER TABLE users DROP COLUMN age;',
    );
    for (const [name, text] of Object.entries(more)) repo.write(name, text);
    const before = textOf(repo);
    const result = await run('schema', '--check');
    expectExit(result, 9);
    expect(result.all).to.contain('+ column public.users.age').and.to.contain('20250101000002_age');
    expect(textOf(repo)).to.equal(before);
  });

  it('takes a file with CRLF for the same, and an edited one for stale', async () => {
    const { repo, run } = await withScratch(users);
    expectExit(await run('schema'), 0);
    const text = textOf(repo);
    writeFileSync(fileOf(repo), text.replaceAll('\n', '\r\n'));
    expectExit(await run('schema', '--check'), 0);
    writeFileSync(fileOf(repo), `${text}-- and more\n`);
    expectExit(await run('schema', '--check'), 9);
  });

  it('names the migration that does not run, and writes nothing', async () => {
    const { repo, run } = await withScratch(pair(1, 'bad', 'CREATE TABLE a (id integer);\nSELECT 1 / 0;'));
    const result = await run('schema');
    expectExit(result, 3);
    expect(result.all).to.contain('20250101000001_bad.up.sql');
    expect(existsSync(fileOf(repo))).to.equal(false);
  });

  it('writes a file for a project without migrations', async () => {
    const { repo, run } = await withScratch({});
    expectExit(await run('schema'), 0);
    expect(textOf(repo)).to.contain('-- newest: none');
  });

  it('is up to date in this repository, and so is its document', async () => {
    const { url } = await createDatabase();
    const repo = await project();
    for (const command of ['schema', 'docs'])
      expectExit(
        await repo.run([command, '--check'], { env: { SHADOW_DATABASE_URL: url }, cwd: productRoot }),
        0,
      );
  }).timeout(120_000);
});
