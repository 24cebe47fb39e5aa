// Numbers as people read them.
import { expect } from 'chai';
import fc from 'fast-check';
import { formatCount } from '../../scripts/base/size.ts';

describe('a count', () => {
  it('is written as the locale of English writes it', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (count) => {
        expect(formatCount(count)).to.equal(count.toLocaleString('en'));
      }),
    );
  });
});
