// The lines of a file around an error: few, narrow, with a caret under the place and no secret in them.
import { expect } from 'chai';
import { describeSqlError, excerpt } from '../../scripts/files/sql-error.ts';
import { loadParser } from '../../scripts/files/statements.ts';

const at = (text: string, mark: string) => excerpt(text, text.indexOf(mark));

describe('An excerpt', () => {
  it('shows the line, two before it, and a caret under the place', () => {
    expect(at('one\ntwo\nthree\nfour bad five\nsix', 'bad')).to.equal(
      ['2 | two', '3 | three', '4 | four bad five', '  |      ^'].join('\n'),
    );
  });

  it('keeps the caret in its place behind tabs and wide characters', () => {
    expect(at('\tSELECT bad', 'bad').split('\n').at(-1)).to.equal('  | \t       ^');
    expect(at("SELECT '🐘', bad", 'bad').split('\n').at(-1)).to.equal(`  | ${' '.repeat(13)}^`);
  });

  it('shows no carriage return', () => expect(at('one\r\ntwo bad\r\n', 'bad')).not.to.include('\r'));

  it('aligns line numbers of different width', () => {
    const text = `${'x\n'.repeat(9)}bad`;
    expect(at(text, 'bad').split('\n').slice(0, 3)).to.deep.equal([' 8 | x', ' 9 | x', '10 | bad']);
  });

  it('is cut around the place in a line of megabytes', () => {
    const text = `SELECT '${'a'.repeat(3_000_000)}', bad, '${'b'.repeat(3_000_000)}'`;
    const shown = at(text, 'bad');
    expect(shown.length).to.be.below(600);
    const [line = '', caret = ''] = shown.split('\n');
    expect(line.slice(caret.indexOf('^'))).to.match(/^bad/);
  });

  it('is small for a place at the end of a file of many megabytes', () => {
    expect(at(`${'SELECT 1;\n'.repeat(1_000_000)}bad`, 'bad').length).to.be.below(200);
  });

  it('masks a password, also where the error stands in the middle of its statement', async () => {
    const text = "SELECT 1;\nCREATE ROLE app\n  PASSWORD 's3cr3t'\n  VALID UNTIL 'bad';";
    const statements = (await loadParser(16))(text);
    const { options } = describeSqlError(
      Object.assign(new Error('invalid input syntax'), { position: String(text.indexOf("'bad'") + 1) }),
      {
        path: 'f.up.sql',
        text,
        statements: statements.ok === true ? statements.statements : null,
        prefixLength: 0,
      },
      1,
    );
    expect(options.excerpt).to.include('VALID UNTIL').and.not.include('s3cr3t');
  });
});

describe('An error of PostgreSQL', () => {
  it('of megabytes is cut, and says by how much', () => {
    const { message } = describeSqlError(
      new Error('x'.repeat(5_000_000)),
      { path: 'f.up.sql', text: 'SELECT 1', statements: null, prefixLength: 0 },
      0,
    );
    expect(message.length).to.be.below(1200);
    expect(message).to.match(/more characters\)$/);
  });

  it('has its position counted in characters from behind what we sent before the file', () => {
    const text = "SELECT '🐘';\r\n\tSELECT bad";
    const { options } = describeSqlError(
      Object.assign(new Error('column "bad" does not exist'), {
        position: String(10 + [...text.slice(0, text.indexOf('bad'))].length + 1),
      }),
      { path: 'f.up.sql', text, statements: null, prefixLength: 10 },
      0,
    );
    expect(options.location).to.deep.equal({ file: 'f.up.sql', line: 2, column: 9 });
  });
});
