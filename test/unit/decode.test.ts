// Bytes that are no text: what they are is said, whatever is written in them, and nothing else is complained of.
import { expect } from 'chai';
import fc from 'fast-check';
import { decode } from '../../scripts/files/decode.ts';

const encodings: Readonly<Record<string, (text: string) => Buffer>> = {
  'UTF-16 (little-endian)': (text) => Buffer.from(text, 'utf16le'),
  'UTF-16 (big-endian)': (text) => Buffer.from(text, 'utf16le').swap16(),
  'UTF-32 (little-endian)': (text) => Buffer.from(Uint32Array.from(codes(text)).buffer),
  'UTF-32 (big-endian)': (text) => Buffer.from(Uint32Array.from(codes(text)).buffer).swap32(),
};
const codes = (text: string) => [...text].map((character) => character.codePointAt(0) ?? 0);
const faultsOf = (bytes: Buffer) => decode(bytes).faults.map(({ line, message }) => `${line}: ${message}`);

describe('Bytes of a file', () => {
  const sql = fc
    .array(fc.constantFrom('SELECT 1;\n', '-- Größe\n', "INSERT INTO t VALUES ('日本');\n", '\r\n', 'é'))
    .map((parts) => `-- a\n${parts.join('')}SELECT 1;`);

  for (const [name, encode] of Object.entries(encodings))
    it(`are called ${name}, with and without a mark`, () => {
      fc.assert(
        fc.property(sql, fc.boolean(), (text, marked) => {
          const { text: read, faults, isText } = decode(encode(`${marked ? '\ufeff' : ''}${text}`));
          expect(faults).to.have.length(1);
          expect(faults[0]!.message)
            .to.match(/^is .*: save it as UTF-8/)
            .and.include(name);
          expect({ read, isText }).to.deep.equal({ read: '', isText: false });
        }),
        { numRuns: 50 },
      );
    });

  it('are text in UTF-8, with and without a mark, whatever the characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, marked) => {
        fc.pre(!/[\0\r\ufeff]/.test(text) && !text.startsWith('PGDMP'));
        expect(decode(Buffer.from(`${marked ? '\ufeff' : ''}${text}`))).to.deep.equal({
          text: Buffer.from(text).toString(),
          faults: [],
          isText: true,
        });
      }),
      { numRuns: 200 },
    );
  });

  it('are named where they are an archive, compressed, or hold a NUL', () => {
    expect(faultsOf(Buffer.from('PGDMP\x01\x0e\0\x04'))[0]).to.match(/^1: is an archive .*pg_dump --inserts/);
    expect(faultsOf(Buffer.concat([Buffer.alloc(257, 'x\0'), Buffer.from('ustar')]))[0]).to.match(
      /^1: is an archive/,
    );
    for (const head of [
      [0x1f, 0x8b],
      [0x50, 0x4b, 3, 4],
      [0x28, 0xb5, 0x2f, 0xfd],
    ])
      expect(faultsOf(Buffer.from([...head, 0, 1, 2]))[0]).to.match(/^1: is compressed/);
    expect(faultsOf(Buffer.from('SELECT 1;\nSELECT 2;\0'))).to.deep.equal([
      '2: contains a NUL byte, which PostgreSQL cannot store',
    ]);
  });
});
