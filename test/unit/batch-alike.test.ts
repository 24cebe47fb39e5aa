// What is taken as a batch, and what is refused because range by range another result would come of it than at once. The
// same is held against PostgreSQL with random statements in integration/batch-range.
import { expect } from 'chai';
import { batchProblem } from '../../scripts/files/batch.ts';
import { loadParser } from '../../scripts/files/statements.ts';

const range = 'BETWEEN $1 AND $2';

/** Statements by what is said of them. */
const refused: Readonly<Record<string, readonly string[]>> = {
  'met in several ranges': [
    `WITH p AS (SELECT id FROM t WHERE id ${range}) UPDATE t SET n = n + 1 FROM p WHERE t.id > 0`,
    `UPDATE t SET n = n + 1 WHERE EXISTS (SELECT FROM t p WHERE p.id ${range})`,
    `UPDATE o SET n = n + 1 WHERE ref IN (SELECT ref FROM t WHERE id ${range})`,
    `UPDATE o SET n = o.n + t.n FROM t WHERE t.ref = o.ref AND t.id ${range}`,
    `INSERT INTO x SELECT ref FROM o WHERE ref IN (SELECT ref FROM t WHERE id ${range})`,
    `INSERT INTO x (ref, n) SELECT ref, n FROM t WHERE id ${range} ON CONFLICT (ref) DO UPDATE SET n = x.n + excluded.n`,
  ],
  'an aggregate or GROUP BY': [
    `INSERT INTO x SELECT sum(n) FROM t WHERE id ${range}`,
    `INSERT INTO x SELECT ref, count(*) FROM t WHERE id ${range} GROUP BY ref`,
    `INSERT INTO x SELECT max(id) FROM (SELECT id FROM t WHERE id ${range}) s`,
    `WITH g AS (DELETE FROM t WHERE id ${range} RETURNING *) INSERT INTO x SELECT count(*) FROM g`,
    `WITH p AS (SELECT id, n FROM t WHERE id ${range}) UPDATE t SET n = (SELECT count(*) FROM p) FROM p q WHERE q.id = t.id`,
    `UPDATE t SET n = s.n FROM (SELECT ref, sum(n) AS n FROM t WHERE id ${range} GROUP BY ref) s WHERE s.ref = t.id`,
    `INSERT INTO x SELECT json_agg(id) FROM t WHERE id ${range}`,
    `INSERT INTO x SELECT id FROM t WHERE id ${range} HAVING true`,
    `INSERT INTO x SELECT ref FROM t WHERE id ${range} GROUP BY ROLLUP (id)`,
  ],
  'DISTINCT compares': [
    `INSERT INTO x SELECT DISTINCT ref FROM t WHERE id ${range}`,
    `INSERT INTO x SELECT DISTINCT ON (ref) ref, id FROM t WHERE id ${range}`,
    `UPDATE o SET n = s.n FROM (SELECT DISTINCT ON (ref) ref, n FROM t WHERE id ${range} ORDER BY ref, n DESC) s WHERE s.ref = o.ref`,
  ],
  'a window function': [
    `INSERT INTO x SELECT id, row_number() OVER (ORDER BY id) FROM t WHERE id ${range}`,
    `INSERT INTO x SELECT id, sum(n) OVER w FROM t WHERE id ${range} WINDOW w AS (PARTITION BY ref)`,
    `INSERT INTO x SELECT my.rank FROM (SELECT id, rank() OVER (ORDER BY n) FROM t WHERE id ${range}) my`,
  ],
  'UNION, INTERSECT and EXCEPT': [
    `INSERT INTO x (SELECT ref FROM t WHERE id ${range}) UNION (SELECT ref FROM t WHERE id ${range})`,
    `INSERT INTO x (SELECT ref FROM t WHERE id ${range}) EXCEPT (SELECT n FROM t WHERE id ${range})`,
  ],
  'LIMIT, FETCH': [
    `INSERT INTO x (SELECT id FROM t WHERE id ${range}) UNION ALL (SELECT id FROM t WHERE id ${range}) LIMIT 3`,
  ],
  'as values they are chance': [
    `UPDATE t SET n = $1 WHERE id ${range}`,
    `INSERT INTO x SELECT id, $2 FROM t WHERE id ${range}`,
  ],
  'which it changes': [
    `UPDATE t SET n = (SELECT max(n) + 1 FROM t) WHERE id ${range}`,
    `UPDATE t SET n = p.n FROM t p WHERE p.id = t.ref AND t.id ${range}`,
    `UPDATE t SET n = n + 1 WHERE id ${range} AND n < (SELECT avg(n) FROM t u)`,
    `DELETE FROM t WHERE id ${range} AND (SELECT count(*) FROM t d WHERE d.ref = t.ref) > 1`,
    `DELETE FROM t WHERE id ${range} AND NOT EXISTS (SELECT FROM t d WHERE d.ref = t.ref AND d.id > t.id)`,
    `INSERT INTO x (ref) SELECT ref FROM t WHERE id ${range} AND NOT EXISTS (SELECT FROM x WHERE x.ref = t.ref)`,
    `INSERT INTO t (ref) SELECT ref FROM t WHERE id ${range}`,
    `UPDATE t SET n = q.n + 1 FROM (SELECT ref, n FROM t WHERE id ${range}) q WHERE q.ref = t.id`,
    `UPDATE t SET (n, ref) = (SELECT n + 1, ref FROM t p WHERE p.id = t.ref) WHERE id ${range}`,
  ],
  'has other names for its columns': [
    `INSERT INTO x SELECT p.id FROM t p (ref, id) WHERE p.id ${range}`,
    `INSERT INTO x SELECT j.id FROM (t JOIN o ON o.ref = t.id) AS j (ref, id) WHERE j.id ${range}`,
  ],
  'are compared with ref': [`INSERT INTO x SELECT id FROM t TABLESAMPLE SYSTEM (50) WHERE ref ${range}`],
  'volatile function': [
    `UPDATE t SET n = (SELECT random()) WHERE id ${range}`,
    `WITH r AS (SELECT nextval('s') AS v) UPDATE t SET n = r.v FROM r WHERE id ${range}`,
    `UPDATE t SET n = r FROM random() AS r WHERE id ${range}`,
  ],
  'each INSERT, UPDATE and DELETE': [
    `WITH l AS (INSERT INTO log VALUES (1)) UPDATE t SET n = n + 1 WHERE id ${range}`,
  ],
};

const taken: readonly string[] = [
  `UPDATE t SET n = n + 1 WHERE id ${range}`,
  `UPDATE t SET n = n + 1 WHERE id IN (SELECT id FROM t WHERE id ${range} FOR UPDATE)`,
  `UPDATE t SET n = n + 1 WHERE id = ANY (ARRAY(SELECT id FROM t WHERE id ${range}))`,
  `UPDATE t SET n = n + 1 FROM o WHERE o.ref = t.id AND o.ref ${range}`,
  `WITH p AS (SELECT id FROM t WHERE id ${range}) UPDATE t SET n = n + 1 FROM p WHERE p.id = t.id`,
  `WITH p AS MATERIALIZED (SELECT * FROM t WHERE id ${range}) UPDATE t SET n = p.n + 1 FROM p WHERE p.id = t.id`,
  `WITH p (k) AS (SELECT id FROM t WHERE id ${range}) UPDATE t SET n = n + 1 FROM p WHERE p.k = t.id`,
  `WITH g AS (DELETE FROM t WHERE id ${range} RETURNING *) INSERT INTO x SELECT * FROM g`,
  `INSERT INTO x SELECT id, count(*) FROM t WHERE id ${range} GROUP BY id`,
  `INSERT INTO x SELECT id, count(*) FROM t WHERE id ${range} GROUP BY 1`,
  `INSERT INTO x SELECT id AS k, count(*) FROM t WHERE id ${range} GROUP BY k HAVING count(*) > 1`,
  `INSERT INTO x SELECT t.id, o.n FROM t JOIN o USING (id) WHERE t.id ${range}`,
  `INSERT INTO x SELECT DISTINCT id, ref FROM t WHERE id ${range}`,
  `INSERT INTO x SELECT DISTINCT * FROM t WHERE id ${range}`,
  `INSERT INTO tags (name) SELECT DISTINCT tag FROM t WHERE id ${range} ON CONFLICT (name) DO NOTHING`,
  `INSERT INTO x (id, n) SELECT id, n FROM t WHERE id ${range} AND NOT EXISTS (SELECT FROM x WHERE x.id = t.id)`,
  `INSERT INTO x (id, n) SELECT t.id, t.n FROM t LEFT JOIN x ON x.id = t.id WHERE t.id ${range} AND x.id IS NULL`,
  `INSERT INTO x (id, n) SELECT id, n FROM t WHERE id ${range} ON CONFLICT (id) DO UPDATE SET n = x.n + excluded.n`,
  `UPDATE customers SET total = s.sum FROM (SELECT customer_id, sum(x) FROM orders WHERE customer_id ${range} GROUP BY customer_id) s WHERE s.customer_id = customers.id`,
  `UPDATE t SET n = (SELECT count(*) FROM o WHERE o.ref = t.id) WHERE id ${range}`,
  `UPDATE t SET dup = true WHERE id ${range} AND EXISTS (SELECT FROM t d WHERE d.email = t.email AND d.id < t.id)`,
  `DELETE FROM t WHERE id ${range} AND EXISTS (SELECT FROM t d WHERE d.email = t.email AND d.id < t.id)`,
  `DELETE FROM t USING t AS d WHERE t.id ${range} AND d.email IS NOT DISTINCT FROM t.email AND d.id > t.id`,
  `UPDATE t SET n = s.rn FROM (SELECT id, row_number() OVER (PARTITION BY ref ORDER BY id) AS rn FROM t) s WHERE s.id = t.id AND t.id ${range}`,
  `UPDATE o SET active = true WHERE ref IN (SELECT ref FROM t WHERE id ${range})`,
  `UPDATE t SET u = gen_random_uuid(), at = now() WHERE id ${range}`,
  `INSERT INTO x SELECT id, nextval('s'), s.v FROM t, LATERAL (SELECT random() + t.id AS v) s WHERE id ${range}`,
  `INSERT INTO x (SELECT id FROM t WHERE id ${range} AND a) UNION ALL (SELECT id FROM t WHERE id ${range} AND b)`,
  `INSERT INTO x (SELECT id FROM t WHERE id ${range} AND a) UNION (SELECT id FROM t WHERE id ${range} AND b)`,
  `DELETE FROM o USING t WHERE t.ref = o.ref AND t.id ${range}`,
  `UPDATE t SET n = b.n FROM batch_prices b WHERE b.sku = t.sku AND t.id ${range}`,
  `INSERT INTO x SELECT id, sum(n) OVER (PARTITION BY id) FROM t WHERE id ${range}`,
  `UPDATE items i SET cents = s.c FROM (SELECT o.id, o.c FROM orders o WHERE o.id ${range}) s WHERE s.id = i.order_id`,
  `INSERT INTO x SELECT id, unnest(tags) FROM t WHERE id ${range}`,
  `INSERT INTO x SELECT t.id, e.v FROM t CROSS JOIN LATERAL jsonb_array_elements(t.doc) AS e(v) WHERE t.id ${range} ORDER BY t.id`,
];

describe('A batch', () => {
  /** The first of these that a statement speaks of is the table that it walks. */
  const walked = (sql: string) =>
    ['customers', 'orders', 't'].find((name) => new RegExp(`\\b${name}\\b`).test(sql)) ?? 't';
  const problem = async (sql: string) =>
    batchProblem({ table: walked(sql), column: 'id' }, sql, await loadParser(16));

  for (const [told, statements] of Object.entries(refused))
    it(`is refused where it is said: ${told}`, async () => {
      for (const sql of statements) expect(await problem(sql), sql).to.include(told);
    });

  it('is taken where each row is met with its own key', async () => {
    for (const sql of taken) expect(await problem(sql), sql).to.equal(null);
  });
});
