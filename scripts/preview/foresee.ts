// Takes the steps of a plan, the target and what is applied there; gives what the steps lock, rewrite and read, and what
// is found in them. Asked for a plan, and again when the saved plan is to run: nothing that the file shows is believed.
import type { AppliedMigration, Migration } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import { extensionFindings } from '../execute/extensions.ts';
import { appliedMigrations } from '../history/applied-texts.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { Progress } from '../report/command.ts';
import { readSetting } from './live.ts';
import { type PlanTrace, traceSteps } from './trace.ts';

export interface ForeseeRequest {
  readonly config: Config;
  readonly progress: Progress;
  readonly session: Session;
  /** On disk. */
  readonly migrations: readonly Migration[];
  readonly applied: readonly AppliedMigration[];
  readonly steps: readonly ReadyStep[];
}

/**
 * The cost: one replay of what is applied on a scratch database, then one round trip per statement of the plan.
 * @returns the trace, with findings of the target's extensions too
 * @throws MigrateError as `traceSteps`; `connection`, `locked`, `refused` of the target
 */
export async function foresee(request: ForeseeRequest): Promise<PlanTrace> {
  const { config, progress, session, migrations, applied, steps } = request;
  const trace = await traceSteps({
    config,
    progress,
    applied: await appliedMigrations(session, migrations, applied),
    steps,
    postgres: session.major,
    ...(await readSetting(session)),
  });
  return { ...trace, findings: [...trace.findings, ...(await extensionFindings(session, steps))] };
}
