// What is taken as a batch does over one range after the other what it does over all keys at once: random statements, run
// both ways, with each row counting how often it was met. What would not is refused before it runs.
import { expect } from 'chai';
import fc from 'fast-check';
import type pg from 'pg';
import { batchProblem } from '../../scripts/files/batch.ts';
import { loadParser, type Parser } from '../../scripts/files/statements.ts';
import { createDatabase } from '../support/database.ts';
import { testMajor } from '../support/postgres.ts';

const runs = Number(process.env.TEST_BATCH_STATEMENTS || 100);
const schema = `CREATE TABLE t (id int PRIMARY KEY, ref int, flag boolean, n int NOT NULL DEFAULT 0);
  CREATE TABLE o (ref int PRIMARY KEY, flag boolean);
  INSERT INTO t SELECT i * 3 - 20, 40 - i, i % 2 = 0 FROM generate_series(1, 19) i;
  INSERT INTO o SELECT id, id % 4 = 0 FROM t;`;

/** Conditions on `key`, a column of the table that is walked or one that refers to it. */
function conditions(key: string): fc.Arbitrary<string> {
  const { condition } = fc.letrec<{ condition: string }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      { arbitrary: fc.constant(`${key} BETWEEN $1 AND $2`), weight: 6 },
      fc.constantFrom(
        `${key} >= $1 AND ${key} <= $2`,
        `$1 <= ${key} AND $2::int >= ${key}`,
        `${key} BETWEEN SYMMETRIC $1 AND $2`,
        `${key} > $1 AND ${key} <= $2`,
        `${key} >= $1 AND ${key} < $2`,
        `-${key} BETWEEN $1 AND $2`,
        `${key} + 0 BETWEEN $1 AND $2`,
        `${key}::bigint BETWEEN $1 AND $2`,
        `${key} BETWEEN $2 AND $1`,
        `${key} NOT BETWEEN $1 AND $2`,
        `ref BETWEEN $1 AND $2`,
        `int4range($1, $2, '[]') @> ${key}`,
        `flag`,
        `${key} % 3 = 0`,
        `($1 IS NOT NULL AND $2 > 0)`,
      ),
      tie('condition').map((inner) => `NOT (${inner})`),
      fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `(${a}) AND (${b})`),
      fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `(${a}) OR (${b})`),
      fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => `${a} OR ${b} AND ${a}`),
      tie('condition').map((inner) => `CASE WHEN ${inner} THEN true ELSE flag END`),
    ),
  }));
  return condition;
}

const own = conditions('id');
const statements = fc.oneof(
  own.map((where) => `UPDATE t SET n = n + 1 WHERE ${where}`),
  conditions('w.id').map((where) => `UPDATE t AS w SET n = n + 1 WHERE ${where}`),
  own.map((where) => `UPDATE t SET n = n + 1 WHERE id IN (SELECT id FROM t WHERE ${where})`),
  own.map((where) => `UPDATE t SET n = n + 1 WHERE id NOT IN (SELECT id FROM t WHERE ${where})`),
  own.map(
    (where) => `UPDATE t SET n = n + 1 WHERE id = ANY (ARRAY(SELECT id FROM t WHERE ${where} LIMIT 2))`,
  ),
  own.map((where) => `UPDATE t SET n = n + 1 WHERE id IN (SELECT id FROM t WHERE ${where} FOR UPDATE)`),
  conditions('o.ref').map(
    (where) =>
      `UPDATE t SET n = n + 1 FROM o WHERE o.ref = t.id AND ${where.replaceAll(/(?<![.\w])(flag|ref)\b/g, 'o.$1')}`,
  ),
  conditions('t.id').map(
    (where) =>
      `UPDATE t SET n = n + 1 FROM o WHERE o.ref = t.id AND (${where.replaceAll(/(?<![.\w])(flag|ref)\b/g, 't.$1')})`,
  ),
  own.map(
    (where) => `WITH p AS (SELECT id FROM t WHERE ${where}) UPDATE t SET n = n + 1 FROM p WHERE p.id = t.id`,
  ),
  own.map((where) => `WITH p AS (SELECT id FROM t WHERE ${where}) UPDATE t SET n = n + 1 WHERE id > 0`),
  fc
    .tuple(own, own)
    .map(
      ([a, b]) =>
        `UPDATE t SET n = n + 1 FROM (SELECT id FROM t WHERE ${a} UNION SELECT id FROM t WHERE ${b}) s WHERE s.id = t.id`,
    ),
  own.map(
    (where) =>
      `UPDATE t SET n = n + 1 FROM (SELECT o.ref AS at FROM o LEFT JOIN t ON t.id = o.ref AND ${where.replaceAll(/(?<![.\w])(id|flag|ref)\b/g, 't.$1')}) s WHERE s.at = t.id`,
  ),
);

describe('A statement that is taken as a batch', () => {
  let client: pg.Client;
  let parse: Parser;
  before(async () => {
    client = await (await createDatabase()).client();
    await client.query(schema);
    parse = await loadParser(testMajor);
  });

  async function met(sql: string, ranges: readonly (readonly [number, number])[]): Promise<string | null> {
    await client.query('BEGIN');
    try {
      for (const range of ranges) await client.query(sql, [...range]);
      const { rows } = await client.query<{ met: string }>(
        "SELECT string_agg(n::text, ',' ORDER BY id) AS met FROM t",
      );
      return rows[0]?.met ?? '';
    } catch {
      return null;
    } finally {
      await client.query('ROLLBACK');
    }
  }

  it('meets each row as often over many ranges as over one that holds them all', async () => {
    const { rows } = await client.query<{ id: number }>('SELECT id FROM t ORDER BY id');
    const ids = rows.map(({ id }) => id);
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(statements, fc.integer({ min: 1, max: 7 }), async (sql, size) => {
        fc.pre(sql.includes('$1') && sql.includes('$2'));
        if (batchProblem({ table: 't', column: 'id' }, sql, parse) !== null) return;
        taken += 1;
        const starts = ids.filter((_, i) => i % size === 0);
        const ranges = starts.map(
          (first, i) => [first, ids[Math.min(ids.length, (i + 1) * size) - 1] ?? first] as const,
        );
        const whole = await met(sql, [[ids[0] ?? 0, ids.at(-1) ?? 0]]);
        expect(await met(sql, ranges), sql).to.equal(whole);
      }),
      { numRuns: runs },
    );
    expect(taken).to.be.above(runs / 10);
  });
});
