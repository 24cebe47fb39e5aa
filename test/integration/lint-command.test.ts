// The lint and check commands from the outside: what they review, what silences a finding, how they report and exit.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Finding } from '../../scripts/base/types.ts';
import { expectExit, type Project, project, type Result } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair } from '../support/migrations.ts';

const orders = pair(
  1,
  'orders',
  'CREATE TABLE orders (id bigint PRIMARY KEY, note text);',
  'DROP TABLE orders;',
);
const blocking = pair(2, 'index', 'CREATE INDEX orders_note ON orders (note);', 'DROP INDEX orders_note;');
const indexFile = Object.keys(blocking)[0] ?? '';

/** The server of a test's database, without naming the database as the target. */
async function scratch(): Promise<Record<string, string>> {
  const { SHADOW_DATABASE_URL = '', PGPASSWORD = '' } = (await createDatabase()).env();
  return { SHADOW_DATABASE_URL, PGPASSWORD };
}

const findings = (result: Result) => (result.json() as { findings: readonly Finding[] }).findings;
const rulesOf = (result: Result) => findings(result).map(({ rule }) => rule);

function git({ root }: Project, ...args: string[]): void {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false'];
  execFileSync('git', [...identity, ...args], { cwd: root, stdio: 'pipe' });
}

describe('lint: what a review says', () => {
  it('shows place, lock, why and the safe way for this very statement, and exits 9', async () => {
    const repo = await project({ ...orders, ...blocking });
    const result = await repo.run(['lint'], { env: await scratch() });
    expectExit(result, 9);
    expect(result.stdout).to.include(`db/migrations/${indexFile}:1:1 error ShareLock on orders`);
    expect(result.stdout).to.match(/CREATE INDEX CONCURRENTLY orders_note ON (public\.)?orders/);
    expect(result.stdout).to.match(/Lint of 2 migrations \(?.*1 error|Lint of 2 migrations: 1 error/);
  });

  it('exits 0 where nothing is found, and where there is nothing to review', async () => {
    const env = await scratch();
    expectExit(await (await project(orders)).run(['lint'], { env }), 0);
    expectExit(await (await project({})).run(['lint'], { env }), 0);
  });

  it('is content with a reason, and finds an allowance that silences nothing', async () => {
    const allow = '-- migrate: allow create-index-blocking the table is empty until the release\n';
    const silenced = await project({ ...orders, ...blocking, [indexFile]: allow + blocking[indexFile] });
    const env = await scratch();
    const quiet = await silenced.run(['lint', '--json'], { env });
    expectExit(quiet, 0);
    expect(rulesOf(quiet)).to.deep.equal([]);
    const needless = await project({
      ...orders,
      ...blocking,
      [indexFile]: `-- migrate: allow set-not-null for no reason\n${blocking[indexFile]}`,
    });
    expect(rulesOf(await needless.run(['lint', '--json'], { env }))).to.have.members([
      'create-index-blocking',
      'unused-allow',
    ]);
  });

  it('takes severities from db/config.json, and refuses rules that do not exist', async () => {
    const env = await scratch();
    const config = (rules: Record<string, string>) => ({
      'db/config.json': JSON.stringify({ lint: { rules } }),
    });
    const warned = await project({
      ...orders,
      ...blocking,
      ...config({ 'create-index-blocking': 'warning' }),
    });
    expectExit(await warned.run(['lint'], { env }), 0);
    expectExit(await warned.run(['lint', '--strict'], { env }), 9);
    const off = await project({ ...orders, ...blocking, ...config({ 'create-index-blocking': 'off' }) });
    expectExit(await off.run(['lint', '--strict'], { env }), 0);
    const unknown = await project({ ...orders, ...config({ nonsense: 'off' }) });
    const refused = await unknown.run(['lint'], { env });
    expectExit(refused, 2);
    expect(refused.stderr).to.include('nonsense');
  });

  it('works from the text alone with --static', async () => {
    const repo = await project({ ...orders, ...blocking });
    const result = await repo.run(['lint', '--static', '--json'], {
      env: { SHADOW_DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/x' },
    });
    expectExit(result, 9);
    expect(rulesOf(result)).to.deep.equal(['create-index-blocking']);
  });

  it('finds what a file with wrong syntax is, and reviews the others', async () => {
    const repo = await project({
      ...orders,
      ...blocking,
      ...pair(3, 'typo', 'SELECT 1;', 'DROPP TABLE orders;'),
    });
    const result = await repo.run(['lint', '--json'], { env: await scratch() });
    expectExit(result, 9);
    expect(rulesOf(result)).to.have.members(['create-index-blocking', 'does-not-run']);
    expectExit(await repo.run(['verify', '--json'], { env: await scratch() }), 9);
  });

  it('never touches the target', async () => {
    const database = await createDatabase();
    const repo = await project({ ...orders, ...blocking });
    await repo.run(['lint'], { env: database.env() });
    expect(await database.query(`SELECT relname FROM pg_class WHERE oid >= 16384`)).to.deep.equal([]);
  });
});

describe('lint: what it reviews', () => {
  it('reviews what is new since a ref, committed or not', async () => {
    const env = await scratch();
    const repo = await project({ ...orders, ...blocking });
    git(repo, 'init', '-q', '-b', 'main');
    git(repo, 'add', '.');
    git(repo, 'commit', '-q', '-m', 'first');
    const nothing = await repo.run(['lint', '--since', 'main'], { env });
    expectExit(nothing, 0);
    expect(nothing.stdout).to.include('nothing is new since main');
    for (const [name, text] of Object.entries(
      pair(
        3,
        'column',
        'ALTER TABLE orders ADD COLUMN big bigserial;',
        'ALTER TABLE orders DROP COLUMN big;',
      ),
    ))
      repo.write(name, text);
    const since = await repo.run(['lint', '--since', 'main', '--json'], { env });
    expect(rulesOf(since)).to.include('add-column-serial').and.not.to.include('create-index-blocking');
    expect(rulesOf(await repo.run(['lint', '--all', '--json'], { env }))).to.include('create-index-blocking');
    const verified = await repo.run(['verify', '--since', 'main'], { env });
    expect(verified.stdout).to.include('Verified 1 migration: no findings');
    expectExit(await repo.run(['lint', '--since', 'nowhere'], { env }), 2);
  });

  it('compares with origin/main where git knows it', async () => {
    const repo = await project({ ...orders, ...blocking });
    git(repo, 'init', '-q', '-b', 'main');
    git(repo, 'add', '.');
    git(repo, 'commit', '-q', '-m', 'first');
    git(repo, 'update-ref', 'refs/remotes/origin/main', 'HEAD');
    const result = await repo.run(['lint'], { env: await scratch() });
    expectExit(result, 0);
    expect(result.stdout).to.include('nothing is new since origin/main');
  });

  it('reviews what a named target has not applied, where git knows no base', async () => {
    const database = await createDatabase();
    const repo = await project({ ...orders, ...blocking });
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    for (const [name, text] of Object.entries(
      pair(
        3,
        'null',
        'ALTER TABLE orders ALTER COLUMN note SET NOT NULL;',
        'ALTER TABLE orders ALTER COLUMN note DROP NOT NULL;',
      ),
    ))
      repo.write(name, text);
    const result = await repo.run(['lint', '--json'], { env: database.env() });
    expect(rulesOf(result)).to.deep.equal(['set-not-null']);
    expect(result.stderr).to.include('Reviewing 1 migration (not applied yet)');
  });
});

describe('lint: how it reports', () => {
  it('annotates the statement under GitHub Actions', async () => {
    const repo = await project({ ...orders, ...blocking });
    const result = await repo.run(['lint'], { env: { ...(await scratch()), GITHUB_ACTIONS: 'true' } });
    expect(result.stdout).to.match(
      new RegExp(`^::error file=db/migrations/${indexFile},line=1,col=1,title=create-index-blocking::`, 'm'),
    );
  });

  it('writes SARIF for code scanning', async () => {
    const repo = await project({ ...orders, ...blocking });
    expectExit(await repo.run(['lint', '--sarif', 'lint.sarif'], { env: await scratch() }), 9);
    const sarif = JSON.parse(readFileSync(join(repo.root, 'lint.sarif'), 'utf8')) as {
      version: string;
      runs: { results: { ruleId: string }[] }[];
    };
    expect(sarif.version).to.equal('2.1.0');
    expect(sarif.runs[0]?.results.map(({ ruleId }) => ruleId)).to.deep.equal(['create-index-blocking']);
  });
});

describe('check: lint, verify and schema --check in one', () => {
  it('exits 9 with the findings of all three, then 0 when they are mended', async () => {
    const env = await scratch();
    const repo = await project({
      ...orders,
      ...blocking,
      ...pair(3, 'left', 'CREATE TABLE kept (id int);', 'SELECT 1;'),
    });
    const bad = await repo.run(['check', '--json'], { env });
    expectExit(bad, 9);
    expect(rulesOf(bad)).to.have.members(['create-index-blocking', 'inexact-down']);
    expect((bad.json() as { schema: { stale: boolean } }).schema.stale).to.equal(true);
    for (const name of Object.keys(blocking)) repo.write(name, 'SELECT 1;\n');
    for (const [name, text] of Object.entries(
      pair(3, 'left', 'CREATE TABLE kept (id int);', 'DROP TABLE kept;'),
    ))
      repo.write(name, text);
    expectExit(await repo.run(['schema'], { env }), 0);
    expect(existsSync(join(repo.root, 'db/schema.sql'))).to.equal(true);
    expectExit(await repo.run(['check'], { env }), 0);
  });
});

describe('lint --dir', () => {
  const files = (folder: string) =>
    Object.fromEntries(
      Object.entries({ ...orders, ...blocking }).map(([name, text]) => [`${folder}/${name}`, text]),
    );

  it('outside of the repository reviews what is there, and says so where --since cannot be answered', async () => {
    const repo = await project({ 'inside/README.md': 'x' });
    git(repo, 'init', '-q', '-b', 'main', 'inside');
    const inside = { root: join(repo.root, 'inside') } as Project;
    git(inside, 'add', '-A');
    git(inside, 'commit', '-q', '-m', 'x');
    git(inside, 'update-ref', 'refs/remotes/origin/main', 'HEAD');
    for (const [name, text] of Object.entries(files('outside'))) repo.write(name, text);
    const cwd = inside.root;
    const all = await repo.run(['lint', '--static', '--json', '--dir', '../outside'], { cwd });
    expect(all.exitCode, all.all).to.be.oneOf([0, 9]);
    const since = await repo.run(['lint', '--static', '--since', 'HEAD', '--dir', '../outside'], { cwd });
    expectExit(since, 2);
    expect(since.stderr).to.include('is in no git repository').and.not.include('    at ');
  });

  it('beside the working directory, in the same repository, knows what is new there', async () => {
    const repo = await project({ 'app/README.md': 'x', 'migrations/README.md': 'x' });
    git(repo, 'init', '-q', '-b', 'main');
    git(repo, 'add', '-A');
    git(repo, 'commit', '-q', '-m', 'x');
    for (const [name, text] of Object.entries(files('migrations'))) repo.write(name, text);
    const result = await repo.run(['lint', '--static', '--since', 'HEAD', '--dir', '../migrations'], {
      cwd: join(repo.root, 'app'),
    });
    expect(result.all).to.include('Reviewing 2 migrations');
  });
});
