// What a step of GitHub Actions shows of a command, without being asked: annotations, groups, the step's summary.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

const good = {
  '20250101000000_customers.up.sql': 'CREATE TABLE customers (id bigint PRIMARY KEY);\n',
  '20250101000000_customers.down.sql': 'DROP TABLE customers;\n',
};
const bad = {
  '20250102000000_orders.up.sql': 'CREATE TABLE orders (\n  id bigint REFERENCES nowhere (id)\n);\n',
  '20250102000000_orders.down.sql': 'DROP TABLE orders;\n',
};

interface Step {
  readonly tool: Project;
  readonly database: TestDatabase;
  readonly env: Record<string, string>;
}

async function step(files: Record<string, string>): Promise<Step> {
  const tool = await project(files);
  tool.write('summary/.keep', '');
  const database = await createDatabase();
  const env = {
    ...database.env(),
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: tool.root,
    GITHUB_STEP_SUMMARY: join(tool.root, 'summary', 'step.md'),
    MIGRATE_ENV: 'staging',
  };
  return { tool, database, env };
}

const summaryOf = (tool: Project) => readFileSync(join(tool.root, 'summary', 'step.md'), 'utf8');

describe('a command in a step of GitHub Actions', () => {
  it('folds the log per migration and sums up what ran', async () => {
    const { tool, env } = await step(good);
    const result = await tool.run(['up'], { env });
    expectExit(result, 0);
    expect(result.stdout).to.match(
      /^::group::applying 20250101000000_customers \(1 of 1\)\n(.*\n)*::endgroup::\n {2}applied/m,
    );
    expect(summaryOf(tool)).to.include('migrate up · staging');
    expect(summaryOf(tool)).to.match(/20250101000000_customers \| up \| applied \| \d+ ms/);
  });

  it('marks the place in the file where PostgreSQL refused', async () => {
    const { tool, env } = await step({ ...good, ...bad });
    const result = await tool.run(['up'], { env });
    expectExit(result, 3);
    expect(result.all).to.match(
      /^::error file=db\/migrations\/20250102000000_orders\.up\.sql,line=\d,(col=\d+,)?title=migrate up::relation "nowhere" does not exist/m,
    );
    expect(summaryOf(tool)).to.include('❌').and.to.include('20250102000000_orders | up | failed');
    expect(summaryOf(tool), 'as the log says it').to.match(/ERROR .*\n.*\(SQLSTATE \w{5}\)/);
  });

  it('names files from the root of the repository', async () => {
    const { tool, env } = await step({ ...good, ...bad });
    const outer = { ...env, GITHUB_WORKSPACE: join(tool.root, '..') };
    const result = await tool.run(['up'], { env: outer });
    expect(result.all).to.include('::error file=project/db/migrations/20250102000000_orders.up.sql');
  });

  it('adds one section per command to the summary', async () => {
    const { tool, env } = await step(good);
    for (const command of ['plan', 'up', 'status']) expectExit(await tool.run([command], { env }), 0);
    expect(summaryOf(tool).match(/^### ✅ migrate \w+/gm)).to.deep.equal([
      '### ✅ migrate plan',
      '### ✅ migrate up',
      '### ✅ migrate status',
    ]);
    expect(summaryOf(tool)).to.include('CREATE TABLE customers');
  });

  it('leaves stdout to the one document with --json', async () => {
    const { tool, env } = await step({ ...good, ...bad });
    const result = await tool.run(['up', '--json'], { env });
    expectExit(result, 3);
    expect(result.json().error.code).to.equal('migration-failed');
    expect(result.stderr)
      .to.match(/^::error file=/m)
      .and.to.match(/^::group::/m);
  });

  it('marks a wrong file before anything connects', async () => {
    const { tool, env } = await step({ '20250101000000_a.up.sql': 'BEGIN;\nSELECT 1;\n' });
    const result = await tool.run(['up'], { env });
    expectExit(result, 2);
    expect(result.all).to.match(/^::error file=db\/migrations\/20250101000000_a\.up\.sql,/m);
  });

  it('says who held the table in the summary', async () => {
    const { tool, env, database } = await step({
      ...good,
      '20250102000000_more.up.sql': 'ALTER TABLE customers ADD COLUMN name text;\n',
      '20250102000000_more.down.sql': 'ALTER TABLE customers DROP COLUMN name;\n',
    });
    expectExit(await tool.run(['up', '--n', '1'], { env }), 0);
    const holder = await database.client({ application_name: 'the-report' });
    await holder.query('BEGIN; LOCK TABLE customers IN ACCESS EXCLUSIVE MODE');
    const result = await tool.run(['up'], {
      env: { ...env, MIGRATE_LOCK_TIMEOUT: '1500ms', MIGRATE_LOCK_RETRIES: '1' },
    });
    expectExit(result, 6);
    expect(summaryOf(tool)).to.match(/Blocked by \|.*the-report/);
  });

  it('never lets the server’s words be a command to the runner', async () => {
    const { tool, env } = await step({
      '20250101000000_loud.up.sql': "DO $$ BEGIN RAISE NOTICE E'\\n::add-mask::loud'; END $$;\n",
      '20250101000000_loud.down.sql': 'SELECT 1;\n',
    });
    const result = await tool.run(['up', '--verbose'], { env });
    expectExit(result, 0);
    expect(result.all)
      .to.include('loud')
      .and.not.to.match(/^\s*::add-mask/m);
  });

  it('keeps the password out of log and summary', async () => {
    const { tool, env } = await step({
      ...good,
      '20250102000000_leak.up.sql': "DO $$ BEGIN RAISE EXCEPTION 'SECRET'; END $$;\n",
      '20250102000000_leak.down.sql': 'SELECT 1;\n',
    });
    const password = env.PGPASSWORD ?? '';
    tool.write('20250102000000_leak.up.sql', `DO $$ BEGIN RAISE EXCEPTION '${password}'; END $$;\n`);
    const result = await tool.run(['up'], { env });
    expectExit(result, 3);
    expect(result.all).not.to.include(password);
    expect(summaryOf(tool)).not.to.include(password);
  });

  it('writes nothing of it anywhere else', async () => {
    const { tool, env } = await step(good);
    const result = await tool.run(['up'], { env: { ...env, GITHUB_ACTIONS: '' } });
    expectExit(result, 0);
    expect(result.all).not.to.include('::');
  });
});
