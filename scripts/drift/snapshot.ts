// Takes a session; stores what its schema is, so that the next run can tell whether somebody changed it since.
// It judges nothing.

import { isSessionLost, MigrateError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import { keepHistorySql } from '../ledger/history-digest.ts';
import { trackingName } from '../ledger/ledger.ts';
import { inTransaction, transactionSql } from '../ledger/record.ts';
import { storeSnapshotSql, storeTokenSql } from '../ledger/snapshot.ts';
import type { SchemaOptions } from '../schema/types.ts';

/** Statements that store the snapshot, to be sent last in a transaction that changes the schema. */
export function snapshotStatements(config: Config, options: SchemaOptions): string[] {
  return [
    ...storeSnapshotSql(options, trackingName(config.trackingTable)),
    keepHistorySql(config.trackingTable),
  ];
}

/**
 * Stores the snapshot in a transaction of its own; the ledger must be up to date.
 * @param options as a drift check gives them
 * @throws MigrateError `connection`, `locked`, `refused`
 */
export async function takeSnapshot(session: Session, config: Config, options: SchemaOptions): Promise<void> {
  await inTransaction(session, snapshotStatements(config, options));
}

/**
 * After a run with nothing to do, so that the next check is cheap again: only the token, where the rest is as it was stored;
 * else the snapshot, where the ledger is up to date. A role that may not write there leaves all as it is.
 * @throws MigrateError `connection`, `locked`
 */
export async function renewSnapshot(
  session: Session,
  config: Config,
  { newToken, options }: { readonly newToken: string | null; readonly options: SchemaOptions },
  ledgerCurrent: boolean,
): Promise<void> {
  try {
    if (newToken !== null) await session.ask(storeTokenSql(newToken));
    else if (ledgerCurrent) await takeSnapshot(session, config, options);
  } catch (error) {
    if (!(error instanceof MigrateError) || error.code !== 'refused') throw error;
  }
}

/**
 * As `takeSnapshot`, after a run that was cut short, where failing would only hide why it was. What could not be stored is found
 * out by the next run, which then says that it does not know.
 */
export async function takeSnapshotAfterFailure(
  session: Session,
  config: Config,
  options: SchemaOptions,
  failure: MigrateError,
): Promise<void> {
  // Without its session the run has lost the lock: another one may be at work by now.
  if (isSessionLost(failure)) return;
  const interrupted = failure.code === 'interrupted' || failure.code === 'terminated';
  const work = interrupted
    ? // Our own session is being cancelled and cut.
      session.aside((client) => client.query(transactionSql(snapshotStatements(config, options))))
    : takeSnapshot(session, config, options);
  await work.catch(() => undefined);
}
