// The size of a batch, and what is said of it: pure, so for any history of batches.
import { expect } from 'chai';
import fc from 'fast-check';
import { describePace, largest, nextSize, percent, smaller } from '../../scripts/execute/batch/pace.ts';
import { readBatch } from '../../scripts/files/batch.ts';

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
