// Files that are refused: all at once, each with file, line and reason, before anything connects.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectExit, project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair, tables, versionOf as v } from '../support/migrations.ts';
import { nowhere, refusal } from '../support/refusal.ts';

describe('A file with a wrong name', () => {
  const names = [
    '1_short.up.sql',
    '202501010000001_long.up.sql',
    '20250101000001-dash.up.sql',
    '20250101000001_Capital.up.sql',
    '20250101000001_with space.up.sql',
    "20250101000001_quote'.up.sql",
    '20250101000001_.up.sql',
    '20250101000001__under.up.sql',
    '20250101000001_no-direction.sql',
    '20250101000001_x.UP.sql',
    '20250101000001_x.up.SQL',
    '20250101000001_x.up.sql.bak',
    'notes.txt',
    '２０２５0101000001_wide.up.sql',
  ];
  it('is refused, whatever is wrong with it, and all are listed', async () => {
    const result = await refusal({
      ...tables('one'),
      ...Object.fromEntries(names.map((name) => [name, 'SELECT 1;'])),
    });
    for (const name of names) expect(result.stderr).to.include(`db/migrations/${name}: name is not`);
    expect(result.stderr).to.include('make migrate-new');
  });

  it('may not be a link that leads out of the directory: nothing of what it leads to is shown', async () => {
    const repo = await project(tables('one'));
    const folder = join(repo.root, 'db', 'migrations');
    writeFileSync(join(repo.root, 'outside'), 'PASSW0RD of another');
    symlinkSync(join('..', '..', 'outside'), join(folder, `${v(2)}_linked.up.sql`));
    mkdirSync(join(folder, '.data'));
    writeFileSync(join(folder, '.data', 'down'), 'SELECT 1;');
    symlinkSync(join('.data', 'down'), join(folder, `${v(2)}_linked.down.sql`));
    const result = await repo.run(['up'], nowhere);
    expectExit(result, 2);
    expect(result.stderr).to.include(`${v(2)}_linked.up.sql: is a symbolic link to a file outside`);
    expect(result.all).not.to.include('PASSW0RD').and.not.to.include('linked.down.sql');
  });

  it('may not be a directory either', async () => {
    const repo = await project(tables('one'));
    mkdirSync(join(repo.root, 'db', 'migrations', `${v(2)}_dir.up.sql`));
    mkdirSync(join(repo.root, 'db', 'migrations', 'old'));
    const result = await repo.run(['up'], nowhere);
    expectExit(result, 2);
    expect(result.stderr)
      .to.include('old')
      .and.include(`${v(2)}_dir.up.sql`);
  });
});

describe('A pair of files', () => {
  it('is refused when its version is taken', async () => {
    const result = await refusal({ ...tables('one'), ...pair(`${v(1)}_twin`, 'SELECT 1;', 'SELECT 1;') });
    expect(result.stderr).to.match(/has the same version as \d{14}_(one|twin)/);
  });

  it('is refused when one of the two is missing', async () => {
    const result = await refusal({ [`${v(1)}_a.up.sql`]: 'SELECT 1;', [`${v(2)}_b.down.sql`]: 'SELECT 1;' });
    expect(result.stderr).to.include(`${v(1)}_a.up.sql: has no partner ${v(1)}_a.down.sql`);
    expect(result.stderr).to.include('-- migrate: irreversible <reason>');
    expect(result.stderr).to.include(`${v(2)}_b.down.sql: has no partner ${v(2)}_b.up.sql`);
  });

  it('is refused when one of the two is empty, or holds comments only', async () => {
    const result = await refusal({
      ...pair(`${v(1)}_a`, '', 'SELECT 1;'),
      ...pair(`${v(2)}_b`, 'SELECT 1;', '-- nothing\n/* here /* at */ all */\r\n'),
      ...pair(`${v(3)}_c`, ';;\n', 'SELECT 1;'),
    });
    for (const name of [`${v(1)}_a.up.sql`, `${v(2)}_b.down.sql`, `${v(3)}_c.up.sql`]) {
      expect(result.stderr).to.include(`db/migrations/${name}: is empty`);
    }
  });

  it('may have a down that holds only the directive irreversible', async () => {
    const database = await createDatabase();
    const repo = await project(pair(`${v(1)}_a`, 'SELECT 1;', '-- migrate: irreversible nothing to undo\n'));
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
  });

  it('is refused when a down is irreversible and yet holds statements', async () => {
    const result = await refusal(
      pair(`${v(1)}_a`, 'SELECT 1;', '-- migrate: irreversible really\nSELECT 1;'),
    );
    expect(result.stderr).to.match(/_a\.down\.sql.*irreversible/);
  });
});

describe('A lone carriage return', () => {
  it('is refused in a migration, for a comment that it ends hides a statement', async () => {
    const database = await createDatabase();
    await database.query('CREATE TABLE payroll (id int)');
    const up = '-- adds a column\rDROP TABLE public.payroll;\nCREATE TABLE one (id int);\n';
    for (const head of ['', '-- migrate: no-transaction\n']) {
      const repo = await project(pair(`${v(1)}_a`, head + up, 'DROP TABLE one;'));
      for (const command of ['up', 'plan', 'lint', 'verify', 'schema']) {
        const result = await repo.run([command], { env: database.env() });
        expectExit(result, 2);
        expect(result.stderr).to.match(/_a\.up\.sql:\d: contains a carriage return without a line feed/);
      }
    }
    expect(await database.query("SELECT to_regclass('public.payroll')::text AS name")).to.deep.equal([
      { name: 'payroll' },
    ]);
  });
});

describe('Bytes that are no text', () => {
  it('are refused with their line: not UTF-8, UTF-16, a NUL', async () => {
    const repo = await project(tables('one', 'two', 'three'));
    const write = (name: string, bytes: Buffer) =>
      writeFileSync(join(repo.root, 'db', 'migrations', name), bytes);
    write(`${v(1)}_one.up.sql`, Buffer.from("SELECT 1;\nSELECT '\xe9';\n", 'latin1'));
    write(`${v(2)}_two.up.sql`, Buffer.from('\ufeffSELECT 1;', 'utf16le'));
    write(`${v(3)}_three.up.sql`, Buffer.from("SELECT 1;\n\nSELECT '\0';"));
    const result = await repo.run(['up'], nowhere);
    expectExit(result, 2);
    expect(result.stderr).to.include(`${v(1)}_one.up.sql:2: is not valid UTF-8`);
    expect(result.stderr).to.include(`${v(2)}_two.up.sql:1: is UTF-16 (little-endian): save it as UTF-8`);
    expect(result.stderr).to.include(`${v(3)}_three.up.sql:3: contains a NUL byte`);
    expect(result.stderr).to.include('3 problems in the migration files');
    write(`${v(3)}_three.up.sql`, Buffer.from('CREATE TABLE three (id int);\n\0\n'));
    expect((await repo.run(['up'], nowhere)).stderr).to.include('_three.up.sql:2: contains a NUL byte');
  });
});

describe('A statement that cannot be part of a migration', () => {
  const bad: [string, string, RegExp][] = [
    ['BEGIN', 'BEGIN;', /transaction/],
    ['START TRANSACTION', 'START TRANSACTION;', /transaction/],
    ['COMMIT', 'COMMIT;', /transaction/],
    ['END', 'END;', /transaction/],
    ['ROLLBACK', 'ROLLBACK;', /transaction/],
    ['ABORT', 'ABORT;', /transaction/],
    ['COMMIT AND CHAIN', 'COMMIT AND CHAIN;', /transaction/],
    ['PREPARE TRANSACTION', "PREPARE TRANSACTION 'x';", /transaction/],
    ['COPY FROM STDIN', 'COPY t FROM STDIN;', /COPY … FROM STDIN/],
    ['COPY FROM STDIN with its data', 'COPY t (a, b) FROM stdin;\n1\tx\n\\.\n', /COPY … FROM STDIN/],
    [
      'COPY FROM STDIN over several lines, with its data',
      "COPY t (a, b)\n  FROM stdin\n  WITH (FORMAT csv, DELIMITER ';', ON_ERROR ignore);\n1;x\n\\.\nSELECT 1;\n",
      /:2: COPY … FROM STDIN/,
    ],
    ['a psql meta-command', '\\connect other\nSELECT 1;', /psql meta-command/],
    ['\\i', '\\i other.sql', /psql meta-command/],
    ['\\gexec behind a query', "SELECT 'SELECT 1' \\gexec", /psql meta-command/],
    ['CREATE INDEX CONCURRENTLY', 'CREATE INDEX CONCURRENTLY i ON t (a);', /no-transaction/],
    ['DROP INDEX CONCURRENTLY', 'DROP INDEX CONCURRENTLY i;', /no-transaction/],
    ['REINDEX CONCURRENTLY', 'REINDEX INDEX CONCURRENTLY i;', /no-transaction/],
    ['REINDEX DATABASE', 'REINDEX DATABASE d;', /no-transaction/],
    ['VACUUM', 'VACUUM t;', /no-transaction/],
    ['CLUSTER without a table', 'CLUSTER;', /no-transaction/],
    ['DETACH PARTITION CONCURRENTLY', 'ALTER TABLE t DETACH PARTITION p CONCURRENTLY;', /no-transaction/],
    ['CREATE DATABASE', 'CREATE DATABASE d;', /no-transaction/],
    ['DROP DATABASE', 'DROP DATABASE d;', /no-transaction/],
    ['CREATE TABLESPACE', "CREATE TABLESPACE s LOCATION '/x';", /no-transaction/],
    ['ALTER SYSTEM', "ALTER SYSTEM SET work_mem = '8MB';", /no-transaction/],
    ['DISCARD ALL', 'DISCARD ALL;', /no-transaction/],
  ];

  it('is refused with its line and what to do, for every kind, all at once, in up and in down', async () => {
    const files = bad.flatMap(([, sql], i) => {
      const id = `2025010100${String(i).padStart(4, '0')}_m`;
      const text = `SELECT 1;\n${sql}\n`;
      return Object.entries(i % 2 === 0 ? pair(id, text, 'SELECT 1;') : pair(id, 'SELECT 1;', text));
    });
    const result = await refusal(Object.fromEntries(files));
    for (const [i, [what, , reason]] of bad.entries()) {
      const direction = i % 2 === 0 ? 'up' : 'down';
      const name = `2025010100${String(i).padStart(4, '0')}_m.${direction}.sql:2:`;
      const line = result.stderr.split('\n').find((text) => text.includes(name));
      expect(line, what).to.match(reason);
    }
    expect(result.stderr).to.include(`${bad.length} problems in the migration files`);
  });

  it('may be what a transaction allows: savepoints, COPY from a program or file, CLUSTER of a table, SET LOCAL', async () => {
    const database = await createDatabase();
    const repo = await project(
      pair(
        `${v(1)}_fine`,
        `CREATE TABLE t (id int PRIMARY KEY); SAVEPOINT a; INSERT INTO t VALUES (1); ROLLBACK TO a; RELEASE a;
         CLUSTER t USING t_pkey; REINDEX TABLE t; SET LOCAL work_mem = '8MB'; DO $$ BEGIN NULL; END $$; ANALYZE t;
         CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; COPY t TO STDOUT;`,
        'DROP FUNCTION f(); DROP TABLE t;',
      ),
    );
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expectExit(await repo.run(['down'], { env: database.env() }), 0);
  });
});

describe('A directive', () => {
  it('that is unknown or wrong is refused with its line, next to everything else that is wrong', async () => {
    const result = await refusal({
      ...pair(`${v(1)}_a`, '-- about\n-- migrate: no-transactoin\nSELECT 1;', 'SELECT 1;'),
      ...pair(`${v(2)}_b`, '-- migrate: lock-timeout=soon\nSELECT 1;', '-- migrate: irreversible\n'),
      ...pair(
        `${v(3)}_c`,
        '-- migrate: irreversible never\nSELECT 1;',
        'SELECT 1;\n-- migrate: no-transaction\n',
      ),
      ...pair(`${v(4)}_d`, '', 'BEGIN;'),
      'notes.txt': '',
    });
    for (const text of [
      `${v(1)}_a.up.sql:2: unknown directive "no-transactoin"`,
      `${v(2)}_b.up.sql:1: directive lock-timeout needs a duration`,
      `${v(2)}_b.down.sql:1: directive irreversible needs a reason`,
      `${v(3)}_c.up.sql:1: directive irreversible belongs in the .down.sql`,
      `${v(3)}_c.down.sql:2: a directive must stand before`,
      `${v(4)}_d.up.sql: is empty`,
      `${v(4)}_d.down.sql:1: BEGIN`,
      'notes.txt: name is not',
    ]) {
      expect(result.stderr).to.include(text);
    }
  });

  it('sets the time-outs of its own migration, and of no other', async () => {
    const database = await createDatabase();
    const show = "current_setting('lock_timeout') || ' ' || current_setting('statement_timeout')";
    const repo = await project({
      ...pair(
        `${v(1)}_a`,
        `-- migrate: lock-timeout=7s\n-- migrate: statement-timeout=3min\nCREATE TABLE a AS SELECT ${show} AS v;`,
        'DROP TABLE a;',
      ),
      ...pair(`${v(2)}_b`, `CREATE TABLE b AS SELECT ${show} AS v;`, 'DROP TABLE b;'),
    });
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expect(await database.query('SELECT * FROM a UNION ALL SELECT * FROM b')).to.deep.equal([
      { v: '7s 3min' },
      { v: '2s 0' },
    ]);
  });
});

describe('Every command that reads the files', () => {
  for (const command of ['up', 'down', 'redo', 'status', 'plan']) {
    it(`refuses wrong files before connecting: ${command}`, async () => {
      const repo = await project({ ...tables('one'), 'notes.txt': '' });
      const result = await repo.run([command, '--json'], nowhere);
      expectExit(result, 2);
      expect(result.json().error).to.include({ code: 'usage', file: 'db/migrations/notes.txt' });
      expect(result.json().error.problems).to.have.length(1);
    });
  }

  it('says which directory it cannot read', async () => {
    const result = await (await project()).run(['up', '--dir', 'nowhere'], nowhere);
    expectExit(result, 2);
    expect(result.stderr).to.include('nowhere').and.include('--dir');
  });
});
