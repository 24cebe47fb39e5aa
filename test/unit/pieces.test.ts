import { expect } from 'chai';
import { concatenate, cut, fill, quotedPieces } from '../../scripts/connection/sql-chunks.ts';
import { quoteLiteral } from '../../scripts/schema/sql.ts';

const long = (text: string) => text.repeat(Math.ceil(2_500_000 / text.length));

describe('A long text in pieces', () => {
  it('is the text, in pieces of a million characters that cut no character', () => {
    for (const text of [long('abc'), `a${long('😀')}`, '']) {
      const pieces = [...cut(text)];
      expect(pieces.join('') === text).to.equal(true);
      expect(
        pieces.every((piece) => piece.length <= 1024 * 1024 && !/[\ud800-\udbff]$/.test(piece)),
      ).to.equal(true);
    }
  });

  it('is quoted as it is in one', () => {
    for (const text of [long("it's"), long('back\\slash '), long("both\\' "), ''])
      expect([...quotedPieces(text)].join('') === quoteLiteral(text)).to.equal(true);
  });

  it('takes the place of its placeholder, whatever it says', () => {
    const values = new Map([
      ['first', "it's 'second' $1 $&"],
      ['second', 'other'],
    ]);
    const pieces = fill("VALUES (1, 'first', 'second')", values);
    for (const _ of [1, 2])
      expect([...pieces].join('')).to.equal("VALUES (1, 'it''s ''second'' $1 $&', 'other')");
  });

  it('can be read again, which its length needs', () => {
    const text = concatenate(['BEGIN; ', long('SELECT 1; ')]);
    const [first, second] = [[...text].join(''), [...text].join('')];
    expect(first === second && first.startsWith('BEGIN; SELECT 1; ')).to.equal(true);
  });
});
