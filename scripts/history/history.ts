// Takes migrations on disk and what the database has applied; gives the state of each and what does not agree. Pure.
// Whether a changed text is a real change is the caller's to find out: that needs the parser and the ledger's text.

import { MigrateError } from '../base/errors.ts';
import { shellWord } from '../base/shell-word.ts';
import type { AppliedMigration, Migration } from '../base/types.ts';
import type { HalfDone } from '../ledger/half-done.ts';

export type MigrationState =
  | 'applied'
  | 'pending'
  | 'partial'
  | 'modified'
  | 'modified down'
  | 'missing'
  | 'ahead'
  | 'renamed'
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
  /** Set where the journal says that it stopped half-way; then the state is `partial`, whatever else is true. */
  readonly half: HalfDone | null;
  /** What ran against what the files say now, as unified diffs; empty unless modified. */
  readonly diffs: readonly string[];
  /** The id that the same text has on disk now, or had when it was applied; only of a renamed pair. */
  readonly twin: string | null;
}

/** What comparing texts found out. */
export interface HistoryOptions {
  /** A diff for every id whose up text differs from the ledger's in more than comments and white space. */
  readonly modified: ReadonlyMap<string, string>;
  readonly downModified: ReadonlyMap<string, string>;
  /** From the id that is applied to the id that has the same text on disk and is not applied. */
  readonly renamed: ReadonlyMap<string, string>;
  /** From the id that is half applied and gone from disk to the pending id that begins with the same statements. */
  readonly renamedHalf?: ReadonlyMap<string, string>;
}

/** What a revert can live with: it runs what the ledger has, so files need not be there, nor be what they were. */
export const toleratedByDown: ReadonlySet<MigrationState> = new Set([
  'missing',
  'renamed',
  'out of order',
  'modified down',
]);

/** The state of every migration on disk, in the database or half-way between, oldest first. */
export function classify(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
  found: HistoryOptions,
  halfDone: readonly HalfDone[] = [],
): MigrationStatus[] {
  const onDisk = new Map(migrations.map((migration) => [migration.id, migration]));
  const inDatabase = new Map(applied.map((entry) => [entry.id, entry]));
  const newest = applied.at(-1)?.id ?? '';
  const ledgerInUse = applied.some(({ entry }) => entry !== null);
  const newNames = new Map([...found.renamed, ...(found.renamedHalf ?? [])]);
  const formerName = new Map([...newNames].map(([was, is]) => [is, was]));
  const begun = new Map(halfDone.map((half) => [half.id, half]));
  const ids = [...new Set([...onDisk.keys(), ...inDatabase.keys(), ...begun.keys()])].sort();
  const statuses = ids.map((id): MigrationStatus => {
    const migration = onDisk.get(id) ?? null;
    const entry = inDatabase.get(id) ?? null;
    const half = begun.get(id) ?? null;
    const { version, name } = migration ?? entry ?? namesOf(id);
    const diffs = [found.modified.get(id), found.downModified.get(id)].filter((diff) => diff !== undefined);
    const twin = newNames.get(id) ?? formerName.get(id) ?? null;
    const state =
      half === null ? stateOf(id, migration, entry, { newest, ledgerInUse, found }) : ('partial' as const);
    return { id, version, name, state, migration, applied: entry, half, diffs, twin };
  });
  return withAhead(statuses);
}

/**
 * What a newer release applied is no disagreement: missing, newer than every file, and all files applied as they are.
 * Without a single file nothing says that this is an older release, so everything stays missing.
 */
function withAhead(statuses: MigrationStatus[]): MigrationStatus[] {
  const onDisk = statuses.filter(({ migration }) => migration !== null);
  const newest = onDisk.at(-1)?.id;
  if (newest === undefined || onDisk.some(({ state }) => state !== 'applied')) return statuses;
  const gone = statuses.filter(({ state }) => state === 'missing');
  if (gone.some(({ id }) => id < newest || !/^\d{14}_/.test(id))) return statuses;
  return statuses.map((status) => (status.state === 'missing' ? { ...status, state: 'ahead' } : status));
}

/** Ids of what a newer release applied; empty unless the database is ahead of the files. */
export function aheadOf(statuses: readonly MigrationStatus[]): string[] {
  return statuses.filter(({ state }) => state === 'ahead').map(({ id }) => id);
}

/** "ahead: 2 migrations of a newer release are applied (…)", for up, plan and status. */
export function aheadLine(ids: readonly string[]): string {
  const shown = ids.slice(0, 5).join(', ') + (ids.length > 5 ? ` and ${ids.length - 5} more` : '');
  return `ahead: ${ids.length === 1 ? '1 migration' : `${ids.length} migrations`} of a newer release, not touched by this one: ${shown}`;
}

function namesOf(id: string): { version: string; name: string } {
  const [, version = id, name = ''] = /^(\d+)[_-]?(.*)$/s.exec(id) ?? [];
  return { version, name };
}

/** The same where it is known that exactly the oldest are applied, with these very texts. */
export function classifyPrefix(
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): MigrationStatus[] {
  return migrations.map((migration, i) => {
    const { id, version, name } = migration;
    const entry = applied[i] ?? null;
    const state = entry === null ? 'pending' : 'applied';
    return { id, version, name, state, migration, applied: entry, half: null, diffs: none, twin: null };
  });
}

const none: readonly string[] = [];

interface Surroundings {
  readonly newest: string;
  readonly ledgerInUse: boolean;
  readonly found: HistoryOptions;
}

function stateOf(
  id: string,
  migration: Migration | null,
  applied: AppliedMigration | null,
  { newest, ledgerInUse, found }: Surroundings,
): MigrationState {
  if (applied === null) return migration !== null && migration.id < newest ? 'out of order' : 'pending';
  if (!applied.tracked) return 'untracked';
  if (applied.entry === null && ledgerInUse) return 'unrecorded';
  if (migration === null) return found.renamed.has(id) ? 'renamed' : 'missing';
  if (found.modified.has(id)) return 'modified';
  return found.downModified.has(id) ? 'modified down' : 'applied';
}

const repair = (options: string) => `npm run migrate:repair -- ${options} --reason "…"`;

const remedies: Partial<
  Record<MigrationState, (status: MigrationStatus & { readonly isNewest: boolean }) => string>
> = {
  modified: ({ id, version, diffs, isNewest }) =>
    `${id} was changed after it was applied. Restore the file (git checkout) and put the change into a new migration, or accept the new text: ${repair(diffs.length > 1 ? `--accept ${version} --accept-down ${version}` : `--accept ${version}`)}${isNewest ? '; or, while you still work on it, revert it and run it anew: make migrate-redo' : ''}`,
  'modified down': ({ id, version }) =>
    `${id}.down.sql was changed after the migration was applied; make migrate-down would run the text in the ledger. Restore the file, or accept the new text: ${repair(`--accept-down ${version}`)}`,
  missing: ({ id }) =>
    /^\d{14}_/.test(id)
      ? `${id} is applied, but not on disk. Check out the commit that has it, revert it with make migrate-down, or forget it: ${repair(`--forget ${id}`)}`
      : `${id} is applied, but its name is none of this tool’s. Name the files <14 digits>_<name> and take the history over: npm run migrate:baseline -- --from node-pg-migrate --dry-run`,
  renamed: ({ id, twin }) =>
    `${id} is applied, and the same text is on disk as ${twin}. Give the files their old name back, or record the new one: ${repair(`--forget ${id} --record ${twin} applied`)}`,
  'out of order': ({ id }) =>
    `${id} is pending, but older than the newest applied. Give it a fresh version (make migrate-rebase), or run it with --allow-out-of-order`,
  unrecorded: ({ id, version }) =>
    `${id} is in the tracking table, but not in the ledger: another tool applied it. Record it: ${repair(`--record ${version} applied`)}`,
  untracked: ({ id, version }) =>
    `${id} is in the ledger, but its row in the tracking table is gone. Say which is right: ${repair(`--record ${version} applied`)} (or pending)`,
};

/** What is wrong with one migration and what to do about it, or null. */
function problemOf(status: MigrationStatus, isNewest: boolean): string | null {
  const remedy = remedies[status.state];
  // The pending half of a renamed pair is told with the applied half.
  if (remedy === undefined || (status.applied === null && status.twin !== null)) return null;
  const word = status.state === 'modified down' ? 'modified' : status.state;
  const diff = status.diffs.map((text) => `\n${text.replaceAll(/^/gm, '      ')}`).join('');
  const words = { id: shellWord(status.id), version: shellWord(status.version) };
  return `${word}: ${remedy({ ...status, ...words, isNewest })}${diff}`;
}

/**
 * @param hint what to type next; each disagreement says its own remedy
 * @returns the refusal that lists every disagreement, or null when there is none
 */
export function historyError(
  statuses: readonly MigrationStatus[],
  tolerated: ReadonlySet<MigrationState>,
  hint = 'make migrate-status shows every migration and its state.',
): MigrateError | null {
  const newest = statuses.findLast(({ applied }) => applied !== null)?.id;
  const problems = statuses
    .filter(({ state }) => !tolerated.has(state))
    .map((status) => problemOf(status, status.id === newest))
    .filter((problem) => problem !== null);
  if (problems.length === 0) return null;
  const untracked = statuses.filter(({ state }) => state === 'untracked');
  const all =
    untracked.length > 1
      ? `Where the schema has all that is untracked: make migrate-baseline to=${untracked.at(-1)?.version}. `
      : '';
  return new MigrateError(
    'history',
    `The files and the database disagree about ${problems.length === 1 ? 'one migration' : `${problems.length} migrations`}`,
    {
      problems,
      hint: `${all}${hint}`,
      state: 'Nothing was changed.',
    },
  );
}

/**
 * @param tolerated states that the command at hand can live with
 * @throws MigrateError `history` listing every disagreement, each with its remedy
 */
export function refuseBrokenHistory(
  statuses: readonly MigrationStatus[],
  tolerated: ReadonlySet<MigrationState>,
): void {
  const error = historyError(statuses, tolerated);
  if (error !== null) throw error;
}
