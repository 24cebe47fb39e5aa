// create: the pair of files of a new migration.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, type Project, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { tables } from '../support/migrations.ts';

const filesOf = ({ root }: Project) => readdirSync(join(root, 'db', 'migrations')).sort();
const text = ({ root }: Project, name: string) => readFileSync(join(root, 'db', 'migrations', name), 'utf8');

describe('Creating a migration', () => {
  it('writes an up and a down file and prints both paths', async () => {
    const repo = await project();
    const before = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
    const result = await repo.run(['create', 'create-users-table']);
    expectExit(result, 0);
    const [down = '', up = ''] = filesOf(repo);
    expect(up).to.match(/^\d{14}_create-users-table\.up\.sql$/);
    expect(down).to.equal(up.replace('.up.', '.down.'));
    expect(up.slice(0, 14) >= before, 'a version in UTC').to.equal(true);
    expect(result.stdout).to.include(`db/migrations/${up}`).and.include(`db/migrations/${down}`);
  });

  it('needs no database', async () => {
    const repo = await project();
    expectExit(
      await repo.run(['create', 'x'], {
        env: { DATABASE_URL: 'postgres://u@127.0.0.1:1/d', MIGRATE_CONNECT_TIMEOUT: '1ms' },
      }),
      0,
    );
    expectExit(await repo.run(['create', 'y'], { env: { CI: 'true' } }), 0);
  });

  it('teaches in both files what belongs there', async () => {
    const repo = await project();
    await repo.run(['create', 'add-email']);
    const [down = '', up = ''] = filesOf(repo).map((name) => text(repo, name));
    expect(up)
      .to.include('add-email')
      .and.match(/^-- Up:/m)
      .and.match(/expand, then contract/i);
    expect(up).to.include('-- migrate: no-transaction').and.include('-- migrate: lock-timeout=');
    expect(down)
      .to.match(/^-- Down:/m)
      .and.include('-- migrate: irreversible');
  });

  it('writes files that are refused until they hold SQL, so that an empty migration cannot be applied', async () => {
    const repo = await project();
    await repo.run(['create', 'add-email']);
    const result = await repo.run(['up'], {
      env: { DATABASE_URL: 'postgres://u@127.0.0.1:1/d', MIGRATE_CONNECT_TIMEOUT: '1ms' },
    });
    expectExit(result, 2);
    expect(result.stderr)
      .to.match(/add-email\.up\.sql: is empty/)
      .and.match(/add-email\.down\.sql: is empty/);
  });

  it('writes a pair that status shows as empty, and that keeps nobody from reverting another', async () => {
    const database = await createDatabase();
    const env = database.env();
    const repo = await project(tables('one'));
    expectExit(await repo.run(['up'], { env }), 0);
    await repo.run(['create', 'add-email']);
    const status = await repo.run(['status'], { env });
    expectExit(status, 0);
    expect(status.stdout)
      .to.match(/pending \(empty\) +\d{14}_add-email/)
      .and.match(/add-email\.up\.sql and its down are still to be written/);
    const checked = await repo.run(['status', '--check', '--json'], { env });
    expectExit(checked, 10);
    expect(checked.json().migrations.at(-1)).to.include({ state: 'pending', empty: true });
    for (const args of [['rebase'], ['redo'], ['down', '--dry-run'], ['down']])
      expectExit(await repo.run(args, { env }), 0);
    for (const command of ['up', 'plan', 'manifest', 'lint', 'verify', 'schema']) {
      const refused = await repo.run([command], { env: { ...env, SHADOW_DATABASE_URL: database.url } });
      expectExit(refused, 2);
      expect(refused.stderr).to.match(/add-email\.up\.sql: is empty/);
    }
  });

  it('finds an applied pair that somebody emptied: changed for status and down, nothing that redo runs', async () => {
    const database = await createDatabase();
    const env = database.env();
    const repo = await project(tables('one'));
    expectExit(await repo.run(['up'], { env }), 0);
    for (const name of filesOf(repo)) repo.write(name, '-- gone\n');
    for (const command of ['status', 'down']) {
      const changed = await repo.run([command], { env });
      expectExit(changed, 4);
      expect(changed.all).to.match(/_one was changed after it was applied/);
    }
    const redo = await repo.run(['redo'], { env });
    expectExit(redo, 2);
    expect(redo.stderr).to.match(/_one\.(up|down)\.sql: is empty/);
  });

  it('writes files that work as soon as SQL is put below their comments', async () => {
    const database = await createDatabase();
    const repo = await project();
    await repo.run(['create', 'add-email']);
    const [down = '', up = ''] = filesOf(repo);
    repo.write(up, `${text(repo, up)}CREATE TABLE emails (id int);\n`);
    repo.write(down, `${text(repo, down)}DROP TABLE emails;\n`);
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expectExit(await repo.run(['down'], { env: database.env() }), 0);
  });

  it('gives two migrations of the same second different versions, in order', async () => {
    const repo = await project();
    for (const name of ['one', 'two', 'three']) expectExit(await repo.run(['create', name]), 0);
    const ups = filesOf(repo).filter((name) => name.endsWith('.up.sql'));
    expect(ups.map((name) => name.slice(15))).to.deep.equal(['one.up.sql', 'two.up.sql', 'three.up.sql']);
    expect(new Set(ups.map((name) => name.slice(0, 14)))).to.have.property('size', 3);
  });

  it('gives migrations that are created at the same time different versions', async () => {
    const repo = await project();
    const results = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => repo.run(['create', name])));
    for (const result of results) expectExit(result, 0);
    const files = filesOf(repo);
    expect(files).to.have.length(10);
    expect(new Set(files.map((name) => name.slice(0, 14)))).to.have.property('size', 5);
  });

  it('gives a version newer than the newest, also where that lies in the future', async () => {
    const repo = await project({
      '20991231235959_far.up.sql': 'SELECT 1;',
      '20991231235959_far.down.sql': 'SELECT 1;',
    });
    await repo.run(['create', 'next']);
    expect(filesOf(repo)).to.include('21000101000000_next.up.sql');
  });

  it('turns capitals, spaces and underscores into a file name, and shows it', async () => {
    const repo = await project();
    const result = await repo.run(['create', 'Create Users_Table']);
    expectExit(result, 0);
    expect(result.stdout).to.include('Name: create-users-table');
    expect(filesOf(repo).join()).to.include('_create-users-table.up.sql');
  });

  it('takes several words without quotes as one name', async () => {
    const repo = await project();
    expectExit(await repo.run(['create', 'create', 'users', 'table']), 0);
    expect(filesOf(repo).join()).to.include('_create-users-table.up.sql');
  });

  for (const name of ['', '   ', '---', '../evil', 'a/b', 'x;y', '用户']) {
    it(`refuses the name "${name}" and writes nothing`, async () => {
      const repo = await project();
      const result = await repo.run(['create', '--', name]);
      expectExit(result, 2);
      expect(result.stderr).to.include('make migrate-new name=create-users-table');
      expect(filesOf(repo)).to.deep.equal([]);
    });
  }

  it('refuses to be called without a name', async () => {
    const result = await (await project()).run(['create']);
    expectExit(result, 2);
    expect(result.stderr).to.match(/name/);
  });

  it('makes the directory where there is none, and obeys --dir', async () => {
    const repo = await project();
    expectExit(await repo.run(['create', 'x', '--dir', 'sql/changes']), 0);
    expect(readdirSync(join(repo.root, 'sql', 'changes'))).to.have.length(2);
    expect(existsSync(join(repo.root, 'db', 'migrations'))).to.equal(true);
    expect(filesOf(repo)).to.deep.equal([]);
  });

  it("uses the project's own templates where it has some", async () => {
    const repo = await project({
      'db/templates/migration.up.sql': '-- ours: {{name}}\n',
      'db/templates/migration.down.sql': '-- back: {{name}}\n',
    });
    await repo.run(['create', 'x']);
    const [down = '', up = ''] = filesOf(repo).map((name) => text(repo, name));
    expect([up, down]).to.deep.equal(['-- ours: x\n', '-- back: x\n']);
  });

  it('says in JSON what it made', async () => {
    const repo = await project();
    const result = await repo.run(['create', 'Add Email', '--json']);
    expectExit(result, 0);
    const document = result.json();
    expect(document).to.include({ command: 'create', ok: true, exitCode: 0, error: null, name: 'add-email' });
    expect(document.files.map((file: string) => existsSync(join(repo.root, file)))).to.deep.equal([
      true,
      true,
    ]);
  });
});

describe('Creating a migration from a file that holds both directions', () => {
  const created = { up: 'CREATE TABLE t (id int);\n', down: 'DROP TABLE t;\n' };
  const outside = (text: string) => `-- migrate: no-transaction\n${text}`;
  const body = "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\n-- Down Migration\nSELECT 'x'; $$;\n";
  const forms: [string, string, { up: string; down: string }][] = [
    [
      'node-pg-migrate',
      '-- Up Migration\nCREATE TABLE t (id int);\n\n-- Down Migration\nDROP TABLE t;\n',
      created,
    ],
    [
      'node-pg-migrate, down first',
      '-- Down Migration\nDROP TABLE t;\n-- Up Migration\nCREATE TABLE t (id int);',
      created,
    ],
    [
      'a body that looks like one',
      `-- Up Migration\n${body}-- Down Migration\nDROP FUNCTION f();\n`,
      { up: body, down: 'DROP FUNCTION f();\n' },
    ],
    ['dbmate', '-- migrate:up\nCREATE TABLE t (id int);\n\n-- migrate:down\nDROP TABLE t;\n', created],
    [
      'dbmate outside of a transaction',
      '-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY i ON t (id);\n-- migrate:down\nDROP INDEX i;',
      { up: outside('CREATE INDEX CONCURRENTLY i ON t (id);\n'), down: 'DROP INDEX i;\n' },
    ],
    [
      'goose',
      '-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE t (id int);\n-- +goose StatementEnd\n\n-- +goose Down\n-- +goose StatementBegin\nDROP TABLE t;\n-- +goose StatementEnd\n',
      created,
    ],
    [
      'goose outside of a transaction',
      '-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY i ON t (id);\r\n-- +goose Down\r\nDROP INDEX CONCURRENTLY i;\r\n',
      {
        up: outside('CREATE INDEX CONCURRENTLY i ON t (id);\n'),
        down: outside('DROP INDEX CONCURRENTLY i;\n'),
      },
    ],
    [
      'sql-migrate',
      '-- +migrate Up\n-- +migrate StatementBegin\nCREATE TABLE t (id int);\n-- +migrate StatementEnd\n-- +migrate Down notransaction\nDROP INDEX CONCURRENTLY i;',
      { up: created.up, down: outside('DROP INDEX CONCURRENTLY i;\n') },
    ],
    [
      'Liquibase',
      '--liquibase formatted sql\n--changeset bob:1\nCREATE TABLE a (id int);\n--rollback DROP TABLE a;\n--changeset bob:2\nCREATE TABLE b (id int);\n--rollback DROP TABLE b;\n',
      {
        up: '--changeset bob:1\nCREATE TABLE a (id int);\n--changeset bob:2\nCREATE TABLE b (id int);\n',
        down: 'DROP TABLE b;\nDROP TABLE a;\n',
      },
    ],
    ['headings', '-- Up\nCREATE TABLE t (id int);\n\n-- Down\nDROP TABLE t;\n', created],
  ];
  for (const [what, source, wanted] of forms) {
    it(`splits it, keeping its version and name: ${what}`, async () => {
      const repo = await project({ 'old/20240101120000_create_users.sql': source });
      const result = await repo.run(['create', '--from', 'old/20240101120000_create_users.sql']);
      expectExit(result, 0);
      expect(filesOf(repo)).to.deep.equal(
        ['down', 'up'].map((side) => `20240101120000_create-users.${side}.sql`),
      );
      expect(text(repo, '20240101120000_create-users.up.sql')).to.equal(wanted.up);
      expect(text(repo, '20240101120000_create-users.down.sql')).to.equal(wanted.down);
    });
  }

  it('gives a fresh version where the name has none, and leaves a missing way back to a person', async () => {
    const repo = await project({
      'V2__Add_locale.sql': 'unused',
      'old/V2__Add_locale.sql': '-- +goose Up\nSELECT 1;\n-- +goose Down\n',
    });
    const { rmSync } = await import('node:fs');
    rmSync(join(repo.root, 'db', 'migrations', 'V2__Add_locale.sql'));
    const result = await repo.run(['create', '--from', 'old/V2__Add_locale.sql']);
    expectExit(result, 0);
    expect(filesOf(repo)[1]).to.match(/^20\d{12}_add-locale\.up\.sql$/);
    expect(result.stdout).to.include('says nothing of the way back');
    expectExit(
      await repo.run(['up'], {
        env: { DATABASE_URL: 'postgres://u@127.0.0.1:1/d', MIGRATE_CONNECT_TIMEOUT: '1ms' },
      }),
      2,
    );
  });

  it('refuses what it cannot split, and overwrites nothing', async () => {
    const repo = await project({
      'old/20240101120000_a.sql': 'SELECT 1;',
      'old/20240101120001_b.sql': '-- Up Migration\nSELECT 1;',
    });
    const unmarked = await repo.run(['create', '--from', 'old/20240101120000_a.sql']);
    expectExit(unmarked, 2);
    expect(unmarked.stderr).to.include('has no mark');
    expectExit(await repo.run(['create', '--from', 'old/nothing.sql']), 2);
    expectExit(await repo.run(['create']), 2);
    expectExit(await repo.run(['create', '--from', 'old/20240101120001_b.sql']), 0);
    const twice = await repo.run(['create', 'other', '--from', 'old/20240101120001_b.sql']);
    expectExit(twice, 2);
    expect(twice.stderr).to.include('version 20240101120001 already');
  });
});
