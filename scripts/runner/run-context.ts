// Takes a checked history and what drift found; gives what every step of the run needs: engine, provenance, ledger, watch.
// It runs no step, but adopts what node-pg-migrate had applied.
import type { Migration } from '../base/types.ts';
import { readProvenance } from '../config/provenance.ts';
import type { Session } from '../connection/session.ts';
import { watchStoredSettings } from '../connection/session-settings.ts';
import type { DriftCheck } from '../drift/check.ts';
import { snapshotStatements } from '../drift/snapshot.ts';
import type { RunContext } from '../execute/context.ts';
import { adopt } from '../history/adopt.ts';
import type { CheckedHistory } from '../history/history-check.ts';
import { loadEngine } from '../ledger/node-pg-migrate.ts';
import { prepareLedger } from '../ledger/prepare.ts';
import { refuseMissingWrites } from '../ledger/privileges.ts';
import type { CommandInput } from '../report/command.ts';
import { count } from '../report/human.ts';
import { observe } from './observe.ts';

/** What a run knows of files and database when it begins to plan. */
export interface Checked {
  readonly migrations: readonly Migration[];
  readonly history: CheckedHistory;
  readonly drift: DriftCheck;
}

/**
 * Fetched side by side where nothing depends on it.
 * @param budgetMs how long batches may go on; undefined for as long as they take
 * @throws MigrateError `refused` where the ledger cannot be made or written, `usage`, `connection`, `locked`
 */
export async function contextOf(
  { config, progress, signal }: CommandInput<unknown>,
  session: Session,
  { history, migrations, drift }: Checked,
  budgetMs: number | undefined,
): Promise<RunContext> {
  const [engine, provenance] = await Promise.all([
    loadEngine(config.trackingTable),
    readProvenance(config, session.encoding),
  ]);
  await prepareLedger(session, config, history, provenance, engine);
  // What the run has just created is its role's own.
  if (history.hasLedger || history.hasTracking) await refuseMissingWrites(session, config);
  const observer = observe(progress);
  const closing = snapshotStatements(config, drift.options);
  const loadParser = async () => (await import('../files/statements.ts')).loadParser(session.major);
  const settingsStoredBefore = watchStoredSettings();
  const context = {
    session,
    config,
    engine,
    provenance,
    loadParser,
    observer,
    signal,
    settingsStoredBefore,
    deadline: budgetMs === undefined ? null : performance.now() + budgetMs,
    closing,
  };
  if (history.adoptable) {
    await adopt(context, history, migrations);
    progress.say(
      `Adopted ${count(history.applied.length)} that node-pg-migrate had applied: recorded in the ledger, not run again`,
    );
  }
  return context;
}
