// Takes a session and the migrations on disk; gives the history, read and found in order, or refuses.
// The reading is here, the judging in history.ts.
import type { Config } from './config.ts';
import { classify, type MigrationState, type MigrationStatus, refuseBrokenHistory } from './history.ts';
import { type History, type LedgerState, readHistory, readTexts } from './ledger.ts';
import type { Session } from './session.ts';
import type { AppliedMigration, Migration } from './types.ts';

export interface CheckedHistory extends History {
  readonly statuses: readonly MigrationStatus[];
  /** Tracked migrations that no ledger knows: node-pg-migrate ran here before this tool. */
  readonly adoptable: boolean;
}

/** @throws MigrateError `history` for every disagreement that is not tolerated */
export async function readChecked(
  session: Session,
  config: Config,
  state: LedgerState,
  migrations: readonly Migration[],
  tolerated: ReadonlySet<MigrationState>,
): Promise<CheckedHistory> {
  const checked = await readClassified(session, config, state, migrations);
  refuseBrokenHistory(checked.statuses, tolerated);
  return checked;
}

/** As `readChecked`, but tells instead of refusing. */
export async function readClassified(
  session: Session,
  config: Config,
  state: LedgerState,
  migrations: readonly Migration[],
): Promise<CheckedHistory> {
  const history = await readHistory(session, config, state);
  const modified = await findModified(session, migrations, history.applied);
  const adoptable = history.applied.length > 0 && history.applied.every(({ entry }) => entry === null);
  return { ...history, statuses: classify(migrations, history.applied, { modified }), adoptable };
}

/** Texts are fetched and parsed only where checksums differ: comments and white space may change freely. */
async function findModified(
  session: Session,
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): Promise<ReadonlySet<string>> {
  const entries = new Map(applied.flatMap(({ id, entry }) => (entry === null ? [] : [[id, entry] as const])));
  const suspects = migrations.filter(({ id, up }) => {
    const recorded = entries.get(id)?.upChecksum;
    return recorded != null && recorded !== up.checksum;
  });
  if (suspects.length === 0) return new Set();
  const { loadComparison } = await import('./same-sql.ts');
  const same = await loadComparison();
  const texts = await readTexts(
    session,
    suspects.map(({ id }) => entries.get(id)?.seq ?? 0),
  );
  return new Set(
    suspects
      .filter(({ id, up }) => !same(texts.get(entries.get(id)?.seq ?? 0)?.up ?? '', up.text))
      .map(({ id }) => id),
  );
}
