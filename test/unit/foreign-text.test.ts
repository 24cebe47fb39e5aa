// Names and messages of others, in every place that shows them: what they hold stays text.
import { expect } from 'chai';
import fc from 'fast-check';
import {
  markdownCell,
  markdownCode,
  markdownFence,
  markdownText,
  sqlComment,
  visible,
  visibleLines,
} from '../../scripts/base/foreign-text.ts';
import { loadParser, type Parser } from '../../scripts/files/statements.ts';
import { quoteIdentifier } from '../../scripts/lint/statement/names.ts';
import { annotation, defuse } from '../../scripts/report/github.ts';
import { colourStyle, painted, plain } from '../../scripts/report/human.ts';

const nasty = [
  ...['harmless\rDROP TABLE public.payroll;--', "x\nCOPY (SELECT 1) TO PROGRAM 'id'", '*/ DROP TABLE a; /*'],
  ...[
    '\u001b[2J\u001b]0;title\u0007',
    '\u202eecilop',
    'a\u2028b',
    'a\u0085b',
    '\u009b31m',
    '\ud800',
    '\u0000',
  ],
  ...[
    '| a | b |',
    '\n# heading',
    '```\nend',
    '`',
    '<script>',
    '::error::x',
    '\r::set-output name=a::b',
    '##[error]',
  ],
  ...[
    '\u{e0041}',
    '\u200b',
    '\ufeff',
    '@team',
    '[a](b)',
    '![a](https://x)',
    "$$'",
    '"',
    '\\',
    '\t',
    '\uE0001\uE001',
  ],
];
const part = fc.oneof(fc.constantFrom(...nasty), fc.string({ unit: 'binary' }), fc.string());
const text = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(''));
const hidden = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const hiddenInLines = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe('The name of something in a database that others filled', () => {
  let parse: Parser;
  before(async () => {
    parse = await loadParser(16);
  });
  const kinds = (sql: string) => {
    const parsed = parse(sql);
    return parsed.ok === true ? parsed.statements.map(({ kind }) => kind) : ['does not parse'];
  };

  it('stays one line without a control, on a terminal and in a table', () =>
    fc.assert(
      fc.property(text, (name) => {
        expect(visible(name)).not.to.match(hidden);
        expect(visibleLines(name)).not.to.match(hiddenInLines);
        expect(visible(visible(name))).to.equal(visible(name));
      }),
    ));

  it('in an SQL comment never is a statement, as PostgreSQL’s own parser sees it', () =>
    fc.assert(
      fc.property(text, (name) => {
        expect(kinds(sqlComment(name))).to.deep.equal([]);
        expect(kinds(`SELECT 1;\n${sqlComment(name)}\nSELECT 2;`)).to.deep.equal([
          'SelectStmt',
          'SelectStmt',
        ]);
      }),
    ));

  it('in advice is one identifier on one line, and means the same name', () =>
    fc.assert(
      fc.property(text, (name) => {
        const bytes = Buffer.from(name);
        if (name === '' || name.includes('\0') || bytes.length > 63 || bytes.toString() !== name) return;
        const quoted = quoteIdentifier(name);
        expect(quoted).not.to.match(hidden);
        const parsed = parse(`DROP TABLE ${quoted}`);
        if (parsed.ok !== true) throw new Error(`does not parse: ${quoted}`);
        expect(JSON.stringify(parsed.statements[0]?.node)).to.include(`{"sval":${JSON.stringify(name)}}`);
      }),
    ));

  it('in a Markdown table stays one cell of one row', () =>
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: fc.constantFrom('\\', '|', '`', 'a') })), (name) => {
        for (const cell of [markdownCell(name), markdownCode(name), markdownText(name)]) {
          expect(cell).not.to.match(/[\n\r]/);
          expect(cell.replaceAll('\\\\', '').replaceAll('\\|', '')).not.to.include('|');
          expect(cell).not.to.match(hidden);
        }
        expect(markdownText(name).replaceAll('\\\\', '')).not.to.match(/(?<!\\)[*[\]`]|<(?!br>)|@|:\/\//);
      }),
    ));

  it('in a fence cannot close it', () =>
    fc.assert(
      fc.property(text, (content) => {
        const [first = '', ...rest] = markdownFence(content, 'sql').split('\n');
        const fence = first.replace('sql', '');
        expect(rest.at(-1)).to.equal(fence);
        expect(rest.slice(0, -1).filter((line) => line.trim().startsWith(fence))).to.deep.equal([]);
      }),
    ));

  it('is no command to the runner of GitHub Actions', () =>
    fc.assert(
      fc.property(text, (message) => {
        const lines = defuse(message).split(/[\r\n]/);
        expect(lines.filter((line) => /^\s*::|##\[/.test(line))).to.deep.equal([]);
        expect(annotation('error', { file: message, title: message }, message)).not.to.match(/[\r\n]/);
        expect(annotation('error', { file: message }, '').replace(/^::error file=/, '')).to.match(
          /^[^:,]*::$/,
        );
      }),
    ));

  it('is no colour: only ours become escape sequences', () =>
    fc.assert(
      fc.property(text, (name) => {
        const shown = painted(visibleLines(colourStyle.red(name)));
        expect(shown.startsWith('\u001b[31m') && shown.endsWith('\u001b[39m')).to.equal(true);
        expect(shown.slice(5, -5)).not.to.match(hiddenInLines);
        expect(plain(colourStyle.bold(name))).to.equal(name);
      }),
    ));
});
