// How long an application's reads stand still while a migration waits for a table that somebody holds.
// A long transaction reads the table; the migration wants it for itself; every later reader queues behind the migration.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Contender, peers, product } from './contenders.ts';
import { measure } from './measure.ts';
import { type Bench, prepare } from './rounds.ts';
import { smallWork } from './work.ts';

export const trafficScenario = 'longest stall of a reader, ALTER TABLE behind a transaction of 6 s';
const heldMs = 6000;
const readers = 4;

export async function traffic(bench: Bench, rounds: number): Promise<void> {
  const plain = peers.filter(({ name }) => name === 'node-pg-migrate');
  for (let round = 1; round <= rounds; round += 1) {
    for (const contender of [product, ...plain]) {
      const ms = await longestStall(bench, contender);
      bench.samples.push({ scenario: trafficScenario, contender: contender.name, ms, peakMb: null });
    }
    bench.say(`  ${trafficScenario}: round ${round} of ${rounds}`);
  }
}

async function longestStall(bench: Bench, contender: Contender): Promise<number> {
  const work = smallWork(1).map((item) => ({
    ...item,
    up: 'ALTER TABLE busy ADD COLUMN note text;\n',
    down: 'ALTER TABLE busy DROP COLUMN note;\n',
  }));
  const { folder, database } = prepare(bench, contender, work);
  await bench.server.createDatabase(database);
  await bench.server.query(
    database,
    'CREATE TABLE busy (id int); INSERT INTO busy SELECT generate_series(1, 1000)',
  );
  const url = bench.server.urlOf(database);
  const holder = new pg.Client({ connectionString: url });
  await holder.connect();
  await holder.query('BEGIN; SELECT count(*) FROM busy');
  const stop = new AbortController();
  const stalls = Array.from({ length: readers }, () => readOn(url, stop.signal));
  const released = sleep(heldMs).then(() => holder.query('COMMIT'));
  await measure(contender.up({ folder, url }));
  await released;
  stop.abort();
  const longest = Math.max(...(await Promise.all(stalls)));
  await holder.end();
  return longest;
}

/** Reads the table again and again; the longest it took once. */
async function readOn(connectionString: string, signal: AbortSignal): Promise<number> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  let longest = 0;
  while (!signal.aborted) {
    const from = performance.now();
    await client.query('SELECT count(*) FROM busy');
    longest = Math.max(longest, performance.now() - from);
    await sleep(5);
  }
  await client.end();
  return longest;
}
