// The work that all contenders do: nothing to do, many small migrations, the same from far away, reverting.
import { bare, type Contender, floor as floorFor, peers, product } from './contenders.ts';
import { distant, roundTripOf } from './delay.ts';
import { type Bench, type Entrant, interleave, prepare, preparedPlace, type Sample } from './rounds.ts';
import { dataWork, smallWork, type WorkItem } from './work.ts';

const nodePgMigrateName = 'node-pg-migrate';

/** (a) A run that finds nothing to do. Every contender has applied the same history before. */
export async function nothingToDo(bench: Bench, sizes: readonly number[], rounds: number): Promise<void> {
  for (const size of sizes) {
    const work = smallWork(size);
    const entrants: Entrant[] = [];
    for (const contender of [bare, product, ...peers]) {
      const place = await preparedPlace(bench, contender, work).catch((error: Error) => {
        bench.say(`  ${contender.name} cannot be prepared: ${error.message.slice(-400)}`);
        return null;
      });
      if (place === null) continue;
      const memory = size >= 10_000 && contender === product;
      entrants.push({ name: contender.name, command: () => contender.up(place), memory });
    }
    // Whatever a tool keeps for the next run is there from the second run on.
    await interleave({ ...bench, samples: [], say: () => undefined }, '', 1, entrants);
    await interleave(
      bench,
      `nothing to do, ${format(size)} applied`,
      size >= 10_000 ? Math.min(3, rounds) : rounds,
      entrants,
    );
  }
}

/** (b) Small pending migrations on an empty database; what a bare script for Node takes stands beside psql. */
export async function pending(
  bench: Bench,
  floor: Contender,
  sizes: readonly number[],
  rounds: number,
): Promise<void> {
  const floors = floor.isNode ? [floor] : [floor, floorFor(null)];
  for (const size of sizes) {
    const entrants = [...floors, product, ...peers].map((contender) =>
      onEmpty(bench, contender, smallWork(size)),
    );
    await interleave(bench, `${format(size)} pending`, rounds, entrants);
  }
}

/** (c) The same with a round trip of `roundTripMs`. Waiting needs no processor, so that all go at the same time. */
export async function pendingFarAway(
  bench: Bench,
  floor: Contender,
  sizes: readonly number[],
  roundTripMs: number,
): Promise<void> {
  const proxy = await distant(bench.server, roundTripMs);
  try {
    const met = await roundTripOf(bench.server.urlOf('postgres', proxy.port));
    bench.notes.push(
      `The ${roundTripMs} ms round trip, measured with SELECT 1 through the proxy: ${met.toFixed(1)} ms.`,
    );
    for (const size of sizes) {
      const scenario = `${format(size)} pending, ${roundTripMs} ms round trip`;
      const entrants = [floor, product, ...peers].map((contender) =>
        onEmpty(bench, contender, smallWork(size), proxy.port),
      );
      const samples: Sample[] = [];
      await Promise.all(entrants.map((entrant) => interleave({ ...bench, samples }, scenario, 1, [entrant])));
      bench.samples.push(
        ...entrants.flatMap(({ name }) => samples.filter(({ contender }) => contender === name)),
      );
    }
  } finally {
    proxy.close();
  }
}

/** (d) Reverting everything; dbmate and graphile-migrate revert one at a time or not at all. */
export async function reverting(bench: Bench, floor: Contender, size: number, rounds: number): Promise<void> {
  const isLong = size >= 10_000;
  // What looks for each name in the whole table takes minutes for a long history.
  const contenders = [floor, product, ...(isLong ? [] : peers)].filter(({ down }) => down !== undefined);
  const entrants: Entrant[] = [];
  for (const contender of contenders) {
    const place = await preparedPlace(bench, contender, smallWork(size));
    const copy = `${place.database}_copy`;
    entrants.push({
      name: contender.name,
      before: async () => {
        await bench.server.dropDatabase(copy);
        await bench.server.createDatabase(copy, place.database);
      },
      command: () => contender.down?.({ ...place, url: bench.server.urlOf(copy) }) ?? contender.up(place),
      memory: isLong && contender === product,
    });
  }
  await interleave(bench, `revert ${format(size)}`, isLong ? 1 : rounds, entrants);
}

/** (f) One migration with a file of that size. */
export async function bigFile(bench: Bench, floor: Contender, bytes: number, rounds: number): Promise<void> {
  const work = dataWork(bytes);
  const entrants = [floor, product, ...peers].map((contender) =>
    onEmpty(bench, contender, work, undefined, true),
  );
  await interleave(bench, `one file of ${Math.round(bytes / 1e6)} MB`, rounds, entrants);
}

/** Memory of a long history: applying it, for us and for the engine below. */
export async function longHistory(bench: Bench, size: number): Promise<void> {
  const entrants = [product, ...peers.filter(({ name }) => name === nodePgMigrateName)].map((contender) =>
    onEmpty(bench, contender, smallWork(size), undefined, true),
  );
  await interleave(bench, `${format(size)} pending`, 1, entrants);
}

function onEmpty(
  bench: Bench,
  contender: Contender,
  work: readonly WorkItem[],
  port?: number,
  memory = false,
): Entrant {
  const { folder, database } = prepare(bench, contender, work);
  return {
    name: contender.name,
    memory: memory && contender.isNode,
    before: async () => {
      await bench.server.dropDatabase(database);
      await bench.server.createDatabase(database);
    },
    command: () => contender.up({ folder, url: bench.server.urlOf(database, port) }),
  };
}

export function format(count: number): string {
  return count.toLocaleString('en-US');
}
