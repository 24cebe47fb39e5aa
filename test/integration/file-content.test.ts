// What a file holds that would not do what it says: sections of the other direction, settings that change how the rest is
// read, scripts for psql. Refused by name, before anything connects.
import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import { expectExit, project, type Result } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { pair, versionOf as v } from '../support/migrations.ts';
import { refusal } from '../support/refusal.ts';

const line = (result: Result, place: string) =>
  result.stderr.split('\n').find((text) => text.includes(place) && !text.startsWith('ERROR')) ?? '';

describe('A section of the other direction', () => {
  const downs = [
    '-- Down Migration',
    '---- down migration ----',
    '-- +goose Down',
    '-- +GOOSE DOWN',
    '--+goose Down',
    '-- +migrate Down',
    '-- +migrate Down notransaction',
    '-- +micrate Down',
    '-- migrate:down',
    '--migrate:down',
    '-- migrate:down transaction:false',
    '-- rambler down',
    '-- !Downs',
    '-- //@UNDO',
    '---- create above / drop below ----',
    '-- down',
    '-- DOWN:',
    '------ Down ------',
    '-- rollback',
    '--rollback',
    '-- undo',
    '-- ==== DOWN ====',
    '-- [down]',
    '-- @down',
    '-- #### Rollback script ####',
    '-- Migration: Down',
    '-- roll back the migration',
    '/* Down Migration */',
    '/**** ROLLBACK ****/',
  ];
  it('is refused by name in an up, however it is written, and the way to split the file is named', async () => {
    const files = downs.map((marker, i) =>
      pair(i, 'm', `CREATE TABLE t${i} (id int);\n${marker}\r\nDROP TABLE t${i};`),
    );
    const result = await refusal(Object.assign({}, ...files));
    for (const [i, marker] of downs.entries()) {
      const name = `2025010100${String(i).padStart(4, '0')}_m.up.sql:2: `;
      expect(line(result, name), marker).to.include(`"${marker}"`).and.include('make migrate-new from=FILE');
    }
    expect(result.stderr).to.include(`${downs.length} problems`);
  });

  it('is refused in a down too, and where the file begins with it', async () => {
    const result = await refusal({
      ...pair(`${v(1)}_a`, 'SELECT 1;', '-- +goose Up\nCREATE TABLE t (id int);'),
      ...pair(`${v(2)}_b`, '-- Down Migration\nDROP TABLE t;\n-- Up Migration\nSELECT 1;', 'SELECT 1;'),
      ...pair(
        `${v(3)}_c`,
        '--liquibase formatted sql\n--changeset bob:1\nCREATE TABLE c (id int);\n--rollback DROP TABLE c;',
        'SELECT 1;',
      ),
    });
    expect(line(result, `${v(1)}_a.down.sql:1: `)).to.include('"-- +goose Up"');
    expect(line(result, `${v(2)}_b.up.sql:1: `)).to.include('"-- Down Migration"');
    expect(line(result, `${v(3)}_c.up.sql:4: `)).to.include('"--rollback DROP TABLE c;"');
  });

  it('is found next to a syntax error', async () => {
    const result = await refusal(
      pair(`${v(1)}_a`, 'CREATE TABLE a (id int)\n-- +goose Down\nDROP TABLE a;', 'SELECT 1;'),
    );
    expect(line(result, `${v(1)}_a.up.sql:2: `)).to.include('"-- +goose Down"');
  });

  it('is none in a function body, a literal, a block comment, prose, or where it is the file’s own direction', async () => {
    const database = await createDatabase();
    const up = `-- Up Migration
-- The way down is described elsewhere
-- rollback of this migration needs care
/*
-- Down Migration
*/
-- +goose Up
CREATE TABLE t (id int); -- down
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$
-- Down Migration
SELECT 'x
-- +migrate Down
';
$$;
/* Down
Migration */ COMMENT ON TABLE t IS 'up and down';
-- Up and down
SELECT 1; /* rollback */
-- Rollback:
-- DROP TABLE t;`;
    const repo = await project({
      ...pair(`${v(1)}_down`, up, '-- down\nDROP FUNCTION f(); DROP TABLE t;'),
      ...pair(`${v(2)}_rollback`, '-- rollback\nSELECT 1;', 'SELECT 1;'),
    });
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
  });
});

describe('A setting that changes how the rest of a file is read', () => {
  const changes: [string, RegExp][] = [
    [
      "SET standard_conforming_strings = off; SELECT 'C:\\\\temp';",
      /standard_conforming_strings = off.*E'…'/,
    ],
    ['SET LOCAL standard_conforming_strings TO false;', /standard_conforming_strings/],
    ["SELECT set_config('standard_conforming_strings', 'OFF', false);", /standard_conforming_strings/],
    [
      "SELECT pg_catalog.set_config('Standard_Conforming_Strings', '0', true), 1;",
      /standard_conforming_strings/,
    ],
    ['SET backslash_quote = on;', /backslash_quote/],
    [
      "DO $$ BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); END $$; SELECT 'a\\\\b';",
      /standard_conforming_strings = off/,
    ],
    [
      "DO $$ BEGIN EXECUTE 'SET LOCAL backslash_quote TO on'; END $$; SELECT E'\\\\t';",
      /backslash_quote = on/,
    ],
    ["SET client_encoding = 'LATIN1'; SELECT 'é';", /client_encoding = LATIN1/],
    ["SET NAMES 'win1252'; SELECT 'é';", /client_encoding = win1252/],
    ["SET transaction_isolation = 'serializable';", /SET TRANSACTION ISOLATION LEVEL/],
    ['SELECT 1; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;', /first statement/],
    ['SET TRANSACTION READ ONLY;', /must be|writes/],
    ['-- migrate: no-transaction\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;', /no effect/],
  ];
  it('is refused with its reason', async () => {
    const files = changes.map(([sql], i) => pair(i, 'm', sql));
    const result = await refusal(Object.assign({}, ...files));
    for (const [i, [sql, reason]] of changes.entries())
      expect(line(result, `2025010100${String(i).padStart(4, '0')}_m.up.sql:`), sql).to.match(reason);
  });

  it('may stand there where it changes nothing: what pg_dump writes, ASCII under another encoding, resets', async () => {
    const database = await createDatabase();
    const repo = await project({
      ...pair(
        `${v(1)}_a`,
        `SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;
         SET client_encoding = 'UTF8'; SET standard_conforming_strings = on;
         SELECT pg_catalog.set_config('search_path', '', false); SET check_function_bodies = false;
         DO $$ BEGIN SET standard_conforming_strings = on; SET client_encoding = 'UTF8'; END $$;
         SET xmloption = content; SET client_min_messages = warning; SET row_security = off; SET escape_string_warning = off;
         SET default_tablespace = ''; CREATE TABLE public.t AS SELECT 'ä\\n' AS v;`,
        'DROP TABLE t;',
      ),
      ...pair(
        `${v(2)}_b`,
        "SET client_encoding = 'LATIN1'; SELECT 1; RESET standard_conforming_strings;",
        'SELECT 1;',
      ),
    });
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expect(await database.query('SELECT v FROM t')).to.deep.equal([{ v: 'ä\\n' }]);
  });
});

describe('A statement for the transaction around it', () => {
  const statements = ['LOCK TABLE t', 'SAVEPOINT a', 'RELEASE SAVEPOINT a', 'DECLARE c CURSOR FOR SELECT 1'];
  it('is refused in a no-transaction file, where it would do nothing, and runs in any other', async () => {
    const outside = statements.map((sql, i) =>
      pair(i, 'm', `-- migrate: no-transaction\nSELECT 1;\n${sql};`),
    );
    const result = await refusal(Object.assign({}, ...outside));
    for (const [i, sql] of statements.entries())
      expect(line(result, `2025010100${String(i).padStart(4, '0')}_m.up.sql:3: `), sql).to.include(
        'each statement has one of its own',
      );
    const database = await createDatabase();
    const hold = '-- migrate: no-transaction\nDECLARE c CURSOR WITH HOLD FOR SELECT 1;\nFETCH c;';
    const repo = await project({
      ...pair(1, 'm', `CREATE TABLE t (); ${statements.join('; ')};`),
      ...pair(2, 'hold', hold),
    });
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
  });
});

describe('SET TRANSACTION ISOLATION LEVEL', () => {
  it('counts as the first statement, and behind other settings', async () => {
    const database = await createDatabase();
    const show = "SELECT current_setting('transaction_isolation') AS level";
    const repo = await project({
      ...pair(
        `${v(1)}_a`,
        `-- why\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE a AS ${show};`,
        'DROP TABLE a;',
      ),
      ...pair(
        `${v(2)}_b`,
        `SET work_mem = '8MB'; SET app.x = 'a;b'; SET LOCAL TRANSACTION ISOLATION LEVEL REPEATABLE  READ;\nCREATE TABLE b AS ${show};`,
        'DROP TABLE b;',
      ),
      ...pair(`${v(3)}_c`, `CREATE TABLE c AS ${show};`, 'DROP TABLE c;'),
    });
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    expect(
      await database.query('SELECT * FROM a UNION ALL SELECT * FROM b UNION ALL SELECT * FROM c'),
    ).to.deep.equal([{ level: 'serializable' }, { level: 'repeatable read' }, { level: 'read committed' }]);
  });
});

describe('A script of pg_dump', () => {
  const dump = `--
-- PostgreSQL database dump
--

\\restrict abcDEF123

SET statement_timeout = 0;
SET client_encoding = 'UTF8';

CREATE TABLE public.a (id integer, note text);
ALTER TABLE public.a OWNER TO postgres;
BEGIN;

COPY public.a (id, note) FROM stdin;
1\tone; two
2\t\\N
\\.

COPY public.b (id) FROM stdin;
\\.

SELECT pg_catalog.setval('public.s', 1, false);

\\unrestrict abcDEF123
`;
  it('is refused with all that stands in the way at once, and the command that makes one that runs', async () => {
    const result = await refusal(pair(`${v(1)}_dump`, dump, '-- migrate: irreversible first\n'));
    for (const [at, what] of [
      [5, '\\restrict'],
      [12, 'BEGIN'],
      [14, 'COPY … FROM STDIN'],
      [19, 'COPY … FROM STDIN'],
      [24, '\\unrestrict'],
    ])
      expect(line(result, `${v(1)}_dump.up.sql:${at}: `), String(at)).to.include(what);
    expect(result.stderr)
      .to.include('pg_dump --inserts --no-owner --no-privileges')
      .and.include('6 problems');
  });

  it('that holds no more than its two lines for psql is mended by taking these out', async () => {
    const plain = dump.replace(/^(?:BEGIN|COPY [^;]*);$|^.*\t.*$|^\\\.$/gm, '');
    const files = pair(`${v(1)}_dump`, plain, '-- migrate: irreversible first\n');
    const { stderr } = await refusal(files);
    expect(stderr).to.include('3 problems').and.not.include('--inserts');
    const [, program = ''] = /grep -vE '([^']+)' <this file>/.exec(stderr) ?? [];
    const mended = execFileSync('grep', ['-vE', program], { input: plain, encoding: 'utf8' });
    expect(mended).to.equal(plain.replace(/^\\(?:un)?restrict .*\n/gm, ''));
  });
});

describe('A file whose content would be refused', () => {
  const wrapped = 'BEGIN;\nCREATE TABLE t (id int);\nCOMMIT;\n';
  const files = {
    ...pair(`${v(1)}_wrapped`, wrapped, 'BEGIN;\nDROP TABLE t;\nCOMMIT;\n'),
    ...pair(`${v(2)}_odd`, 'CREATE TABLE u (id int);\n', 'DROP TABEL u;\n'),
    ...pair(
      `${v(3)}_dump`,
      'SET lock_timeout = 0;\nCOPY t FROM stdin;\n1\n\\.\n',
      '-- migrate: irreversible first\n',
    ),
  };

  it('is recorded by baseline as it is, and only warned of from then on', async () => {
    const database = await createDatabase();
    await database.query('CREATE TABLE t (id int); CREATE TABLE u (id int)');
    const repo = await project(files);
    expectExit(await repo.run(['up'], { env: database.env() }), 2);
    const recorded = await repo.run(['baseline', '--to', v(3)], { env: database.env() });
    expectExit(recorded, 0);
    expect(recorded.all).to.include('BEGIN').and.include('a warning only');
    repo.write(`${v(4)}_next.up.sql`, 'CREATE TABLE next (id int);');
    repo.write(`${v(4)}_next.down.sql`, 'DROP TABLE next;');
    for (const args of [['status'], ['up'], ['up']]) {
      const result = await repo.run(args, { env: database.env() });
      expectExit(result, 0);
      expect(result.all, args[0]).to.match(/_odd\.down\.sql:1:6: .*a warning only/);
    }
    expect(await database.query("SELECT to_regclass('next') IS NOT NULL AS there")).to.deep.equal([
      { there: true },
    ]);
  });

  it('is not reverted: down refuses before it reverts anything', async () => {
    const database = await createDatabase();
    await database.query('CREATE TABLE t (id int); CREATE TABLE u (id int)');
    const { [`${v(3)}_dump.up.sql`]: _up, [`${v(3)}_dump.down.sql`]: _down, ...two } = files;
    const repo = await project(two);
    expectExit(await repo.run(['baseline', '--to', v(2)], { env: database.env() }), 0);
    for (const n of ['1', '2']) {
      const result = await repo.run(['down', '--n', n], { env: database.env() });
      expectExit(result, 2);
      expect(result.stderr).to.include('cannot be reverted').and.include('Nothing was changed');
    }
    repo.write(`${v(2)}_odd.down.sql`, 'DROP TABLE u;\n');
    expectExit(
      await repo.run(['repair', '--accept-down', v(2), '--reason', 'typo'], { env: database.env() }),
      0,
    );
    expectExit(await repo.run(['down'], { env: database.env() }), 0);
    expectExit(await repo.run(['status'], { env: database.env() }), 0);
  });

  it('is refused where it is pending, or applied with another text', async () => {
    const database = await createDatabase();
    const repo = await project(pair(`${v(1)}_a`, 'CREATE TABLE a (id int);', 'DROP TABLE a;'));
    expectExit(await repo.run(['up'], { env: database.env() }), 0);
    repo.write(`${v(1)}_a.up.sql`, 'BEGIN;\nCREATE TABLE a (id int);\nCOMMIT;');
    expectExit(await repo.run(['up'], { env: database.env() }), 2);
    repo.write(`${v(1)}_a.up.sql`, 'CREATE TABLE a (id int);');
    repo.write(`${v(2)}_b.up.sql`, 'BEGIN;\nCREATE TABLE b (id int);\nCOMMIT;');
    repo.write(`${v(2)}_b.down.sql`, 'DROP TABLE b;');
    expectExit(await repo.run(['up'], { env: database.env() }), 2);
  });

  it('is adopted where node-pg-migrate applied it', async () => {
    const database = await createDatabase();
    await database.query(`CREATE TABLE pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);
      INSERT INTO pgmigrations (name, run_on) VALUES ('${v(1)}_a', now()); CREATE TABLE a (id int)`);
    const repo = await project(
      pair(`${v(1)}_a`, 'BEGIN;\nCREATE TABLE a (id int);\nCOMMIT;', 'DROP TABLE a;'),
    );
    const result = await repo.run(['up'], { env: database.env() });
    expectExit(result, 0);
    expect(result.all).to.include('Adopted').and.include('a warning only');
  });
});
