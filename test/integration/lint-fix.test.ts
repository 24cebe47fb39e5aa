// lint --fix from the outside: what is replaced, what stays, what is refused.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Fix, fixMigration } from '../../scripts/lint/fix.ts';
import { reviewMigrations } from '../../scripts/lint/review.ts';
import { expectExit, project as made, type Project, type Result } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';
import { migration } from '../support/lint.ts';
import { pair } from '../support/migrations.ts';
import { testMajor } from '../support/postgres.ts';

const account = pair(
  1,
  'account',
  'CREATE TABLE account (id bigint PRIMARY KEY, email text, age int);',
  'DROP TABLE account;',
);
const strict = pair(
  2,
  'strict',
  'ALTER TABLE account ALTER COLUMN email SET NOT NULL, ADD CHECK (age > 0);',
  'ALTER TABLE account ALTER COLUMN email DROP NOT NULL, DROP CONSTRAINT account_age_check;',
);
const after = pair(
  3,
  'after',
  'ALTER TABLE account ADD COLUMN more int;',
  'ALTER TABLE account DROP COLUMN more;',
);

/** Its commands run in this process. */
async function project(files: Record<string, string>): Promise<Project> {
  const repo = await made(files);
  const run = async (args: readonly string[], { env = {} }: { env?: Record<string, string> } = {}) => {
    const { PATH = '' } = process.env;
    const { exitCode, said, document } = await runInProcess(repo.root, { PATH, ...env }, args);
    return { args, exitCode, stdout: said, stderr: said, all: said, json: () => document } satisfies Result;
  };
  return { ...repo, run };
}

function git({ root }: Project, ...args: string[]): string {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false'];
  return execFileSync('git', [...identity, ...args], { cwd: root, encoding: 'utf8' });
}

function commit(repo: Project): void {
  git(repo, 'init', '-q', '-b', 'main');
  git(repo, 'add', '.');
  git(repo, 'commit', '-q', '-m', 'first');
}

const files = ({ root }: Project) =>
  readdirSync(join(root, 'db/migrations')).filter((name) => name.endsWith('.up.sql'));
const text = ({ root }: Project, name: string) => readFileSync(join(root, 'db/migrations', name), 'utf8');

describe('lint --fix', () => {
  it('replaces a committed file by its series, moves what follows, and what it writes is linted, verified and runs', async () => {
    const database = await createDatabase();
    const repo = await project({ ...account, ...strict, ...after });
    commit(repo);
    const result = await repo.run(['lint', '--fix', '--all'], { env: database.env() });
    expectExit(result, 0);
    // From 18 on NOT NULL is added first and validated later, without a CHECK that stands in for it.
    const series = testMajor >= 18 ? ['strict-2.up.sql'] : ['strict-2.up.sql', 'strict-3.up.sql'];
    expect(result.stdout)
      .to.include(`Replaced 1 migration by ${series.length + 1}`)
      .and.to.include('no findings');
    const names = files(repo);
    expect(names.map((name) => name.slice(15))).to.deep.equal([
      'account.up.sql',
      'strict.up.sql',
      ...series,
      'after.up.sql',
    ]);
    expect(text(repo, names[1] ?? '')).to.match(
      /NOT VALID;\nALTER TABLE account ADD CONSTRAINT account_age_check CHECK \(age > 0\) NOT VALID;/,
    );
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expectExit(await repo.run(['down', '--to', '0'], { env: database.env() }), 0);
    expect((await repo.run(['lint', '--fix', '--all'], { env: database.env() })).stdout).to.include(
      'Nothing was replaced',
    );
  });

  it('shows the files with --dry-run and changes none', async () => {
    const repo = await project({ ...account, ...strict });
    const before = files(repo);
    const result = await repo.run(['lint', '--fix', '--dry-run', '--all'], { env: await scratch() });
    expectExit(result, 0);
    expect(result.stdout)
      .to.include('VALIDATE CONSTRAINT account_age_check;')
      .and.to.include('Nothing was changed');
    expect(files(repo)).to.deep.equal(before);
    expectExit(await repo.run(['lint', '--dry-run'], { env: await scratch() }), 2);
  });

  it('refuses files that git could not give back: new, changed, or without a checkout', async () => {
    const env = await scratch();
    const repo = await project({ ...account, ...strict });
    expectExit(await repo.run(['lint', '--fix', '--all'], { env }), 7);
    git(repo, 'init', '-q', '-b', 'main');
    expectExit(await repo.run(['lint', '--fix', '--all'], { env }), 7);
    commit(repo);
    const name = Object.keys(strict)[0] ?? '';
    repo.write(name, `${strict[name]}\n-- changed`);
    const result = await repo.run(['lint', '--fix', '--all'], { env });
    expectExit(result, 7);
    expect(result.stderr).to.include(name);
    expect(git(repo, 'status', '--porcelain').trim().split('\n')).to.have.length(1);
  });

  it('keeps the down of a file that stays one file, and divides what it can take back itself', async () => {
    const env = await scratch();
    const repo = await project({
      ...account,
      ...pair(
        2,
        'index',
        '-- for the list\nCREATE INDEX account_age ON account (age);',
        'DROP INDEX account_age;',
      ),
      ...pair(
        3,
        'column',
        '-- migrate: lock-timeout=3s\nALTER TABLE account ADD COLUMN more int;\n\n-- and fast\nCREATE INDEX account_more ON account (more);',
        'ALTER TABLE account DROP COLUMN more;',
      ),
    });
    commit(repo);
    const result = await repo.run(['lint', '--fix', '--all'], { env });
    expectExit(result, 0);
    const names = files(repo);
    expect(names.map((name) => name.slice(15))).to.deep.equal([
      'account.up.sql',
      'index.up.sql',
      'column.up.sql',
      'column-2.up.sql',
    ]);
    expect(text(repo, names[1] ?? '')).to.equal(
      '-- migrate: no-transaction\n-- for the list\nCREATE INDEX CONCURRENTLY account_age ON account (age);\n',
    );
    expect(text(repo, (names[1] ?? '').replace('.up.', '.down.'))).to.include('DROP INDEX account_age;');
    expect(text(repo, names[3] ?? '')).to.equal(
      '-- migrate: no-transaction\n-- migrate: lock-timeout=3000ms\n-- and fast\nCREATE INDEX CONCURRENTLY account_more ON account (more);\n',
    );
  });

  it('leaves a file alone whose down it cannot divide, and says so', async () => {
    const repo = await project({
      ...account,
      ...pair(
        2,
        'mixed',
        'UPDATE account SET age = 1 WHERE id = 1; ALTER TABLE account ALTER age SET NOT NULL;',
        'ALTER TABLE account ALTER age DROP NOT NULL;',
      ),
    });
    commit(repo);
    const result = await repo.run(['lint', '--fix', '--all'], { env: await scratch() });
    expectExit(result, 0);
    expect(result.stderr).to.include('is left as it is: what its down does cannot be divided');
    expect(git(repo, 'status', '--porcelain')).to.equal('');
  });

  it('replaces files by series with batches, verified with the rows of db/probe, which then run', async () => {
    const database = await createDatabase();
    const repo = await project({
      ...account,
      ...pair(
        2,
        'uid',
        'ALTER TABLE account ADD COLUMN uid uuid NOT NULL DEFAULT gen_random_uuid();',
        'ALTER TABLE account DROP COLUMN uid;',
      ),
      ...pair(
        3,
        'grown',
        'UPDATE account SET age = age + 1 WHERE age > 0;',
        '-- migrate: irreversible bumped',
      ),
      'db/probe/20250101000002.sql': "INSERT INTO account VALUES (1, 'a', 1), (2, 'b', 2);",
    });
    repo.write('db/probe/20250101000003.sql', 'INSERT INTO account (id, age) VALUES (3, 3);');
    commit(repo);
    const result = await repo.run(['lint', '--fix', '--all'], { env: database.env() });
    expectExit(result, 0);
    expect(result.stdout)
      .to.include(`Replaced 2 migrations by ${testMajor >= 18 ? 5 : 6}`)
      .and.to.include('verify: 1 info');
    const names = files(repo);
    const texts = names.map((name) => text(repo, name));
    expect(texts.filter((one) => one.includes('-- migrate: batch public.account by id'))).to.have.length(2);
    for (const name of names.slice(1))
      expectExit(await repo.run(['up', '--to', name.slice(0, 14)], { env: database.env() }), 0);
    expect(texts.at(-1)).to.include(
      'UPDATE account SET age = age + 1 WHERE id BETWEEN $1 AND $2 AND (age > 0);',
    );
  });

  it('runs the rows of db/probe through a series from end to end', async () => {
    const repo = await project({
      ...account,
      ...pair(
        2,
        'strict',
        'ALTER TABLE account ALTER COLUMN email SET NOT NULL;',
        'ALTER TABLE account ALTER COLUMN email DROP NOT NULL;',
      ),
      'db/probe/20250101000002.sql': 'INSERT INTO account (id) VALUES (1);',
    });
    commit(repo);
    const result = await repo.run(['lint', '--fix', '--all'], { env: await scratch() });
    expectExit(result, 9);
    expect(result.stdout).to.match(
      /strict-2\.up\.sql:\d+:1 error .*with the rows of db\/probe\/20250101000002\.sql/,
    );
  });

  it('works in the time zone of the configuration, as lint does', async () => {
    const files = {
      ...pair(1, 't', 'CREATE TABLE t (id bigint PRIMARY KEY, at timestamp, n int);', 'DROP TABLE t;'),
      ...pair(
        2,
        'zone',
        'ALTER TABLE t ALTER COLUMN at TYPE timestamptz; CREATE INDEX t_n ON t (n);',
        '-- migrate: irreversible the zone is lost',
      ),
    };
    const repo = await project({
      ...files,
      'db/config.json': '{ "lint": { "timeZone": "Europe/Berlin" } }',
    });
    commit(repo);
    const env = await scratch();
    const checked = await repo.run(['check', '--all'], { env });
    expectExit(checked, 9);
    expect(checked.stdout).to.include('change-column-type');
    const fixed = await repo.run(['lint', '--fix', '--all'], { env });
    expectExit(fixed, 9);
    expect(fixed.stdout).to.include('change-column-type');
  });

  it('keeps comments, directives and allowances where they belong, and divides nothing that lasts as long as its file', async () => {
    const client = await (await createDatabase()).client();
    const before = migration(
      '20250101000001_before',
      'CREATE TABLE t (id bigint PRIMARY KEY, a int, b text);\n',
      'DROP TABLE t;\n',
    );
    const strict = 'ALTER TABLE t ALTER a SET NOT NULL;';
    const added = 'ALTER TABLE t ADD CONSTRAINT t_a_not_null CHECK (a IS NOT NULL) NOT VALID;\n';
    const cases: readonly (readonly [string, string | RegExp, readonly string[]])[] = [
      [
        'CREATE INDEX i ON t (b) -- the end',
        '',
        ['-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i ON t (b) -- the end\n;\n'],
      ],
      [
        ';;\nCREATE INDEX i ON t (b);;\n; -- last',
        '',
        ['-- migrate: no-transaction\nCREATE INDEX CONCURRENTLY i ON t (b);\n-- last\n'],
      ],
      [
        `-- migrate: lock-timeout=3s\n-- first\n${strict} -- second\nCREATE TABLE late (id int);\n-- third\n`,
        '',
        [
          `-- migrate: lock-timeout=3000ms\n-- first\n${added}`,
          'VALIDATE',
          'SET NOT NULL',
          '-- migrate: lock-timeout=3000ms\n-- second\nCREATE TABLE late (id int);\n-- third\n',
        ],
      ],
      [
        `-- migrate: allow create-index-blocking small\nCREATE INDEX i ON t (b);\n${strict}\nCREATE TABLE late (id int);`,
        '',
        [
          '-- migrate: allow create-index-blocking small\nCREATE INDEX i ON t (b);\n',
          added,
          'VALIDATE',
          'SET NOT NULL',
          'CREATE TABLE late (id int);\n',
        ],
      ],
      [`CREATE TEMP TABLE x AS SELECT 1 AS id;\n${strict}`, /a temporary table lasts/, []],
      [`CREATE TABLE pg_temp.x (id int);\n${strict}`, /a temporary table lasts/, []],
      [`SET work_mem = '1GB';\n${strict}`, /a setting lasts/, []],
      [`${strict}\nLOCK TABLE t;`, /LOCK TABLE lasts/, []],
      [`PREPARE p AS SELECT 1;\n${strict}`, /a prepared statement lasts/, []],
      [`SELECT pg_advisory_xact_lock(1);\n${strict}`, /pg_advisory_xact_lock lasts/, []],
    ];
    for (const [up, refused, texts] of cases) {
      let fix: Fix | null = null;
      await client.query('DROP TABLE IF EXISTS t CASCADE; DROP TABLE IF EXISTS late');
      await reviewMigrations({
        earlier: [before],
        underReview: [migration('20250101000002_fixed', up, '-- migrate: irreversible x')],
        scratch: client,
        // From 18 on another series is cheap: that is in advice.test.ts.
        postgres: Math.min(testMajor, 17),
        onReviewed: (reviewed, steps, complaints) => {
          fix = fixMigration(reviewed, steps, complaints);
        },
      });
      const { pairs, refused: why = '' } = (fix as Fix | null) ?? { pairs: [] };
      expect(why, up).to.match(new RegExp(refused));
      expect(
        pairs.map(({ up: text }, i) =>
          texts[i]?.includes('\n')
            ? text
            : texts[i] !== undefined && text.includes(texts[i])
              ? texts[i]
              : text,
        ),
        up,
      ).to.deep.equal(texts);
    }
  });
});

async function scratch(): Promise<Record<string, string>> {
  const { SHADOW_DATABASE_URL = '', PGPASSWORD = '' } = (await createDatabase()).env();
  return { SHADOW_DATABASE_URL, PGPASSWORD };
}
