// Pieces of SQL in an order in which they can run.
import { expect } from 'chai';
import { orderPieces, type Piece } from '../../scripts/schema/render/order.ts';

const piece = (key: string, rank = 0, inlined: string[] = []): Piece => ({ key, rank, sql: key, inlined });
const keys = (pieces: readonly Piece[]) => pieces.map(({ key }) => key);

describe('the order of pieces', () => {
  it('goes by rank, then by name, where nothing else is needed', () => {
    const { ordered } = orderPieces([piece('b', 1), piece('c'), piece('a', 1)], []);
    expect(keys(ordered)).to.deep.equal(['c', 'a', 'b']);
  });

  it('puts first what others need, also what is written inside another piece', () => {
    const { ordered, stuck } = orderPieces(
      [piece('a'), piece('b', 5, ['check']), piece('c')],
      [
        { from: 'a', to: 'check' },
        { from: 'b', to: 'c' },
        { from: 'a', to: 'unknown' },
        { from: 'check', to: 'b' },
      ],
    );
    expect(keys(ordered)).to.deep.equal(['c', 'b', 'a']);
    expect(stuck).to.deep.equal([]);
  });

  it('names what waits for each other', () => {
    const { ordered, stuck } = orderPieces(
      [piece('a'), piece('b'), piece('c')],
      [
        { from: 'a', to: 'b' },
        { from: 'b', to: 'a' },
      ],
    );
    expect(keys(ordered)).to.deep.equal(['c']);
    expect(stuck).to.deep.equal(['a', 'b']);
  });
});
