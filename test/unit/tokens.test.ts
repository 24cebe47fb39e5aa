// The tokenizer of rewrites against PostgreSQL's own parser: tokens that are taken apart and put together again with
// other white space between them mean the same, so no string, name, comment or dollar quote was cut.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { loadParser, type Parser } from '../../scripts/files/statements.ts';
import { type Token, tokenize } from '../../scripts/lint/statement/tokens.ts';
import { productRoot } from '../support/cli.ts';

/** Strings, names and numbers with all that could end one too early. */
const piece = fc.oneof(
  fc.constantFrom('a', 'b2', 'Ä', 'x$y', '"a""b"', '"--"', '"/*"', 'U&"\\0041"', 'n\u00a0b', '表'),
  fc
    .array(fc.constantFrom("''", '--', '/*', '*/', '$$', '"', ';', '\n', 'é', '\\', '$1', ')'), {
      maxLength: 5,
    })
    .map((parts) => `'${parts.join('')}'`),
  fc
    .array(fc.constantFrom("''", "\\'", '\\\\', '\\n', '--', '/*', '$$', '"', '\u00a0'), { maxLength: 5 })
    .map((parts) => `E'${parts.join('')}'`),
  fc
    .array(fc.constantFrom("'", '"', '--', '/*', '*/', '$', '$b$', '\n', ';', "E'\\'"), { maxLength: 5 })
    .map((parts) => `$t$${parts.join('')}$t$`),
  fc.constantFrom(
    "$$'$$",
    '1',
    '1.5',
    '1e5',
    '$1',
    "B'01'",
    "X'1f'",
    "N'x'",
    "E'a\\''\n 'b\\'c'",
    "'a'\n 'b'",
  ),
);

const blank = fc
  .array(
    fc.constantFrom(
      ' ',
      '\n',
      '\t',
      '-- it\'s "$$ /*\n',
      '--x\r',
      '/* \' " $$ -- */',
      '/* a /* b */ c */',
      '/***/',
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map((parts) => ` ${parts.join('')}`);

/** The parser looks one word further behind these, and the library's own would meet the comment there. */
const lookingAhead = new Set(['not', 'nulls', 'with', 'without', 'format']);

const symbols = /[-+*/<>=~!@#%^&|`?:.]/;

/** The tokens with other blanks between them, but for symbols that may make one operator. */
function respaced(sql: string, tokens: readonly Token[], gap: string): string {
  return tokens
    .map((token, i) => {
      const next = tokens[i + 1];
      const raw = sql.slice(token.start, token.end);
      const isOne =
        next === undefined ||
        (next.start === token.end && (symbols.test(raw) || symbols.test(sql.charAt(next.start))));
      if (isOne) return raw;
      return `${raw}${lookingAhead.has(token.text) ? ' ' : gap}`;
    })
    .join('');
}

function treeOf(parse: Parser, sql: string): unknown {
  const parsed = parse(sql);
  if (parsed.ok !== true) return null;
  const json = JSON.stringify(
    parsed.statements.map(({ node }) => node),
    (key, value) =>
      key === 'location' || key.endsWith('_location') || key === 'stmt_len' ? undefined : value,
  );
  return json;
}

function fixtures(folder: string): string[] {
  return readdirSync(join(productRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.sql'))
    .map((name) => readFileSync(join(productRoot, folder, name), 'utf8'));
}

describe('The tokens of a statement', () => {
  let parse: Parser;
  before(async () => {
    parse = await loadParser(16);
  });

  it('are the pieces that it was written from, whatever stands in those and between them', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(blank, piece), { minLength: 1, maxLength: 8 }), (parts) => {
        const sql = `SELECT ${parts.map(([gap, one], i) => `${i === 0 ? '' : ','}${gap}${one}`).join('')}`;
        const tree = treeOf(parse, sql);
        expect(tree, sql).to.be.a('string');
        const tokens = tokenize(sql);
        expect(treeOf(parse, respaced(sql, tokens, ' ')), sql).to.equal(tree);
        const commas = tokens.filter(({ text, depth }) => text === ',' && depth === 0);
        expect(commas, sql).to.have.length(parts.length - 1);
        for (const [, one] of parts)
          if (!/\n/.test(one) && !one.includes('.')) {
            const found = tokens.some(({ start, end }) => sql.slice(start, end) === one);
            expect(found, `${one} in ${sql}`).to.equal(true);
          }
      }),
      { numRuns: 300 },
    );
  });

  it('take time in proportion to the text, whatever follows a string', () => {
    const sql = `SELECT 'a' ${'-- x '.repeat(20_000)}\n${'-- y\n'.repeat(20_000)} , 1`;
    const from = performance.now();
    expect(tokenize(sql)).to.have.length(4);
    expect(performance.now() - from).to.be.below(1000);
  });

  it('cover all of it but white space and comments, in order, in every fixture', () => {
    let checked = 0;
    for (const text of fixtures('test/fixtures')) {
      const parsed = parse(text);
      if (parsed.ok !== true) continue;
      for (const { text: sql } of parsed.statements) {
        const tokens = tokenize(sql);
        const tree = treeOf(parse, sql);
        for (const gap of [' ', "\n-- it's\n", ' /* " $$ \' */ '])
          expect(treeOf(parse, respaced(sql, tokens, gap)), sql).to.equal(tree);
        tokens.forEach(({ start, end }, i) => {
          expect(start).to.be.at.least(tokens[i - 1]?.end ?? 0);
          expect(end).to.be.above(start);
        });
        checked += 1;
      }
    }
    expect(checked).to.be.above(200);
  });
});
