// Takes mocha's life cycle; gives the server a clean end and every test a clean-up of what it made.
// Registered in package.json (mocha.require), so it is loaded before any test file.
import type { Suite } from 'mocha';

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
const registry: Registry = shared[key];

/** Runs the work after the running test; for what is made outside of a test (`before`), after the whole run. */
export function cleanUpAfterTest(work: Work): void {
  (registry.inTest ? registry.afterTest : registry.afterFiles).push(work);
}

/** Runs the work when all tests are done. What is registered first runs last. */
export function cleanUpAfterRun(work: Work): void {
  registry.afterRun.push(work);
}

async function runAll(works: Work[]): Promise<void> {
  const failures: unknown[] = [];
  for (let work = works.pop(); work !== undefined; work = works.pop()) {
    await work().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw new AggregateError(failures, `Cleaning up failed: ${failures.join('; ')}`);
}

export const mochaHooks = {
  beforeEach() {
    registry.inTest = true;
  },
  async afterEach() {
    registry.inTest = false;
    await runAll(registry.afterTest);
  },
  async afterAll() {
    await runAll(registry.afterFiles);
  },
};

/** Chooses and starts the server before the first line of output, unless only unit tests are run. */
export async function mochaGlobalSetup(this: { suite: Suite }): Promise<void> {
  const needsServer = this.suite.suites.some(({ file }) => file?.includes('/unit/') === false);
  if (!needsServer) return;
  const { testServer } = await import('./postgres.ts');
  await testServer();
}

export async function mochaGlobalTeardown(): Promise<void> {
  await runAll(registry.afterFiles);
  await runAll(registry.afterRun);
}
