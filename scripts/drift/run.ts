// Takes a drift check made before a run; gives what the run says about it, and whether it goes on. Pure but for progress.

import type { Outcome } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import type { History } from '../ledger/ledger.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { CommandResult, Progress } from '../report/command.ts';
import type { DriftCheck } from './check.ts';
import { differenceLines, driftError, driftJson, driftVerdict, warningsOf } from './report.ts';

/** The result of a run that does not begin. Nothing is changed on a schema that somebody else changed. */
export function stopForDrift(drift: DriftCheck, session: Session, config: Config): CommandResult {
  const found = { ...driftJson(drift), fingerprint: drift.fingerprint };
  const document = { migrations: [], roundTrips: session.roundTrips(), ...found };
  return { document, lines: [], error: driftError(drift, config.verbose) };
}

/** For a preview: the run itself finds a verdict, see settle.ts. */
export function sayDrift(drift: DriftCheck, { applied }: History, progress: Progress): void {
  if (drift.state === 'unknown' && applied.some(({ entry }) => entry !== null))
    progress.say(driftVerdict(drift));
  sayWarnings(drift, progress);
}

/** One line for each difference that is no drift. */
export function sayWarnings(drift: DriftCheck, progress: Progress): void {
  for (const line of differenceLines(warningsOf(drift), false)) progress.say(`  note: ${line}`);
}

/** True when a run that stopped has changed the schema: by steps that count, or by statements outside a transaction. */
export function leftSomething(outcomes: readonly Outcome[], steps: readonly ReadyStep[]): boolean {
  return outcomes.some(
    ({ id, outcome }) =>
      outcome === 'applied' ||
      outcome === 'reverted' ||
      (outcome === 'failed' && steps.some((step) => step.id === id && step.directives.noTransaction)),
  );
}
