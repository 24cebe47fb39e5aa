// Takes migrations on disk, migrations applied and a target; gives the steps to run, in order. Pure.
// It must not know files, databases or terminals.
import { MigrateError } from '../base/errors.ts';
import type { AppliedMigration, Direction, Migration } from '../base/types.ts';
import type { HalfDone } from '../ledger/half-done.ts';
import { isAfterDeploy } from './after-deploy.ts';

/** How far to go. `version` '0' means before the first; `steps` counts migrations. */
export type PlanTarget =
  | { readonly kind: 'latest' }
  | { readonly kind: 'version'; readonly version: string }
  | { readonly kind: 'steps'; readonly steps: number };

/** One migration to run in one direction, with everything that running it needs. */
export interface Step {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  readonly direction: Direction;
  /** The pair on disk; null when a down runs from the ledger alone. */
  readonly migration: Migration | null;
  readonly applied: AppliedMigration | null;
}

export interface Plan {
  readonly direction: Direction;
  readonly steps: readonly Step[];
  /** The first after-deploy migration and all behind it, when they are not to run yet. */
  readonly waiting?: readonly Migration[];
}

/**
 * Pending migrations up to the target, oldest first; but what is half applied is finished before anything else begins.
 * @param afterDeploy whether the application has started, so that after-deploy migrations and what is behind them may run
 * @throws MigrateError `usage` when the version is nowhere
 */
export function planUp(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
  target: PlanTarget,
  halfDone: readonly HalfDone[] = [],
  afterDeploy = false,
): Plan {
  const done = new Set(applied.map(({ id }) => id));
  const pending = begunFirst(
    migrations.filter(({ id }) => !done.has(id)),
    halfDone,
    'up',
  );
  if (target.kind === 'version' && !migrations.some(({ version }) => version === target.version)) {
    throw noSuchVersion(
      target.version,
      applied.some(({ version }) => version === target.version),
    );
  }
  const chosen =
    target.kind === 'latest'
      ? pending
      : target.kind === 'steps'
        ? pending.slice(0, target.steps)
        : pending.filter(({ version }) => version <= target.version);
  const first = afterDeploy ? -1 : chosen.findIndex(isAfterDeploy);
  const [now, waiting] = first === -1 ? [chosen, []] : [chosen.slice(0, first), chosen.slice(first)];
  return { direction: 'up', steps: now.map((migration) => upStep(migration)), waiting };
}

function begunFirst<Item extends { readonly id: string }>(
  items: readonly Item[],
  halfDone: readonly HalfDone[],
  direction: Direction,
): readonly Item[] {
  const begun = new Set(halfDone.filter((half) => half.direction === direction).map(({ id }) => id));
  if (begun.size === 0) return items;
  return [...items.filter(({ id }) => begun.has(id)), ...items.filter(({ id }) => !begun.has(id))];
}

function noSuchVersion(version: string, isApplied: boolean): MigrateError {
  return isApplied
    ? new MigrateError(
        'usage',
        `Version ${version} is applied, but not on disk; there is nothing to go up to`,
      )
    : new MigrateError('usage', `There is no migration with version ${version}`, {
        hint: 'make migrate-status lists all of them.',
      });
}

/** The step that applies the migration. */
export function upStep(migration: Migration): Step {
  const { id, version, name } = migration;
  return { id, version, name, direction: 'up', migration, applied: null };
}

/**
 * Applied migrations to revert, newest first; but what is half reverted is finished before anything else begins.
 * @throws MigrateError `usage` when the version to go back to is not applied
 */
export function planDown(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
  target: PlanTarget,
  halfDone: readonly HalfDone[] = [],
): Plan {
  const newestFirst = begunFirst(
    [...applied].sort((a, b) => (a.id < b.id ? 1 : -1)),
    halfDone,
    'down',
  );
  if (
    target.kind === 'version' &&
    target.version !== '0' &&
    !applied.some(({ version }) => version === target.version)
  ) {
    const pending = migrations.some(({ version }) => version === target.version);
    throw new MigrateError(
      'usage',
      pending
        ? `Version ${target.version} is not applied, so there is nothing to go back to`
        : `There is no migration with version ${target.version}`,
      {
        hint: 'make migrate-status lists what is applied; to=0 reverts everything.',
      },
    );
  }
  const chosen =
    target.kind === 'latest'
      ? newestFirst.slice(0, 1)
      : target.kind === 'steps'
        ? newestFirst.slice(0, target.steps)
        : newestFirst.filter(({ version }) => target.version === '0' || version > target.version);
  const onDisk = new Map(migrations.map((migration) => [migration.id, migration]));
  return { direction: 'down', steps: chosen.map((entry) => downStep(entry, onDisk.get(entry.id) ?? null)) };
}

/** The step that reverts what was applied; `migration` is what is on disk, null where nothing is. */
export function downStep(applied: AppliedMigration, migration: Migration | null): Step {
  const { id, version, name } = applied;
  return { id, version, name, direction: 'down', migration, applied };
}
