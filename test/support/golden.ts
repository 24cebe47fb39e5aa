// Takes a text that the tool has written; holds it against the file that a person has approved. UPDATE_GOLDEN=1 writes the
// file instead, and git shows what has become different.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

/** A path below test/fixtures/golden. */
export const goldenPath = (...parts: string[]) =>
  join(import.meta.dirname, '..', 'fixtures', 'golden', ...parts);

/** The text must be the file's, to the letter. */
export function expectGolden(path: string, text: string): void {
  const wanted = text.endsWith('\n') ? text : `${text}\n`;
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(path, wanted);
  const approved = existsSync(path) ? readFileSync(path, 'utf8') : '';
  expect(wanted, `${path}, which UPDATE_GOLDEN=1 writes anew`).to.equal(approved);
}
