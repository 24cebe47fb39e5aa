// A word that a person pastes into a shell is read back by one.
import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { visible } from '../../scripts/base/foreign-text.ts';
import { shellWord } from '../../scripts/base/shell-word.ts';

describe('A word for a shell', () => {
  it('is to /bin/sh the very text, and shows nothing of it that would not be seen', () => {
    const hostile = fc.constantFrom(
      "'",
      '"',
      '$(id)',
      '`id`',
      '\\',
      '!',
      '\n',
      '\r',
      '\u001b[31m',
      '\u202e',
      '%s',
      '*',
      '~',
      '#',
      '-',
    );
    const text = fc
      .array(fc.oneof(hostile, fc.string({ unit: 'grapheme' })), { maxLength: 8 })
      .map((parts) => parts.join(''));
    const texts = fc.sample(
      text.filter((t) => !t.includes('\0') && t.isWellFormed() && !t.endsWith('\n')),
      { numRuns: 400, seed: 7 },
    );
    const words = texts.map(shellWord);
    for (const word of words) expect(visible(word)).to.equal(word);
    const script = `printf '%s\\0' ${words.join(' ')}`;
    const read = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }).split('\0');
    expect(read.slice(0, -1)).to.deep.equal(texts);
  });

  it('that no shell keeps, for it ends in a line end, is shown escaped', () => {
    expect(shellWord("a'b\n")).to.equal("'a'\\''b\\n'");
  });
});
