// Bytes and texts with every kind of line end → what is refused, and statements that are each cut exactly once.
import { expect } from 'chai';
import fc from 'fast-check';
import { skipBlank } from '../../scripts/base/positions.ts';
import { checksum, checksumOfFile, decode } from '../../scripts/files/decode.ts';
import { loadComparison } from '../../scripts/files/equivalent-sql.ts';
import { separateStatements } from '../../scripts/files/separate.ts';
import { loadParser, type Parser } from '../../scripts/files/statements.ts';

describe('The line ends of a file', () => {
  it('are LF once it is read, in literals and bodies too', () => {
    const { text, faults } = decode(Buffer.from("SELECT 'a\r\nb', $$c\r\n$$;\r\n"));
    expect(text).to.equal("SELECT 'a\nb', $$c\n$$;\n");
    expect(faults).to.deep.equal([]);
  });

  it('may not be a lone CR, which ends a comment for PostgreSQL alone', () => {
    const { faults } = decode(Buffer.from('SELECT 1;\r\n-- adds a column\rDROP TABLE payroll;\n'));
    expect(faults).to.have.length(1);
    expect(faults[0]).to.have.property('line', 2);
    expect(faults[0]?.message).to.include('carriage return');
  });

  it('are no part of the checksum', () =>
    fc.assert(
      fc.property(fc.array(fc.string()), (lines) => {
        const [lf, crlf] = [lines.join('\n'), lines.join('\n').replaceAll(/(?<!\r)\n/g, '\r\n')];
        expect(checksumOfFile(Buffer.from(crlf))).to.equal(checksumOfFile(Buffer.from(lf)));
        expect(checksum(decode(Buffer.from(crlf)).text)).to.equal(checksum(crlf));
      }),
    ));

  it('make no difference to what a text says, inside of literals either', async () => {
    const same = await loadComparison(16);
    expect(same("SELECT 'a\r\nb';", "SELECT 'a\nb'; -- more\n")).to.equal(true);
    expect(same("SELECT 'a\r\nb';", "SELECT 'a b';")).to.equal(false);
  });
});

describe('A text cut into statements', () => {
  let parse: Parser;
  before(async () => {
    parse = await loadParser(16);
  });
  const statements = ['SELECT 1', "SELECT ';'", 'DROP TABLE a', 'SELECT $x$;\r;$x$', 'SELECT "-- ;" FROM t'];
  const blanks = [' ', '\t', '\n', '\r', '\r\n', '\f'];
  const comments = ['-- x\r', '-- ;\n', '--\r\n', '/* ; */', '/* /* \r */ -- */', '-- "\r', "-- '\n"];
  const blank = fc.array(fc.constantFrom(...blanks, ...comments)).map((parts) => parts.join(''));
  const piece = fc.tuple(blank, fc.constantFrom(...statements), blank);

  it('has every statement that the parser counts, each exactly once and on its own the same', () =>
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const text = pieces.map(([before, sql, after]) => `${before}${sql}${after};`).join('');
        const found = separateStatements(parse, text);
        expect(found?.map((statement) => statement.text.slice(0, 8))).to.deep.equal(
          pieces.map(([, sql]) => sql.slice(0, 8)),
        );
      }),
    ));

  it('sees a statement behind a comment that a lone CR ends', () => {
    const text = '-- adds a column\rDROP TABLE payroll;\nSELECT 1;';
    expect(separateStatements(parse, text)?.map((statement) => statement.text)).to.deep.equal([
      'DROP TABLE payroll',
      'SELECT 1',
    ]);
    expect(skipBlank(text, 0)).to.equal(text.indexOf('DROP'));
  });

  it('keeps a name that ends in white space which is none to PostgreSQL', () => {
    const [only] = separateStatements(parse, 'SELECT 1 AS a\u00a0;') ?? [];
    expect(only?.text).to.equal('SELECT 1 AS a\u00a0');
  });

  it('is not cut where the semicolon at the end of a long piece stands in a line comment', () => {
    const filler = (length: number) => `SELECT '${'x'.repeat(length - "SELECT '';\n".length)}';\n`;
    const text = `${filler(256 * 1024 - 5)}CREATE SCHEMA s -- with a table;\n CREATE TABLE inside ();\nSELECT 2;\n`;
    const found = separateStatements(parse, text)?.map(({ kind }) => kind);
    expect(found).to.deep.equal(['SelectStmt', 'CreateSchemaStmt', 'SelectStmt']);
  });
});
