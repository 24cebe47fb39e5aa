// Takes pending migrations that are older than the newest applied; gives the fresh versions they are to have, in the
// same order. Pure.
import { MigrateError } from '../base/errors.ts';
import type { Migration } from '../base/types.ts';
import { nextVersion } from '../files/version.ts';
import { halfWord } from '../ledger/half-done.ts';
import type { MigrationStatus } from './history.ts';

export interface Rename {
  readonly migration: Migration;
  readonly version: string;
  /** The id after the renaming. */
  readonly id: string;
}

/**
 * @param named versions or ids to rename alone; empty means all that are out of order
 * @throws MigrateError `usage` for one that is applied, unknown, or pending in its right place
 */
export function planRenames(
  statuses: readonly MigrationStatus[],
  named: readonly string[],
  fileNames: readonly string[],
  now: Date,
): Rename[] {
  const problems = named.flatMap((wish) => complaint(statuses, wish));
  if (problems.length > 0) {
    throw new MigrateError('usage', 'Not everything that was named can be renamed', {
      problems,
      hint: 'make migrate-status lists what is out of order.',
      state: 'Nothing was renamed.',
    });
  }
  // A fresh version is newer than everything, on disk and in the database.
  const taken = [...fileNames, ...statuses.map(({ id }) => id)];
  return statuses.filter(isOutOfOrder).flatMap(({ id, version: was, migration }) => {
    if (migration === null || (named.length > 0 && !named.includes(was) && !named.includes(id))) return [];
    const version = nextVersion(taken, now);
    taken.push(`${version}_`);
    return [{ migration, version, id: `${version}_${migration.name}` }];
  });
}

/** A renamed pair is applied under its old name: a third name would not help. */
function isOutOfOrder({ state, twin }: MigrationStatus): boolean {
  return state === 'out of order' && twin === null;
}

function complaint(statuses: readonly MigrationStatus[], wish: string): string[] {
  const matching = statuses.filter(({ id, version }) => id === wish || version === wish);
  if (matching.some(isOutOfOrder)) return [];
  const [status] = matching;
  if (status === undefined) return [`${wish}: there is no such migration`];
  if (status.half !== null)
    return [`${status.id} is ${halfWord(status.half)}: finish it under its name first`];
  return [
    status.applied === null
      ? `${status.id} is pending and newer than everything applied: it needs no other version`
      : `${status.id} is applied: its version is history`,
  ];
}

/** Pending migrations that the renamed ones used to run before, and run after now. */
export function overtaken(statuses: readonly MigrationStatus[], renames: readonly Rename[]): string[] {
  const renamed = new Set(renames.map(({ migration }) => migration.id));
  const [first] = [...renamed].sort();
  return statuses
    .filter(({ id, applied }) => applied === null && !renamed.has(id) && first !== undefined && id > first)
    .map(({ id }) => id);
}
