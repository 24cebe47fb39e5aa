// db/SCHEMA.md of schemas that nobody would write: diagrams that Mermaid's own parser reads, and links that lead somewhere.
import { expect } from 'chai';
import fc from 'fast-check';
import { groupSize, groupTables } from '../../scripts/schema/document/groups.ts';
import { markdownDocument } from '../../scripts/schema/document/markdown.ts';
import { lowered, wantedOf } from '../../scripts/schema/document/page/search.ts';
import type { TableEntry } from '../../scripts/schema/document/tables.ts';
import { decoded, diagramsIn, expectValidDiagram } from '../support/mermaid.ts';

const column = (name: string, type = 'bigint') => ({
  ...{ identity: name, name, type, nullable: 'no', comment: '' },
  ...{ identityColumn: undefined, generated: undefined, virtual: false, defaultValue: undefined },
  ...{ primary: false, unique: false, references: [] },
});

const reference = (name: string, target: string) => ({
  ...{ name, columns: [], target, required: true, single: false },
});

function table(identity: string, given: Partial<TableEntry> = {}): TableEntry {
  const [schema = '', name = ''] = identity.split('.');
  return {
    ...{ identity, schema, name, kind: 'table', isView: false, partitionKey: undefined, comment: '' },
    ...{ columns: [column('id')], references: [], checks: [], indexes: [], partitions: [] },
    ...given,
  };
}

/** The identities of the tables whose columns a diagram shows. */
function shownIn(diagram: string): string[] {
  return [...diagram.matchAll(/^ {2}"(.*)" \{$/gm)].map(([, name = '']) => decoded(name));
}

const odd = [
  'pk',
  'fk',
  'uk',
  'PK',
  '1st',
  '%',
  '\\',
  '"',
  '\n',
  '\v\b',
  '```',
  ';',
  '#59;',
  '{',
  '}',
  '<b>',
];
const words = [
  'title',
  'accTitle',
  'direction',
  'class',
  'style',
  'classDef',
  'erDiagram',
  'end',
  'one or more',
];
const text = fc.oneof(
  fc.constantFrom(
    ...odd,
    ...words,
    'style:#1;',
    '%%{init: {}}%%',
    '---',
    'größe',
    'имя',
    '名',
    '😀',
    '_',
    '--',
  ),
  fc.string({ minLength: 1, unit: 'grapheme' }),
  fc.string({ minLength: 1, unit: 'binary' }),
  fc.array(fc.constantFrom(...odd, ...words), { minLength: 1 }).map((parts) => parts.join('')),
);

describe('The diagrams of a schema', () => {
  it('can be read by Mermaid whatever tables, columns, types and keys are called', async () => {
    const entry = fc
      .tuple(text, fc.array(fc.tuple(text, text)), fc.array(fc.tuple(text, text)))
      .map(([name, columns, references]) =>
        table(name, {
          columns: columns.map(([each, type]) => column(each, type)),
          references: references.map(([key, target]) => reference(key, target)),
        }),
      );
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 3 }), async (tables) => {
        const diagrams = diagramsIn(markdownDocument({ tables, types: [] }));
        expect(diagrams).to.have.length(1);
        for (const diagram of diagrams) await expectValidDiagram(diagram);
      }),
      { numRuns: 100 },
    );
  });

  it('stay below the text that Mermaid accepts, with every table in one of them', async () => {
    const wide = (name: string) => {
      const columns = Array.from({ length: 1600 }, (_, i) => column(`${'%'.repeat(50)}${i}`, 'x'.repeat(60)));
      return table(name, { columns, references: columns.map(({ name: key }) => reference(key, name)) });
    };
    const tables = Array.from({ length: 5 }, (_, i) => wide(`app.wide_${i}`));
    const document = markdownDocument({ tables, types: [] });
    const diagrams = diagramsIn(document);
    expect(diagrams.flatMap(shownIn)).to.have.members(tables.map(({ identity }) => identity));
    expect(document)
      .to.match(/"and \d+ more columns"/)
      .and.match(/\d+ more foreign keys had no room/);
    for (const diagram of diagrams) await expectValidDiagram(diagram);
  });

  it('show each of 371 tables once, at most 30 together, connected ones side by side', async () => {
    const near = (i: number) => (i % 40 === 0 ? [] : [reference(`key_${i}`, `app.t${i - (i % 40)}`)]);
    const many = Array.from({ length: 371 }, (_, i) => table(`app.t${i}`, { references: near(i) }));
    const few = Array.from({ length: 5 }, (_, i) => table(`extra.t${i}`));
    const diagrams = diagramsIn(markdownDocument({ tables: [...many, ...few], types: [] }));
    expect(diagrams.flatMap(shownIn)).to.have.members([...many, ...few].map(({ identity }) => identity));
    for (const diagram of diagrams) {
      expect(shownIn(diagram)).to.have.length.at.most(groupSize);
      await expectValidDiagram(diagram);
    }
    const extra = groupTables([...many, ...few]).find(({ title }) => title === 'extra');
    expect(extra?.tables).to.deep.equal(few);
    const hub = diagrams.find((each) => shownIn(each).includes('app.t40')) ?? '';
    expect(shownIn(hub).filter((name) => /^app\.t(4[1-9]|[567]\d)$/.test(name))).to.have.length(
      groupSize - 1,
    );
  });

  it('name beside the word in the diagram what a column is really called', () => {
    const [diagram = ''] = diagramsIn(
      markdownDocument({
        tables: [table('public.a%b', { columns: ['pk', '2nd', 'plain', '_id'].map((name) => column(name)) })],
        types: [],
      }),
    );
    expect(diagram.split('\n')).to.include.members([
      '  "public.a#37;b" {',
      '    bigint pk_ "pk"',
      '    bigint _2nd "2nd"',
      '    bigint plain',
      '    bigint _id',
    ]);
  });
});

describe('The search of the page', () => {
  it('knows a place in any text by its lower case, which may be longer', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (any) => lowered(any).length === any.length));
    expect(lowered('ADI İSİM').indexOf('m')).to.equal(7);
    expect(lowered('İSİM')).to.contain(wantedOf(' İsİ '));
  });
});

describe('The contents of a schema document', () => {
  it('lead to a place of their own for every diagram, table and view', () => {
    fc.assert(
      fc.property(fc.uniqueArray(text), (names) => {
        const tables = names.map((name, i) => table(name, { isView: i % 3 === 0 }));
        const document = markdownDocument({ tables, types: [] });
        const links = [...document.matchAll(/^ {2}- \[.*\]\(#(at-[a-z0-9_-]*)\)$/gm)].map(([, to]) => to);
        const places = [...document.matchAll(/^<a id="([^"]*)"><\/a>$/gm)].map(([, id]) => id);
        expect(links).to.deep.equal(places);
        expect(new Set(links).size).to.equal(links.length);
        const diagrams = tables.some(({ isView }) => !isView) ? 1 : 0;
        expect(links).to.have.length(names.length + diagrams);
      }),
    );
  });
});
