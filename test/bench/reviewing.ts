// What review costs beside simply running the files: verify against up, down, up; lint of one new file against up.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment, type Place, product, productRoot } from './contenders.ts';
import type { Command } from './measure.ts';
import { type Bench, interleave, prepare } from './rounds.ts';
import { inexactWork, rowsWork, smallWork, type WorkItem } from './work.ts';

export const reviewScenario = 'review, 300 pairs';
export const reviewNames = {
  up: 'up of all',
  cycle: 'up, down and up of all',
  verify: 'verify of all',
  lint: 'lint of one after all',
} as const;

/** Each command once per round; whatever applies starts on an empty database. */
export async function reviewing(bench: Bench, rounds: number): Promise<void> {
  const { folder, database } = prepare(bench, product, smallWork(300));
  commitAll(folder);
  addOne(folder);
  const place = { folder, url: bench.server.urlOf(database) };
  const before = async () => {
    await bench.server.dropDatabase(database);
    await bench.server.createDatabase(database);
  };
  const shadow = bench.server.urlOf('postgres');
  await interleave(bench, reviewScenario, rounds, [
    { name: reviewNames.up, before, command: () => shell(place, 'm up', shadow) },
    { name: reviewNames.cycle, before, command: () => shell(place, 'm up && m down --to 0 && m up', shadow) },
    { name: reviewNames.verify, command: () => shell(place, 'm verify --all', shadow) },
    { name: reviewNames.lint, command: () => shell(place, 'm lint --since HEAD', shadow) },
  ]);
}

export const hardScenario = 'review, awkward files';
export const hardNames = {
  verify: 'verify of 493 pairs, 68 inexact',
  lint: 'lint of 5,000 INSERTs',
} as const;

/** What is slow to review when each thing is looked at by itself. Exit code 9 is what the inexact downs are for. */
export async function reviewingAwkward(bench: Bench, rounds: number): Promise<void> {
  const shadow = bench.server.urlOf('postgres');
  const place = (work: WorkItem[]) => {
    const { folder, database } = prepare(bench, product, work);
    return { folder, url: bench.server.urlOf(database) };
  };
  const [inexact, rows] = [place(inexactWork()), place(rowsWork(5000))];
  await interleave(bench, hardScenario, rounds, [
    { name: hardNames.verify, command: () => shell(inexact, 'm verify --all || [ $? -eq 9 ]', shadow) },
    { name: hardNames.lint, command: () => shell(rows, 'm lint --all', shadow) },
  ]);
}

/** `m` is the tool; each call of it is a process of its own, as a user's would be. */
function shell(place: Place, script: string, shadow: string): Command {
  const tool = join(productRoot, 'scripts', 'run.cjs');
  const text = `m() { "$NODE" "$TOOL" "$@"; }; ${script}`;
  const env = {
    ...cleanEnvironment(place.url),
    SHADOW_DATABASE_URL: shadow,
    NODE: process.execPath,
    TOOL: tool,
  };
  return { file: '/bin/sh', args: ['-c', text], env, cwd: place.folder };
}

/** Git must know the 300 for the one after them to be new. */
function commitAll(folder: string): void {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=bench', '-c', 'user.email=bench@localhost', ...args], {
      cwd: folder,
    });
  git('init', '--quiet');
  git('add', '.');
  git('commit', '--quiet', '--message', 'Base');
}

function addOne(folder: string): void {
  const path = join(folder, 'db', 'migrations', '20990101000000_one-more');
  writeFileSync(`${path}.up.sql`, 'CREATE TABLE one_more (id bigint PRIMARY KEY);\n');
  writeFileSync(`${path}.down.sql`, 'DROP TABLE one_more;\n');
}
