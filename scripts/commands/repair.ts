// repair: changes what is recorded about migrations that the user names, each with a reason. It runs nothing.

import { type ConfirmFlags, refuseUnconfirmed } from '../config/protection.ts';
import { checkDrift } from '../drift/check.ts';
import { differenceLines } from '../drift/report.ts';
import { snapshotStatements } from '../drift/snapshot.ts';
import { type HistoryWork, withHistory, writeHistory } from '../history/recording.ts';
import {
  describeRepair,
  planRepairs,
  type RepairFlags,
  readNamed,
  repairStatements,
  settlesSchema,
} from '../history/repair.ts';
import { readTexts } from '../ledger/entries.ts';
import { readJournalTexts } from '../ledger/journal.ts';
import type { Command } from '../report/command.ts';
import { count } from '../report/human.ts';

export interface RepairCommandFlags extends RepairFlags, ConfirmFlags {
  readonly dryRun?: boolean;
}

export const repair: Command<RepairCommandFlags> = async (input) => {
  const { config, flags, progress } = input;
  const named = readNamed(flags);
  refuseUnconfirmed(config, flags);
  return withHistory(input, async (context) => {
    const { session, history } = context;
    const repairs = planRepairs(named, history.statuses);
    const lines = repairs.map((each) => describeRepair(each));
    for (const line of lines) progress.say(`  ${line}`);
    const document = {
      repairs: repairs.map(({ status: { version, name }, actions }) => ({ version, name, actions })),
      reason: flags.reason,
    };
    const closing = settlesSchema(repairs) ? await renewSnapshot(context, progress.say) : [];
    if (flags.dryRun) return { document, lines: ['Would do this. Nothing was changed.'] };
    const seqs = repairs.flatMap(({ status }) => (status.applied?.entry ? [status.applied.entry.seq] : []));
    const gone = repairs.filter(({ status }) => status.half !== null && status.migration === null);
    const texts = {
      entries: await readTexts(session, seqs),
      journal: await readJournalTexts(
        session,
        config.trackingTable,
        gone.map(({ status }) => status.id),
      ),
    };
    await writeHistory(context, repairStatements(context, repairs, texts, flags.reason ?? ''), closing);
    return { document, lines: [`Repaired ${count(repairs.length)}: ${flags.reason}`], wrote: true };
  });
};

/** Who says by hand what is applied says with it that the schema is right as it is: else that would be called drift. */
async function renewSnapshot(
  { session, config, history }: HistoryWork,
  say: (line: string) => void,
): Promise<string[]> {
  const { differences, options } = await checkDrift(session, config, history);
  if (differences.length > 0) say('  recorded with it as right, for the schema is so now:');
  for (const line of differenceLines(differences, config.verbose)) say(`    ${line}`);
  return snapshotStatements(config, options);
}
