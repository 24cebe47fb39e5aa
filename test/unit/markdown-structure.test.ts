// db/SCHEMA.md of names, types, comments and expressions that are Markdown or HTML: a reader of Markdown finds our headings,
// tables, code and anchors, and theirs as text alone.
import { expect } from 'chai';
import fc from 'fast-check';
import { lexer, type Token } from 'marked';
import { markdownDocument } from '../../scripts/schema/document/markdown.ts';
import type { TableEntry } from '../../scripts/schema/document/tables.ts';

const parts = [
  ...[
    '|',
    '\\|',
    '`',
    '``',
    '```',
    '<b>',
    '</td>',
    '<!--',
    '-->',
    '<script>',
    '<br>',
    '<a id="x">',
    '<https://x>',
  ],
  ...[
    '[x](http://a)',
    '![i](x)',
    '[^1]',
    '![',
    '](',
    '][',
    '[x]: http://a',
    'http://a.b',
    'www.a.b',
    '@me',
    'x@y.z',
  ],
  ...[
    '\n',
    '\n\n',
    '\r',
    '\t',
    ' ',
    '    code',
    '\u202e',
    '\u2028',
    '# h',
    '#',
    '- x',
    '+ x',
    '1. x',
    '1) x',
    '> q',
  ],
  ...['***', '---', '===', '~~s~~', '__b__', '_i_', '*i*', '$x$', '&amp;', '&#60;', '\\', '\\\\', '{', '}'],
  ...['| a | b |', '```mermaid', 'erDiagram', ':bug:', 'a', '1'],
];
const text = fc.oneof(
  fc.constantFrom(...parts),
  fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 6 }).map((found) => found.join('')),
  fc.string({ minLength: 1, unit: 'binary' }),
);

const table = fc.tuple(text, text, text, text).map(
  ([name, type, comment, rest]): TableEntry => ({
    ...{
      identity: name,
      schema: 's',
      name,
      kind: 'partitioned table',
      isView: false,
      partitionKey: rest,
      comment,
    },
    columns: [
      {
        ...{ identity: name, name, type, nullable: 'no', comment, defaultValue: rest, references: [type] },
        ...{ identityColumn: undefined, generated: undefined, virtual: false, primary: true, unique: false },
      },
    ],
    references: [],
    checks: [{ name, text: rest }],
    indexes: [{ name: type, text: rest }],
    partitions: [{ name: type, text: rest }],
  }),
);

/** All tokens, those inside of others too. */
function flat(tokens: readonly Token[]): Token[] {
  return tokens.flatMap((token) => {
    const { items = [], header = [], rows = [] } = token as Partial<Record<string, { tokens: Token[] }[]>>;
    const cells = [...header, ...(rows as unknown as { tokens: Token[] }[][]).flat(), ...items];
    return [
      token,
      ...flat((token as { tokens?: Token[] }).tokens ?? []),
      ...flat(cells.flatMap((c) => c.tokens)),
    ];
  });
}

const ours = /^(<a id="at-[a-z0-9_-]*">(<\/a>)?|<\/a>|<br>)\s*$/;

describe('The structure of a schema document', () => {
  it('is ours, whatever names, types, comments and expressions hold', () => {
    const property = fc.property(fc.array(table, { minLength: 1, maxLength: 2 }), text, (tables, other) => {
      const types = [{ identity: other, kind: 'enum', definition: other, comment: other }];
      const found = flat(lexer(markdownDocument({ tables, types })));
      const of = (type: string) => found.filter((token) => token.type === type);
      const foreign = ['image', 'em', 'strong', 'del', 'blockquote', 'hr', 'def'].flatMap(of);
      expect(foreign.map(({ raw }) => raw)).to.deep.equal([]);
      expect(of('html').filter(({ raw }) => !ours.test(raw))).to.deep.equal([]);
      expect(of('link').filter((link) => !(link as { href: string }).href.startsWith('#'))).to.deep.equal([]);
      expect(of('list').filter((list) => (list as { ordered: boolean }).ordered)).to.deep.equal([]);
      // The title, Contents, Diagrams with one, Tables with each, Types.
      expect(of('heading')).to.have.length(6 + tables.length);
      expect(of('code')).to.have.length(1);
      const rows = of('table').flatMap((each) => (each as unknown as { rows: { tokens: Token[] }[][] }).rows);
      expect(rows).to.have.length(tables.length);
      for (const cells of rows) {
        expect(cells).to.have.length(6);
        for (const { tokens } of cells.slice(0, 2))
          expect(tokens.map(({ type }) => type)).to.deep.equal(['codespan']);
      }
    });
    fc.assert(property, { numRuns: Number(process.env.DOCUMENT_RUNS ?? 200) });
  });
});
