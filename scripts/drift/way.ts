// Takes a schema as it should be and as it is; gives the SQL between the two, both ways, and what may have been renamed
// on the way. The likeness of what went and what came is tried on a scratch database; the target is only read.
import type { Config } from '../config/config.ts';
import { readObjects, withCanonicalSession } from '../schema/catalog/snapshot.ts';
import { differenceKey, diffObjects } from '../schema/change/diff.ts';
import { findLikeness } from '../schema/change/likeness.ts';
import type { Decide, Likeness, Renamed } from '../schema/change/likeness-pairs.ts';
import { isRight } from '../schema/change/rights.ts';
import { type Transition, transition } from '../schema/change/transition.ts';
import { buildModel } from '../schema/render/model.ts';
import { renderSchema } from '../schema/render/render.ts';
import type { Query, SchemaObject, SchemaOptions } from '../schema/types.ts';
import { portable } from './options.ts';
import { isDecided, isNamed } from './renames.ts';
import { withBuilt } from './scratch.ts';

export interface Way {
  readonly up: Transition;
  readonly down: Transition;
}

export interface Ways {
  /** Everything that went is dropped, everything that came is made. */
  readonly direct: Way;
  /** What is alike is renamed; null where nothing is, or no scratch database could tell. */
  readonly renamed: Way | null;
  /** What only a person can tell, and did not: rows or positions hang on it. Empty where `renamed`, or else `direct`, is the way. */
  readonly doubtful: readonly Likeness[];
  /** All that may have been renamed, decided or not. */
  readonly found: readonly Likeness[];
}

export interface Sides {
  readonly stored: readonly SchemaObject[];
  readonly live: readonly SchemaObject[];
  /** The role that is logged in, quoted where SQL needs it. */
  readonly reader?: string;
  /** What a person says was renamed. */
  readonly renames?: readonly Renamed[];
}

/** A copy of the live schema that statements may change. */
export interface Copy {
  readonly run: Query;
  readonly read: () => Promise<SchemaObject[]>;
}

/** @param query reads the live schema */
export async function findWays(
  config: Config,
  query: Query,
  options: SchemaOptions,
  sides: Sides,
): Promise<Ways> {
  const alike = likenessOf(sides, sides.live);
  if (alike.length === 0) return onlyDirect(sides);
  const compared = portable(options);
  const { sql } = await renderSchema(query, compared);
  const onScratch = (scratch: Query) =>
    waysOn(
      { run: scratch, read: () => withCanonicalSession(scratch, () => readObjects(scratch, compared)) },
      sides,
    );
  return withBuilt(config, sql, onScratch, { extent: 'possible' }).catch(() => ({
    ...onlyDirect(sides),
    ...{ doubtful: alike, found: alike },
  }));
}

const directWay = ({ stored, live, reader }: Sides): Way => ({
  up: transition(stored, live, false, reader),
  down: transition(live, stored, true, reader),
});

const onlyDirect = (sides: Sides): Ways => ({
  direct: directWay(sides),
  renamed: null,
  doubtful: [],
  found: [],
});

/** The same where the copy is there; rejects with pg's error where it cannot be renamed or read. */
export async function waysOn(copy: Copy, sides: Sides): Promise<Ways> {
  if (likenessOf(sides, sides.live).length === 0) return onlyDirect(sides);
  const { objects, renamings, left } = await withoutRenamings(copy, sides);
  const direct = directWay(sides);
  const forth = renamings.toReversed().flatMap(({ rename }) => rename);
  const back = renamings.flatMap(({ renameBack }) => renameBack);
  const { up, down } = directWay({ ...sides, live: objects });
  return {
    direct,
    renamed: {
      up: { ...up, statements: [...up.statements, ...forth] },
      down: { ...down, statements: [...back, ...down.statements] },
    },
    doubtful: [
      ...renamings.filter((each) => each.holdsRows && !isDecided(each, sides.renames ?? [])),
      ...left,
    ],
    found: [...renamings, ...left],
  };
}

function likenessOf({ stored, renames = [] }: Sides, now: readonly SchemaObject[]): Likeness[] {
  const differences = diffObjects(stored, now).filter(({ severity }) => severity === 'drift');
  const decide: Decide = ({ identity: gone }, { identity: came }) => {
    const spoken = renames.filter((each) => isNamed(gone, each.gone) || isNamed(came, each.came));
    if (spoken.length === 0) return undefined;
    return spoken.some((each) => isNamed(gone, each.gone) && isNamed(came, each.came)) ? 'one' : 'two';
  };
  return findLikeness(differences, buildModel(stored), buildModel(now), decide);
}

interface Unrenamed {
  /** The live schema with the old names. */
  readonly objects: readonly SchemaObject[];
  /** In the order in which they were taken back. */
  readonly renamings: readonly Likeness[];
  /** What is alike and cannot be renamed. */
  readonly left: readonly Likeness[];
}

const keyOf = ({ class: name, identity }: SchemaObject) => `${name} ${identity}`;

/** Takes back one renaming after the other on the copy, until nothing that went is like what came. */
async function withoutRenamings(copy: Copy, sides: Sides): Promise<Unrenamed> {
  const { live } = sides;
  // What could not be carried over is as it is in the live schema.
  const lost = diffObjects(live, await copy.read()).map(differenceKey);
  const kept = live.filter((object) => isRight(object) || lost.includes(keyOf(object)));
  const isCarried = (object: SchemaObject) => !isRight(object) && !lost.includes(keyOf(object));
  const now = async () => [...kept, ...(await copy.read()).filter(isCarried)];
  const renamings: Likeness[] = [];
  for (;;) {
    const objects = await now();
    const alike = likenessOf(sides, objects);
    // One that was taken back and is there again explains nothing.
    const next = alike.filter(
      ({ renameBack, gone, came }) =>
        renameBack.length > 0 && !renamings.some((each) => each.gone === gone && each.came === came),
    );
    if (next.length === 0) return { objects, renamings, left: alike };
    for (const likeness of next) {
      await copy.run(likeness.renameBack.join('\n'));
      renamings.push(likeness);
    }
  }
}
