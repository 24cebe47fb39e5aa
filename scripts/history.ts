// Takes migrations on disk and what the database has applied; gives the state of each and what does not agree. Pure.
// Whether a changed text is a real change is the caller's to find out: that needs the parser and the ledger's text.
import { MigrateError } from './errors.ts';
import type { AppliedMigration, Migration } from './types.ts';

export type MigrationState =
  | 'applied'
  | 'pending'
  | 'modified'
  | 'missing'
  | 'out of order'
  | 'unrecorded'
  | 'untracked';

export interface MigrationStatus {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  readonly state: MigrationState;
  readonly migration: Migration | null;
  readonly applied: AppliedMigration | null;
}

export interface HistoryOptions {
  /** Ids whose up text differs from the ledger's in more than comments and white space. */
  readonly modified: ReadonlySet<string>;
}

/** The state of every migration on disk or in the database, oldest first. */
export function classify(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
  { modified }: HistoryOptions,
): MigrationStatus[] {
  const onDisk = new Map(migrations.map((migration) => [migration.id, migration]));
  const inDatabase = new Map(applied.map((entry) => [entry.id, entry]));
  const newest = applied.at(-1)?.id ?? '';
  const ledgerInUse = applied.some(({ entry }) => entry !== null);
  return [...new Set([...onDisk.keys(), ...inDatabase.keys()])].sort().map((id) => {
    const migration = onDisk.get(id) ?? null;
    const entry = inDatabase.get(id) ?? null;
    const { version, name } = (migration ?? entry) as Migration | AppliedMigration;
    const state = stateOf(migration, entry, { newest, ledgerInUse, modified: modified.has(id) });
    return { id, version, name, state, migration, applied: entry };
  });
}

function stateOf(
  migration: Migration | null,
  applied: AppliedMigration | null,
  { newest, ledgerInUse, modified }: { newest: string; ledgerInUse: boolean; modified: boolean },
): MigrationState {
  if (applied === null) return migration !== null && migration.id < newest ? 'out of order' : 'pending';
  if (!applied.tracked) return 'untracked';
  if (applied.entry === null && ledgerInUse) return 'unrecorded';
  if (migration === null) return 'missing';
  return modified ? 'modified' : 'applied';
}

const remedies: Partial<Record<MigrationState, (status: MigrationStatus) => string>> = {
  modified: ({ id }) =>
    `${id} was changed after it was applied. Restore the file (git checkout) and put the change into a new migration, or accept the new text: make migrate-repair`,
  missing: ({ id }) =>
    `${id} is applied, but not on disk. Check out the commit that has it, revert it with make migrate-down, or forget it: make migrate-repair`,
  'out of order': ({ id }) =>
    `${id} is pending, but older than the newest applied. Give it a fresh version (make migrate-rebase), or run it with --allow-out-of-order`,
  unrecorded: ({ id }) =>
    `${id} is in the tracking table, but not in the ledger: another tool applied it. Record it: make migrate-repair`,
  untracked: ({ id }) =>
    `${id} is in the ledger, but its row in the tracking table is gone. Record it again or forget it: make migrate-repair`,
};

/**
 * @param tolerated states that the command at hand can live with
 * @throws MigrateError `history` listing every disagreement, each with its remedy
 */
export function refuseBrokenHistory(
  statuses: readonly MigrationStatus[],
  tolerated: ReadonlySet<MigrationState>,
): void {
  const problems = statuses.filter(({ state }) => remedies[state] !== undefined && !tolerated.has(state));
  if (problems.length === 0) return;
  const listed = problems.map((status) => `${status.state}: ${remedies[status.state]?.(status)}`);
  throw new MigrateError(
    'history',
    `The files and the database disagree about ${problems.length === 1 ? 'one migration' : `${problems.length} migrations`}`,
    {
      problems: listed,
      hint: 'make migrate-status shows every migration and its state.',
      state: 'Nothing was changed.',
    },
  );
}
