// down: reverts the newest migration, or several, newest first.

import { type ConfirmFlags, refuseUnconfirmed } from '../config/protection.ts';
import { toleratedByDown } from '../history/history.ts';
import { planDown } from '../plan/plan.ts';
import { readPlanTarget, type TargetFlags } from '../plan/target-flags.ts';
import type { Command } from '../report/command.ts';
import { runMigrations } from '../runner/run.ts';
import { plan as planCommand } from './plan.ts';

export interface DownFlags extends TargetFlags, ConfirmFlags {
  readonly dryRun?: boolean;
  readonly fromDisk?: boolean;
}

export const down: Command<DownFlags> = async (input) => {
  const target = readPlanTarget(input.flags, true);
  refuseUnconfirmed(input.config, input.flags);
  if (input.flags.dryRun) return planCommand(input);
  return runMigrations(input, {
    // What is to be reverted may come from a release that this checkout never had: the ledger has its text.
    tolerated: toleratedByDown,
    plan: (migrations, { applied, halfDone }) => planDown(migrations, applied, target, halfDone),
    fromDisk: input.flags.fromDisk ?? false,
    nothing: ({ applied }) =>
      applied.length === 0
        ? 'Nothing to revert: no migration is applied'
        : `Nothing to revert: already at ${applied.at(-1)?.id}`,
  });
};
