// A newcomer's first hour, through make and npm in a fresh clone: nothing is prepared, the path has a space in it.
// Several steps of one story: each test stands on the one before it.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { execa } from 'execa';
import { projectDirectories, removeServer } from '../../scripts/devserver/devserver.ts';
import { expectExit, productRoot, type Result } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';

interface Options {
  readonly env?: Record<string, string>;
}

describe('A newcomer', function () {
  // The first command installs every package.
  this.timeout(300_000);
  this.bail(true);
  let home = '';
  let clone = '';
  let base: Record<string, string> = {};

  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'migrate newcomer '));
    clone = join(home, 'my clone');
    // Packages come from the cache of this machine; all else is as on a new one.
    const { stdout: cache } = await execa('npm', ['config', 'get', 'cache']);
    base = {
      PATH: process.env.PATH ?? '',
      HOME: home,
      LANG: 'C.UTF-8',
      NO_COLOR: '1',
      npm_config_cache: cache,
      npm_config_prefer_offline: 'true',
    };
    await execa('git', ['clone', '--quiet', productRoot, clone]);
  });

  after(async () => {
    for (const directory of Object.values(projectDirectories(clone))) await removeServer(directory);
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  });

  async function run(command: string, args: readonly string[], { env = {} }: Options = {}): Promise<Result> {
    const { exitCode, stdout, stderr, all } = await execa(command, args, {
      cwd: clone,
      extendEnv: false,
      env: { ...base, ...env },
      reject: false,
      all: true,
      stripFinalNewline: false,
      input: '',
    });
    const json = () => JSON.parse(stdout) as unknown;
    return { args: [command, ...args], exitCode: exitCode ?? -1, stdout, stderr, all, json };
  }
  const make = (...args: string[]) => run('make', args);
  const npm = (...args: string[]) => run('npm', ['run', '--silent', ...args]);
  const migrations = () => readdirSync(join(clone, 'db', 'migrations')).sort();

  it('types make migrate-up, which installs, builds, starts PostgreSQL, and applies everything', async () => {
    const result = await make('migrate-up');
    expectExit(result, 0);
    expect(result.all).to.include('Started the embedded development server');
    expect(result.all).to.match(/applied +20250117090000_initial-schema/);
    expect(result.all).to.match(/Applied \d+ migrations? in /);
  });

  it('types it again: Already up to date, without installing or building', async () => {
    const stamps = ['node_modules/.package-lock.json', 'dist/.built'].map((file) => join(clone, file));
    const before = stamps.map((file) => statSync(file).mtimeMs);
    const result = await make('migrate-up');
    expectExit(result, 0);
    expect(result.all).to.include('Already up to date').and.not.include('Started the embedded');
    expect(stamps.map((file) => statSync(file).mtimeMs)).to.deep.equal(before);
  });

  it('types make, and is shown every target with a word about it', async () => {
    const result = await make();
    expectExit(result, 0);
    for (const target of [
      'migrate-new',
      'migrate-up',
      'migrate-down',
      'migrate-redo',
      'migrate-status',
      'test',
      'check',
    ]) {
      expect(result.stdout).to.match(new RegExp(`make ${target} +\\S`));
    }
  });

  it('creates two migrations, with make and with npm, and fills them in', async () => {
    expectExit(await make('migrate-new', 'name=Create Notes'), 0);
    expectExit(await npm('migrate:create', '--', 'add-note-title'), 0);
    const [notesDown = '', notesUp = '', titleDown = '', titleUp = ''] = migrations().slice(-4);
    expect(notesUp).to.match(/^\d{14}_create-notes\.up\.sql$/);
    expect(titleUp).to.match(/^\d{14}_add-note-title\.up\.sql$/);
    const fill = (name: string, sql: string) => {
      const path = join(clone, 'db', 'migrations', name);
      writeFileSync(path, `${readFileSync(path, 'utf8')}${sql}\n`);
    };
    fill(notesUp, 'CREATE TABLE notes (id bigint PRIMARY KEY);');
    fill(notesDown, 'DROP TABLE notes;');
    fill(titleUp, 'ALTER TABLE notes ADD COLUMN title text;');
    fill(titleDown, 'ALTER TABLE notes DROP COLUMN title;');
    const status = await make('migrate-status');
    expectExit(status, 0);
    expect(status.stdout)
      .to.match(/pending +\d+_create-notes/)
      .and.include('2 pending');
  });

  it('gets the exit code of the tool and its document from npm', async () => {
    const status = await npm('migrate', '--', 'status', '--check', '--json');
    expectExit(status, 10);
    expect(JSON.parse(status.stdout)).to.include({ command: 'status', exitCode: 10 });
    expectExit(await npm('migrate:up', '--', '--dryrun'), 2);
    expect((await make('migrate-down', 'n=0')).exitCode).to.equal(2);
  });

  it('goes up and down with to= and n=', async () => {
    expectExit(await make('migrate-up', 'n=1'), 0);
    expect((await npm('migrate:status')).stdout).to.include('1 pending');
    expectExit(await make('migrate-up'), 0);
    expectExit(await make('migrate-redo'), 0);
    expectExit(await make('migrate-down', 'to=20250117090000'), 0);
    expect((await make('migrate-status')).stdout).to.include('1 migration applied, 2 pending');
    expectExit(await make('migrate-down', 'to=0'), 0);
    const nothing = await make('migrate-down');
    expectExit(nothing, 0);
    expect(nothing.stdout).to.match(/nothing to revert/i);
    expectExit(await npm('migrate:up'), 0);
  });

  it('cannot make a variable of make run a command or become an option', async () => {
    const bad = `x"; touch pwned; "$(touch pwned)\`touch pwned\``;
    expect((await make('migrate-new', `name=${bad}`)).exitCode).not.to.equal(0);
    expect((await make('migrate-down', 'confirm=$(shell touch pwned)')).exitCode).not.to.equal(0);
    expect((await make('migrate-up', 'to=1; touch pwned')).exitCode).not.to.equal(0);
    expect((await make('migrate-new', 'name=')).exitCode).not.to.equal(0);
    expect(existsSync(join(clone, 'pwned'))).to.equal(false);
  });

  it('reverts nothing by a variable that is misspelt, and sees what a revert would do', async () => {
    const misspelt = await make('migrate-down', 'To=0');
    expect(misspelt.exitCode, misspelt.all).to.equal(2);
    expect(misspelt.all).to.include('make knows no variable "To"').and.include('to=');
    const shown = await make('migrate-down', 'dry_run=1');
    expectExit(shown, 0);
    expect(shown.all).to.include('DROP');
    expect((await make('migrate-status')).stdout).to.include('0 pending');
  });

  it('gives the embedded server to an application by the line that db-up prints, and shows no password', async () => {
    const { stdout } = await make('db-up');
    const [, line = ''] = /finds it with: (.+)$/m.exec(stdout) ?? [];
    const program = `const client = new (require('pg').Client)({ connectionString: process.env.DATABASE_URL });
      client.connect().then(() => client.query('SELECT current_database() AS name')).then(({ rows }) => {
        console.log(rows[0].name, process.env.PGPASSWORD);
        return client.end();
      });`;
    const asked = await run('sh', ['-c', `${line} && exec "$0" -e "$1"`, process.execPath, program]);
    const [name, password = ''] = asked.stdout.trim().split(' ');
    expect(name, asked.all).to.equal('app_development');
    expect(password).to.have.length.above(20);
    expect(stdout).not.to.include(password);
  });

  it('works on a database of their own when one is named, and the embedded server is left alone', async () => {
    const database = await createDatabase();
    expectExit(await make('db-down'), 0);
    const result = await run('make', ['migrate-up'], { env: database.env() });
    expectExit(result, 0);
    expect(result.all).to.include(database.name).and.not.include('embedded');
    const { development } = projectDirectories(clone);
    expect(existsSync(join(development, 'cluster', 'postmaster.pid'))).to.equal(false);
  });

  it('is refused in CI without a database', async () => {
    expectExit(await run('npm', ['run', '--silent', 'migrate:up'], { env: { CI: 'true' } }), 2);
    const result = await run('make', ['migrate-up'], { env: { CI: 'true' } });
    expect(result.exitCode).not.to.equal(0);
    expect(result.all).to.include('DATABASE_URL=');
  });

  it('works from the server that was stopped: it is started again with its data', async () => {
    const result = await make('migrate-status');
    expectExit(result, 0);
    expect(result.all)
      .to.include('Started the embedded development server')
      .and.include('3 migrations applied, 0 pending');
  });

  it('has left nothing in the work tree but the two migrations', async () => {
    const { stdout } = await execa('git', ['status', '--porcelain'], { cwd: clone });
    expect(stdout.split('\n').filter((line) => !/^\?\? db\/migrations\/\d{14}_/.test(line))).to.deep.equal(
      [],
    );
  });
});
