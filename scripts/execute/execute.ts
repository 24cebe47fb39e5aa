// Takes steps with their texts; gives how each ended. Stops at the first failure and says what state that leaves.
// How one step runs is transaction.ts's and no-transaction.ts's work. It knows nothing of files or terminals.

import { MigrateError } from '../base/errors.ts';
import type { Outcome } from '../base/types.ts';
import { mendHint } from '../plan/mend-hint.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { GroupEnd, RunContext } from './context.ts';
import { inTurn } from './in-turn.ts';
import { runNoTransaction } from './no-transaction.ts';
import { pipelined } from './pipelined.ts';
import { settleWorkers } from './settled-workers.ts';
import { sharedIsolation } from './shared-isolation.ts';
import { runInTransaction } from './transaction.ts';
import type { Task, Transport } from './transport.ts';

export interface RunResult {
  readonly outcomes: readonly Outcome[];
  readonly failure: MigrateError | null;
  /** The batch that stopped with the run's budget; null where there was none. */
  readonly paused: ReadyStep | null;
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

async function run(context: RunContext, steps: readonly (readonly ReadyStep[])[]): Promise<RunResult> {
  const groups = steps.map((group, index) => tasksOf(context, group, index, index === steps.length - 1));
  const started = announcing(context, groups.flat());
  const transport = openTransport(context, groups, started);
  const outcomes: Outcome[] = [];
  for (const [i, group] of groups.entries()) {
    const end = await runGroup(context, transport, group, started);
    const ended = group.map(({ step }, k) => outcomeOf(step, groupOutcome(step, k, end), end.durations[k]));
    for (const outcome of ended) if (outcome.outcome !== 'pending') context.observer.stepEnded(outcome);
    if (end.outcome === 'recorded' && end.error === null) {
      outcomes.push(...ended);
      continue;
    }
    const unreached = groups.slice(i + 1).flat();
    const all = [
      ...outcomes,
      ...ended,
      ...unreached.map(({ step }) => outcomeOf(step, 'pending', undefined)),
    ];
    if (end.error === null) return { outcomes: all, failure: null, paused: group[0]?.step ?? null };
    const failed = end.outcome === 'failed' && end.failedIndex !== null ? group[end.failedIndex] : undefined;
    const failure = withState(end.error, failed?.step, outcomes, context.config.command);
    return { outcomes: all, failure, paused: null };
  }
  const unsettled = await settleWorkers(context);
  const failure = unsettled && withState(unsettled, undefined, outcomes, context.config.command);
  return { outcomes, failure, paused: null };
}

/** The tasks of one transaction; only the run's last step runs the closing statements. */
function tasksOf(
  { closing }: RunContext,
  group: readonly ReadyStep[],
  index: number,
  isLastGroup: boolean,
): Task[] {
  const isolation = group.length === 1 ? {} : { isolation: sharedIsolation(group) };
  return group.map((step, k) => {
    const last = k === group.length - 1;
    const place = { first: k === 0, last, closing: isLastGroup && last ? closing : [], ...isolation };
    return { step, index, place };
  });
}

/** Without `pipelined` the same happens, only slower. On Citus a COMMIT that follows a failure would let later steps run. */
function openTransport(
  context: RunContext,
  groups: readonly (readonly Task[])[],
  started: (task: Task) => void,
): Transport {
  const plain = inTurn({ context, started });
  if (context.session.citus !== null) return plain;
  const alone = groups.map((group) => (group.length === 1 ? (group[0] ?? null) : null));
  return pipelined({ context, started }, alone, plain);
}

/** Tells the observer of each task once, however often it is sent. */
function announcing({ observer }: RunContext, tasks: readonly Task[]): (task: Task) => void {
  let told = 0;
  return (task) => {
    const number = tasks.indexOf(task, told) + 1;
    if (number === 0) return;
    told = number;
    observer.stepStarted(task.step, number, tasks.length);
  };
}

async function runGroup(
  context: RunContext,
  transport: Transport,
  group: readonly Task[],
  started: (task: Task) => void,
): Promise<GroupEnd> {
  const unsettled = await settleWorkers(context);
  if (unsettled !== null) return { outcome: 'failed', durations: [], error: unsettled, failedIndex: null };
  const [only] = group;
  if (only === undefined || group.length > 1 || !only.step.directives.noTransaction)
    return runInTransaction(context, transport, group);
  if (context.signal.aborted) return notBegun(context);
  started(only);
  return runNoTransaction({ ...context, closing: only.place.closing }, only.step);
}

function notBegun({ signal }: RunContext): GroupEnd {
  return { outcome: 'failed', durations: [], error: signal.reason as MigrateError, failedIndex: null };
}

function groupOutcome(step: ReadyStep, k: number, end: GroupEnd): Outcome['outcome'] {
  if (end.outcome === 'recorded') return step.direction === 'up' ? 'applied' : 'reverted';
  return end.outcome === 'failed' && k === end.failedIndex ? 'failed' : 'pending';
}

function outcomeOf(step: ReadyStep, outcome: Outcome['outcome'], durationMs: number | undefined): Outcome {
  const { id, version, name, direction } = step;
  const ran = outcome !== 'pending' && durationMs !== undefined;
  return { id, version, name, direction, outcome, durationMs: ran ? durationMs : null };
}

/** Completes an error with the state of the database and what to type next, where it does not say so itself. */
function withState(
  error: MigrateError,
  step: ReadyStep | undefined,
  before: readonly Outcome[],
  command: string,
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
    (step === undefined ? 'Run the same command again.' : mendHint(step, command, options.location?.file));
  const counting =
    before[0]?.outcome === 'reverted' ? ' With to=V it goes on; n=K would revert K more from here.' : '';
  return new MigrateError(error.code, error.message, {
    ...options,
    state: (options.state ?? what) + kept,
    hint: hint + counting,
  });
}
