// Takes a history; brings tracking table and ledger up to date before the first write, where they are not. It writes no
// history.
import type { Config } from '../config/config.ts';
import type { Provenance } from '../config/provenance.ts';
import type { Session } from '../connection/session.ts';
import { ensureLedger, type History, needsLedger, trackingName } from './ledger.ts';
import type { Engine } from './node-pg-migrate.ts';
import { refuseMissingPrivileges } from './privileges.ts';
import { leaveOutSql } from './snapshot.ts';

/**
 * @param engine where it is loaded already
 * @throws MigrateError `refused` where the role or the database does not allow it, `connection` where it is lost meanwhile
 */
export async function prepareLedger(
  session: Session,
  config: Config,
  history: History,
  provenance: Provenance,
  engine?: Engine,
): Promise<void> {
  if (!needsLedger(history)) return;
  const { loadEngine } = await import('./node-pg-migrate.ts');
  await refuseMissingPrivileges(session, config, history);
  // That our tracking table is there all of a sudden is no drift to other applications.
  if (history.hasSnapshot && !history.hasTracking)
    await session.ask(leaveOutSql(trackingName(config.trackingTable)));
  const known = engine ?? (await loadEngine(config.trackingTable));
  await ensureLedger(session, known, config.trackingTable, history, provenance);
}
