// A file with both directions, in the forms of tools and of people, taken apart.
import { expect } from 'chai';
import { splitFile } from '../../scripts/files/split.ts';
import { loadParser, type Parser } from '../../scripts/files/statements.ts';

const made = 'CREATE TABLE a (x int);';
const dropped = 'DROP TABLE a;';

/** The text, and what it is to become where that is not just the two statements. */
const files: readonly (readonly [string, { up?: string; down?: string }?])[] = [
  [`-- ==== UP ====\n${made}\n-- ==== DOWN ====\n${dropped}`],
  [`/* Up */\n${made}\n/* Down Migration */\n${dropped}`],
  [`${made}\n-- [roll back]\n${dropped}`],
  [
    `-- +goose Up\n${made}\n-- Rollback: by hand\n-- +goose Down\n-- Up\n${dropped}`,
    { up: `${made}\n-- Rollback: by hand`, down: `-- Up\n${dropped}` },
  ],
  [`${made}\nSELECT '\n-- Down\n';\n-- Down\n${dropped}`, { up: `${made}\nSELECT '\n-- Down\n';` }],
];

describe('A file with both directions', () => {
  let parse: Parser;
  before(async () => {
    parse = await loadParser(16);
  });
  for (const [text, { up = made, down = dropped } = {}] of files)
    it(`is taken apart: ${JSON.stringify(text)}`, () => {
      expect(splitFile(text, parse)).to.deep.equal({ up: `${up}\n`, down: `${down}\n` });
    });

  it('is none where a comment only speaks of one', () => {
    expect(splitFile(`${made}\n-- Up and down are described elsewhere\n${dropped}`, parse)).to.equal(null);
    expect(splitFile(`-- Back up the rows first\n${made}`, parse)).to.equal(null);
  });
});
