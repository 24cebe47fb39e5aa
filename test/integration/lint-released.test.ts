// What the release that is running loses by a migration although every name stays: columns behind a name, rights, rows that
// can be replicated. What PostgreSQL itself says of UPDATE and DELETE is the measure.
import { expect } from 'chai';
import type pg from 'pg';
import { reviewMigrations } from '../../scripts/lint/review.ts';
import { readUnreplicable } from '../../scripts/lint/trace/unreplicable.ts';
import { createDatabase } from '../support/database.ts';
import { administered, empty, line, migration } from '../support/lint.ts';
import { testMajor } from '../support/postgres.ts';

const tables = `CREATE TABLE keyed (id int PRIMARY KEY, a int NOT NULL, b int);
  CREATE TABLE bare (id int NOT NULL, a int NOT NULL);
  CREATE UNIQUE INDEX bare_a ON bare (a);
  CREATE SCHEMA s; CREATE TABLE s."In Schema" (id int);
  CREATE TABLE late (id int PRIMARY KEY DEFERRABLE);
  CREATE TABLE parted (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
  CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE TABLE logged (id int, n int) PARTITION BY RANGE (n);
  CREATE TABLE logged_1 PARTITION OF logged FOR VALUES FROM (0) TO (10);
  CREATE UNLOGGED TABLE quick (id int);`;

const publications = [
  'FOR TABLE keyed',
  'FOR TABLE bare',
  "FOR TABLE bare WITH (publish = 'insert')",
  "FOR TABLE bare WITH (publish = 'insert, delete')",
  'FOR TABLE late, parted',
  'FOR TABLE logged',
  "FOR TABLE logged_1 WITH (publish = 'update')",
  'FOR TABLES IN SCHEMA s',
  'FOR ALL TABLES',
  'FOR TABLE keyed WHERE (id > 1)',
  'FOR TABLE keyed WHERE (b > 1 AND id < 9)',
  'FOR TABLE keyed (id, b)',
  'FOR TABLE keyed (a)',
  'FOR TABLE parted WHERE (id > 1) WITH (publish_via_partition_root)',
  'FOR TABLE parted (id) WITH (publish_via_partition_root)',
];

const identities = [
  'SELECT 1',
  'ALTER TABLE keyed DROP CONSTRAINT keyed_pkey',
  'ALTER TABLE keyed REPLICA IDENTITY FULL',
  'ALTER TABLE keyed REPLICA IDENTITY NOTHING',
  'ALTER TABLE bare REPLICA IDENTITY USING INDEX bare_a',
  'ALTER TABLE bare REPLICA IDENTITY USING INDEX bare_a; DROP INDEX bare_a',
  'ALTER TABLE parted DROP CONSTRAINT parted_pkey',
  'ALTER TABLE part_1 REPLICA IDENTITY FULL',
];

describe('lint: what the running release loses', () => {
  let client: pg.Client;
  before(async () => {
    client = await administered(await createDatabase());
  });

  async function review(before: string, text: string): Promise<string[]> {
    await empty(client);
    await client.query('DROP FOREIGN DATA WRAPPER IF EXISTS w CASCADE');
    const findings = await reviewMigrations({
      earlier: [migration('20250101000000_before', before)],
      underReview: [migration('20250102000000_file', text)],
      scratch: client,
      postgres: testMajor,
    });
    return findings.map(line);
  }

  /** Tables of which an UPDATE or DELETE is refused; EXPLAIN asks as far as that. */
  async function refusedByServer(): Promise<string[]> {
    const names = ['bare', 'keyed', 'late', 'logged_1', 'part_1', 'quick', 's.In Schema'];
    const refused: string[] = [];
    for (const name of names) {
      const table = name.replace('In Schema', '"In Schema"');
      for (const sql of [`UPDATE ${table} SET id = 1`, `DELETE FROM ${table}`]) {
        const code = await client.query(`EXPLAIN ${sql}`).then(
          () => null,
          (error: { code: string }) => error.code,
        );
        expect(code).to.be.oneOf([null, '55000', '42P10', '0A000']);
        if (code !== null) refused.push(name.includes('.') ? name : `public.${name}`);
      }
    }
    return [...new Set(refused)].sort();
  }

  it('says of a published table what PostgreSQL says when it is updated', async () => {
    const wrong: string[] = [];
    let refusals = 0;
    for (const identity of identities) {
      await empty(client);
      await client.query(`${tables}; ${identity}`);
      for (const publication of publications) {
        await client.query(`CREATE PUBLICATION p ${publication}`);
        const [own, server] = [[...(await readUnreplicable(client))].sort(), await refusedByServer()];
        refusals += server.length;
        if (own.join() !== server.join())
          wrong.push(`${identity}; ${publication}: ${own.join()} where the server refuses ${server.join()}`);
        await client.query('DROP PUBLICATION p');
      }
    }
    expect(wrong.join('\n')).to.equal('');
    expect(refusals).to.be.above(100);
  });

  it('finds a published table that loses its key, unless the same migration gives it another one', async () => {
    const before =
      'CREATE TABLE t (id int PRIMARY KEY, k int NOT NULL UNIQUE); CREATE PUBLICATION p FOR ALL TABLES;';
    const silent = '-- migrate: allow drop-unique not the point\n';
    const rule = /published-without-identity/;
    const lost = await review(before, `${silent}ALTER TABLE t DROP CONSTRAINT t_pkey;`);
    expect(lost.filter((text) => rule.test(text)))
      .to.have.length(1)
      .and.to.match(/^error .*UPDATE and DELETE of public.t fail/);
    const other = 'ALTER TABLE t REPLICA IDENTITY USING INDEX t_k_key;';
    for (const text of [
      `ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (k);`,
      `ALTER TABLE t DROP CONSTRAINT t_pkey; ${other}`,
      `${other} ALTER TABLE t DROP CONSTRAINT t_pkey;`,
      'DROP PUBLICATION p; ALTER TABLE t DROP CONSTRAINT t_pkey;',
    ])
      expect(
        (await review(before, text)).filter((found) => rule.test(found)),
        text,
      ).to.deep.equal([]);
    const again = await review(
      before,
      `-- migrate: no-transaction\n${silent}ALTER TABLE t DROP CONSTRAINT t_pkey;\nSELECT 1;\nSELECT 2;`,
    );
    expect(again.filter((text) => rule.test(text))).to.have.length(1);
    const inBlock = await review(
      before,
      `DO $$ BEGIN EXECUTE 'ALTER TABLE t REPLICA IDENTITY NOTHING'; END $$`,
    );
    expect(inBlock.filter((text) => rule.test(text))).to.have.length(1);
    const fresh = await review(before, 'CREATE TABLE log (n int);');
    expect(fresh)
      .to.have.length(1)
      .and.to.match(/^warning published-without-identity/);
  });

  it('finds what a name no longer stands for', async () => {
    const before = `CREATE ROLE released_reader; CREATE TABLE t (id bigint PRIMARY KEY, a int, b text);
      CREATE VIEW v AS SELECT id, a, b FROM t; CREATE MATERIALIZED VIEW m AS SELECT id FROM t;
      CREATE TYPE pair AS (x int, y int); GRANT SELECT, INSERT ON v, t TO released_reader; GRANT SELECT ON m TO PUBLIC;
      CREATE FUNCTION eq(int, int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 = $2'; CREATE OPERATOR === (FUNCTION = eq, LEFTARG = int, RIGHTARG = int);
      CREATE POLICY seen ON t USING (true); CREATE COLLATION coll FROM "C"; CREATE FOREIGN DATA WRAPPER w; CREATE SERVER elsewhere FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE far (a int, b int) SERVER elsewhere;`;
    const lost: Readonly<Record<string, RegExp>> = {
      'DROP VIEW v; CREATE VIEW v AS SELECT id, a FROM t; GRANT SELECT, INSERT ON v TO released_reader;':
        /^error made-anew-without 1:1 public.v is made anew without b/,
      'DROP VIEW v; CREATE VIEW v AS SELECT id, a, b AS c FROM t; GRANT ALL ON v TO released_reader;':
        /without b;/,
      'DROP VIEW v; CREATE VIEW v AS SELECT id, a::text AS a, b FROM t; GRANT ALL ON v TO released_reader;':
        /with a as text \(was integer\)/,
      'DROP VIEW v; CREATE VIEW v AS SELECT id, a, b FROM t;':
        /without the rights of released_reader \((INSERT, SELECT|SELECT, INSERT)\)/,
      'DROP VIEW v; CREATE VIEW v AS SELECT DISTINCT id, a, b FROM t; GRANT SELECT, INSERT ON v TO released_reader;':
        /so that INSERT and UPDATE and DELETE through it fail/,
      'ALTER TABLE t RENAME TO t2; CREATE VIEW t AS SELECT id, a FROM t2; GRANT ALL ON t TO released_reader;':
        /t is made anew without b/,
      'ALTER TABLE t RENAME TO t2; CREATE VIEW t AS SELECT * FROM t2;':
        /without the rights of released_reader/,
      'DROP MATERIALIZED VIEW m; CREATE MATERIALIZED VIEW m AS SELECT id FROM t WITH NO DATA; GRANT SELECT ON m TO PUBLIC;':
        /without its rows/,
      "DO $$ BEGIN DROP VIEW v; EXECUTE 'CREATE VIEW v AS SELECT id FROM t'; GRANT ALL ON v TO released_reader; END $$;":
        /v is made anew without a, b/,
      'DROP TYPE pair; CREATE TYPE pair AS (x int);': /pair is made anew without y/,
      'ALTER TYPE pair RENAME ATTRIBUTE x TO z;':
        /^error change-attribute 1:1 type pair: attribute x is called z/,
      'ALTER TYPE public.pair DROP ATTRIBUTE x, ADD ATTRIBUTE w int;':
        /attribute x is gone, attribute w is added/,
      'ALTER TYPE pair ALTER ATTRIBUTE x TYPE bigint;': /attribute x is of another type/,
      'ALTER TYPE pair ADD ATTRIBUTE w int;': /^warning change-attribute/,
      "DO $$ BEGIN EXECUTE 'ALTER TYPE pair RENAME ATTRIBUTE x TO z'; END $$;": /attribute x is called z/,
      'DROP OPERATOR === (int, int);': /^warning drop-function-or-type 1:1 operator "===" is gone/,
      'DROP POLICY seen ON t;': /^warning enable-row-security 1:1 rows of t that only policy seen shows/,
      'DROP COLLATION coll;': /collation coll is gone/,
      'ALTER COLLATION coll RENAME TO other;': /^error rename-function-or-type/,
      'DROP FOREIGN TABLE far;': /^warning drop-table/,
      'ALTER FOREIGN TABLE far RENAME TO near;': /^error rename-table/,
      'ALTER FOREIGN TABLE far DROP COLUMN b;': /^warning drop-column/,
    };
    const wrong: string[] = [];
    for (const [text, expected] of Object.entries(lost)) {
      const found = await review(before, text);
      if (!found.some((one) => expected.test(one))) wrong.push(`${text}\n  ${found.join('\n  ')}`);
    }
    const kept = [
      'DROP VIEW v; CREATE VIEW v AS SELECT b, a, id, 1 AS more FROM t; GRANT INSERT, SELECT ON v TO released_reader;',
      'CREATE OR REPLACE VIEW v AS SELECT id, a, b, 1 AS more FROM t;',
      'ALTER TABLE t RENAME TO t2; CREATE VIEW t AS SELECT * FROM t2; GRANT SELECT, INSERT ON t TO released_reader;',
      'DROP TYPE pair; CREATE TYPE pair AS (x int, y int);',
      'CREATE TYPE other AS (x int); ALTER TYPE other RENAME ATTRIBUTE x TO y; ALTER TYPE other ADD ATTRIBUTE z int;',
      'DROP POLICY seen ON t; CREATE POLICY seen ON t USING (id > 0);',
      'DROP EXTENSION IF EXISTS nowhere; DROP COLLATION IF EXISTS nowhere; DROP OPERATOR IF EXISTS <<>> (int, int);',
      'DROP OPERATOR === (int, int); CREATE OPERATOR === (FUNCTION = eq, LEFTARG = int, RIGHTARG = int);',
      '-- migrate: after-deploy\nDROP VIEW v; CREATE VIEW v AS SELECT id FROM t;',
    ];
    for (const text of kept) {
      const found = (await review(before, text)).filter((one) =>
        /made-anew|change-attribute|drop-function|row-security/.test(one),
      );
      if (found.length > 0) wrong.push(`${text}\n  ${found.join('\n  ')}`);
    }
    expect(wrong.join('\n')).to.equal('');
  });
});
