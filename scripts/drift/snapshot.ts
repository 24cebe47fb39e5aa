// Takes a session; stores what its schema is, so that the next run can tell whether somebody changed it since.
// It judges nothing.

import { isSessionLost, type MigrateError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import { keepHistorySql } from '../ledger/history-digest.ts';
import { trackingName } from '../ledger/ledger.ts';
import { inTransaction, transactionSql } from '../ledger/record.ts';
import { storeSnapshotSql } from '../ledger/snapshot.ts';
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
 * The same after a run that was cut short, where failing would only hide why it was. What could not be stored is found
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
