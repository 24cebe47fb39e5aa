// Verifying is linear in the length of the history: the same number of round trips for each pair, whatever came before.
import { expect } from 'chai';
import type { Migration } from '../../scripts/base/types.ts';
import { openScratchServer } from '../../scripts/scratch/scratch-server.ts';
import { verifyMigrations } from '../../scripts/verify/verify.ts';
import { createDatabase } from '../support/database.ts';
import { migration } from '../support/lint.ts';
import { testMajor } from '../support/postgres.ts';

/** A new table, then a column of it, and so on. */
function history(pairs: number): Migration[] {
  return Array.from({ length: pairs }, (_, i) => {
    const id = `2025${String(10_000_000 + i).padStart(10, '0')}`;
    const table = `t${Math.floor(i / 2)}`;
    return i % 2 === 0
      ? migration(`${id}_table`, `CREATE TABLE ${table} (id int);`, `DROP TABLE ${table};`)
      : migration(`${id}_column`, `ALTER TABLE ${table} ADD n int;`, `ALTER TABLE ${table} DROP n;`);
  });
}

describe('verify: a long history', () => {
  it('takes as many round trips for the last of 60 pairs as for the first', async () => {
    const database = await createDatabase();
    const server = await openScratchServer({ scratchUrl: database.url, root: '/nonexistent' });
    const tripsAt: number[] = [];
    let trips = 0;
    try {
      const { default: pg } = await import('pg');
      const send = pg.Connection.prototype.query;
      const sync = pg.Connection.prototype.sync;
      pg.Connection.prototype.query = function (text: string) {
        trips += 1;
        return send.call(this, text);
      };
      pg.Connection.prototype.sync = function () {
        trips += 1;
        return sync.call(this);
      };
      try {
        const findings = await verifyMigrations(server, {
          postgres: testMajor,
          earlier: [],
          underReview: history(60),
          seedRows: new Map(),
          onMigration: () => tripsAt.push(trips),
        });
        expect(findings).to.deep.equal([]);
      } finally {
        pg.Connection.prototype.query = send;
        pg.Connection.prototype.sync = sync;
      }
    } finally {
      await server.close();
    }
    const cost = (i: number) => (tripsAt[i] ?? 0) - (tripsAt[i - 2] ?? 0);
    expect(cost(59)).to.equal(cost(11)).and.to.be.lessThan(60);
  });
});

describe('verify: files inside of a transaction and outside', function () {
  // Each file outside of a transaction gets a database of its own.
  this.timeout(180_000);

  const base = `CREATE TABLE a (id int PRIMARY KEY, n int, t text); CREATE TABLE b (id int, a_id int REFERENCES a);
    CREATE TABLE kid () INHERITS (a); CREATE TYPE pair AS (x int, y int); CREATE TABLE typed OF pair;
    CREATE TABLE parted (d int) PARTITION BY RANGE (d); CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (9);
    CREATE INDEX parted_d ON parted (d); CREATE INDEX a_n ON a (n); CREATE SCHEMA s; CREATE VIEW v AS SELECT n FROM a;
    CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE late (id int REFERENCES a DEFERRABLE INITIALLY DEFERRED);
    INSERT INTO a VALUES (1); CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM 1 FROM not_there; END';`;
  const outside = '-- migrate: no-transaction\n';
  /** Up and down; what each makes or leaves is found the same way. */
  const pairs: readonly (readonly [string, string])[] = [
    ['ALTER TABLE b RENAME COLUMN id TO m;', 'SELECT 1;'],
    ['ALTER TABLE a DROP COLUMN t;', 'ALTER TABLE a ADD COLUMN t text;'],
    [
      'ALTER TABLE a ALTER n SET STATISTICS 9, ALTER t SET STORAGE EXTERNAL;',
      'ALTER TABLE a ALTER n SET STATISTICS -1;',
    ],
    ['ALTER TABLE a SET SCHEMA s;', 'ALTER TABLE s.a SET SCHEMA public;'],
    [
      'ALTER TABLE a SET (fillfactor = 50, toast.autovacuum_enabled = off);',
      'ALTER TABLE a RESET (fillfactor);',
    ],
    ['ALTER TYPE pair RENAME ATTRIBUTE x TO z CASCADE;', 'ALTER TYPE pair RENAME ATTRIBUTE z TO w CASCADE;'],
    [
      "COMMENT ON COLUMN a.n IS 'x'; CREATE OR REPLACE VIEW v AS SELECT n, id FROM a;",
      'COMMENT ON COLUMN a.n IS NULL;',
    ],
    [`${outside}CREATE INDEX CONCURRENTLY i ON a (t);`, `${outside}DROP INDEX CONCURRENTLY i;`],
    [`${outside}CREATE UNIQUE INDEX CONCURRENTLY i ON a (t);`, 'SELECT 1;'],
    [`${outside}DROP INDEX CONCURRENTLY a_n;`, `${outside}CREATE INDEX CONCURRENTLY a_n ON a (n DESC);`],
    [
      `${outside}DROP INDEX a_n; ALTER TABLE a ADD z int; ALTER TABLE a RENAME z TO y;`,
      `${outside}ALTER TABLE a DROP COLUMN y; CREATE INDEX a_n ON a (n DESC);`,
    ],
    [
      `${outside}ALTER TABLE a ADD z int;`,
      `${outside}ALTER TABLE a DROP z; DROP INDEX CONCURRENTLY not_there;`,
    ],
    ['ALTER TABLE a ADD z int;', 'ALTER TABLE a DROP z;\n\n DROP TABLE not_there;'],
    ['CREATE TABLE s.i (id int);', 'SELECT f();'],
    ["ALTER TYPE mood ADD VALUE 'new';", "ALTER TABLE a ADD z mood DEFAULT 'new';"],
    ['INSERT INTO late VALUES (1);', 'ALTER TABLE late ADD z int;'],
    ['CREATE TEMP TABLE i (id int) ON COMMIT DROP;', 'CREATE TEMP TABLE i (id int); DROP TABLE a;'],
  ];
  /** What is refused CONCURRENTLY, and would run without that word. */
  const refused: readonly string[] = [
    'CREATE INDEX CONCURRENTLY i ON parted (d);',
    'DROP INDEX CONCURRENTLY parted_d;',
  ];
  const named = (sql: string, i: number) =>
    sql.replaceAll(
      /\b(a|b|kid|pair|typed|parted|part_1|parted_d|a_[mno]|a_pkey|v|i|s|mood|late|f)\b/g,
      `k${i}_$1`,
    );

  async function find(underReview: readonly Migration[]): Promise<string[]> {
    const database = await createDatabase();
    const server = await openScratchServer({ scratchUrl: database.url, root: '/nonexistent' });
    try {
      const bases = pairs.map((_, i) => named(base, i)).join('\n');
      const findings = await verifyMigrations(server, {
        postgres: testMajor,
        earlier: [migration('20250101000000_base', bases)],
        underReview,
        seedRows: new Map(),
      });
      return findings
        .map(({ rule, message, line, column }) =>
          rule === 'down-fails' ? `${rule} ${line}:${column} ${message}` : `${rule} ${message}`,
        )
        .sort();
    } finally {
      await server.close();
    }
  }

  it('are found alike', async () => {
    const files = (forced: string) =>
      pairs.map(([up, down], i) => {
        // What is no index and no comment has each file committed.
        const own = up.startsWith(outside) ? up : `${forced}${up}`;
        return migration(
          `202501020000${10 + i}_pair`,
          `${named(own, i)}${forced === '' ? '' : ' SELECT 1;'}`,
          named(down, i),
        );
      });
    const together = await find(files(''));
    expect(await find(files(outside))).to.deep.equal(together);
    expect(together).to.have.length.above(9);
    expect(together.filter((finding) => finding.startsWith('down-fails'))).to.have.length(4);
  });

  it('whose up is refused at COMMIT is told so, though its down fails too', async () => {
    const found = await find([
      migration('20250102000000_late', named('INSERT INTO late VALUES (7);', 0), 'DROP TABLE not_there;'),
    ]);
    expect(found.join()).to.match(/^up-fails at COMMIT: .*foreign key/);
  });

  it('that only run without CONCURRENTLY are found to fail', async () => {
    for (const sql of refused) {
      const found = await find([migration('20250102000000_refused', `${outside}${named(sql, 0)}`)]);
      expect(found.join(), sql).to.match(/^up-fails .*(concurrently|CONCURRENTLY)/);
    }
  });
});
