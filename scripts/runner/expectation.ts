// Takes how a run ended and what was planned; gives the result with what waits for --after-deploy, and with the schema held
// to the fingerprint that somebody expects, where it can be that one.
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import type { DriftCheck } from '../drift/check.ts';
import { type Expectation, meetExpectation } from '../drift/expect.ts';
import { aheadOf } from '../history/history.ts';
import type { CheckedHistory } from '../history/history-check.ts';
import { butForWaiting, isBlocked, waitingLines } from '../plan/after-deploy.ts';
import type { Plan } from '../plan/plan.ts';
import type { CommandResult, Progress } from '../report/command.ts';

/** Exit 10 when ordinary migrations stand behind one that waits: the application may lack what it needs. */
export function withWaiting(result: CommandResult, { waiting = [] }: Plan): CommandResult {
  if (waiting.length === 0 || result.error != null) return result;
  return {
    ...result,
    document: { ...result.document, waiting: waiting.map(({ id }) => id) },
    lines: [
      ...waitingLines(waiting),
      ...result.lines.slice(0, -1),
      butForWaiting(result.lines.at(-1) ?? '', waiting),
    ],
    verdict: isBlocked(waiting) ? 'pending' : (result.verdict ?? null),
  };
}

interface Expected {
  readonly config: Config;
  readonly progress: Progress;
  readonly session: Session;
  readonly drift: DriftCheck;
  readonly history: CheckedHistory;
  readonly plan: Plan;
  readonly expectation: Expectation | undefined;
}

/**
 * Ahead, the schema is that of a newer release; with migrations that wait, it is not yet that of this one.
 * @throws MigrateError `connection`, `locked`, `refused`
 */
export async function meet(
  { config, progress, session, drift, history, plan, expectation }: Expected,
  result: CommandResult,
): Promise<CommandResult> {
  if (expectation === undefined || result.error != null) return result;
  const isAhead = aheadOf(history.statuses).length > 0;
  if (isAhead || (plan.waiting ?? []).length > 0) {
    const why = isAhead ? 'the schema is a newer release’s' : 'after-deploy migrations wait';
    progress.say(`The fingerprint ${expectation.fingerprint} is not asked for: ${why}`);
    return { ...result, document: { ...result.document, expectedFingerprint: null } };
  }
  const met = await meetExpectation(session, config, drift.options, expectation);
  if (met.note !== null) progress.warn(met.note);
  return { ...result, document: { ...result.document, ...met.document }, error: met.error };
}
