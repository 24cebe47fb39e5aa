// Takes one migration that cannot share a transaction with its down; runs the cycle file by file, committing, on a
// database of which a copy from before is kept, so that one bad down does not hide the rest.

import type { Finding, Migration, SqlFile } from '../base/types.ts';
import type { Parser } from '../files/statements.ts';
import { differingClasses } from '../schema/catalog/snapshot.ts';
import { diffSnapshots } from '../schema/change/diff.ts';
import type { ClassHashes, SchemaObject } from '../schema/types.ts';
import type { ScratchServer } from '../scratch/scratch-server.ts';
import { rolesLeft } from '../scratch/server-wide.ts';
import { connectTo } from '../scratch/with-scratch.ts';
import type { CycleResult } from './cycle.ts';
import { filledViews, unfilledOf } from './filled-views.ts';
import { fails, inexactDown, irreversible, isExact, leftUnfilled, upAgainDiffers } from './findings.ts';
import type { Scratch, ScratchFailure } from './scratch.ts';
import { trySeedRowsOnCopy } from './seed-rows.ts';
import { scratchOf, type Workspace } from './workspace.ts';

/** The schema at one moment. */
interface SeenSchemas {
  readonly hashes: ClassHashes;
  readonly objects: readonly SchemaObject[];
  /** Materialized views that hold rows. */
  readonly filled: readonly string[];
}

/** `sound` where the database is as after the up. */
interface Ending {
  readonly findings: readonly Finding[];
  readonly sound: boolean;
}

/** One copy of the scratch database and three readings of the schema, whatever the length of the history. */
export async function cycleCommitted(
  server: ScratchServer,
  workspace: Workspace,
  parse: Parser,
  migration: Migration,
  seedRows: SqlFile | null,
): Promise<CycleResult> {
  const ofSeedRows =
    seedRows === null ? [] : await trySeedRowsBeside(server, workspace, parse, migration, seedRows);
  const result = await cycleOnce(server, workspace, parse, migration);
  return { ...result, findings: [...ofSeedRows, ...result.findings] };
}

/** The rows of db/probe, on a copy of their own: what has been committed cannot be taken back. */
async function trySeedRowsBeside(
  server: ScratchServer,
  workspace: Workspace,
  parse: Parser,
  migration: Migration,
  seedRows: SqlFile,
): Promise<readonly Finding[]> {
  await workspace.client.end();
  const copy = await server.clone(workspace.database);
  workspace.client = await connectTo(workspace.database);
  const client = await connectTo(copy);
  try {
    const scratch = scratchOf({ ...workspace, client }, parse);
    return await trySeedRowsOnCopy(scratch, migration, seedRows, (file) => runCommitted(scratch, file));
  } finally {
    await client.end().catch(() => undefined);
    await server.drop(copy);
  }
}

async function cycleOnce(
  server: ScratchServer,
  workspace: Workspace,
  parse: Parser,
  migration: Migration,
): Promise<CycleResult> {
  const { up, down } = migration;
  const before = await see(scratchOf(workspace, parse), down);
  await workspace.client.end();
  const spare = await server.clone(workspace.database);
  workspace.client = await connectTo(workspace.database);
  const scratch = scratchOf(workspace, parse);
  const upFailure = await runCommitted(scratch, up);
  if (upFailure !== null) {
    const failure = fails('up-fails', up, upFailure.message, upFailure);
    return { findings: [failure], applied: false, doubtful: false };
  }
  const { findings, sound } =
    down.directives.irreversible === undefined
      ? await revertAndRepeat(scratch, migration, before)
      : { findings: [irreversible(migration)], sound: true };
  if (sound) await server.drop(spare);
  else {
    // The database is not what the next migration builds on: the copy is, with the up on it.
    await workspace.client.end();
    await server.drop(workspace.database);
    workspace.database = spare;
    workspace.client = await connectTo(spare);
    await runCommitted(scratchOf(workspace, parse), up);
  }
  return { findings, applied: true, doubtful: false };
}

async function see(scratch: Scratch, down: SqlFile): Promise<SeenSchemas> {
  return {
    hashes: await scratch.hashes(),
    objects: await scratch.objects(),
    filled: await filledViews(scratch, down),
  };
}

async function revertAndRepeat(scratch: Scratch, migration: Migration, before: SeenSchemas): Promise<Ending> {
  const { up, down } = migration;
  const after = await see(scratch, down);
  const downFailure = await runCommitted(scratch, down);
  if (downFailure !== null) {
    return { findings: [fails('down-fails', down, downFailure.message, downFailure)], sound: false };
  }
  const left = await differencesTo(scratch, before);
  const findings = [
    ...inexactDown(migration, left, rolesLeft(migration, scratch.parse)),
    ...leftUnfilled(migration, await unfilledOf(scratch, before.filled)),
  ];
  const upFailure = await runCommitted(scratch, up);
  // A down that is not exact explains a second up that does not run, or that is not the same: said once.
  if (!isExact(left)) return { findings, sound: false };
  if (upFailure !== null) {
    const failure = fails('up-again-fails', up, upFailure.message, upFailure);
    return { findings: [...findings, failure], sound: false };
  }
  const again = upAgainDiffers(migration, await differencesTo(scratch, after));
  return { findings: [...findings, ...again], sound: again.length === 0 };
}

async function differencesTo(scratch: Scratch, { hashes, objects }: SeenSchemas) {
  const classes = differingClasses(hashes, await scratch.hashes());
  if (classes.length === 0) return [];
  const expected = objects.filter((object) => classes.includes(object.class));
  return diffSnapshots(expected, await scratch.objects(classes));
}

async function runCommitted(scratch: Scratch, file: SqlFile): Promise<ScratchFailure | null> {
  if (file.directives.noTransaction) return scratch.run(file);
  await scratch.sql('BEGIN');
  const failure = await scratch.run(file);
  if (failure !== null) {
    await scratch.sql('ROLLBACK');
    return failure;
  }
  try {
    await scratch.sql('COMMIT');
    return null;
  } catch (error) {
    await scratch.sql('ROLLBACK');
    return { message: `at COMMIT: ${(error as Error).message}` };
  }
}
