// Patterns of db/config.json: only the wildcards mean more than themselves.
import { expect } from 'chai';
import fc from 'fast-check';
import { flagOf } from '../../scripts/base/flag.ts';
import { hasWildcard, wildcard } from '../../scripts/base/wildcard.ts';

const plain = fc.string({ unit: 'binary' }).map((text) => text.replaceAll(/[*?]/g, ''));

describe('A pattern', () => {
  it('without a wildcard means its own text and no other, whatever is in it', () => {
    fc.assert(
      fc.property(plain, plain, (pattern, text) => {
        expect(hasWildcard(pattern)).to.equal(false);
        for (const wildcards of ['*', '*?'] as const) {
          expect(wildcard(pattern, wildcards)(pattern)).to.equal(true);
          expect(wildcard(pattern, wildcards)(text)).to.equal(pattern === text);
        }
      }),
    );
  });

  it('with a star means every text that begins and ends so, line ends included', () => {
    fc.assert(
      fc.property(plain, plain, fc.string(), (start, end, middle) => {
        expect(wildcard(`${start}*${end}`, '*')(`${start}${middle}${end}`)).to.equal(true);
      }),
    );
    expect(wildcard('a*b', '*')('a\nb')).to.equal(true);
  });

  it('takes a question mark for any one character, or for itself, as it is asked to', () => {
    expect(wildcard('a?', '*?')('ab')).to.equal(true);
    expect(wildcard('a?', '*?')('a')).to.equal(false);
    expect(wildcard('a?', '*')('ab')).to.equal(false);
    expect(wildcard('a?', '*')('a?')).to.equal(true);
  });
});

describe('An option', () => {
  it('is spelled with dashes', () => {
    expect(flagOf('allowOutOfOrder')).to.equal('--allow-out-of-order');
    expect(flagOf('n')).to.equal('--n');
  });
});
