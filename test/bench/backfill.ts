// (h) Two million rows changed beside eight sessions that read and write them: as batches, and as one plain UPDATE. What
// counts is how long any of the eight stood still, how long the whole took, and how much memory that needs.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { cleanEnvironment, productRoot } from './contenders.ts';
import { measure } from './measure.ts';
import type { Bench } from './rounds.ts';

export const backfillScenario = '2,000,000 rows changed';
export const stallScenario = 'longest stall of a reader or writer, 2,000,000 rows changed';
export const backfillNames = { batches: 'batches of 500 ms', plain: 'one UPDATE' };

const rows = 2_000_000;
const sessions = 8;
const change = 'UPDATE public.orders SET cents = (total * 100)::bigint WHERE id BETWEEN';
const forms: readonly (readonly [name: string, up: string])[] = [
  [backfillNames.plain, `${change} 1 AND ${rows};\n`],
  [backfillNames.batches, `-- migrate: batch public.orders by id\n${change} $1 AND $2;\n`],
];

export async function backfill(bench: Bench): Promise<void> {
  await bench.server.createDatabase('backfill_template');
  await bench.server.query(
    'backfill_template',
    `CREATE TABLE public.orders (id bigint PRIMARY KEY, total numeric(12,2) NOT NULL, cents bigint, note text);
     INSERT INTO public.orders SELECT n, n % 1000, NULL, 'order ' || n FROM generate_series(1, ${rows}) AS n; ANALYZE public.orders; CHECKPOINT`,
  );
  for (const [i, [name, up]] of forms.entries()) {
    const database = `backfill_${i}`;
    await bench.server.createDatabase(database, 'backfill_template');
    const url = bench.server.urlOf(database);
    const folder = join(bench.folder, database);
    mkdirSync(join(folder, 'db', 'migrations'), { recursive: true });
    writeFileSync(join(folder, 'db', 'migrations', '20240101000000_backfill.up.sql'), up);
    writeFileSync(join(folder, 'db', 'migrations', '20240101000000_backfill.down.sql'), 'SELECT 1;\n');
    const stop = new AbortController();
    const stalls = Array.from({ length: sessions }, (_, n) => work(url, n, stop.signal));
    const command = {
      file: process.execPath,
      args: [join(productRoot, 'scripts', 'run.cjs'), 'up'],
      env: cleanEnvironment(url),
      cwd: folder,
    };
    const { ms, peakMb } = await measure(command, true);
    stop.abort();
    const longest = Math.max(...(await Promise.all(stalls)));
    bench.samples.push({ scenario: backfillScenario, contender: name, ms, peakMb });
    bench.samples.push({ scenario: stallScenario, contender: name, ms: longest, peakMb: null });
    bench.say(`  ${backfillScenario}: ${name}`);
    await bench.server.dropDatabase(database);
  }
  await bench.server.dropDatabase('backfill_template');
}

/** Reads a row, or writes one, again and again; gives the longest it took once, in ms. */
async function work(connectionString: string, n: number, signal: AbortSignal): Promise<number> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const sql =
    n % 2 === 0
      ? 'SELECT total FROM public.orders WHERE id = $1'
      : 'UPDATE public.orders SET note = note WHERE id = $1';
  let longest = 0;
  for (let turn = n; !signal.aborted; turn += 7919) {
    const from = performance.now();
    await client.query(sql, [1 + ((turn * 104_729) % rows)]);
    longest = Math.max(longest, performance.now() - from);
    await sleep(5);
  }
  await client.end();
  return longest;
}
