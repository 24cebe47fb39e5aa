// What the scratch database cannot show by itself: partitions that others make, sessions that end between files, what
// CASCADE takes along, conditions that only look like keys.
import { expect } from 'chai';
import type pg from 'pg';
import { reviewMigrations } from '../../scripts/lint/review.ts';
import { createDatabase } from '../support/database.ts';
import { empty, line, migration } from '../support/lint.ts';
import { testMajor } from '../support/postgres.ts';

describe('lint: what cannot be watched', () => {
  let client: pg.Client;

  beforeEach(async () => {
    client = await (await createDatabase()).client();
  });

  async function review(before: string, ...files: string[]): Promise<string[]> {
    const findings = await reviewMigrations({
      earlier: [migration('20250101000000_before', before)],
      underReview: files.map((text, i) => migration(`2025010200000${i}_file`, text)),
      scratch: client,
      postgres: testMajor,
    });
    return findings.map(line);
  }

  it('judges a partitioned table without partitions by the text', async () => {
    const before = 'CREATE TABLE ev (id bigint, at date NOT NULL, n int, kind text) PARTITION BY RANGE (at);';
    const hazards = {
      'ALTER TABLE ev ALTER COLUMN n TYPE bigint': 'change-column-type',
      'ALTER TABLE ev ALTER COLUMN id SET NOT NULL': 'set-not-null',
      'ALTER TABLE ev ADD CONSTRAINT c CHECK (id > 0)': 'add-check-validating',
      'CREATE INDEX ev_kind ON ev (kind)': 'create-index-blocking',
      'ALTER TABLE ev ADD COLUMN u uuid DEFAULT gen_random_uuid()': 'add-column-volatile-default',
    };
    const found = await review(before, ...Object.keys(hazards));
    expect(found.map((text) => text.split(' ')[1])).to.deep.equal(Object.values(hazards));
  });

  it('says once what one series answers, with the name of each', async () => {
    const found = await review(
      'CREATE SCHEMA s; CREATE TABLE s.t (a int, b int, c int); CREATE INDEX ta ON s.t (a); CREATE INDEX "T b" ON s.t (b); CREATE INDEX tc ON s.t (c);',
      'DROP INDEX s.ta, s."T b", s.tc;',
    );
    expect(found).to.have.length(1);
    expect(found[0]).to.include('of index s.ta, s."T b", s.tc: reads and writes wait');
  });

  it('gives the way for each part of a statement, and blames none that another one is to blame for', async () => {
    const findings = await reviewMigrations({
      earlier: [
        migration(
          '20250101000000_before',
          'CREATE TABLE t (a int, b int NOT NULL); CREATE DOMAIN d AS int CHECK (VALUE > 0);',
        ),
      ],
      underReview: [
        'ALTER TABLE t ADD j jsonb, ADD u xml, ADD s serial, ADD r serial;',
        'ALTER TABLE t ADD x d, ADD y d DEFAULT 4;',
        'ALTER TABLE t ALTER a TYPE bigint, ALTER b TYPE text;',
      ].map((text, i) => migration(`2025010200000${i}_file`, text)),
      scratch: client,
      postgres: testMajor,
    });
    const said = findings.map(({ rule, help }) => `${rule}: ${help.split('\n\n')[1]}`);
    expect(said).to.have.length(3);
    expect(said[0]).to.match(/^add-column-serial: Add column s .*\nAdd column r /);
    expect(said[1]).to.match(/^add-column-constrained-domain: Give column x .*\nGive column y /);
    expect(said[2]).to.match(/^change-column-type: .*beside a;.*\n.*beside b;/);
  });

  it('sees in a block what it would see outside of one', async () => {
    const before = `CREATE TABLE t (id int); CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE mood AS ENUM ('a');
      CREATE SEQUENCE s; GRANT SELECT ON t TO PUBLIC; CREATE VIEW v AS SELECT id FROM t;
      CREATE SCHEMA "Other One"; CREATE TABLE d (id int, k bigint NOT NULL DEFAULT 1); CREATE INDEX ON d (k);`;
    const inBlock = (body: string) => `DO $do$ BEGIN ${body} END $do$;`;
    const files: Readonly<Record<string, string | null>> = {
      'DROP FUNCTION f;': 'drop-function-or-type',
      "IF to_regtype('mood') IS NOT NULL THEN DROP TYPE mood; END IF;": 'drop-function-or-type',
      'PERFORM 1; /* why; */ ALTER FUNCTION f(int) RENAME TO g; -- DROP TYPE mood;\n':
        'rename-function-or-type',
      'DROP SEQUENCE s;': 'drop-function-or-type',
      'ALTER TABLE t ENABLE ROW LEVEL SECURITY;': 'enable-row-security',
      'REVOKE SELECT ON t FROM PUBLIC;': 'revoke',
      "DROP FUNCTION f; CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 2';": null,
      'ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (true);': null,
      "BEGIN CREATE TYPE mood AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL; END;": null,
      "RAISE NOTICE 'DROP TYPE mood';": null,
      "EXECUTE format('DROP %s f', 'FUNCTION');": 'drop-function-or-type',
      "EXECUTE 'ALTER TYPE mo' || 'od RENAME TO feeling';": 'rename-function-or-type',
      "EXECUTE 'ALTER SEQUENCE s SET SCHEMA ' || quote_ident('Other One');": 'rename-function-or-type',
      "EXECUTE format('ALTER SCHEMA %I RENAME TO more', 'Other One');": 'rename-schema',
      'ALTER SCHEMA "Other One" RENAME TO more;': 'rename-schema',
      "EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', 't');": 'enable-row-security',
      "EXECUTE format('REVOKE SELECT ON %I FROM PUBLIC', 't');": 'revoke',
      "EXECUTE 'REVOKE ALL ON FUNCTION f FROM ' || 'PUBLIC';": 'revoke',
      "EXECUTE format('ALTER TABLE %I ALTER k DROP DEFAULT', 'd');": 'drop-default',
      'ALTER TABLE d ALTER k DROP DEFAULT;': 'drop-default',
      "EXECUTE format('ALTER TABLE %I ALTER k DROP DEFAULT, ALTER k ADD GENERATED ALWAYS AS IDENTITY', 'd');":
        'identity-always',
      "EXECUTE format('DROP FUNCTION f; CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS %L', 'SELECT 3');":
        null,
      'INSERT INTO d SELECT id, 1 FROM t;': 'unbatched-insert',
      "EXECUTE 'INSERT INTO d SELECT t.id, 1 FROM t JOIN v USING (id)';": 'unbatched-insert',
      'EXECUTE $q$DELETE FROM d WHERE k < 5$q$;': 'unbatched-delete',
      'PERFORM 1 FROM t; INSERT INTO d VALUES (1, 2);': null,
      'DECLARE v int; BEGIN SELECT id INTO v FROM t LIMIT 1; UPDATE d SET id = 1 WHERE k = v; END;': null,
      'IF false THEN INSERT INTO d SELECT id, 1 FROM t; END IF;': null,
    };
    for (const [body, rule] of Object.entries(files)) {
      await empty(client);
      const found = (await review(before, inBlock(body))).map((text) => text.split(' ')[1]);
      expect(found, body).to.deep.equal(rule === null ? [] : [rule]);
    }
  });

  it('sees what a block did that commits on its own, and so runs in no transaction of ours', async () => {
    const before = `CREATE TABLE t (id int, k bigint NOT NULL DEFAULT 1); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE PROCEDURE drops() LANGUAGE plpgsql AS 'BEGIN COMMIT; ALTER TABLE t DROP COLUMN k; END';`;
    const files: Readonly<Record<string, string | null>> = {
      "DO $$ BEGIN COMMIT; EXECUTE 'ALTER TABLE t RENAME TO u'; END $$;": 'rename-table',
      "DO $$ BEGIN EXECUTE 'DROP FUNCTION ' || 'f()'; COMMIT; END $$;": 'drop-function-or-type',
      'DO $$ BEGIN COMMIT; ALTER TABLE t ALTER k DROP DEFAULT; END $$;': 'drop-default',
      'CALL drops();': 'drop-column',
      'DO $$ BEGIN UPDATE t SET id = 0; COMMIT; END $$;': 'unbatched-update',
      'DO $$ BEGIN FOR i IN 1..3 LOOP UPDATE t SET id = 0 WHERE id = i; COMMIT; END LOOP; END $$;': null,
    };
    for (const [sql, rule] of Object.entries(files)) {
      await empty(client);
      const found = await review(before, `-- migrate: no-transaction\n${sql}`);
      expect(
        found.map((text) => text.split(' ')[1]),
        sql,
      ).to.deep.equal(rule === null ? [] : [rule]);
    }
  });

  it('looks into the functions that a statement calls', async () => {
    const before = `CREATE TABLE t (id int); CREATE TABLE d (id int);
      CREATE FUNCTION fill() RETURNS void LANGUAGE sql AS 'INSERT INTO d SELECT id FROM t';
      CREATE PROCEDURE copy() LANGUAGE plpgsql AS 'BEGIN INSERT INTO d SELECT id FROM t; END';
      CREATE FUNCTION one() RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO d VALUES (1); END';`;
    for (const [sql, rule] of [
      ['SELECT fill();', 'unbatched-insert'],
      ['SELECT one();', undefined],
      ['CALL copy();', 'unbatched-insert'],
    ] as const) {
      await empty(client);
      expect((await review(before, sql))[0]?.split(' ')[1]).to.equal(rule);
    }
  });

  it('finds calls that a new function of their name makes ambiguous, as clients write them', async () => {
    const made = (call: string, or = '') =>
      `CREATE ${or}FUNCTION ${call} RETURNS int LANGUAGE sql AS 'SELECT 1';`;
    const before = `CREATE SCHEMA s; ${made('s.f(a int, b int DEFAULT 1)')} ${made('n(a bigint)')} ${made('zero()')} ${made('other(a int, b text DEFAULT NULL)')}
      CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0'); ${made('d(a int)')} ${made('e(a int)')} ${made('e(a bigint)')}`;
    const calls: Readonly<Record<string, string | null>> = {
      [made("s.f(a int, b text DEFAULT '')")]: 'error s.f(?), s.f(1), s.f(NULL::integer)',
      [made('n(a numeric)')]: 'error public.n(?), public.n(1)',
      [made('d(a smallint)')]: 'warning public.d(?)',
      [made('zero(a int DEFAULT 1)')]: 'error public.zero()',
      'ALTER FUNCTION other(int, text) SET SCHEMA s; ALTER FUNCTION s.other(int, text) RENAME TO f;':
        'error s.f(?), s.f(1), s.f(NULL::integer)',
      [made('s.f(a int, b int DEFAULT 2)', 'OR REPLACE ')]: null,
      [made('s.f(a date)')]: 'warning s.f(?)',
      [made('n(a int)')]: 'warning public.n(?)',
      [made('s.f(a int, b int, c int)')]: null,
      [made('d(a text)')]: null,
      [made('e(a numeric)')]: null,
      [`DROP FUNCTION d(int); ${made('d(a int, b int DEFAULT 1)')}`]: null,
      'CREATE PROCEDURE s.g(a int, b int DEFAULT 1) LANGUAGE sql AS $$SELECT 1$$;': null,
      [`${made('fresh(a int, b int DEFAULT 1)')}`]: null,
    };
    const wrong: string[] = [];
    for (const [sql, told] of Object.entries(calls)) {
      await empty(client);
      const found = (await review(before, sql)).filter((one) => /ambiguous-call|does-not-run/.test(one));
      const said = /^(\w+) ambiguous-call \S+( .*) may mean/.exec(found.join())?.slice(1).join('') ?? null;
      if (said !== told) wrong.push(`${sql}\n  ${found.join() || said}`);
    }
    expect(wrong.join('\n')).to.equal('');
  });

  it('misses a unique key wherever it goes, and not where another takes its place', async () => {
    const before = 'CREATE TABLE t (id bigint PRIMARY KEY, a text, b int, CONSTRAINT k UNIQUE (a));';
    const drop = 'ALTER TABLE t DROP CONSTRAINT k';
    const files = {
      [`DO $$ BEGIN ${drop}; END $$;`]: true,
      [`DO $$ BEGIN ${drop}; ALTER TABLE t ADD CONSTRAINT k2 UNIQUE (a); END $$;`]: false,
      [`${drop}; ALTER TABLE t ADD CONSTRAINT k UNIQUE (a) DEFERRABLE;`]: true,
      [`${drop}; ALTER TABLE t ADD CONSTRAINT k UNIQUE (a) NOT DEFERRABLE;`]: false,
      [`${drop}, ADD CONSTRAINT k UNIQUE (a);`]: false,
      [`${drop}, ADD CONSTRAINT k UNIQUE (a) DEFERRABLE;`]: true,
      'DO $$ BEGIN ALTER TABLE t RENAME CONSTRAINT k TO l; END $$;': false,
      'DO $$ BEGIN ALTER TABLE t DROP COLUMN a; END $$;': false,
    };
    for (const [sql, isLost] of Object.entries(files)) {
      await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
      const found = (await review(before, sql)).filter((text) => text.includes('drop-unique'));
      expect(found, sql).to.have.length(isLost ? 1 : 0);
    }
  });

  it('asks which calls a function took, where the statement that drops it does not say', async () => {
    const before = `CREATE TYPE mood AS ENUM ('a'); CREATE SCHEMA s; CREATE FUNCTION f(a int, b int DEFAULT 2) RETURNS int LANGUAGE sql AS 'SELECT 1';
      CREATE FUNCTION s.g(a mood, b text[], VARIADIC c int[]) RETURNS int LANGUAGE sql AS 'SELECT 1';`;
    const made = (call: string) => `CREATE FUNCTION ${call} RETURNS int LANGUAGE sql AS 'SELECT 1';`;
    const taken: Readonly<Record<string, string | null>> = {
      [`DROP FUNCTION f; ${made('f(a int)')}`]: 'f no longer takes (int4, int4)',
      [`DROP FUNCTION f(int, int); ${made('f(a int, b int)')}`]: 'f no longer takes (int4)',
      [`DROP FUNCTION f; ${made('f(a int)')} ${made('f(a int, b int)')}`]: null,
      [`DROP ROUTINE f(int, b int4); ${made("f(a int, b int DEFAULT 3, c text DEFAULT '')")}`]: null,
      [`DROP FUNCTION s.g; ${made('s.g(a public.mood, b text[])')}`]:
        's.g no longer takes (mood, text[], int4[])',
      [`DROP FUNCTION s.g; ${made('s.g(a mood, b text[], VARIADIC c int[])')}`]: null,
    };
    for (const [sql, told] of Object.entries(taken)) {
      await client.query('DROP SCHEMA IF EXISTS s CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public');
      const found = (await review(before, sql)).join();
      if (told === null) expect(found, sql).to.equal('');
      else expect(found, sql).to.include('change-signature').and.to.include(told);
    }
  });

  it('keeps quiet about what costs nothing on a partitioned table, whoever makes its partitions', async () => {
    const before = `CREATE TABLE ev (id bigint, at date NOT NULL, kind varchar(9)) PARTITION BY RANGE (at);
      ALTER TABLE ev ADD CONSTRAINT there CHECK (id IS NOT NULL);`;
    const harmless = [
      'ALTER TABLE ev ADD COLUMN a int',
      'ALTER TABLE ev ALTER id SET NOT NULL',
      'ALTER TABLE ev ADD CHECK (id > 0) NOT VALID',
    ];
    expect(await review(before, ...harmless)).to.deep.equal([]);
  });

  it('ends the session between files: temporary tables, cursors and prepared statements go', async () => {
    const file = (column: string) =>
      `CREATE TEMP TABLE tmp_ids AS SELECT 1 AS id; INSERT INTO tmp_ids SELECT id FROM t; PREPARE p AS SELECT 1; DECLARE c CURSOR WITH HOLD FOR SELECT 1; ALTER TABLE t ADD COLUMN ${column} int;`;
    expect(await review('CREATE TABLE t (id int);', file('a'), file('b'))).to.deep.equal([]);
  });

  it('names what CASCADE takes along', async () => {
    const before =
      'CREATE TABLE t (id int, a int); CREATE VIEW v AS SELECT a FROM t; CREATE VIEW w AS SELECT id FROM t;';
    const [column] = await review(
      before,
      '-- migrate: allow drop-column nobody reads it\nALTER TABLE t DROP COLUMN a CASCADE',
    );
    expect(column).to.include('drop-cascade').and.to.include('view v').and.not.to.include('view w');
    await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    const [table] = await review(
      before,
      '-- migrate: allow drop-table nobody reads it\nDROP TABLE t CASCADE',
    );
    expect(table).to.include('CASCADE also drops view v, view w');
  });

  it('takes a condition for a key only where a unique index says so', async () => {
    const before = 'CREATE TABLE t (id bigint PRIMARY KEY, tenant_id bigint, code text UNIQUE, v int);';
    const found = await review(
      before,
      'UPDATE t SET v = 0 WHERE tenant_id = 4',
      "UPDATE t SET v = 0 WHERE code = 'x'",
      'DELETE FROM t WHERE id IN (1, 2)',
      'EXPLAIN ANALYZE DELETE FROM t WHERE tenant_id = 4',
      'INSERT INTO t SELECT * FROM t ON CONFLICT (id) DO UPDATE SET v = 0',
    );
    expect(found.map((text) => text.split(' ').slice(1, 2).join())).to.deep.equal([
      'unbatched-update',
      'unbatched-delete',
      'unbatched-update',
    ]);
  });

  it('takes LIMIT and ctid for a bound only where they bound the whole statement', async () => {
    const whole = [
      'UPDATE t SET v = (SELECT n FROM o ORDER BY n LIMIT 1)',
      'UPDATE t SET v = 0 WHERE v < (SELECT max(n) FROM o LIMIT 1)',
      'DELETE FROM t WHERE EXISTS (SELECT FROM o WHERE o.n = t.v LIMIT 1)',
      'DELETE FROM t WHERE id NOT IN (SELECT n FROM o LIMIT 5)',
      'DELETE FROM t a USING t b WHERE a.ctid < b.ctid AND a.v = b.v',
      'DELETE FROM t WHERE v = 0 OR id IN (SELECT n FROM o LIMIT 5)',
      'UPDATE t SET v = n FROM (VALUES (1)) AS k (n) WHERE NOT k.n = t.id',
    ];
    const bounded = [
      'DELETE FROM t WHERE id IN (SELECT n FROM o LIMIT 5)',
      'DELETE FROM t WHERE ctid = ANY (ARRAY(SELECT ctid FROM t LIMIT 100))',
      "DELETE FROM t WHERE ctid BETWEEN '(0,0)' AND '(9,0)'",
      'WITH few AS (SELECT n FROM o LIMIT 5) DELETE FROM t USING few WHERE few.n = t.id',
      'UPDATE t SET v = k.n FROM (VALUES (1)) AS k (n) WHERE k.n = t.id',
    ];
    const before = 'CREATE TABLE t (id bigint PRIMARY KEY, v int); CREATE TABLE o (n int);';
    const found = await review(before, ...whole, ...bounded);
    // A list of values bounds what is joined with it; that it is not joined is not looked for.
    expect(found.map((text) => text.split(' — ')[1])).to.deep.equal(whole.slice(0, -1));
  });
});
