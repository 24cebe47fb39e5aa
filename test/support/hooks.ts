// Takes mocha's life cycle; gives the server a clean end and every test a clean-up of what it made.
// Registered in package.json (mocha.require), so it is loaded before any test file.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Suite } from 'mocha';
import { registry, runAll } from './cleanup.ts';
import { productRoot } from './cli.ts';
import { writeToMemory } from './memory.ts';
import { testServer } from './postgres.ts';

writeToMemory();

const { TEST_SEED: seed } = process.env;
if (seed !== undefined) (await import('fast-check')).configureGlobal({ seed: Number(seed) });

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

/** Compiles the program and starts the server before the first line of output, unless only unit tests are run. */
export async function mochaGlobalSetup(this: { suite: Suite }): Promise<void> {
  const needsServer = this.suite.suites.some(({ file }) => file?.includes('/unit/') === false);
  if (!needsServer) return;
  execFileSync(process.execPath, [join(productRoot, 'scripts', 'run.cjs'), '--build-only'], {
    stdio: 'inherit',
  });
  await testServer();
}

export async function mochaGlobalTeardown(): Promise<void> {
  await runAll(registry.afterFiles);
  await runAll(registry.afterRun);
}
