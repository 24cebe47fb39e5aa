// Takes one migration that cannot share a transaction with its down; runs the cycle file by file, committing, on a
// database of which a copy from before is kept, so that one bad down does not hide the rest.
import { diffSnapshots } from '../schema/diff.ts';
import { differingClasses } from '../schema/snapshot.ts';
import type { ClassHashes } from '../schema/types.ts';
import type { Shadow } from '../shadow.ts';
import type { Parser } from '../statements.ts';
import type { Finding, Migration, SqlFile } from '../types.ts';
import { type Bench, connectTo, scratchOf } from './bench.ts';
import { type CycleResult, see } from './cycle.ts';
import { fails, inexactDown, irreversible, upAgainDiffers } from './findings.ts';
import type { Scratch, ScratchFailure } from './scratch.ts';

export async function cycleCommitted(
  shadow: Shadow,
  bench: Bench,
  parse: Parser,
  migration: Migration,
  before: ClassHashes,
): Promise<CycleResult> {
  const { up, down } = migration;
  await bench.client.end();
  const spare: Bench = { database: await shadow.clone(bench.database), client: bench.client, inside: false };
  bench.client = await connectTo(bench.database);
  const scratch = scratchOf(bench, parse);
  const upFailure = await runCommitted(scratch, up);
  if (upFailure !== null)
    return { findings: [fails('up-fails', up, upFailure.message, upFailure)], after: null, doubtful: false };
  const after = await scratch.hashes();
  if (down.directives.irreversible !== undefined) {
    await shadow.drop(spare.database);
    return { findings: [irreversible(migration)], after, doubtful: false };
  }
  const findings = await revertAndRepeat(scratch, spare, parse, migration, before, after);
  if (findings.length === 0) await shadow.drop(spare.database);
  else await goOnFromSpare(shadow, bench, spare, parse, up);
  return { findings, after, doubtful: false };
}

async function revertAndRepeat(
  scratch: Scratch,
  spare: Bench,
  parse: Parser,
  migration: Migration,
  before: ClassHashes,
  after: ClassHashes,
): Promise<Finding[]> {
  const { up, down } = migration;
  const afterObjects = await scratch.objects(differingClasses(before, after));
  const downFailure = await runCommitted(scratch, down);
  if (downFailure !== null) return [fails('down-fails', down, downFailure.message, downFailure)];
  const reverted = await see(scratch, before);
  const left =
    reverted.classes.length === 0
      ? []
      : diffSnapshots(await objectsOfSpare(spare, parse, reverted.classes), reverted.objects);
  const findings = inexactDown(migration, left);
  const upFailure = await runCommitted(scratch, up);
  if (upFailure !== null) return [...findings, fails('up-again-fails', up, upFailure.message, upFailure)];
  const repeated = await see(scratch, after);
  if (repeated.classes.length === 0 || left.length > 0) return findings;
  const expected = afterObjects.filter((object) => repeated.classes.includes(object.class));
  return [...findings, ...upAgainDiffers(migration, diffSnapshots(expected, repeated.objects))];
}

async function objectsOfSpare(spare: Bench, parse: Parser, classes: Parameters<Scratch['objects']>[0]) {
  spare.client = await connectTo(spare.database);
  try {
    return await scratchOf(spare, parse).objects(classes);
  } finally {
    await spare.client.end();
  }
}

async function goOnFromSpare(
  shadow: Shadow,
  bench: Bench,
  spare: Bench,
  parse: Parser,
  up: SqlFile,
): Promise<void> {
  await bench.client.end();
  await shadow.drop(bench.database);
  bench.database = spare.database;
  bench.client = await connectTo(spare.database);
  await runCommitted(scratchOf(bench, parse), up);
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
    return { message: `at COMMIT: ${(error as Error).message}` };
  }
}
