// The size of a batch, and what is said of it: pure, so for any history of batches.
import { expect } from 'chai';
import fc from 'fast-check';
import { describePace, largest, nextSize, percent, smaller } from '../../scripts/execute/batch/pace.ts';
import { batchProblem, readBatch } from '../../scripts/files/batch.ts';
import { loadParser } from '../../scripts/files/statements.ts';

const size = fc.integer({ min: 1, max: largest });
const ms = fc.integer({ min: 0, max: 100_000 });

describe('The pace of a batch', () => {
  it('stays between one row and the largest, grows by half at most, and halves while others wait', () => {
    fc.assert(
      fc.property(
        size,
        ms,
        fc.integer({ min: 1, max: 60_000 }),
        fc.boolean(),
        (now, took, target, waiting) => {
          const next = nextSize(now, took, target, waiting);
          expect(next).to.be.at.least(1).and.at.most(largest);
          expect(next).to.be.at.most(Math.max(1, Math.ceil(now * 1.5)));
          if (waiting) expect(next).to.equal(smaller(now));
          if (!waiting && took <= target && now < largest) expect(next).to.be.at.least(now);
          if (!waiting && took >= 2 * target && now > 1) expect(next).to.be.below(now);
        },
      ),
    );
  });

  it('comes to rest where a batch takes its time, whatever a row costs', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), size, (microseconds, first) => {
        let now = first;
        for (let turn = 0; turn < 60; turn += 1) now = nextSize(now, (now * microseconds) / 1000, 500, false);
        const took = (now * microseconds) / 1000;
        expect(now === largest || (took > 400 && took < 600), `${now} rows take ${took} ms`).to.equal(true);
      }),
    );
  });

  it('never says that all is done before it is', () => {
    fc.assert(
      fc.property(fc.nat(), fc.option(fc.nat()), (keys, estimated) => {
        const share = percent({ keys, rows: keys, estimated });
        if (share !== null) expect(share).to.be.at.least(0).and.at.most(99);
        expect(describePace({ keys, rows: keys, estimated }, keys, 1000)).to.not.match(/NaN|Infinity/);
      }),
    );
  });
});

describe('A batch directive', () => {
  for (const [argument, expected] of [
    ['public.orders by id', { table: 'public.orders', column: 'id' }],
    ['"Odd Name" by "K" rows=10', { table: '"Odd Name"', column: '"K"', rows: 10 }],
    ['Größe by straße', { table: 'Größe', column: 'straße' }],
    ['orders by id rows=5 pause=100ms', { table: 'orders', column: 'id', rows: 5, pauseMs: 100 }],
  ] as const) {
    it(`reads ${argument}`, () => expect(readBatch(argument)).to.deep.equal(expected));
  }

  for (const argument of [
    '',
    'orders',
    'orders by',
    'orders by id rows=0',
    'orders by id rows=x',
    'orders by id pause=5',
    'orders by id odd=1',
    'a.b.c by id',
    'orders; drop by id',
  ]) {
    it(`refuses "${argument}" in words`, () => expect(readBatch(argument)).to.be.a('string'));
  }
});

describe('The statement of a batch', () => {
  const statement = 'UPDATE public.orders SET cents = 0 WHERE id BETWEEN $1 AND $2;\n';
  const problem = async (sql: string, directive = { table: 'public.orders', column: 'id' }) =>
    batchProblem(directive, sql, await loadParser(16));

  const refusals: readonly (readonly [string, string, string])[] = [
    ['without $2', 'UPDATE public.orders SET cents = 1 WHERE id >= $1;\n', '$2 is missing'],
    ['of two statements', `${statement}SELECT 1;\n`, 'holds 2'],
    ['that only selects', 'SELECT * FROM public.orders WHERE id BETWEEN $1 AND $2;\n', 'is none'],
    ['that inserts values', 'INSERT INTO public.orders VALUES ($1, $2);\n', 'is none'],
    [
      'that changes its key',
      'UPDATE public.orders SET id = id + 1 WHERE id BETWEEN $1 AND $2;\n',
      'the key that it walks by',
    ],
    [
      'that changes its key in a WITH clause',
      'WITH moved AS (UPDATE public.orders SET id = id + 1 WHERE id BETWEEN $1 AND $2 RETURNING id) INSERT INTO public.other SELECT id FROM moved;\n',
      'the key that it walks by',
    ],
    [
      'that changes its key where a row is there already',
      'INSERT INTO public.orders (id) SELECT id FROM public.orders WHERE id BETWEEN $1 AND $2 ON CONFLICT (id) DO UPDATE SET id = 0;\n',
      'the key that it walks by',
    ],
    [
      'that leaves the first key out',
      'UPDATE orders SET cents = 1 WHERE id > $1 AND id <= $2',
      '> leaves the row',
    ],
    [
      'whose range is below OR',
      'UPDATE orders SET cents = 1 WHERE cents IS NULL OR cents < 0 AND id BETWEEN $1 AND $2',
      'bound the whole statement',
    ],
    [
      'whose range bounds a part of it',
      'WITH done AS (DELETE FROM old WHERE seen) UPDATE orders SET cents = 1 WHERE id BETWEEN $1 AND $2',
      'each INSERT, UPDATE and DELETE',
    ],
    [
      'with a LIMIT',
      'DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE id BETWEEN $1 AND $2 LIMIT 1000)',
      'LIMIT, FETCH and OFFSET leave rows',
    ],
    [
      'that passes over rows that others lock',
      'DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE id BETWEEN $1 AND $2 FOR UPDATE SKIP LOCKED)',
      'SKIP LOCKED leaves rows',
    ],
    ['of another column', 'UPDATE orders SET cents = 1 WHERE ref BETWEEN $1 AND $2', 'are compared with ref'],
    ['of another order', 'UPDATE orders SET cents = 1 WHERE id COLLATE "C" BETWEEN $1 AND $2', 'is computed'],
    ['of coarser keys', 'UPDATE orders SET cents = 1 WHERE id::date BETWEEN $1 AND $2', 'is computed'],
    [
      'with a second range',
      'UPDATE orders o SET cents = 1 FROM orders p WHERE p.ref = o.id AND o.id BETWEEN $1 AND $2 AND p.id BETWEEN $1 AND $2',
      'in another condition',
    ],
    [
      'that records the range',
      'INSERT INTO log SELECT $1, $2 FROM (SELECT FROM orders WHERE id BETWEEN $1 AND $2) AS part',
      'as values they are chance',
    ],
    [
      'with a third parameter',
      'UPDATE public.orders SET cents = $3 WHERE id BETWEEN $1 AND $2;\n',
      '$3 is none',
    ],
  ];
  for (const [what, sql, told] of refusals)
    it(`${what} is refused`, async () => expect(await problem(sql)).to.include(told));

  const taken: readonly (readonly [string, string])[] = [
    [
      'that changes a column of that name in another table',
      'UPDATE items SET id = 0 FROM orders o WHERE o.id = items.ref AND o.id BETWEEN $1 AND $2',
    ],
    [
      'that moves rows',
      'WITH gone AS (DELETE FROM orders WHERE id BETWEEN $1 AND $2 RETURNING *) INSERT INTO archive SELECT * FROM gone',
    ],
    [
      'that bounds both sides of a join',
      'UPDATE orders o SET cents = p.n FROM items p WHERE o.id = p.order_id AND o.id >= $1 AND o.id <= $2 AND p.order_id BETWEEN $1 AND $2',
    ],
    ['of rows of another table', 'DELETE FROM items WHERE order_id BETWEEN $1::bigint AND $2::bigint'],
    ['of a table whose name has a dot', 'UPDATE "a.b" SET v = 0 WHERE id BETWEEN $1 AND $2'],
  ];
  for (const [what, sql] of taken)
    it(`${what} is taken`, async () => expect(await problem(sql)).to.equal(null));

  it('knows its table by the last part of its name, quoted or not', async () => {
    const sql = 'UPDATE "a.b" SET "Id" = 0 WHERE "Id" BETWEEN $1 AND $2';
    expect(await problem(sql, { table: '"s.t"."a.b"', column: '"Id"' })).to.include(
      'the key that it walks by',
    );
    expect(await problem(sql, { table: '"a.b".other', column: '"Id"' })).to.equal(null);
  });
});
