// Takes the migrations of a plan that wait for --after-deploy; gives what to say about them. Pure.

import { parseDuration } from '../base/duration.ts';
import { MigrateError } from '../base/errors.ts';
import type { Direction, Migration } from '../base/types.ts';

/** Options of `up` and `plan` about the part of a release that runs when the application has started. */
export interface AfterDeployFlags {
  readonly afterDeploy?: boolean;
  /** A duration; true without a value. */
  readonly wait?: string | true;
}

const longestWaitMs = 10 * 60_000;

/**
 * @returns how long (ms) to wait for sessions of older releases; 0 without --wait
 * @throws MigrateError `usage` for what is no duration, and for --wait without anything to wait for
 */
export function readWait({ afterDeploy, wait }: AfterDeployFlags): number {
  if (wait === undefined) return 0;
  if (!afterDeploy)
    throw new MigrateError(
      'usage',
      '--wait waits for sessions of older releases: it belongs to --after-deploy',
      { hint: 'How long to wait for another run of this tool is said by MIGRATE_WAIT=10min.' },
    );
  if (wait === true) return longestWaitMs;
  const ms = parseDuration(wait);
  if (ms !== null) return ms;
  throw new MigrateError('usage', `--wait "${wait}" is not a duration; a right value is 10min`);
}

/** Whether the migration waits until the application has started. */
export function isAfterDeploy({ up }: Migration): boolean {
  return up.directives.afterDeploy === true;
}

/** The version of the newest step that takes something away from older releases; null where none does. */
export function newestAfterDeploy(
  steps: readonly {
    readonly direction: Direction;
    readonly migration: Migration | null;
    readonly version: string;
  }[],
): string | null {
  const versions = steps.flatMap(({ direction, migration, version }) =>
    direction === 'up' && migration !== null && isAfterDeploy(migration) ? [version] : [],
  );
  return versions.sort().at(-1) ?? null;
}

/** Whether ordinary migrations stand behind one that waits: then the application may lack what it needs. */
export function isBlocked(waiting: readonly Migration[]): boolean {
  return waiting.some((migration) => !isAfterDeploy(migration));
}

const ids = (migrations: readonly Migration[]) => migrations.map(({ id }) => id).join(', ');

/** The last line of a report, which may be all that is read of it, with what it leaves out. */
export function butForWaiting(line: string, waiting: readonly Migration[]): string {
  if (waiting.length === 0) return line;
  const [number, verb] =
    waiting.length === 1 ? ['1 migration', 'waits'] : [`${waiting.length} migrations`, 'wait'];
  return `${line} (${number} ${verb} until the application has started)`;
}

/** Lines for people: what waits for what; none where nothing waits. */
export function waitingLines(waiting: readonly Migration[]): string[] {
  if (waiting.length === 0) return [];
  const behind = waiting.filter((migration) => !isAfterDeploy(migration));
  return [
    `Waits until the application has started (make migrate-up after_deploy=1): ${ids(waiting.filter(isAfterDeploy))}`,
    ...(behind.length === 0 ? [] : [`Not run, for it stands behind that: ${ids(behind)}`]),
  ];
}
