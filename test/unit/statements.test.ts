// SQL text → statements with positions, by PostgreSQL's own parser.
import { expect } from 'chai';
import { codePointsToUnits, positionAt, skipBlank } from '../../scripts/base/positions.ts';
import { loadParser, type Parser } from '../../scripts/files/statements.ts';

describe('The statements of a file', () => {
  let parse: Parser;
  before(async () => {
    parse = await loadParser(16);
  });
  const statements = (text: string) => {
    const result = parse(text);
    if (result.ok !== true) throw new Error('does not parse');
    return result.statements;
  };
  const problem = (text: string) => {
    const result = parse(text);
    if (result.ok !== false) throw new Error('parses');
    return { ...positionAt(text, result.problem.offset), message: result.problem.message };
  };

  it('are found with number, kind, text and position, without the comments before them', () => {
    const found = statements('-- one\nCREATE TABLE a (x int);\n\n/* two */ SELECT 1 ; ');
    expect(
      found.map(({ index, kind, text, line, column }) => ({ index, kind, text, line, column })),
    ).to.deep.equal([
      { index: 1, kind: 'CreateStmt', text: 'CREATE TABLE a (x int)', line: 2, column: 1 },
      { index: 2, kind: 'SelectStmt', text: 'SELECT 1', line: 4, column: 11 },
    ]);
  });

  it('are not split at semicolons in strings, dollar quotes, identifiers and comments', () => {
    const text = `SELECT 'a;b', $tag$ c; $$ d; $tag$, "e;f" FROM (VALUES (1)) AS t("e;f") /* g; /* h; */ i; */ -- j;
      ; SELECT E'\\';';`;
    expect(statements(text)).to.have.length(2);
  });

  it('may be the inside of a function written in SQL', () => {
    const text = 'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT f();';
    expect(statements(text).map(({ kind }) => kind)).to.deep.equal(['CreateFunctionStmt', 'SelectStmt']);
  });

  it('have columns that count characters, not bytes and not UTF-16 units', () => {
    const [, second] = statements("SELECT '🐘é漢'; SELECT 2;");
    expect(second).to.include({ line: 1, column: 15, text: 'SELECT 2' });
  });

  it('have the right lines behind CRLF, a lone empty statement and no last semicolon', () => {
    const found = statements('SELECT 1;\r\n;;\r\n\tSELECT 2');
    expect(found.map(({ line, column }) => [line, column])).to.deep.equal([
      [1, 1],
      [3, 2],
    ]);
  });

  it('stay right far into a file that is parsed in pieces', () => {
    const line = `INSERT INTO t VALUES ('é 🐘 ; ${'x'.repeat(200)}');\n`;
    const count = 6000;
    const found = statements(`${line.repeat(count)}SELECT 1;`);
    expect(found).to.have.length(count + 1);
    expect(found.at(-1)).to.include({ index: count + 1, line: count + 1, column: 1, text: 'SELECT 1' });
  });

  it('are none in a file of comments', () => expect(statements('-- nothing\n/* here */')).to.deep.equal([]));

  it('may be too deep to parse, which is told and breaks nothing', () => {
    const deep = `SELECT ${Array.from({ length: 20_000 }, () => "'a'").join('||')};`;
    expect(parse(deep).ok).to.be.oneOf([true, 'opaque']);
    expect(statements('SELECT 1')).to.have.length(1);
  });

  it('that are wrong are reported in the words of the server, at the character where it stopped', () => {
    expect(problem('SELECT 1;\n\tCREATE TABEL t ();')).to.deep.equal({
      line: 2,
      column: 9,
      message: 'syntax error at or near "TABEL"',
    });
    expect(problem("SELECT '🐘🐘', FROM t;")).to.include({ line: 1, column: 14 });
    expect(problem('SELECT (1')).to.deep.include({ message: 'syntax error at end of input' });
  });
});

describe('Positions', () => {
  it('are line and column of a place, both from 1', () => {
    expect(positionAt('a\nb🐘c', 0)).to.deep.equal({ line: 1, column: 1 });
    expect(positionAt('a\nb🐘c', 5)).to.deep.equal({ line: 2, column: 3 });
  });

  it('given in characters are turned into places of the text', () => {
    expect(codePointsToUnits('🐘🐘x', 2)).to.equal(4);
    expect(codePointsToUnits('abc', 99)).to.equal(3);
  });

  it('skip blanks and nested comments', () => {
    expect(skipBlank('  -- a\n/* b /* c */ */\n\tSELECT', 0)).to.equal(24);
    expect(skipBlank('/* open', 0)).to.equal(7);
  });
});
