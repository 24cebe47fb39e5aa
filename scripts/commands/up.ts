// up: applies pending migrations, oldest first.
import { allowsOutOfOrder } from '../binding.ts';
import type { Command } from '../command.ts';
import { readExpectation } from '../drift/expect.ts';
import { MigrateError } from '../errors.ts';
import { runMigrations } from '../migration-run.ts';
import { planUp } from '../plan.ts';
import { readPlanTarget, type TargetFlags } from '../target-flags.ts';
import { plan as planCommand } from './plan.ts';

export interface UpFlags extends TargetFlags {
  readonly dryRun?: boolean;
  readonly allowOutOfOrder?: boolean;
  readonly singleTransaction?: boolean;
  /** True without a value. */
  readonly expectFingerprint?: string | true;
}

export const up: Command<UpFlags> = async (input) => {
  const { flags, config } = input;
  const target = readPlanTarget(flags, false);
  if (flags.dryRun) return planCommand(input);
  const outOfOrder = allowsOutOfOrder(config, flags.allowOutOfOrder);
  const expected = flags.expectFingerprint;
  return runMigrations(input, {
    expectation: expected === undefined ? undefined : readExpectation(config, expected),
    tolerated: new Set(outOfOrder ? ['out of order'] : []),
    plan: (migrations, { applied }) => {
      const plan = planUp(migrations, applied, target);
      if (flags.singleTransaction) refuseNoTransaction(plan.steps.map(({ migration }) => migration?.up));
      return plan;
    },
    together: flags.singleTransaction ?? false,
    nothing: ({ applied }) =>
      `Already up to date${applied.length === 0 ? ': there are no migrations' : ` at ${applied.at(-1)?.id}`}`,
  });
};

function refuseNoTransaction(
  files: readonly ({ path: string; directives: { noTransaction: boolean } } | undefined)[],
): void {
  const outside = files.filter((file) => file?.directives.noTransaction);
  if (outside.length === 0) return;
  throw new MigrateError(
    'usage',
    '--single-transaction is not possible: a pending migration runs outside a transaction',
    {
      problems: outside.map((file) => `${file?.path} is marked no-transaction`),
      hint: 'Apply up to there with to=, then go on; or leave --single-transaction out.',
      state: 'Nothing was changed.',
    },
  );
}
