// What up takes runs on the scratch server too: lint, verify and schema must not call a migration wrong that the target
// accepts. One history holds every kind of statement that asks something of its transaction or its session.
import { expect } from 'chai';
import { project } from '../support/cli.ts';
import { createDatabase } from '../support/database.ts';
import { runInProcess } from '../support/in-process.ts';

const levels = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE', 'READ UNCOMMITTED'];
const outside = '-- migrate: no-transaction\n';

/** Each as an up; a second text is its down. */
const kinds: Readonly<Record<string, string | readonly [up: string, down: string]>> = {
  ...Object.fromEntries(
    levels.map((level, i) => [
      `level-${i}`,
      [
        `-- why\nSET LOCAL work_mem = '5MB';\nSET TRANSACTION ISOLATION LEVEL ${level};\nINSERT INTO t (id) VALUES (${i});`,
        `SET TRANSACTION ISOLATION LEVEL ${level}; DELETE FROM t WHERE id = ${i};`,
      ] as const,
    ]),
  ),
  savepoints: 'SAVEPOINT a; INSERT INTO t (id) VALUES (90); ROLLBACK TO a; RELEASE a;',
  path: ['SET search_path = app; CREATE TABLE here (id int);', 'DROP TABLE app.here;'],
  'local-path': [
    "SELECT set_config('search_path', 'app', true); CREATE TABLE there (id int);",
    'DROP TABLE app.there;',
  ],
  temporary:
    'CREATE TEMP TABLE ids ON COMMIT DROP AS SELECT 1 AS id; INSERT INTO t SELECT id + 90 FROM ids; DELETE FROM t WHERE id = 91;',
  prepared: 'PREPARE p AS SELECT 1; EXECUTE p; DEALLOCATE p;',
  cursor: 'DECLARE c CURSOR FOR SELECT * FROM t; FETCH 1 FROM c; CLOSE c;',
  deferred: [
    'ALTER TABLE u ADD COLUMN t_id int CONSTRAINT u_t REFERENCES t DEFERRABLE; SET CONSTRAINTS u_t DEFERRED;',
    'ALTER TABLE u DROP COLUMN t_id;',
  ],
  locked: 'LOCK TABLE t IN SHARE MODE; SELECT count(*) FROM t;',
  advisory: 'SELECT pg_advisory_xact_lock(42); SELECT pg_advisory_lock(43); SELECT pg_advisory_unlock(43);',
  notified: "LISTEN done; NOTIFY done, 'x'; UNLISTEN done;",
  block: ["DO $$ BEGIN EXECUTE 'CREATE TABLE made (id int)'; END $$;", 'DROP TABLE made;'],
  procedure: ['CREATE PROCEDURE p() LANGUAGE sql AS $$ SELECT 1 $$; CALL p();', 'DROP PROCEDURE p();'],
  'committing-block': `${outside}DO $$ BEGIN INSERT INTO t (id) VALUES (92); COMMIT; DELETE FROM t WHERE id = 92; END $$;`,
  value: [`ALTER TYPE mood ADD VALUE IF NOT EXISTS 'so so';`, '-- migrate: irreversible values stay'],
  view: [
    'CREATE MATERIALIZED VIEW m AS SELECT id FROM t; CREATE UNIQUE INDEX m_id ON m (id);',
    'DROP MATERIALIZED VIEW m;',
  ],
  refreshed: [`${outside}REFRESH MATERIALIZED VIEW CONCURRENTLY m;`, 'SELECT 1;'],
  concurrently: [
    `${outside}CREATE INDEX CONCURRENTLY u_id ON u (id);`,
    `${outside}DROP INDEX CONCURRENTLY u_id;`,
  ],
  rebuilt: `${outside}REINDEX TABLE CONCURRENTLY t;`,
  vacuum: `${outside}VACUUM (ANALYZE) t;`,
  analysed: 'ANALYZE t; EXPLAIN SELECT * FROM t;',
  clustered: [`${outside}CLUSTER t USING t_pkey;`, 'ALTER TABLE t SET WITHOUT CLUSTER;'],
  settings:
    "SET timezone = 'Asia/Tokyo'; SET DateStyle = 'German'; SET LOCAL statement_timeout = '1min'; RESET ALL;",
  discarded: `${outside}DISCARD TEMP;`,
};

const first =
  "CREATE SCHEMA app; CREATE TYPE mood AS ENUM ('good'); CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int);";

function files(): Record<string, string> {
  const all = Object.entries({ first: [first, '-- migrate: irreversible the first'] as const, ...kinds });
  return Object.fromEntries(
    all.flatMap(([name, texts], i) => {
      const id = `202501010000${String(i).padStart(2, '0')}_${name}`;
      const [up, down] = typeof texts === 'string' ? [texts, 'SELECT 1;'] : texts;
      return [
        [`${id}.up.sql`, `${up}\n`],
        [`${id}.down.sql`, `${down}\n`],
      ];
    }),
  );
}

describe('what up takes', () => {
  it('runs on the scratch server of lint, verify and schema', async () => {
    const [{ root }, database] = [await project(files()), await createDatabase()];
    const run = (...args: string[]) => runInProcess(root, database.env(), args);
    const up = await run('up');
    expect(up.exitCode, up.said).to.equal(0);
    const lint = await run('lint', '--all');
    expect(lint.said).to.not.contain('does-not-run');
    const verify = await run('verify', '--all');
    expect(verify.document, verify.said).to.have.property('findings');
    const { findings } = verify.document as { findings: { rule: string; message: string }[] };
    expect(findings.filter(({ rule }) => rule !== 'irreversible')).to.deep.equal([]);
    const schema = await run('schema');
    expect(schema.exitCode, schema.said).to.equal(0);
  });
});
