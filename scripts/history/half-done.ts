// Takes the state of every migration and the steps of a run; refuses a run that would leave a half-done migration as it is
// and change something beside it. Pure.
import { MigrateError } from '../base/errors.ts';
import type { Direction } from '../base/types.ts';
import { halfDoneLine, halfWord, resolveHint } from '../ledger/half-done.ts';
import { commandOf } from '../plan/mend-hint.ts';
import type { MigrationStatus } from './history.ts';

/** A status whose `half` is known to be there. */
type Half = MigrationStatus & { readonly half: NonNullable<MigrationStatus['half']> };

function isHalf(status: MigrationStatus): status is Half {
  return status.half !== null;
}

/** True where the command of the migration's own direction cannot finish it, so that a person has to. */
function isStuck({ half, migration, applied }: Half): boolean {
  return half.direction === 'up' ? migration === null || applied !== null : applied === null;
}

/** What is half done, how far it came and how it is finished; in one line. */
export function halfDoneProblem(status: MigrationStatus): string | null {
  if (!isHalf(status)) return null;
  const { id, half, migration, applied, twin } = status;
  const what = halfDoneLine(half);
  const byHand = `settle it by hand and say so: ${resolveHint(id)}`;
  if (half.direction === 'up' && applied !== null)
    return `${what}, but it is recorded as applied. Look which is right, then ${byHand}`;
  if (half.direction === 'down' && applied === null)
    return `${what}, but it is not recorded as applied. Look which is right, then ${byHand}`;
  if (!isStuck(status)) return `${what}. Finish it with ${commandOf({ ...half, migration })}, or ${byHand}`;
  if (migration === null && twin !== null)
    return `${what}, and the same statements are on disk as ${twin}. Give the files their old name back, then run make migrate-up; or ${byHand}`;
  return `${what}, and its files are not on disk. Put them back, then run make migrate-up; or ${byHand}`;
}

/**
 * The error that names every half-done migration which `finished` does not finish, or null.
 * @param doing what is not done because of it, as "this run would not finish it"
 */
function halfDoneError(
  statuses: readonly MigrationStatus[],
  finished: readonly { readonly id: string; readonly direction: Direction }[],
  doing = 'this run would not finish it',
): MigrateError | null {
  const left = statuses.filter(
    (status): status is Half =>
      isHalf(status) &&
      (isStuck(status) ||
        !finished.some(({ id, direction }) => id === status.id && direction === status.half.direction)),
  );
  const [first] = left;
  if (first === undefined) return null;
  return new MigrateError('history', `${first.id} is ${halfWord(first.half)}, and ${doing}`, {
    problems: left.map((status) => halfDoneProblem(status) ?? ''),
    hint: isStuck(first)
      ? `Nothing else is run beside it. When it is settled by hand: ${resolveHint(first.id)}`
      : `Finish it with ${commandOf({ ...first.half, migration: first.migration })}; or settle it by hand and say so: ${resolveHint(first.id)}`,
    state: 'Nothing was changed.',
  });
}

/** @throws MigrateError `history`, see `halfDoneError` */
export function refuseHalfDone(
  statuses: readonly MigrationStatus[],
  finished: readonly { readonly id: string; readonly direction: Direction }[] = [],
  doing?: string,
): void {
  const error = halfDoneError(statuses, finished, doing);
  if (error !== null) throw error;
}

/** What `status` fails with: half-done migrations that no plain `up` finishes. */
export function unfinishableError(statuses: readonly MigrationStatus[]): MigrateError | null {
  const resumable = statuses.flatMap(({ id, half }) =>
    half?.direction === 'up' ? [{ id, direction: 'up' as const }] : [],
  );
  return halfDoneError(statuses, resumable, 'nothing else can run until it is finished');
}
