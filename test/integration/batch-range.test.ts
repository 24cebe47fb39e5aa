// What is taken as a batch does over one range after the other what it does over all keys at once: random statements, run
// both ways, with each row counting how often it was met. What would not is refused before it runs.
import { expect } from 'chai';
import fc from 'fast-check';
import type pg from 'pg';
import { batchProblem } from '../../scripts/files/batch.ts';
import { meaningsSql } from '../../scripts/files/batch-meanings.ts';
import { loadParser, type Parser } from '../../scripts/files/statements.ts';
import { createDatabase } from '../support/database.ts';
import { testMajor } from '../support/postgres.ts';

const runs = Number(process.env.TEST_BATCH_STATEMENTS || 100);
const schema = `CREATE TABLE t (id int PRIMARY KEY, ref int, flag boolean, n int NOT NULL DEFAULT 0);
  CREATE TABLE o (ref int PRIMARY KEY, flag boolean, n int NOT NULL DEFAULT 0);
  CREATE TABLE x (a int, b int); CREATE TABLE y (a int UNIQUE, b int);
  INSERT INTO t SELECT i * 3 - 20, 40 - i, i % 2 = 0 FROM generate_series(1, 19) i;
  UPDATE t SET ref = id WHERE id % 5 = 0; UPDATE t SET ref = 7 WHERE id % 5 = 1;
  INSERT INTO o SELECT id, id % 4 = 0 FROM t;
  CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0'); CREATE SEQUENCE s;
  CREATE FUNCTION next_one() RETURNS int LANGUAGE sql AS $$SELECT nextval('s')::int$$;
  CREATE VIEW shifted AS SELECT id + 3 AS id, ref, flag, n FROM t; CREATE VIEW above AS SELECT * FROM shifted;
  CREATE TABLE heir () INHERITS (o); INSERT INTO heir VALUES (1000, true, 5);`;

/** Keys of itself and of others, by which rows go or change with those of an earlier range. */
const kin = (
  own: string,
  others: string,
) => `CREATE TABLE kin (id int PRIMARY KEY, above int REFERENCES kin ON DELETE ${own}, flag boolean);
  CREATE TABLE item (id int PRIMARY KEY, kin int REFERENCES kin ON DELETE ${others}, maker int REFERENCES kin ON DELETE ${others});
  CREATE TABLE part (item int REFERENCES item ON DELETE CASCADE, kin int);
  INSERT INTO kin SELECT i, CASE WHEN i % 3 > 0 THEN i / 3 + 1 END, i % 2 = 0 FROM generate_series(1, 12) i;
  INSERT INTO item SELECT i, i * 5 % 12 + 1, i * 7 % 12 + 1 FROM generate_series(1, 12) i; INSERT INTO part SELECT i, 13 - i FROM generate_series(1, 12) i;`;
const actions = fc.constantFrom('CASCADE', 'SET NULL');
const ofKin = fc.record({
  setup: fc.tuple(actions, actions).map(([own, others]) => kin(own, others)),
  sql: fc
    .tuple(
      fc.constantFrom(
        'true',
        'above IS NULL',
        'flag',
        'EXISTS (SELECT FROM item WHERE item.kin = kin.id)',
        'NOT EXISTS (SELECT FROM item i WHERE i.kin = kin.id)',
        'NOT EXISTS (SELECT FROM part p WHERE p.kin = kin.id)',
      ),
      fc.constantFrom('', ' RETURNING *'),
    )
    .map(([where, returning]) =>
      returning === ''
        ? `DELETE FROM kin WHERE kin.id BETWEEN $1 AND $2 AND ${where}`
        : `WITH gone AS (DELETE FROM kin WHERE kin.id BETWEEN $1 AND $2 AND ${where} RETURNING *) INSERT INTO x (a) SELECT id FROM gone`,
    ),
});

/** What only the server can tell: a function that adds up, one that differs, a view of the table, a child of it, a sample. */
const ofNames = fc.oneof(
  fc
    .constantFrom('total(id)', 'total(n)', 'abs(id)', 'public.total(ref)', 'sum(id)')
    .map((call) => `INSERT INTO x (a) SELECT ${call} FROM t WHERE id BETWEEN $1 AND $2`),
  fc
    .constantFrom('GROUP BY id', 'GROUP BY ref', '')
    .map((tail) => `INSERT INTO x (a) SELECT total(ref) FROM t WHERE id BETWEEN $1 AND $2 ${tail}`),
  fc
    .constantFrom('(SELECT next_one())', 'next_one()', '(SELECT next_one() + t.id - t.id)', '(SELECT abs(1))')
    .map((call) => `UPDATE t SET n = ${call} WHERE id BETWEEN $1 AND $2`),
  fc
    .tuple(
      fc.constantFrom(
        'shifted',
        'above',
        't',
        't p (ref, id, flag, n)',
        't TABLESAMPLE SYSTEM (100)',
        'o',
        'heir',
      ),
      fc.constantFrom('max(n) + 1', 'count(*)', 'max(id)'),
      fc.constantFrom('id = t.id', 'id < t.id', 'true'),
      fc.constantFrom('t', 'o', 'heir'),
    )
    .map(([from, what, where, target]) => {
      const key = target === 't' ? 'id' : 'ref';
      const read = from.replace(/^(\w+)( p)?/, '$1 p').replace(/^(\w+ p) (TABLESAMPLE .*)/, '$1 $2');
      const other = from === 'o' || from === 'heir' ? 'ref' : 'id';
      const condition = where.replace(/^id/, `p.${other}`).replace('t.id', `${target}.${key}`);
      return `UPDATE ${target} SET n = (SELECT ${what.replace('max(id)', `max(p.${other})`).replace('(n)', '(p.n)')} FROM ${read} WHERE ${condition}) WHERE ${target}.${key} BETWEEN $1 AND $2`;
    }),
  fc
    .constantFrom('shifted', 'above', 't')
    .map((from) => `INSERT INTO t (id) SELECT s.id + 500 FROM ${from} s WHERE s.id BETWEEN $1 AND $2`),
);

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

/** Queries that give two numbers: of one row, of rows together, of what other queries give. */
const queries: fc.Arbitrary<string> = fc.letrec<{ query: string }>((tie) => ({
  query: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    fc
      .tuple(
        fc.constantFrom(
          't.id, t.ref',
          't.ref, t.n',
          'DISTINCT t.ref, 1',
          'DISTINCT t.id, t.ref',
          't.ref, o.n',
        ),
        fc.constantFrom('', 'ON (t.ref) ', 'ON (t.id) '),
        fc.constantFrom(
          'count(*)',
          'max(t.id)',
          'row_number() OVER (ORDER BY t.id)',
          'sum(t.id) OVER (PARTITION BY t.id)',
          'rank() OVER (PARTITION BY t.ref ORDER BY t.id)',
          't.id',
        ),
        fc.constantFrom(
          't',
          't JOIN o ON o.ref = t.id',
          'o JOIN t ON t.ref = o.ref',
          't LEFT JOIN o ON o.ref = t.ref',
        ),
        fc.constantFrom(
          't.id BETWEEN $1 AND $2',
          'true',
          't.id IN (SELECT id FROM t WHERE id BETWEEN $1 AND $2)',
          't.ref IN (SELECT ref FROM t p WHERE p.id BETWEEN $1 AND $2)',
          'EXISTS (SELECT FROM t p WHERE p.id = t.id AND p.id BETWEEN $1 AND $2)',
          'EXISTS (SELECT FROM t p WHERE p.ref = t.ref AND p.id BETWEEN $1 AND $2)',
          't.id BETWEEN $1 AND $2 AND NOT EXISTS (SELECT FROM x WHERE x.a = t.ref)',
          't.id BETWEEN $1 AND $2 AND NOT EXISTS (SELECT FROM x WHERE x.a = t.id)',
        ),
        fc.constantFrom('', 'GROUP BY t.ref', 'GROUP BY t.id, t.ref', 'GROUP BY 1, 2', 'LIMIT 2'),
        fc.boolean(),
      )
      .map(([list, on, call, from, where, tail, called]) => {
        const columns = on !== '' && !called && !list.startsWith('DISTINCT') ? `DISTINCT ${on}${list}` : list;
        return `SELECT ${called ? `t.ref, ${call}` : columns} FROM ${from.includes('o') || !columns.includes('o.') ? from : 't CROSS JOIN o'} WHERE ${where} ${tail}`;
      }),
    tie('query').map((inner) => `SELECT s.a, s.b FROM (${inner}) s (a, b)`),
    tie('query').map((inner) => `SELECT DISTINCT s.b, s.a FROM (${inner}) s (a, b)`),
    tie('query').map((inner) => `SELECT max(s.a), s.b FROM (${inner}) s (a, b) GROUP BY s.b`),
    tie('query').map((inner) => `WITH s (a, b) AS (${inner}) SELECT s.a, t.n FROM s JOIN t ON t.id = s.a`),
    fc
      .tuple(tie('query'), fc.constantFrom('UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT ALL'), tie('query'))
      .map(([a, set, b]) => `(${a}) ${set} (${b})`),
  ),
})).query;

const changes = fc.oneof(
  queries.map((query) => `INSERT INTO x (a, b) ${query}`),
  queries.map((query) => `INSERT INTO x ${query}`),
  queries.map((query) => `INSERT INTO y (a, b) ${query} ON CONFLICT (a) DO NOTHING`),
  queries.map(
    (query) =>
      `INSERT INTO y (a) SELECT s.a FROM (${query}) s (a, b) ON CONFLICT (a) DO UPDATE SET b = y.b + 1`,
  ),
  queries.map((query) => `WITH s (a, b) AS (${query}) UPDATE t SET n = n + 1 FROM s WHERE s.a = t.id`),
  queries.map((query) => `WITH s (a, b) AS (${query}) UPDATE t SET n = 1 FROM s WHERE s.a = t.ref`),
  queries.map((query) => `UPDATE t SET n = t.n + 1 FROM (${query}) s (a, b) WHERE s.b = t.id`),
  queries.map((query) => `UPDATE o SET n = n + 1 WHERE ref IN (SELECT a FROM (${query}) s (a, b))`),
  queries.map((query) => `DELETE FROM o USING (${query}) s (a, b) WHERE o.ref = s.a`),
  queries.map(
    (query) =>
      `WITH gone AS (DELETE FROM t USING (${query}) s (a, b) WHERE s.a = t.id RETURNING t.id, t.ref) INSERT INTO x SELECT * FROM gone`,
  ),
  fc
    .constantFrom(
      'n = (SELECT count(*) FROM t p WHERE p.ref = t.ref)',
      'n = (SELECT count(*) FROM t p WHERE p.n = t.n)',
      'n = (SELECT max(p.n) + 1 FROM t p)',
      'n = (SELECT p.n + 1 FROM t p WHERE p.id = t.id)',
      'n = p.n + 1 FROM t p WHERE p.id = t.ref AND',
      'n = p.n + 1 FROM t p WHERE p.id = t.id AND',
      'n = p.id FROM t p WHERE p.id = t.ref AND',
    )
    .map((set) => `UPDATE t SET ${set}${set.endsWith('AND') ? '' : ' WHERE'} t.id BETWEEN $1 AND $2`),
  fc
    .tuple(
      fc.constantFrom('<', '>', '<=', '<>'),
      fc.constantFrom('ref', 'n', 'flag'),
      fc.constantFrom('', 'NOT '),
      fc.constantFrom('', 'AND d.flag', 'AND t.flag', 'AND d.n = t.id'),
    )
    .map(
      ([operator, column, not, more]) =>
        `DELETE FROM t WHERE id BETWEEN $1 AND $2 AND ${not}EXISTS (SELECT FROM t d WHERE d.${column} = t.${column} AND d.id ${operator} t.id ${more})`,
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

  /** What is in the tables after the statement has run over these ranges; null where the server refuses it. */
  async function after(
    sql: string,
    ranges: readonly (readonly [number, number])[],
    tables = ['t', 'o', 'x', 'y'],
  ): Promise<string | null> {
    await client.query("BEGIN; SELECT setval('s', 1)");
    try {
      for (const range of ranges) await client.query(sql, [...range]);
      const { rows } = await client.query<{ rows: string }>(
        `SELECT string_agg(r, ';' ORDER BY r) AS rows FROM (${tables.map((name) => `SELECT '${name}' || ${name === 'y' ? 'a' : `${name}::text`} AS r FROM ${name}`).join(' UNION ALL ')}) AS all_rows`,
      );
      return rows[0]?.rows ?? '';
    } catch {
      return null;
    } finally {
      await client.query('ROLLBACK');
    }
  }

  async function meaningsOf(sql: string) {
    const parsed = parse(sql);
    const [statement] = parsed.ok === true ? parsed.statements : [];
    if (statement === undefined) throw new Error(`does not parse: ${sql}`);
    const { rows } = await client.query(meaningsSql({ [statement.kind]: statement.node }));
    return rows[0].json_build_object;
  }

  /** @returns how many of the statements were taken */
  async function compare(arbitrary: fc.Arbitrary<string>): Promise<number> {
    const { rows } = await client.query<{ id: number }>('SELECT id FROM t ORDER BY id');
    const ids = rows.map(({ id }) => id);
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(arbitrary, fc.integer({ min: 1, max: 7 }), async (sql, size) => {
        fc.pre(sql.includes('$1') && sql.includes('$2'));
        if (batchProblem({ table: 't', column: 'id' }, sql, parse, await meaningsOf(sql)) !== null) return;
        const starts = ids.filter((_, i) => i % size === 0);
        const ranges = starts.map(
          (first, i) => [first, ids[Math.min(ids.length, (i + 1) * size) - 1] ?? first] as const,
        );
        const whole = await after(sql, [[ids[0] ?? 0, ids.at(-1) ?? 0]]);
        if (whole === null) return;
        taken += 1;
        expect(await after(sql, ranges), sql).to.equal(whole);
      }),
      { numRuns: runs },
    );
    return taken;
  }

  it('meets each row as often over many ranges as over one that holds them all', async () => {
    expect(await compare(statements)).to.be.above(runs / 10);
  });

  it('makes of rows together, of other queries and of its own table what it makes at once', async () => {
    expect(await compare(changes)).to.be.above(runs / 20);
  });

  it('sees no rows that a foreign key has taken or changed since an earlier range', async () => {
    let taken = 0;
    const tables = ['kin', 'item', 'part', 'x'];
    await fc.assert(
      fc.asyncProperty(ofKin, fc.integer({ min: 1, max: 5 }), async ({ setup, sql }, size) => {
        await client.query(`DROP TABLE IF EXISTS kin, item, part; ${setup}`);
        const walk = { table: 'kin', column: 'id' };
        if (batchProblem(walk, sql, parse, await meaningsOf(sql)) !== null) return;
        taken += 1;
        const ranges = Array.from(
          { length: 12 / size + 1 },
          (_, i) => [i * size + 1, (i + 1) * size] as const,
        );
        expect(await after(sql, ranges, tables), sql).to.equal(await after(sql, [[1, 12]], tables));
      }),
      { numRuns: runs / 2 },
    );
    expect(taken).to.be.above(runs / 20);
  });

  it('knows of what only the server can tell: aggregates, volatile functions, views and children of the table', async () => {
    expect(await compare(ofNames)).to.be.above(runs / 20);
  });
});
