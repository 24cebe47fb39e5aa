// Takes steps with their texts; gives how each ended. Stops at the first failure and says what state that leaves.
// How one step runs is transaction.ts's and outside.ts's work. It knows nothing of files or terminals.

import type { MigrateError } from '../base/errors.ts';
import { MigrateError as Failure } from '../base/errors.ts';
import type { Outcome } from '../base/types.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { GroupEnd, RunContext } from './context.ts';
import { runOutside } from './no-transaction.ts';
import { contextOf, type Flight, openFlights } from './pipeline.ts';
import { runInTransaction } from './transaction.ts';

export interface RunResult {
  readonly outcomes: readonly Outcome[];
  readonly failure: MigrateError | null;
}

/** Runs the steps one after the other, each all or nothing. */
export async function execute(context: RunContext, steps: readonly ReadyStep[]): Promise<RunResult> {
  return run(
    context,
    steps.map((step) => [step]),
  );
}

/** Runs all steps in one transaction: either every one counts, or none. */
export async function executeTogether(context: RunContext, steps: readonly ReadyStep[]): Promise<RunResult> {
  return run(context, [steps]);
}

async function run(context: RunContext, groups: readonly (readonly ReadyStep[])[]): Promise<RunResult> {
  const outcomes: Outcome[] = [];
  const total = groups.flat().length;
  const flights = openFlights(
    context,
    groups.map((group) => (group.length === 1 ? (group[0] ?? null) : null)),
  );
  for (const [i, group] of groups.entries()) {
    const flight = flights.take(i);
    const own = contextOf(context, i, groups.length);
    const end = await runGroup(own, group, flight, { before: outcomes.length, total });
    const done = end.failure === null || end.failure.committed;
    const ended = group.map((step, k) =>
      outcomeOf(step, groupOutcome(step, k, end, done), end.durations[k] ?? null),
    );
    for (const outcome of ended) if (outcome.outcome !== 'pending') context.observer.stepEnded(outcome);
    if (end.failure !== null) {
      const unreached = groups
        .slice(i + 1)
        .flat()
        .map((step) => outcomeOf(step, 'pending', null));
      const failed = group[end.failure.index];
      return {
        outcomes: [...outcomes, ...ended, ...unreached],
        failure: withState(end.failure.error, failed, outcomes),
      };
    }
    outcomes.push(...ended);
  }
  return { outcomes, failure: null };
}

async function runGroup(
  context: RunContext,
  group: readonly ReadyStep[],
  flight: Flight | null,
  { before, total }: { before: number; total: number },
): Promise<GroupEnd> {
  const { signal, observer } = context;
  if (signal.aborted && flight === null)
    return { durations: [], failure: { index: -1, error: signal.reason as MigrateError, committed: false } };
  const started = (step: ReadyStep) => observer.stepStarted(step, before + group.indexOf(step) + 1, total);
  const [only] = group;
  if (only?.directives.noTransaction && group.length === 1) {
    started(only);
    return runOutside(context, only);
  }
  return runInTransaction(context, group, started, flight);
}

function groupOutcome(step: ReadyStep, k: number, { failure }: GroupEnd, done: boolean): Outcome['outcome'] {
  if (done) return step.direction === 'up' ? 'applied' : 'reverted';
  return k === failure?.index ? 'failed' : 'pending';
}

function outcomeOf(step: ReadyStep, outcome: Outcome['outcome'], durationMs: number | null): Outcome {
  const { id, version, name, direction } = step;
  return { id, version, name, direction, outcome, durationMs: outcome === 'pending' ? null : durationMs };
}

/** Completes an error with the state of the database and what to type next, where it does not say so itself. */
function withState(
  error: MigrateError,
  step: ReadyStep | undefined,
  before: readonly Outcome[],
): MigrateError {
  const { options } = error;
  const what =
    step === undefined ? 'No migration is half done.' : `${step.id} was rolled back: nothing of it is left.`;
  const one = before.length === 1;
  const stay = ` ${one ? 'One migration' : `${before.length} migrations`} before it in this run stay${one ? 's' : ''} ${before[0]?.outcome}`;
  // What a server that goes down had not written to disk yet, it does not have when it is back.
  const unless =
    error.code === 'connection' ? ', unless the server itself went down: make migrate-status tells' : '';
  const kept = before.length === 0 ? '' : `${stay}${unless}.`;
  const hint =
    options.hint ??
    (step === undefined
      ? 'Run the same command again.'
      : `Mend ${options.location?.file ?? step.path}, then run make migrate-${step.direction} again.`);
  const counting =
    before[0]?.outcome === 'reverted' ? ' With to=V it goes on; n=K would revert K more from here.' : '';
  return new Failure(error.code, error.message, {
    ...options,
    state: (options.state ?? what) + kept,
    hint: hint + counting,
  });
}
