// What stands above each exported function: what it is for, and which error it throws. Read from the text, as the formatter
// leaves it: a function begins with `export` and ends with a brace, both at the beginning of a line.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

const root = join(import.meta.dirname, '..', '..', 'scripts');
/** A command is described by its file's first lines; what it may reject with is in report/command.ts. */
const opening =
  /^export (?:async )?function\*? ?(\w+)|^export const (\w+)\b(?!: Command<)[^\n]*(?:=> *[^\n]*|\($)/gm;

interface Exported {
  readonly place: string;
  /** Empty where there is none. */
  readonly docstring: string;
  readonly body: string;
}

function exportedIn(file: string): Exported[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(opening)].map(({ 1: declared, 2: arrow, index }) => {
    const before = text.slice(0, index);
    const docstring = before.endsWith('*/\n') ? before.slice(before.lastIndexOf('/**')) : '';
    const end = /\n\n|\n\}\n/g;
    end.lastIndex = index;
    const found = declared === undefined ? end.exec(text)?.index : text.indexOf('\n}\n', index);
    return { place: `${file}: ${declared ?? arrow}`, docstring, body: text.slice(index, found) };
  });
}

describe('Every exported function', () => {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\w\.ts$/.test(file),
  );
  const all = files.flatMap(exportedIn);

  it('has a docstring', () => {
    expect(all.length).to.be.greaterThan(500);
    expect(all.filter(({ docstring }) => docstring === '').map(({ place }) => place)).to.deep.equal([]);
  });

  it('that throws says which error', () => {
    const throwing = all.filter(({ body }) => /\bthrow\s/.test(body));
    expect(throwing.length).to.be.greaterThan(50);
    const silent = throwing.filter(({ docstring }) => !/@throws \S|[Rr]ejects|[Tt]hrows/.test(docstring));
    expect(silent.map(({ place }) => place)).to.deep.equal([]);
  });
});
