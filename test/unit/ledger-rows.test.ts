// The ledger's tables are tables: what somebody has written into them by hand is data that may make no sense, never a bug.
import { expect } from 'chai';
import { batchExtent } from '../../scripts/ledger/half-done.ts';
import { parseHead, parseObjects, snapshotMethod } from '../../scripts/ledger/snapshot.ts';

const nonsense = [
  '',
  'x',
  'null',
  '5',
  '"\\u001b"',
  '[]',
  '{}',
  '[1]',
  '[["a"]]',
  '[["a", 5]]',
  '{"ignore": 1}',
];

describe('A row of the ledger that somebody has changed by hand', () => {
  it('tells no extent of a batch', () => {
    for (const batch of nonsense) expect(batchExtent({ batch }), batch).to.equal('batch');
    expect(batchExtent({ batch: '{"keys": 41, "estimated": 100}' })).to.equal('batch: 41 %');
  });

  it('is no snapshot to compare with where its options cannot be read', () => {
    const read = (options: string) => parseHead('', JSON.stringify({ method: snapshotMethod(), options }));
    for (const options of nonsense)
      expect(read(options), options).to.deep.include({ options: null, method: null });
    expect(read('{"include": [], "ignore": []}').method).to.equal(snapshotMethod());
  });

  it('is refused where it holds the stored objects', () => {
    for (const objects of nonsense.filter((text) => text !== '[]'))
      expect(() => parseObjects([{ class: 'relation', objects }]), objects)
        .to.throw('changed by hand')
        .with.property('code', 'refused');
    expect(parseObjects([{ class: 'relation', objects: '[["a", "b"]]' }])).to.deep.equal([
      { class: 'relation', identity: 'a', definition: 'b' },
    ]);
  });
});
