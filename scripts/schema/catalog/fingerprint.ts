// Takes the hashes of a canonical snapshot; gives one short text for the whole schema, equal on every server of the
// same major version. It must not know where the hashes come from.

import { createHash } from 'node:crypto';
import { type ClassHashes, objectClasses } from '../types.ts';

/** The first 16 hex digits of the sha256 over the class hashes; the order of columns does not count. */
export function fingerprint(classes: ClassHashes): string {
  const counted = objectClasses.filter((name) => name !== 'column-order');
  const text = counted.map((name) => `${name}:${classes[name]}\n`).join('');
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
