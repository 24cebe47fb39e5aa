// Takes contenders and a way to prepare each; runs them in turn, round after round, so that a slow moment of the machine
// hits all of them alike. It knows nothing of tables of results.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender, Place } from './contenders.ts';
import { type Command, type Measured, measure } from './measure.ts';
import type { BenchServer } from './server.ts';
import type { WorkItem } from './work.ts';

export interface Sample {
  /** Heading of the table that it belongs to. */
  readonly scenario: string;
  readonly contender: string;
  readonly ms: number;
  readonly peakMb: number | null;
}

export interface Bench {
  readonly server: BenchServer;
  /** A temporary folder for everything that is generated. */
  readonly folder: string;
  readonly samples: Sample[];
  /** Facts that a reader of the figures needs. */
  readonly notes: string[];
  say(line: string): void;
}

export interface Entrant {
  readonly name: string;
  /** Called before each measurement, which it does not count to. */
  readonly before?: () => Promise<void>;
  readonly command: () => Command;
  readonly memory?: boolean;
}

/** Each entrant once per round, in turn; a failure is told and leaves the entrant out from there on. */
export async function interleave(
  bench: Bench,
  scenario: string,
  rounds: number,
  entrants: readonly Entrant[],
): Promise<void> {
  const out = new Set<Entrant>();
  for (let round = 1; round <= rounds; round += 1) {
    for (const entrant of entrants) {
      if (out.has(entrant)) continue;
      const measured = await attempt(bench, scenario, entrant, round === 1);
      if (measured === null) out.add(entrant);
      else bench.samples.push({ scenario, contender: entrant.name, ...pick(measured) });
    }
    bench.say(`  ${scenario}: round ${round} of ${rounds}`);
  }
}

function pick({ ms, peakMb }: Measured) {
  return { ms, peakMb };
}

/** Memory is read in a run of its own, once: what reads it has to be loaded first. */
async function attempt(
  bench: Bench,
  scenario: string,
  entrant: Entrant,
  first: boolean,
): Promise<Measured | null> {
  try {
    await entrant.before?.();
    const measured = await measure(entrant.command());
    if (!first || entrant.memory !== true) return measured;
    await entrant.before?.();
    const { peakMb } = await measure(entrant.command(), true);
    return { ...measured, peakMb };
  } catch (error) {
    bench.say(`  ${scenario}: ${entrant.name} failed: ${(error as Error).message.slice(-600)}`);
    return null;
  }
}

let places = 0;

/** A folder with the contender's files, and a name for databases of its own. */
export function prepare(
  bench: Bench,
  contender: Contender,
  work: readonly WorkItem[],
): { folder: string; database: string } {
  places += 1;
  const folder = join(bench.folder, `place-${places}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  contender.write(folder, work);
  return { folder, database: `bench_${places}` };
}

/** A place on a new database where everything is applied already, made in a hurry. */
export async function preparedPlace(
  bench: Bench,
  contender: Contender,
  work: readonly WorkItem[],
): Promise<Place & { database: string }> {
  const { folder, database } = prepare(bench, contender, work);
  const place = { folder, database, url: bench.server.urlOf(database) };
  await bench.server.createDatabase(database);
  await bench.server.hurry(true);
  try {
    await measure(contender.up(place));
  } finally {
    await bench.server.hurry(false);
  }
  return place;
}
