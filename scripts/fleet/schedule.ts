// Takes many pieces of work; runs so many at a time, the canaries before all others, and begins no more once too many have
// failed. It knows nothing of databases.

export interface Schedule {
  /** How many at a time. */
  readonly parallel: number;
  /** So many first: the rest begins only where all of them succeeded. */
  readonly canary: number;
  /** No more are begun once so many have failed. */
  readonly maxFailures: number;
  readonly signal: AbortSignal;
}

/** @param work gives whether it succeeded; it must not reject */
export async function runScheduled<Item>(
  items: readonly Item[],
  { parallel, canary, maxFailures, signal }: Schedule,
  work: (item: Item) => Promise<boolean>,
): Promise<void> {
  let failures = 0;
  const runAll = async (from: number, to: number, allowed: number) => {
    let next = from;
    const worker = async () => {
      while (next < to && failures < allowed && !signal.aborted) {
        const index = next;
        next += 1;
        if (!(await work(items[index] as Item))) failures += 1;
      }
    };
    await Promise.all(Array.from({ length: Math.min(parallel, to - from) }, worker));
  };
  const first = Math.min(canary, items.length);
  await runAll(0, first, 1);
  if (failures === 0) await runAll(first, items.length, maxFailures);
}
