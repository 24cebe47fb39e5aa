// Reading a schema that other sessions change: tried again, and given up in words, never as a bug.
import { expect } from 'chai';
import { MigrateError } from '../../scripts/base/errors.ts';
import { readingAttempts, readUntilStill } from '../../scripts/schema/catalog/moving.ts';

const gone = () => Object.assign(new Error('could not open relation with OID 96039'), { code: 'XX000' });

describe('A reading of the catalogs', () => {
  it('is tried again until nothing moves under it', async () => {
    let reads = 0;
    const read = async () => {
      reads += 1;
      if (reads < 4) throw gone();
      return 'still';
    };
    expect(await readUntilStill(read)).to.equal('still');
    expect(reads).to.equal(4);
  });

  it('ends with words, and no bug, where something moves each time', async () => {
    let reads = 0;
    const read = async () => {
      reads += 1;
      throw gone();
    };
    const error = await readUntilStill(read, 0).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(MigrateError).and.to.include({ code: 'locked' });
    expect((error as Error).message).to.include('could not open relation with OID 96039');
    expect(reads).to.equal(readingAttempts);
  });

  it('is not tried again for any other error', async () => {
    const other = Object.assign(new Error('permission denied'), { code: '42501' });
    let reads = 0;
    const read = async () => {
      reads += 1;
      throw other;
    };
    expect(await readUntilStill(read).catch((reason: unknown) => reason)).to.equal(other);
    expect(reads).to.equal(1);
  });
});
