// Takes a command that changes what is recorded and runs no migration; gives it a locked session with the history as it
// is, and writes its statements in one transaction.

import type { Migration } from '../base/types.ts';
import { refuseUnnamed } from '../config/binding.ts';
import { readProvenance } from '../config/provenance.ts';
import { refuseReadOnly } from '../connection/session.ts';
import { prepareLedger } from '../ledger/prepare.ts';
import { type RecordContext, recordAtomically } from '../ledger/record.ts';
import { withRunLock } from '../ledger/run-lock.ts';
import { keepCurrentSql, rememberCurrentSql } from '../ledger/snapshot.ts';
import type { CommandInput, CommandResult } from '../report/command.ts';
import { audited } from './audit.ts';
import { type CheckedHistory, readClassified } from './history-check.ts';
import { loadForRecording } from './load-migrations.ts';
import { refuseOtherPlace } from './reached.ts';
import { lockWait, withTarget } from './with-target.ts';

export interface HistoryWork extends RecordContext {
  readonly migrations: readonly Migration[];
  readonly history: CheckedHistory;
}

/** Connects, locks, reads and classifies, works, logs. @throws MigrateError as every run does, but for `history` */
export async function withHistory(
  input: CommandInput<unknown>,
  work: (context: HistoryWork) => Promise<CommandResult>,
): Promise<CommandResult> {
  const { config, progress } = input;
  const migrations = await loadForRecording(config, progress.warn);
  return withTarget(input, async (session) => {
    refuseReadOnly(session);
    const locked = () =>
      withRunLock(session, config, lockWait(input), async (state) => {
        const [history, provenance] = await Promise.all([
          readClassified(session, config, state, migrations),
          readProvenance(config, session.encoding),
        ]);
        refuseUnnamed(config, history.environment);
        const remark = await refuseOtherPlace(session, config, history);
        if (remark !== null) progress.warn(remark);
        return work({ session, config, provenance, migrations, history });
      });
    return audited(input, session, locked);
  });
}

/**
 * Makes the tables where they are missing, then writes everything or nothing.
 * @param closing what is to follow in the same transaction, when the history is as it will be
 * @throws MigrateError `connection`, `locked`, `refused`
 */
export async function writeHistory(
  context: HistoryWork,
  statements: readonly string[],
  closing: readonly string[] = [],
): Promise<void> {
  const { session, config, history, provenance } = context;
  await prepareLedger(session, config, history, provenance);
  await recordAtomically(context, [rememberCurrentSql, ...statements, keepCurrentSql, ...closing]);
}
