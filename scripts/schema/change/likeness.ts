// Takes how two schemas differ; gives what may have been renamed or moved instead of dropped and made anew, with the SQL
// that renames it. Pure. Whether a renaming explains the difference is for a scratch database to say.
import type { Model } from '../render/model.ts';
import type { Difference } from './diff.ts';
import { exchanged, relations, routines, schemas, sequences, types } from './likeness-objects.ts';
import type { Compared, Decide, Likeness } from './likeness-pairs.ts';
import { columns, constraints, indexes, moved, swapped, values } from './likeness-parts.ts';

/** Those that must be settled before the others can be seen: a renamed schema moves all that is in it. */
const stages: readonly ((compared: Compared) => Likeness[])[] = [
  schemas,
  relations,
  exchanged,
  types,
  columns,
  swapped,
  sequences,
  routines,
  constraints,
  indexes,
  values,
];

/**
 * The first kind of likeness that is there, empty where nothing that went is like something that came.
 * @param differences between the two, as of `diffObjects`
 * @param decide what a person has said of two objects
 */
export function findLikeness(
  differences: readonly Difference[],
  from: Model,
  to: Model,
  decide: Decide,
): Likeness[] {
  const pick = (change: Difference['change'], model: Model) =>
    differences
      .filter((difference) => difference.change === change)
      .flatMap(({ kind, identity }) => model.find(kind, identity) ?? []);
  const compared = { from, to, gone: pick('removed', from), came: pick('added', to), differences, decide };
  for (const stage of stages) {
    const found = stage(compared);
    if (found.length > 0) return found;
  }
  return moved(compared);
}
