// Takes a history; brings tracking table and ledger up to date before the first write, where they are not. It writes no
// history.
import type { Config, TrackingTable } from '../config/config.ts';
import type { Provenance } from '../config/provenance.ts';
import { keptLocalStatements } from '../connection/citus.ts';
import type { Session } from '../connection/session.ts';
import { type History, trackingName } from './ledger.ts';
import type { Engine } from './node-pg-migrate.ts';
import { refuseMissingPrivileges } from './privileges.ts';
import { inTransaction } from './record.ts';
import { leaveOutSql } from './snapshot.ts';
import { placeKnownSql, readPlace, stampSql } from './stamp.ts';
import { preparingError } from './tracking-shape.ts';
import { ledgerSql } from './upgrade.ts';

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
  if (!isOutOfDate(history)) return;
  const { loadEngine } = await import('./node-pg-migrate.ts');
  await refuseMissingPrivileges(session, config, history);
  // That our tracking table is there all of a sudden is no drift to other applications.
  if (history.hasSnapshot && !history.hasTracking)
    await session.ask(leaveOutSql(trackingName(config.trackingTable)));
  const known = engine ?? (await loadEngine(config.trackingTable));
  await ensureLedger(session, known, config.trackingTable, history, provenance);
}

function isOutOfDate({ hasTracking, ledgerCurrent, environment }: History): boolean {
  return !hasTracking || !ledgerCurrent || environment === null;
}

/** In one transaction; a database that has no environment yet is stamped too. */
async function ensureLedger(
  session: Session,
  engine: Engine,
  tracking: TrackingTable,
  history: History,
  provenance: Provenance,
): Promise<void> {
  const place = await readPlace(session);
  const made = [
    ...keptLocalStatements(session.citus),
    ...(history.hasTracking ? [] : await engine.trackingTableSql()),
    ...(history.ledgerCurrent ? [] : await ledgerSql(session, history.hasLedger)),
    history.environment === null ? stampSql(provenance, place) : placeKnownSql(place),
  ];
  try {
    await inTransaction(session, made);
  } catch (error) {
    throw preparingError(tracking, history.hasTracking, error);
  }
}
