// Takes steps that belong in one transaction; runs them in it: each is sent, its answer judged, and what follows from
// that done. A lock that is not granted in time rolls everything back and begins again.
import type { GroupEnd, RunContext } from './context.ts';
import { type Settled, settle } from './settle.ts';
import type { Task, Transport } from './transport.ts';
import { factsOf, verdictOf } from './verdict.ts';

/** Runs the group, at most `config.lockRetries` more times where locks are in the way. Rejects as `Transport.send`. */
export async function runInTransaction(
  context: RunContext,
  transport: Transport,
  tasks: readonly Task[],
): Promise<GroupEnd> {
  for (let attempt: Attempt = { conflicts: 0, first: true }; ; ) {
    const { settled, durations, failedIndex } = await attemptOnce(context, transport, tasks, attempt);
    if (settled.next === 'go on') return { outcome: 'recorded', durations, error: null };
    if (settled.next === 'stop')
      return settled.outcome === 'recorded'
        ? { outcome: 'recorded', durations, error: settled.error }
        : { outcome: 'failed', durations, error: settled.error, failedIndex };
    attempt = { conflicts: settled.conflicts, first: false };
  }
}

interface Attempt {
  /** How many attempts before met a lock conflict. */
  readonly conflicts: number;
  readonly first: boolean;
}

interface AttemptEnd {
  readonly settled: Settled;
  /** In ms, of each step that was sent; what the run's closing statements took is no part of a migration. */
  readonly durations: readonly number[];
  /** Index of the step that was not recorded; null where all are, or where none had begun. */
  readonly failedIndex: number | null;
}

async function attemptOnce(
  context: RunContext,
  transport: Transport,
  tasks: readonly Task[],
  { conflicts, first }: Attempt,
): Promise<AttemptEnd> {
  const durations: number[] = [];
  for (const [index, task] of tasks.entries()) {
    const from = performance.now();
    const answer = await transport.send(task);
    const verdict = verdictOf(factsOf(answer, context.signal.aborted));
    const settled = await settle(context, task, answer, verdict, conflicts);
    const closingMs = answer.recording?.closingMs ?? 0;
    const begun = answer.file !== null || !first || index > 0;
    if (begun) durations.push(Math.max(0, Math.round(performance.now() - from - closingMs)));
    if (settled.next !== 'go on') return { settled, durations, failedIndex: begun ? index : null };
  }
  return { settled: { next: 'go on' }, durations, failedIndex: null };
}
