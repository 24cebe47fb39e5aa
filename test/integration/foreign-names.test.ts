// Attacks with names and messages: what somebody else put into a catalog, a message or a session's query stays text in
// every output and in every file that is written from it.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadParser } from '../../scripts/files/statements.ts';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';
import { pair, tables, versionOf } from '../support/migrations.ts';
import { testMajor } from '../support/postgres.ts';

const unseen = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

const names = [
  'harmless\rDROP TABLE public.payroll;--',
  'harmless\nDROP TABLE public.payroll;--',
  'a\u2028\u001b[2J\u202ebidi | cell `',
];

async function migrated(): Promise<{ database: TestDatabase; repo: Project; env: Record<string, string> }> {
  const database = await createDatabase();
  const repo = await project(tables('payroll'));
  const env = database.env();
  expectExit(await repo.run(['up'], { env }), 0);
  return { database, repo, env };
}

describe('A table with a name made to be run', () => {
  for (const name of names)
    it(`is adopted by drift --write without harm: ${JSON.stringify(name)}`, async () => {
      const { database, repo, env } = await migrated();
      await database.query(`CREATE TABLE public."${name.replaceAll('"', '""')}" (id int)`);
      const written = await repo.run(['drift', '--write', 'adopted'], { env });
      expectExit(written, 0);
      expect(written.all).not.to.match(unseen);
      const { files } = (await repo.run(['status', '--json'], { env })).json();
      expect(files).to.equal(undefined);
      const other = await createDatabase();
      await other.query('CREATE TABLE public.precious (id int)');
      const result = await repo.run(['up'], { env: { ...other.env(), MIGRATE_ENV: 'development' } });
      expect(result.exitCode, result.all).to.be.oneOf([0, 3]);
      expect(await other.query("SELECT to_regclass('public.payroll')::text AS name")).to.deep.equal([
        { name: 'payroll' },
      ]);
    });

  it('is one line in every report, on a terminal, in JSON and for GitHub', async () => {
    const { database, repo, env } = await migrated();
    for (const name of names) await database.query(`CREATE TABLE public."${name}" (id int)`);
    const summary = join(repo.root, 'summary.md');
    const github = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary };
    for (const args of [
      ['drift'],
      ['drift', '--verbose'],
      ['drift', '--json'],
      ['up'],
      ['status'],
      ['plan', '--markdown'],
    ]) {
      for (const more of [{}, github]) {
        const result = await repo.run(args, { env: { ...env, ...more } });
        expect(result.all).not.to.match(unseen);
        expect(result.all).not.to.match(/^DROP TABLE public\.payroll/m);
      }
    }
    expect(readFileSync(summary, 'utf8'))
      .not.to.match(unseen)
      .and.not.to.match(/^DROP TABLE/m);
  });
});

describe('What the schema file cannot carry over', () => {
  it('is named in comments that run nothing, whatever its name is', async () => {
    const proof = join('/tmp', `migrate-proof-${process.pid}`);
    rmSync(proof, { force: true });
    const name = `x\nCOPY (SELECT 1) TO PROGRAM 'touch ${proof}';--`;
    const database = await createDatabase();
    const repo = await project(
      pair(
        `${versionOf(1)}_search`,
        `CREATE TEXT SEARCH CONFIGURATION public."${name}" (COPY = simple);`,
        `DROP TEXT SEARCH CONFIGURATION public."${name}";`,
      ),
    );
    const env = database.env();
    const schema = await repo.run(['schema'], { env });
    expectExit(schema, 0);
    expect(schema.all).not.to.match(/^COPY/m);
    const parse = await loadParser(testMajor);
    const parsed = parse(readFileSync(join(repo.root, 'db', 'schema.sql'), 'utf8'));
    const kinds = parsed.ok === true ? parsed.statements.map(({ kind }) => kind) : [];
    expect(kinds).to.include('VariableSetStmt').and.not.to.include('CopyStmt');
    for (const args of [['schema', '--check'], ['docs'], ['verify'], ['check']])
      await repo.run(args, { env });
    expect(existsSync(proof)).to.equal(false);
  });
});

describe('What a migration or another session says', () => {
  const evil = '\u001b]0;owned\u0007\u001b[2J\u202e\r::error::forged';
  const raise = `DO $$ BEGIN RAISE EXCEPTION USING MESSAGE = E'${escaped(evil)}', DETAIL = E'${escaped(evil)}', HINT = E'${escaped(evil)}'; END $$;`;

  it('is shown with its control characters escaped: RAISE, DETAIL, HINT, NOTICE, CONTEXT', async () => {
    const database = await createDatabase();
    const notice = `DO $$ BEGIN RAISE NOTICE E'${escaped(evil)}'; END $$;\n`;
    const repo = await project(pair(`${versionOf(1)}_a`, notice + raise, 'SELECT 1;'));
    for (const args of [
      ['up'],
      ['up', '--verbose'],
      ['up', '--json'],
      ['lint'],
      ['plan', '--json'],
      ['status', '--log'],
    ])
      for (const more of [{}, { GITHUB_ACTIONS: 'true' }] as Record<string, string>[]) {
        const result = await repo.run(args, { env: { ...database.env(), ...more } });
        expect(result.all).not.to.match(unseen);
        expect(result.all).not.to.match(/^::error::forged/m);
      }
  });

  it('is shown so of who blocks too, and its query is one line', async () => {
    const { database, repo, env } = await migrated();
    const blocker = await database.client({ application_name: 'x' });
    await blocker.query('BEGIN');
    await blocker.query(`LOCK TABLE payroll; SELECT 1 /* ${evil} */`);
    for (const [name, text] of Object.entries(
      pair(`${versionOf(2)}_b`, 'ALTER TABLE payroll ADD c int;', 'SELECT 1;'),
    ))
      repo.write(name, text);
    const result = await repo.run(['up'], {
      env: { ...env, MIGRATE_LOCK_TIMEOUT: '300ms', MIGRATE_LOCK_RETRIES: '1' },
    });
    expectExit(result, 6);
    expect(result.all).to.include('blocked by pid').and.not.to.match(unseen);
    await blocker.query('ROLLBACK');
  });
});

function escaped(text: string): string {
  return Array.from(text, (c) =>
    c < ' ' || c > '~' ? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}` : c,
  ).join('');
}
