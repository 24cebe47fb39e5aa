// Takes one migration and a scratch database that has all earlier ones; runs up, down, up in one transaction and
// compares the schema after each. Leaves the database as after the up, whatever was found.

import type { Finding, Migration, SqlFile } from '../base/types.ts';
import { type ChangeTokenParts, differingCatalogs } from '../schema/catalog/change-token-parts.ts';
import { differingClasses } from '../schema/catalog/snapshot.ts';
import { type Difference, diffSnapshots } from '../schema/change/diff.ts';
import type { ObjectClass, SchemaObject } from '../schema/types.ts';
import { rolesLeft } from '../scratch/server-wide.ts';
import { classesOf } from './catalogs.ts';
import { filledViews, unfilledOf } from './filled-views.ts';
import { fails, inexactDown, irreversible, isExact, leftUnfilled, upAgainDiffers } from './findings.ts';
import type { RowsWritten, Scratch, ScratchFailure } from './scratch.ts';
import { tryWithSeedRows } from './seed-rows.ts';

export interface CycleResult {
  readonly findings: readonly Finding[];
  /** False when the up does not run: then nothing that builds on it can be verified. */
  readonly applied: boolean;
  /** A statement was refused that might run when each file has a transaction of its own: ask again that way. */
  readonly doubtful: boolean;
  /** Those of the findings that rows from db/probe brought to light. */
  readonly ofSeedRows?: readonly Finding[];
  /** The token as it is now, where that is known: the next cycle need not read it again. */
  readonly token?: Map<string, string> | null;
}

/**
 * The cost does not depend on how many migrations came before but through the size of the catalogs: those that the
 * migration writes to are counted twice. Where no catalog row is another after the down, nothing else is read.
 * @param known the token as the cycle before left it, or null; what it becomes is written into it
 */
export async function cycleInTransaction(
  scratch: Scratch,
  migration: Migration,
  seedRows: SqlFile | null,
  known: Map<string, string> | null,
): Promise<CycleResult> {
  await scratch.sql('BEGIN');
  const ofSeedRows = seedRows === null ? [] : await tryWithSeedRows(scratch, migration, seedRows);
  const before = known ?? (await scratch.token());
  const filled = await filledViews(scratch, migration.down);
  await scratch.sql('SAVEPOINT before_up');
  const written = await scratch.rowsWritten();
  const upFailure = await scratch.run(migration.up);
  if (upFailure !== null) {
    await scratch.sql('ROLLBACK');
    const failure = fails('up-fails', migration.up, upFailure.message, upFailure);
    return { findings: [...ofSeedRows, failure], applied: false, doubtful: false };
  }
  const result =
    migration.down.directives.irreversible === undefined
      ? await revertAndRepeat(scratch, migration, before, written, filled)
      : { findings: [irreversible(migration)], token: null };
  if (result === 'doubtful') {
    await scratch.sql('ROLLBACK');
    return { findings: ofSeedRows, applied: false, doubtful: true, ofSeedRows };
  }
  const refused = await commit(scratch, migration);
  // What the end of the transaction refuses may be the doing of three files in one.
  if (refused !== null) return { findings: ofSeedRows, applied: false, doubtful: true, ofSeedRows };
  const { findings, token } = result;
  return { findings: [...ofSeedRows, ...findings], applied: true, doubtful: false, ofSeedRows, token };
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

async function revertAndRepeat(
  scratch: Scratch,
  migration: Migration,
  before: Map<string, string>,
  written: RowsWritten,
  filled: readonly string[],
): Promise<{ findings: Finding[]; token: Map<string, string> | null } | 'doubtful'> {
  const { down } = migration;
  await scratch.sql('SAVEPOINT after_up');
  const first = writtenSince(written, await scratch.rowsWritten());
  const downFailure = await scratch.run(down);
  if (downFailure !== null)
    return failsCommittedToo(downFailure)
      ? withoutDown(scratch, down, downFailure, before, first)
      : 'doubtful';
  const unfilled = await unfilledOf(scratch, filled);
  const writtenThen = await scratch.rowsWritten();
  const touched = writtenSince(written, writtenThen);
  const classes = classesOf(differingCatalogs(before, await tokenOf(scratch, touched)), scratch.include);
  const reverted = classes.length === 0 ? null : await scratch.objects(classes);
  const { isRefused, second, again } = await repeat(scratch, migration, first, writtenThen);
  if (again === null) return 'doubtful';
  const left = reverted === null ? [] : await compareReverted(scratch, migration, classes, reverted);
  // A second up that is refused needs no other look where the down is known to leave something.
  if (left === null || (isRefused && isExact(left))) return 'doubtful';
  // A down that is not exact explains a second up that is not: said once.
  const findings = [
    ...inexactDown(migration, left, rolesLeft(migration, scratch.parse)),
    ...leftUnfilled(migration, unfilled),
    ...(isExact(left) ? upAgainDiffers(migration, again) : []),
  ];
  const all = touched === null || second === null ? null : { ...touched, ...second };
  return {
    findings,
    token: all === null ? await scratch.token() : withNew(before, await tokenOf(scratch, all)),
  };
}

interface Repeated {
  readonly isRefused: boolean;
  /** What the second up wrote; null where it is refused, or nobody counts. */
  readonly second: RowsWritten;
  /** How the schema differs from that after the first; null when a file does not run again. */
  readonly again: readonly Difference[] | null;
}

/** @param first what the first up wrote, `writtenThen` all that was written before the second */
async function repeat(
  scratch: Scratch,
  migration: Migration,
  first: RowsWritten,
  writtenThen: RowsWritten,
): Promise<Repeated> {
  const { up } = migration;
  if ((await scratch.run(up)) !== null) return { isRefused: true, second: null, again: [] };
  const second = writtenSince(writtenThen, await scratch.rowsWritten());
  // The same statements on the same schema that wrote the same numbers of rows did the same; unless data decide.
  const isSame = first !== null && JSON.stringify(first) === JSON.stringify(second);
  const again = isSame && !dependsOnData(scratch, up) ? [] : await compareRepeated(scratch, migration);
  return { isRefused: false, second, again };
}

/**
 * What is refused because of objects that are there, or are not: a transaction of its own would change none of that. All
 * other refusals may be the doing of the up's transaction: a new enum value, waiting triggers, rows that are checked late.
 * https://www.postgresql.org/docs/16/errcodes-appendix.html
 */
const staticStates = new Set(
  '42P01 42703 42704 42883 42P07 42701 42710 42723 42P06 3F000 2BP01 42809 42P16 42804 42846 42601 42830 42P17 42P13 42611'.split(
    ' ',
  ),
);

function failsCommittedToo({ sqlState }: ScratchFailure): boolean {
  return sqlState !== undefined && staticStates.has(sqlState);
}

/** Goes back to after the up, from where the next cycle starts. */
async function withoutDown(
  scratch: Scratch,
  down: SqlFile,
  failure: ScratchFailure,
  before: Map<string, string>,
  written: RowsWritten,
): Promise<{ findings: Finding[]; token: Map<string, string> | null }> {
  await scratch.sql('ROLLBACK TO SAVEPOINT after_up');
  const token = written === null ? null : withNew(before, await tokenOf(scratch, written));
  return { findings: [fails('down-fails', down, failure.message, failure)], token };
}

/** The parts of before with those that were read anew: in place, for there are thousands. */
function withNew(before: Map<string, string>, now: ChangeTokenParts): Map<string, string> {
  for (const [name, content] of now) {
    if (content === 'none') before.delete(name);
    else before.set(name, content);
  }
  return before;
}

/** What was written from one reading to the next, in the order of the catalogs' names; null where nobody counts. */
function writtenSince(before: RowsWritten, now: RowsWritten): RowsWritten {
  if (before === null || now === null) return null;
  const changed = Object.entries(now).map(([name, n]) => [name, n - (before[name] ?? 0)] as const);
  return Object.fromEntries(changed.filter(([, n]) => n !== 0).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The parts of the token that may have changed. */
async function tokenOf(scratch: Scratch, touched: RowsWritten): Promise<ChangeTokenParts> {
  if (touched === null) return scratch.token();
  const names = Object.keys(touched).sort();
  return names.length === 0 ? new Map() : scratch.token(names);
}

const dataDecide = new Set(['DoStmt', 'CallStmt', 'SelectStmt', 'ExecuteStmt']);

function dependsOnData({ parse }: Scratch, { text }: SqlFile): boolean {
  const parsed = parse(text);
  return parsed.ok !== true || parsed.statements.some(({ kind }) => dataDecide.has(kind));
}

/** Compares now, after the second up, with after the first, to which it goes back; null when a file does not run again. */
async function compareRepeated(
  scratch: Scratch,
  { up, down }: Migration,
): Promise<readonly Difference[] | null> {
  const second = await scratch.hashes();
  await scratch.sql('ROLLBACK TO SAVEPOINT after_up');
  const classes = differingClasses(await scratch.hashes(), second);
  if (classes.length === 0) return [];
  const expected = await scratch.objects(classes);
  if (await refuses(scratch, down, up)) return null;
  const actual = await scratch.objects(classes);
  await scratch.sql('ROLLBACK TO SAVEPOINT after_up');
  return diffSnapshots(expected, actual);
}

/**
 * Goes back to before the up to see what the down should have restored, and runs the up once more; null when it does not run.
 * @param reverted the objects of the classes as the down left them; what a changed name is spelled in besides is no news
 */
async function compareReverted(
  scratch: Scratch,
  { up }: Migration,
  classes: readonly ObjectClass[],
  reverted: readonly SchemaObject[],
): Promise<readonly Difference[] | null> {
  await scratch.sql('ROLLBACK TO SAVEPOINT before_up');
  const differences = diffSnapshots(await scratch.objects(classes), reverted);
  return (await refuses(scratch, up)) ? null : differences;
}

async function refuses(scratch: Scratch, ...files: readonly SqlFile[]): Promise<boolean> {
  for (const file of files) {
    const failure: ScratchFailure | null = await scratch.run(file);
    if (failure !== null) return true;
  }
  return false;
}
