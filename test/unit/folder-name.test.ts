// A folder of Prisma's becomes a version: the order in which Prisma applies folders is that of their names.
import { expect } from 'chai';
import fc from 'fast-check';
import { fromFolderName } from '../../scripts/files/version.ts';

const digits = (min: number, max: number) =>
  fc.array(fc.integer({ min: 0, max: 9 }), { minLength: min, maxLength: max }).map((all) => all.join(''));
/** A prefix of a time, as people and tools write it: 20250625, 202506251200, 20250625120000. */
const dated = fc
  .tuple(fc.constantFrom('2025', '2026'), digits(4, 10))
  .map(([year, rest]) => `${year}${rest}_a`);

describe('the folder of a migration', () => {
  it('is a version of 14 digits, in the order of names wherever two versions differ', () => {
    fc.assert(
      fc.property(dated, dated, (one, other) => {
        const [first, second] = [one, other].sort().map((name) => fromFolderName(name)!.version);
        expect(first).to.match(/^\d{14}$/);
        expect(first! <= second!, `${first} before ${second}`).to.equal(true);
      }),
    );
  });

  for (const [folder, version, name] of [
    ['0_init', '00000000000000', 'init'],
    ['01_init', '00000000000001', 'init'],
    ['000000000000_squashed_migrations', '00000000000099', 'squashed_migrations'],
    ['20250625_add', '20250625999999', 'add'],
    ['20250625120000_add', '20250625120000', 'add'],
    ['20250625120000', '20250625120000', ''],
  ] as const)
    it(`makes ${version} of ${folder}`, () => {
      expect(fromFolderName(folder)).to.deep.equal({ version, name });
    });

  it('makes no version of a name that begins with no number', () => {
    for (const folder of ['init', '_1', '2025-06-25_add', '20250625', ''])
      expect(fromFolderName(folder)).to.equal(null);
  });
});
