// up: applies pending migrations, oldest first.

import { parseDuration } from '../base/duration.ts';
import { MigrateError } from '../base/errors.ts';
import { flagOf } from '../base/flag.ts';
import { visible } from '../base/foreign-text.ts';
import type { AppliedMigration, Migration } from '../base/types.ts';
import { allowsOutOfOrder } from '../config/binding.ts';
import type { Config } from '../config/config.ts';
import type { ConfirmFlags } from '../config/protection.ts';
import { readExpectation } from '../drift/expect.ts';
import { loadParser } from '../files/statements.ts';
import { aheadOf } from '../history/history.ts';
import { type HalfDone, halfDoneOf } from '../ledger/half-done.ts';
import { type AfterDeployFlags, readWait } from '../plan/after-deploy.ts';
import { type Plan, planUp } from '../plan/plan.ts';
import { readySteps } from '../plan/steps.ts';
import { readPlanTarget, type TargetFlags } from '../plan/target-flags.ts';
import { refuseEdited, refuseOtherEffects } from '../preview/approved.ts';
import { foresee } from '../preview/foresee.ts';
import { stepsJson } from '../preview/report.ts';
import { readBinding, readPlan, refuseChanged, type SavedPlan } from '../preview/saved.ts';
import { lookAtTarget } from '../preview/view.ts';
import type { Command, CommandInput } from '../report/command.ts';
import { type RunRequest, runMigrations } from '../runner/run.ts';
import { plan as planCommand, statementsThatRan } from './plan.ts';

export interface UpFlags extends ConfirmFlags, TargetFlags, AfterDeployFlags {
  /** A duration: how long batches may go on. */
  readonly budget?: string;
  readonly dryRun?: boolean;
  readonly allowOutOfOrder?: boolean;
  readonly singleTransaction?: boolean;
  /** Another tool's history in this database has nothing to do with these files. */
  readonly freshHistory?: boolean;
  /** True without a value. */
  readonly expectFingerprint?: string | true;
  /** A file that `plan --out` wrote, and its digest as it was approved. */
  readonly plan?: string;
  readonly planDigest?: string;
}

export const up: Command<UpFlags> = async (input) => {
  const { flags, config } = input;
  const target = readPlanTarget(flags, false);
  const waitMs = readWait(flags);
  if (flags.planDigest !== undefined && flags.plan === undefined)
    throw new MigrateError('usage', '--plan-digest says which plan was approved: give --plan too');
  const saved = flags.plan === undefined ? null : planOf(config, flags, flags.plan);
  if (saved !== null) input.progress.say(`Plan ${flags.plan}, digest ${saved.digest}`);
  if (flags.dryRun) return planCommand(input);
  const outOfOrder = saved?.allowOutOfOrder ?? allowsOutOfOrder(config, flags.allowOutOfOrder);
  const expected = flags.expectFingerprint;
  return runMigrations(input, {
    expectation: expected === undefined ? undefined : readExpectation(config, expected),
    tolerated: new Set(outOfOrder ? ['out of order'] : []),
    approve:
      saved === null
        ? undefined
        : async (found) => {
            refuseChanged(saved, await readBinding({ config, ...found }), found.drift.differences);
            await refuseOtherSteps(input, saved, found);
          },
    plan: (migrations, { applied, halfDone }) => {
      if (saved !== null) return planAnew(saved, migrations, applied, halfDone);
      const plan = planUp(migrations, applied, target, halfDone, flags.afterDeploy);
      if (flags.singleTransaction) refuseNoTransaction(plan.steps, halfDone);
      return plan;
    },
    together: flags.singleTransaction ?? false,
    freshHistory: flags.freshHistory ?? false,
    forward: saved === null,
    waitMs,
    budgetMs: readBudget(flags.budget),
    nothing: ({ applied, statuses }) => {
      const newest = statuses.filter((each) => each.applied !== null && each.state !== 'ahead').at(-1);
      return `Already up to date${applied.length === 0 ? ': there are no migrations' : ` at ${newest?.id}`}`;
    },
  });
};

/** @throws MigrateError `usage` for what is no duration above zero */
function readBudget(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms !== null && ms > 0) return ms;
  throw new MigrateError('usage', `--budget "${text}" is not a duration above zero; a right value is 10min`);
}

/** @throws MigrateError `usage` for options that the plan has settled, `refused` before connecting for another environment */
function planOf(config: Config, flags: UpFlags, path: string): SavedPlan {
  const settled = ['to', 'n', 'dryRun', 'allowOutOfOrder', 'singleTransaction', 'afterDeploy'] as const;
  const given = settled.filter((name) => flags[name] !== undefined);
  if (given.length > 0) {
    const names = given.map(flagOf).join(', ');
    throw new MigrateError('usage', `--plan runs exactly what was planned: leave out ${names}`);
  }
  const saved = readPlan(config, path, flags.planDigest);
  if (saved.environment === config.environmentName) return saved;
  throw new MigrateError(
    'refused',
    `The plan was made for another environment: ${visible(saved.environment)} in the plan, ${config.environmentName} now`,
    {
      hint: 'Set MIGRATE_ENV to what the plan is for, or make a plan for this one.',
      state: 'Nothing was connected to.',
    },
  );
}

/** The steps come from files and history as they are; the saved plan only says how far to go. */
function planAnew(
  { asked }: SavedPlan,
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
  halfDone: readonly HalfDone[],
): Plan {
  return planUp(migrations, applied, readPlanTarget(asked, false), halfDone, asked.afterDeploy);
}

async function refuseOtherSteps(
  { config, flags, progress }: CommandInput<UpFlags>,
  saved: SavedPlan,
  {
    session,
    migrations,
    history: { applied, halfDone, statuses },
  }: Parameters<NonNullable<RunRequest['approve']>>[0],
): Promise<void> {
  const { steps: planned, waiting = [] } = planAnew(saved, migrations, applied, halfDone);
  const steps = readySteps(planned, new Map(), { halfDone });
  const parse = await loadParser(session.major);
  const ran = await statementsThatRan(session, config, steps, parse);
  refuseEdited(saved, steps, parse, ran, {
    waiting: waiting.map(({ id }) => id),
    ahead: [...aheadOf(statuses)],
  });
  // What was approved by its digest is that file: it needs no scratch server to show what it shows.
  if (flags.planDigest !== undefined || steps.length === 0) return;
  const trace = await foresee({ config, progress, session, migrations, applied, steps });
  const { findings, untraced } = trace;
  const view = await lookAtTarget(session, parse, steps, trace, ran);
  refuseOtherEffects(saved, { migrations: stepsJson(view.steps), findings, untraced });
}

function refuseNoTransaction(steps: Plan['steps'], halfDone: readonly HalfDone[]): void {
  const problems = steps.flatMap((step) => {
    const half = halfDoneOf(halfDone, step);
    if (half !== undefined)
      return [
        `${step.id} is half applied outside a transaction: ${half.done} of ${half.total} statements ran`,
      ];
    const up = step.migration?.up;
    return up?.directives.noTransaction ? [`${up.path} is marked no-transaction`] : [];
  });
  if (problems.length === 0) return;
  throw new MigrateError(
    'usage',
    '--single-transaction is not possible: a pending migration runs outside a transaction',
    {
      problems,
      hint: 'Apply up to there with to=, then go on; or leave --single-transaction out.',
      state: 'Nothing was changed.',
    },
  );
}
