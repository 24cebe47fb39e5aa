// Takes one migration and a scratch database that has all earlier ones; runs up, down, up in one transaction and
// compares the schema after each. Leaves the database as after the up, whatever was found.
import { type Difference, diffSnapshots } from '../schema/diff.ts';
import { differingClasses } from '../schema/snapshot.ts';
import type { ClassHashes, ObjectClass, SchemaObject } from '../schema/types.ts';
import type { Finding, Migration, SqlFile } from '../types.ts';
import { fails, inexactDown, irreversible, upAgainDiffers } from './findings.ts';
import { probeRows } from './probe.ts';
import type { Scratch } from './scratch.ts';

export interface CycleResult {
  readonly findings: readonly Finding[];
  /** Class hashes after the up, which are the next migration's before; null when the up does not run. */
  readonly after: ClassHashes | null;
  /** A statement was refused that might run when each file has a transaction of its own: ask again that way. */
  readonly doubtful: boolean;
  /** Those of the findings that rows from db/probe brought to light. */
  readonly probed?: readonly Finding[];
}

/** Objects of some classes at one moment. */
interface Seen {
  readonly classes: readonly ObjectClass[];
  readonly objects: readonly SchemaObject[];
}

/**
 * The cost does not depend on how many migrations came before but through the size of the schema: a history of n pairs
 * takes n cycles. That a down restores everything is proved by the cheap gate where it can be.
 */
export async function cycleInTransaction(
  scratch: Scratch,
  migration: Migration,
  before: ClassHashes,
  probe: SqlFile | null,
): Promise<CycleResult> {
  await scratch.sql('BEGIN');
  const probed = probe === null ? [] : await probeRows(scratch, migration, probe);
  const gate = await scratch.gate();
  await scratch.sql('SAVEPOINT before_up');
  const upFailure = await scratch.run(migration.up);
  if (upFailure !== null) {
    await scratch.sql('ROLLBACK');
    return {
      findings: [...probed, fails('up-fails', migration.up, upFailure.message, upFailure)],
      after: null,
      doubtful: false,
    };
  }
  const after = await scratch.hashes();
  const result =
    migration.down.directives.irreversible === undefined
      ? await revertAndRepeat(scratch, migration, { before, gate, after })
      : { findings: [irreversible(migration)], doubtful: false };
  const committed = result.doubtful ? null : await commit(scratch, migration);
  if (result.doubtful) await scratch.sql('ROLLBACK');
  const findings = [...probed, ...result.findings, ...(committed === null ? [] : [committed])];
  return { findings, after: committed === null ? after : null, doubtful: result.doubtful, probed };
}

async function commit(scratch: Scratch, { up }: Migration): Promise<Finding | null> {
  try {
    await scratch.sql('COMMIT');
    return null;
  } catch (error) {
    await scratch.sql('ROLLBACK');
    return fails('up-fails', up, `at COMMIT: ${(error as Error).message}`, {});
  }
}

interface Moments {
  readonly before: ClassHashes;
  readonly gate: string;
  readonly after: ClassHashes;
}

async function revertAndRepeat(
  scratch: Scratch,
  migration: Migration,
  moments: Moments,
): Promise<{ findings: Finding[]; doubtful: boolean }> {
  const { up, down } = migration;
  await scratch.sql('SAVEPOINT after_up');
  const downFailure = await scratch.run(down);
  if (downFailure !== null)
    return { findings: [fails('down-fails', down, downFailure.message, downFailure)], doubtful: true };
  const reverted = (await scratch.gate()) === moments.gate ? null : await see(scratch, moments.before);
  const upFailure = await scratch.run(up);
  if (upFailure !== null) {
    return { findings: [fails('up-again-fails', up, upFailure.message, upFailure)], doubtful: true };
  }
  const repeated = await see(scratch, moments.after);
  const findings = [
    ...(repeated.classes.length === 0 ? [] : await compareRepeated(scratch, migration, repeated)),
  ];
  const left =
    reverted === null || reverted.classes.length === 0 ? [] : await compareReverted(scratch, reverted);
  if (left.length > 0 && (await scratch.run(up)) !== null) return { findings: [], doubtful: true };
  // A down that is not exact explains a second up that is not: said once.
  return {
    findings: [...inexactDown(migration, left), ...(left.length > 0 ? [] : findings)],
    doubtful: false,
  };
}

/** What differs now from a moment whose hashes are known. */
export async function see(scratch: Scratch, known: ClassHashes): Promise<Seen> {
  const classes = differingClasses(known, await scratch.hashes());
  return { classes, objects: classes.length === 0 ? [] : await scratch.objects(classes) };
}

async function compareRepeated(scratch: Scratch, migration: Migration, repeated: Seen): Promise<Finding[]> {
  await scratch.sql('ROLLBACK TO SAVEPOINT after_up');
  return upAgainDiffers(migration, diffSnapshots(await scratch.objects(repeated.classes), repeated.objects));
}

/** Goes back to before the up to see what the down should have restored; the caller runs the up once more. */
async function compareReverted(scratch: Scratch, reverted: Seen): Promise<Difference[]> {
  await scratch.sql('ROLLBACK TO SAVEPOINT before_up');
  return diffSnapshots(await scratch.objects(reverted.classes), reverted.objects);
}
