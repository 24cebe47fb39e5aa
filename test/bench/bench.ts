// make bench: runs every contender on the same work and writes RESULTS.md. Options: --rounds K, --quick (small sizes
// only), --only a,b,… (letters of the scenarios), --no-write.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { applications } from './applications.ts';
import { backfill } from './backfill.ts';
import { bigFile, longHistory, nothingToDo, pending, pendingFarAway, reverting } from './compared.ts';
import { type Contender, floor as floorFor, peers, productRoot } from './contenders.ts';
import { manyDatabases } from './many.ts';
import { measure } from './measure.ts';
import { commandsOnLargeSchema, startUp } from './own.ts';
import { formatTables, markdownTable, summarise } from './report.ts';
import { reviewing, reviewingAwkward } from './reviewing.ts';
import type { Bench } from './rounds.ts';
import { benchServer } from './server.ts';
import { verdicts } from './targets.ts';
import { traffic } from './traffic.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: 'abcdefghkmrt' },
    'no-write': { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const few = Math.min(3, rounds);

function findPsql(): { path: string; version: string } | null {
  try {
    const text = execFileSync('psql', ['--version'], { encoding: 'utf8' });
    return { path: 'psql', version: text.trim().replace(/^psql \(PostgreSQL\) /, '') };
  } catch {
    return null;
  }
}

/** What else this machine does, which decides what the figures are worth. */
function load(): string {
  return (loadavg()[1] ?? 0).toFixed(1);
}

type Scenario = (bench: Bench, floor: Contender) => Promise<void>;

/** In the order of the results; the letters are for --only. */
const scenarios: Readonly<Record<string, Scenario>> = {
  a: (bench) => nothingToDo(bench, options.quick ? [0, 100] : [0, 100, 1000, 10_000], rounds),
  b: async (bench, floor) => {
    await pending(bench, floor, options.quick ? [100] : [100, 1000], few);
    if (!options.quick) await longHistory(bench, 10_000);
  },
  c: (bench, floor) => pendingFarAway(bench, floor, options.quick ? [100] : [100, 1000], 20),
  d: async (bench, floor) => {
    for (const size of options.quick ? [100] : [1000, 10_000]) await reverting(bench, floor, size, few);
  },
  e: (bench) => commandsOnLargeSchema(bench, few),
  f: (bench, floor) => bigFile(bench, floor, options.quick ? 5e6 : 50e6, Math.min(5, rounds)),
  g: (bench) => startUp(bench, rounds),
  h: (bench) => backfill(bench),
  k: (bench) => applications(bench, rounds),
  m: (bench) => manyDatabases(bench, options.quick ? 30 : 300),
  r: async (bench) => {
    await reviewing(bench, few);
    await reviewingAwkward(bench, few);
  },
  t: (bench) => traffic(bench, 1),
};

async function main(): Promise<void> {
  const from = performance.now();
  const psql = findPsql();
  const floor = floorFor(psql?.path ?? null);
  const compiled = { file: process.execPath, args: ['scripts/run.cjs', '--build-only'], cwd: productRoot };
  await measure({ ...compiled, env: process.env as Record<string, string> });
  const folder = mkdtempSync(join(tmpdir(), 'bench-work-'));
  const server = await benchServer();
  const loadBefore = load();
  const bench: Bench = {
    server,
    folder,
    samples: [],
    notes: [],
    say: (line) => void process.stderr.write(`${line}\n`),
  };
  try {
    for (const [letter, run] of Object.entries(scenarios)) {
      if (options.only.includes(letter)) await run(bench, floor);
    }
  } finally {
    await server.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  bench.notes.push(
    `Load average over 5 minutes: ${loadBefore} before, ${load()} after. A bench that runs alone ends below 2; above that, other work shared the processors and single figures deserve no trust.`,
  );
  const minutes = (performance.now() - from) / 60_000;
  const text = results(bench, floor, psql?.version ?? null, minutes);
  process.stdout.write(text);
  const whole = options.only === 'abcdefghkmrt' && !options.quick && !options['no-write'];
  if (whole) writeFileSync(join(productRoot, 'test', 'bench', 'RESULTS.md'), text);
}

function results(bench: Bench, floor: Contender, psql: string | null, minutes: number): string {
  const tables = summarise(bench.samples);
  const met = { true: 'met', false: '**not met**', null: '' };
  const targets = verdicts(tables, floor.name).map(({ target, measured, met: state }) => [
    target,
    measured,
    met[`${state}`],
  ]);
  const versions = peers.map(({ name, version }) => `${name} ${version}`).join(', ');
  return [
    '# Bench',
    '',
    `Written by \`make bench\` on ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, ${minutes.toFixed(0)} minutes.`,
    '',
    `${cpus()[0]?.model.trim() ?? '?'}, ${cpus().length} processors, ${Math.round(totalmem() / 2 ** 30)} GB, ${type()} ${release()}.`,
    `Node ${process.version.slice(1)}, PostgreSQL ${bench.server.version} (fsync on), ${psql === null ? 'no psql' : `psql ${psql}`}, ${versions}.`,
    '',
    ...bench.notes.flatMap((note) => [note, '']),
    'Every figure is a whole process, from start to exit. Contenders take turns within a round. Ratios are to the first row.',
    '',
    '## Targets',
    '',
    markdownTable(['target', 'measured', ''], targets),
    '',
    '## Tables',
    '',
    formatTables(tables),
    '',
  ].join('\n');
}

await main();
