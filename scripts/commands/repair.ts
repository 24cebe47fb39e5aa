// repair: changes what is recorded about migrations that the user names, each with a reason. It runs nothing.

import { type ConfirmFlags, refuseUnconfirmed } from '../config/protection.ts';
import { withHistory, writeHistory } from '../history/recording.ts';
import {
  describeRepair,
  planRepairs,
  type RepairFlags,
  readNamed,
  repairStatements,
} from '../history/repair.ts';
import { readTexts } from '../ledger/entries.ts';
import type { Command } from '../report/command.ts';
import { count } from '../report/human.ts';

export interface RepairCommandFlags extends RepairFlags, ConfirmFlags {
  readonly dryRun?: boolean;
}

export const repair: Command<RepairCommandFlags> = async (input) => {
  const { config, flags, progress } = input;
  const named = readNamed(flags);
  if (!flags.dryRun) refuseUnconfirmed(config, flags);
  return withHistory(input, async (context) => {
    const { session, history } = context;
    const halfDone = new Set(history.halfDone.map(({ id }) => id));
    const repairs = planRepairs(named, history.statuses, halfDone);
    const lines = repairs.map((each) => describeRepair(each));
    for (const line of lines) progress.say(`  ${line}`);
    const document = {
      repairs: repairs.map(({ status: { version, name }, actions }) => ({ version, name, actions })),
      reason: flags.reason,
    };
    if (flags.dryRun) return { document, lines: ['Would do this. Nothing was changed.'] };
    const seqs = repairs.flatMap(({ status }) => (status.applied?.entry ? [status.applied.entry.seq] : []));
    const texts = await readTexts(session, seqs);
    await writeHistory(
      context,
      repairStatements(context, repairs, texts, flags.reason ?? '', history.hasJournal),
    );
    return { document, lines: [`Repaired ${count(repairs.length)}: ${flags.reason}`], wrote: true };
  });
};
