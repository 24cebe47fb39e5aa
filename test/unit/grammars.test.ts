// The syntax that each major version brought: read by its own grammar and those after it, refused by those before it, and
// the same whatever stands between its words.
import { expect } from 'chai';
import { grammars } from '../../scripts/base/postgres-major.ts';
import { rangeProblem } from '../../scripts/files/batch-range.ts';
import { loadComparison } from '../../scripts/files/equivalent-sql.ts';
import { loadParser } from '../../scripts/files/statements.ts';
import { cannotRunInTransaction } from '../../scripts/files/transaction-block.ts';
import { readWhere } from '../../scripts/lint/statement/expressions.ts';

/** No spaces in quotes: comments are put where spaces are. */
const brought: readonly (readonly [since: 17 | 18, sql: string])[] = [
  [17, 'MERGE INTO t USING u ON t.id = u.id WHEN NOT MATCHED BY SOURCE THEN DELETE'],
  [17, 'WITH m AS ( MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE RETURNING t.id ) TABLE m'],
  [17, 'COPY ( MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE RETURNING id ) TO STDOUT'],
  [
    17,
    "SELECT * FROM JSON_TABLE ( '[1]'::jsonb , '$[*]' COLUMNS ( n integer PATH '$' , o FOR ORDINALITY ) ) AS j",
  ],
  [17, "SELECT JSON_VALUE ( a , '$.b' RETURNING integer DEFAULT 1 ON EMPTY ERROR ON ERROR ) FROM t"],
  [17, 'ALTER TABLE t ALTER COLUMN c SET EXPRESSION AS ( a * 2 )'],
  [17, 'ALTER TABLE t ALTER COLUMN c SET STATISTICS DEFAULT'],
  [17, 'ALTER TABLE t SET ACCESS METHOD DEFAULT'],
  [17, 'SELECT now() AT LOCAL'],
  [
    17,
    "COPY t FROM PROGRAM 'p' WITH ( ON_ERROR 'stop' , LOG_VERBOSITY default , FORCE_NOT_NULL * ) WHERE a > 3",
  ],
  [18, 'CREATE TABLE t ( a integer , b integer GENERATED ALWAYS AS ( a * 2 ) VIRTUAL )'],
  [18, 'CREATE TABLE t ( a integer CHECK ( a > 0 ) NOT ENFORCED )'],
  [18, 'ALTER TABLE t ALTER CONSTRAINT c NOT ENFORCED'],
  [18, 'ALTER TABLE t ALTER CONSTRAINT c NO INHERIT'],
  [18, 'ALTER TABLE t ADD CONSTRAINT c NOT NULL a NOT VALID'],
  [18, 'CREATE TABLE t ( a integer , r daterange , PRIMARY KEY ( a , r WITHOUT OVERLAPS ) )'],
  [18, 'ALTER TABLE t ADD FOREIGN KEY ( a , PERIOD r ) REFERENCES u ( a , PERIOD r )'],
  [18, 'UPDATE t SET a = 1 RETURNING WITH ( OLD AS o , NEW AS n ) o.a , n.a'],
  [18, 'ALTER DEFAULT PRIVILEGES GRANT SELECT ON LARGE OBJECTS TO PUBLIC'],
];

/** What all grammars read, because the words are options that the server knows or not. */
const options = [
  "COPY t FROM '/f' ( FORMAT csv , ON_ERROR ignore , REJECT_LIMIT 5 , LOG_VERBOSITY silent , FORCE_NULL * )",
  'COPY m TO STDOUT ( FORMAT csv , HEADER true )',
  'EXPLAIN ( SERIALIZE TEXT , MEMORY , ANALYZE ) SELECT 1',
  'CREATE COLLATION c ( provider = builtin , locale = C )',
  'DELETE FROM t RETURNING old.a , new.a',
  'CREATE FOREIGN TABLE f ( LIKE t INCLUDING ALL ) SERVER s',
];

const spread = (sql: string) => `\n${sql.replaceAll(' ', ' /* c; */\n  -- d;\n ')} ;`;

for (const grammar of grammars)
  describe(`The grammar of PostgreSQL ${grammar}`, () => {
    it('reads what that version brought, and refuses what a later one did', async () => {
      const parse = await loadParser(grammar);
      const read = brought.filter(([, sql]) => parse(sql).ok === true);
      expect(read).to.deep.equal(brought.filter(([since]) => since <= grammar));
      expect(options.filter((sql) => parse(sql).ok !== true)).to.deep.equal([]);
    });

    it('takes it for one statement, and for the same whatever its comments and white space are', async () => {
      const [parse, same] = await Promise.all([loadParser(grammar), loadComparison(grammar)]);
      for (const sql of [...brought.flatMap(([since, text]) => (since <= grammar ? text : [])), ...options]) {
        const parsed = parse(spread(sql));
        expect(parsed.ok === true && parsed.statements.length, sql).to.equal(1);
        expect(same(sql, spread(sql)), sql).to.equal(true);
        expect(same(sql, sql.replace(/\w+(\W*)$/, 'other$1')), sql).to.equal(false);
      }
    });

    it('bounds rows by what meets them, not by what is returned of them', async () => {
      const parse = await loadParser(grammar);
      const node = (sql: string) => {
        const parsed = parse(sql);
        if (parsed.ok !== true || parsed.statements[0] === undefined) throw new Error(sql);
        return parsed.statements[0];
      };
      const problem = (sql: string) => {
        const { kind, node: tree } = node(sql);
        return rangeProblem({ [kind]: tree }, { table: 't', column: 'id' }, 'id');
      };
      expect(problem('DELETE FROM t WHERE id BETWEEN $1 AND $2 RETURNING id, 1 AS one')).to.equal(null);
      expect(problem('DELETE FROM t WHERE id BETWEEN $1 AND $2 RETURNING $1')).to.contain('one range');
      expect(problem('UPDATE t SET a = ARRAY[1] WHERE id >= $1 AND id <= $2 RETURNING t.*')).to.equal(null);
      expect(problem('DELETE FROM t WHERE (ARRAY[id])[1] >= $1 AND (ARRAY[id])[1] <= $2')).to.contain(
        'computed',
      );
      expect(problem('DELETE FROM t WHERE (id IN (1, 2)) >= $1 AND (id IN (1, 2)) <= $2')).to.contain(
        'computed',
      );
      for (const returned of ['$1', '(SELECT 1 LIMIT 1)', 'id IN (SELECT 1 LIMIT 1)'])
        expect(readWhere(node(`DELETE FROM t RETURNING ${returned}`).node).limited, returned).to.equal(false);
    });

    it('knows that VACUUM of one table alone needs no transaction, as that of all does', async () => {
      const parsed = (await loadParser(grammar))('VACUUM ( ANALYZE ) t');
      expect(parsed.ok === true && parsed.statements.every(cannotRunInTransaction)).to.equal(true);
      if (grammar < 18) return;
      const only = (await loadParser(grammar))('VACUUM ONLY t; ANALYZE ONLY t;');
      expect(only.ok === true && only.statements.map(cannotRunInTransaction)).to.deep.equal([true, false]);
    });
  });
