// What tests leave to be undone, and when: after the test, after the files' tests, or after the whole run.
type Work = () => Promise<unknown>;

interface Registry {
  inTest: boolean;
  afterTest: Work[];
  /** Databases of a `before` hook: in parallel mode a worker ends with its last file and hears of no end of the run. */
  afterFiles: Work[];
  afterRun: Work[];
}

// Kept on the process: mocha may load this file by require and a test by import, which makes two instances of it.
const key = Symbol.for('migrate.test.cleanups');
const shared = globalThis as { [key]?: Registry };
shared[key] ??= { inTest: false, afterTest: [], afterFiles: [], afterRun: [] };
export const registry: Registry = shared[key];

/** Runs the work after the running test; for what is made outside of a test (`before`), after the whole run. */
export function cleanUpAfterTest(work: Work): void {
  (registry.inTest ? registry.afterTest : registry.afterFiles).push(work);
}

/** Runs the work when all tests are done. What is registered first runs last. */
export function cleanUpAfterRun(work: Work): void {
  registry.afterRun.push(work);
}

/** Runs the works, newest first; all of them, whichever fail. */
export async function runAll(works: Work[]): Promise<void> {
  const failures: unknown[] = [];
  for (let work = works.pop(); work !== undefined; work = works.pop()) {
    await work().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw new AggregateError(failures, `Cleaning up failed: ${failures.join('; ')}`);
}
