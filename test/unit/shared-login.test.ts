// What is computed once for many logins is what pg computes for each, and pg asks for it.
import { expect } from 'chai';
import fc from 'fast-check';
import scram from 'pg/lib/crypto/utils.js';
import { shareLoginWork } from '../../scripts/connection/shared-login.ts';

// biome-ignore lint/suspicious/noExplicitAny: pg has no types for it
const sasl = async (): Promise<any> => (await import('pg/lib/crypto/sasl.js' as string)).default;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('the logins of many databases', () => {
  const own = { ...scram };
  afterEach(() => void Object.assign(scram, own));

  it('are given the hashes that pg makes by itself', async () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 64 });
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1 }),
        bytes,
        fc.integer({ min: 1, max: 20 }),
        async (...made) => {
          const [password, salt, rounds] = made;
          Object.assign(scram, own);
          const all = async () => [
            hex(await scram.deriveKey(password, salt, rounds)),
            hex(await scram.hmacSha256(salt, password)),
            hex(await scram.sha256(salt)),
          ];
          const before = await all();
          shareLoginWork();
          expect(await all()).to.deep.equal(before);
          expect(await all()).to.deep.equal(before);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('derive a key once for a password, a salt and a number of rounds, and pg takes it', async () => {
    let derived = 0;
    scram.deriveKey = (...args) => {
      derived += 1;
      return own.deriveKey(...args);
    };
    shareLoginWork();
    const { startSession, continueSession } = await sasl();
    const login = async (password: string, salt: string) => {
      const session = startSession(['SCRAM-SHA-256']);
      await continueSession(session, password, `r=${session.clientNonce}x,s=${btoa(salt)},i=4096`);
      return session.response as string;
    };
    await login('secret', 'salt of a');
    await login('secret', 'salt of a');
    expect(derived).to.equal(1);
    await login('secret', 'salt of b');
    await login('other', 'salt of a');
    expect(derived).to.equal(3);
  });
});
