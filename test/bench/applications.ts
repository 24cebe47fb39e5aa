// (k) What an application calls in its own process: a database for a test, and the gate before it starts.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { projectDirectories, removeServer } from '../../scripts/devserver/devserver.ts';
import type * as Gate from '../../scripts/gate/gate.ts';
import type * as Testing from '../../scripts/testing/testing.ts';
import { cleanEnvironment, product, productRoot } from './contenders.ts';
import { measure } from './measure.ts';
import { type Bench, preparedPlace } from './rounds.ts';
import { smallWork } from './work.ts';

export const inApplication = 'in an application, 100 migrations';
export const applicationNames = {
  template: 'testDatabase(), the first: builds the template',
  copy: 'testDatabase(), every other',
  drop: 'drop()',
  gate: 'assertSchema() on an open connection',
};

/** Compiled, as a package brings it. */
async function load<Module>(name: string): Promise<Module> {
  return (await import(pathToFileURL(join(productRoot, 'dist', name)).href)) as Module;
}

export async function applications(bench: Bench, rounds: number): Promise<void> {
  const place = await preparedPlace(bench, product, smallWork(100));
  const timed = async <Result>(contender: string, work: () => Promise<Result>): Promise<Result> => {
    const from = performance.now();
    const result = await work();
    const ms = performance.now() - from;
    bench.samples.push({ scenario: inApplication, contender, ms, peakMb: null });
    return result;
  };
  await databasesForTests(place.folder, timed, rounds);
  await gate(place, timed, rounds);
  bench.say(`  ${inApplication}: done`);
}

type Timed = <Result>(contender: string, work: () => Promise<Result>) => Promise<Result>;

/** On the embedded server for tests, which a project has if it names no other. */
async function databasesForTests(root: string, timed: Timed, rounds: number): Promise<void> {
  const { testDatabase } = await load<typeof Testing>('testing.js');
  try {
    const first = await timed(applicationNames.template, () => testDatabase({ root }));
    for (let round = 0; round < rounds * 4; round += 1) {
      const database = await timed(applicationNames.copy, () => testDatabase({ root }));
      await timed(applicationNames.drop, () => database.drop());
    }
    await first.drop();
  } finally {
    const { scratch } = projectDirectories(root);
    if (existsSync(scratch)) await removeServer(scratch);
  }
}

async function gate(place: { folder: string; url: string }, timed: Timed, rounds: number): Promise<void> {
  const { assertSchema } = await load<typeof Gate>('gate.js');
  const manifest = join(place.folder, 'migrations.json');
  await measure({
    file: process.execPath,
    args: [join(productRoot, 'scripts', 'run.cjs'), 'manifest', '--out', manifest],
    env: cleanEnvironment(place.url),
    cwd: place.folder,
  });
  writeFileSync(join(place.folder, 'package.json'), '{}\n');
  const client = new pg.Client({ connectionString: place.url });
  await client.connect();
  const logger = { log: () => undefined, warn: () => undefined };
  for (let round = 0; round < rounds * 4; round += 1)
    await timed(applicationNames.gate, () => assertSchema({ client, manifest, logger }));
  await client.end();
}
