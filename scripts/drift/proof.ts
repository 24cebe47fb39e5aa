// Takes a live schema, what it should be, and the SQL between the two; runs that SQL both ways on a scratch database with
// rows of its own and gives whether it did what it should and lost none. The target is only read.

import { isInterruption, MigrateError } from '../base/errors.ts';
import type { Migration } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { readObjects, withCanonicalSession } from '../schema/catalog/snapshot.ts';
import { type Difference, describeDifference, differenceKey, diffObjects } from '../schema/change/diff.ts';
import { isRight } from '../schema/change/rights.ts';
import { buildModel } from '../schema/render/model.ts';
import { renderSchema } from '../schema/render/render.ts';
import { needsSuperuser } from '../schema/render/superuser.ts';
import type { Query, SchemaObject, SchemaOptions } from '../schema/types.ts';
import { runsOneByOne } from '../scratch/citus-stand-ins.ts';
import { withoutForcedPolicies } from '../scratch/unforced.ts';
import { isTrusted } from '../scratch/worker.ts';
import { portable } from './options.ts';
import { demandsOf, untried, withFormerConstraints, withFormerValues } from './proof-rows.ts';
import { lostBetween, readContents } from './rows.ts';
import { withBuilt, withMigrated, withoutLeakproof } from './scratch.ts';
import { type Demands, seedRows } from './seed.ts';

export interface Proof {
  /** `untried` where there is no scratch server. */
  readonly state: 'proven' | 'failed' | 'untried';
  readonly problems: readonly string[];
}

export interface Claim {
  readonly stored: readonly SchemaObject[];
  readonly live: readonly SchemaObject[];
  readonly up: readonly string[];
  readonly down: readonly string[];
}

/**
 * Builds the live schema on a scratch database and tries the down and the up of the claim there. On a server with Citus
 * that is done twice: with rows where functions stand in for Citus, which takes few of the statements that put rows in,
 * and without rows where Citus itself says what it refuses; it moves rows itself, and loses none.
 * @throws MigrateError `interrupted`; what else goes wrong is in the proof
 */
export async function prove(
  config: Config,
  live: Query,
  options: SchemaOptions,
  claim: Claim,
): Promise<Proof> {
  const compared = portable(options);
  const { sql } = await renderSchema(live, compared);
  try {
    const building = { extent: 'possible', statements: [...claim.up, ...claim.down] } as const;
    const [proof, hasCitus] = await withBuilt(
      config,
      sql,
      async (scratch, onCitus) => [await tryOut(scratch, compared, claim), onCitus] as const,
      { ...building, standIn: true },
    );
    if (!hasCitus || proof.state !== 'proven') return proof;
    return await withBuilt(config, sql, (scratch) => tryOut(scratch, compared, claim, false), building);
  } catch (error) {
    if (isInterruption(error)) throw error;
    if (error instanceof MigrateError) return { state: 'untried', problems: [error.message] };
    return { state: 'failed', problems: [`the schema cannot be built there: ${(error as Error).message}`] };
  }
}

/**
 * The scratch database is as the live one now; what could not be carried over is no fault of the SQL. Rows are put in, and
 * stay through the down and the up: what is lost of them then would be lost elsewhere.
 */
async function tryOut(scratch: Query, options: SchemaOptions, claim: Claim, withRows = true): Promise<Proof> {
  const lacking = await differences(scratch, options, claim.live);
  const known = new Set(lacking.map(differenceKey));
  const demands = demandsOf(claim);
  const seed = (asked: Demands) => withoutForcedPolicies(scratch, () => seedRows(scratch, asked));
  const contents = () => withoutForcedPolicies(scratch, () => readContents(scratch));
  if (withRows) await withFormerConstraints(scratch, claim, () => seed(demands));
  for (const [statements, expected, direction] of [
    [claim.down, claim.stored, 'down'],
    [claim.up, claim.live, 'up'],
  ] as const) {
    // What could refer to nothing before the down can now.
    const asked = direction === 'down' ? demands : { ...demands, nulls: new Set<string>() };
    const bare = withRows ? untried(claim, await seed(asked), asked.nulls) : [];
    if (bare.length > 0) return { state: 'failed', problems: bare };
    if (withRows && direction === 'down')
      await withoutForcedPolicies(scratch, () => withFormerValues(scratch, claim));
    const before = withRows ? await contents() : null;
    const failure = await run(scratch, statements);
    if (failure !== null)
      return {
        state: 'failed',
        problems: [`its ${direction} fails: ${failure}`, ...withoutRights(lacking, claim.live)],
      };
    const left = (await differences(scratch, options, expected))
      .filter((difference) => !known.has(differenceKey(difference)))
      .map((difference) => `after its ${direction}: ${describeDifference(difference)}`);
    const lost = before === null ? [] : lostBetween(before, await contents());
    const problems = [...left, ...lost.map((each) => `after its ${direction} ${each}`)];
    if (problems.length > 0) return { state: 'failed', problems };
  }
  return { state: 'proven', problems: [] };
}

/** What the scratch database lacks because migrations have no special rights there: then a failure says nothing of the pair. */
function withoutRights(lacking: readonly Difference[], live: readonly SchemaObject[]): string[] {
  const missing = new Set(lacking.filter(({ change }) => change === 'removed').map(differenceKey));
  const names = buildModel(live)
    .items.filter(needsSuperuser)
    .map(({ class: kind, identity }) => `${kind} ${identity}`)
    .filter((name) => missing.has(name));
  if (names.length === 0 || isTrusted()) return [];
  const some = names.length > 3 ? [...names.slice(0, 3), '…'] : names;
  return [
    `only a superuser may make ${some.join(', ')}, which the scratch database lacks: on a scratch server that can be thrown away, MIGRATE_SCRATCH_TRUSTED=true lets the pair be tried`,
  ];
}

async function run(scratch: Query, statements: readonly string[]): Promise<string | null> {
  try {
    const all = ['BEGIN', ...statements.map((sql) => withoutLeakproof(sql.replace(/;$/, ''))), 'COMMIT'];
    for (const text of runsOneByOne() ? all : [all.join(';\n')]) await scratch(text);
    return null;
  } catch (error) {
    await scratch('ROLLBACK');
    return (error as Error).message;
  }
}

async function differences(
  scratch: Query,
  options: SchemaOptions,
  expected: readonly SchemaObject[],
): Promise<Difference[]> {
  const actual = await withCanonicalSession(scratch, () => readObjects(scratch, options));
  const compared = [expected, actual].map((objects) => objects.filter((object) => !isRight(object)));
  return diffObjects(compared[0] ?? [], compared[1] ?? []).filter(({ severity }) => severity === 'drift');
}

/**
 * Whether the files still run on an empty database when the pair is one of them.
 * @param pair with the text that is to be written, at its place among the others
 * @returns the failure of the pair or of a file behind it; null where all run, or that could not be tried
 * @throws MigrateError `interrupted`
 */
export async function failureAmongFiles(
  config: Config,
  files: readonly Migration[],
  pair: Migration,
): Promise<Proof | null> {
  const all = [...files, pair].sort((a, b) => (a.id < b.id ? -1 : 1));
  try {
    await withMigrated(config, all, async () => undefined);
    return null;
  } catch (error) {
    if (isInterruption(error)) throw error;
    if (!(error instanceof MigrateError) || error.code !== 'migration-failed') return null;
    // Rights that migrations lack there say nothing of the files.
    if (error.options.database?.sqlState === '42501' && !isTrusted()) return null;
    const path = error.options.location?.file ?? '';
    const from = all.slice(all.indexOf(pair)).map(({ up }) => up.path);
    if (!from.includes(path)) return null;
    const what = path === pair.up.path ? 'its up fails' : `${path} fails`;
    return { state: 'failed', problems: [`after all files before it, ${what}: ${error.message}`] };
  }
}
