// --json: stdout is exactly one JSON document with the same fields for every command; progress goes to stderr.
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { tables, versionOf } from '../support/migrations.ts';

const common = ['command', 'ok', 'exitCode', 'environment', 'error'];
const errorFields = ['code', 'message', 'hint', 'file', 'line', 'column', 'sqlState', 'detail'];

describe('--json', () => {
  it('gives one document with the common fields, and progress on stderr', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two'));
    for (const args of [
      ['status'],
      ['plan'],
      ['up', '--dry-run'],
      ['up'],
      ['redo'],
      ['status'],
      ['down'],
      ['down', '--to', '0'],
    ]) {
      const result = await repo.run([...args, '--json'], { env: { ...database.env(), MIGRATE_ENV: 'test' } });
      expectExit(result, 0);
      const document = result.json();
      expect(document).to.include.keys(common);
      expect(document).to.include({
        command: args[0],
        ok: true,
        exitCode: 0,
        environment: 'test',
        error: null,
      });
      expect(document.migrations).to.be.an('array');
      expect(result.stderr).to.include(database.name);
    }
  });

  it('names of each migration version, name, direction, outcome and duration', async () => {
    const database = await createDatabase();
    const repo = await project({
      ...tables('one', 'two', 'three'),
      [`${versionOf(2)}_two.up.sql`]: 'SELECT 1/0;',
    });
    const result = await repo.run(['up', '--json'], { env: database.env() });
    expectExit(result, 3);
    const { migrations, ...rest } = result.json();
    expect(rest).to.include({ ok: false, exitCode: 3 });
    expect(rest.error).to.include.keys(errorFields);
    for (const migration of migrations) {
      expect(migration).to.have.keys('version', 'name', 'direction', 'outcome', 'durationMs');
      expect(migration.version).to.match(/^\d{14}$/);
    }
    expect(migrations.map(({ outcome }: { outcome: string }) => outcome)).to.deep.equal([
      'applied',
      'failed',
      'pending',
    ]);
    expect(migrations.at(-1).durationMs).to.equal(null);
    expect(migrations[0].durationMs).to.be.a('number');
  });

  it('gives a document also for what fails before any database: files, settings, connection, command line', async () => {
    const repo = await project(tables('one'));
    const closed = { DATABASE_URL: 'postgres://u@127.0.0.1:1/d', MIGRATE_CONNECT_TIMEOUT: '1ms' };
    const failures: [string[], Record<string, string>, number, string][] = [
      [['up', '--wrong'], closed, 2, 'usage'],
      [['wrong'], closed, 2, 'usage'],
      [['up'], { ...closed, MIGRATE_WAIT: 'x' }, 2, 'usage'],
      [['up', '--dir', 'nowhere'], closed, 2, 'usage'],
      [['up'], { CI: 'true' }, 2, 'usage'],
      [['up'], closed, 8, 'connection'],
    ];
    for (const [args, env, exitCode, code] of failures) {
      const result = await repo.run([...args, '--json'], { env });
      expectExit(result, exitCode);
      expect(result.json()).to.deep.include({ ok: false, exitCode });
      expect(result.json().error).to.include.keys(errorFields);
      expect(result.json().error.code).to.equal(code);
    }
  });

  it('is the same in colour: no escape ever reaches the document', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one'));
    const result = await repo.run(['up', '--json'], {
      env: { ...database.env(), NO_COLOR: '', FORCE_COLOR: '1' },
    });
    expectExit(result, 0);
    expect(result.stdout).not.to.include('\u001b');
    result.json();
  });
});

describe('--quiet and --verbose', () => {
  it('--quiet prints the verdict and nothing else', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two'));
    const result = await repo.run(['up', '--quiet'], { env: database.env() });
    expectExit(result, 0);
    expect(result.all).to.match(/^Applied 2 migrations in .*\n$/);
  });

  it('--quiet prints the last line of a command with many, and all of a comment', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one', 'two'));
    const status = await repo.run(['status', '--quiet'], { env: database.env() });
    expect(status.all).to.equal('0 migrations applied, 2 pending\n');
    const comment = await repo.run(['plan', '--markdown', '--quiet'], { env: database.env() });
    expect(comment.stdout).to.include('CREATE TABLE one').and.include('CREATE TABLE two');
  });

  it('--version is that of the package', async () => {
    const repo = await project();
    const result = await repo.run(['--version']);
    expectExit(result, 0);
    expect(result.stdout).to.match(/^\d+\.\d+\.\d+\n$/);
  });

  it('--verbose shows the notices of the server', async () => {
    const database = await createDatabase();
    const repo = await project({
      ...tables('one'),
      [`${versionOf(1)}_one.up.sql`]: 'DROP TABLE IF EXISTS nobody;',
    });
    const result = await repo.run(['up', '--verbose'], { env: database.env() });
    expectExit(result, 0);
    expect(result.all).to.include('table "nobody" does not exist, skipping');
  });
});

describe('NO_COLOR and FORCE_COLOR', () => {
  it('switch colour off and on', async () => {
    const database = await createDatabase();
    const repo = await project(tables('one'));
    const plain = await repo.run(['up'], { env: database.env() });
    expect(plain.all).not.to.include('\u001b');
    const coloured = await repo.run(['redo'], { env: { ...database.env(), NO_COLOR: '', FORCE_COLOR: '1' } });
    expect(coloured.stdout).to.include('\u001b[');
  });
});
