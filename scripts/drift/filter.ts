// Takes objects and differences of two snapshots that were not taken under the same options; leaves out what only the
// options make differ. Pure.
import { wildcard } from '../base/wildcard.ts';
import type { Difference } from '../schema/change/diff.ts';
import { parseDefinition } from '../schema/definition.ts';
import type { SchemaObject, SchemaOptions } from '../schema/types.ts';

/** False for differences that the options of now leave out; `live` was read under them. */
export function stillCompared(
  live: readonly SchemaObject[],
  options: SchemaOptions,
): (difference: Difference) => boolean {
  const seen = new Set(live.map((object) => `${object.class}\0${object.identity}`));
  return (difference) => {
    if (difference.kind === 'owner' && !options.include.includes('owners')) return false;
    if (difference.kind === 'grant' && !options.include.includes('grants')) return false;
    if (difference.change !== 'removed') return seen.has(`${difference.kind}\0${difference.identity}`);
    // What is gone was matched by nobody: the pattern is applied to its name, and to that of its table.
    const table = parseDefinition(difference.expected ?? '').get('table');
    return !options.ignore.some(({ class: name, name: pattern }) => {
      const matches = wildcard(pattern, '*');
      const own = (name === '*' || name === difference.kind) && matches(difference.identity);
      const ofTable = (name === '*' || name === 'relation') && table !== undefined && matches(table);
      return own || ofTable;
    });
  };
}
