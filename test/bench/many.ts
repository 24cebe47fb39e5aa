// (m) Three hundred databases: by one command with a list of them, and by a loop that calls the tool for each.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { cleanEnvironment, productRoot } from './contenders.ts';
import { type Command, type Measured, measure } from './measure.ts';
import { type Bench, interleave } from './rounds.ts';
import { smallWork } from './work.ts';

export const manyPending = '300 databases, 5 pending each';
export const manyNothing = '300 databases, nothing to do';
export const manyNames = { list: 'this tool, --targets', loop: 'this tool, a process each' };

export async function manyDatabases(bench: Bench, count: number): Promise<void> {
  // Figures of fewer databases are held to no target.
  const titled = (scenario: string) => scenario.replace('300', String(count));
  const folder = join(bench.folder, 'many');
  const directory = join(folder, 'db', 'migrations');
  mkdirSync(directory, { recursive: true });
  for (const { version, name, up, down } of smallWork(5)) {
    writeFileSync(join(directory, `${version}_${name}.up.sql`), up);
    writeFileSync(join(directory, `${version}_${name}.down.sql`), down);
  }
  await bench.server.createDatabase('many_empty');
  const names = Array.from({ length: count }, (_, i) => `many_${i + 1}`);
  const address = (name: string) => {
    const url = new URL(bench.server.urlOf(name));
    url.password = '';
    return url.href;
  };
  writeFileSync(join(folder, 'targets'), names.map((name) => `${name} ${address(name)}\n`).join(''));
  const password = decodeURIComponent(new URL(bench.server.urlOf('postgres')).password);
  const { DATABASE_URL: _, ...clean } = cleanEnvironment(bench.server.urlOf('postgres'));
  const env = { ...clean, PGPASSWORD: password, MIGRATE_ENV: 'test' };
  const tool = join(productRoot, 'scripts', 'run.cjs');
  const list = (): Command => ({
    file: process.execPath,
    args: [tool, 'up', '--targets', 'targets', '--parallel', '4'],
    env,
    cwd: folder,
  });
  const script = names
    .map((name) => `DATABASE_URL='${address(name)}' '${process.execPath}' '${tool}' up`)
    .join(' && ');
  const loop = (): Command => ({ file: '/bin/sh', args: ['-c', script], env, cwd: folder });
  const fresh = async () => {
    await bench.server.hurry(true);
    for (const name of names) {
      await bench.server.dropDatabase(name);
      await bench.server.createDatabase(name, 'many_empty');
    }
    await bench.server.hurry(false);
  };
  await interleave(bench, titled(manyPending), 1, [
    { name: manyNames.loop, before: fresh, command: loop },
    { name: manyNames.list, before: fresh, command: list, memory: true },
  ]);
  const sessions = countSessions(bench.server.urlOf('postgres'));
  await interleave(bench, titled(manyNothing), 1, [
    { name: manyNames.loop, command: loop },
    { name: manyNames.list, command: list, memory: true },
  ]);
  bench.notes.push(
    `${count} databases, four at a time: the tool had at most ${await sessions.most()} sessions at once.`,
  );
  await someBroken(bench, names, fresh, (args) => {
    const own = list();
    return { ...own, args: [...own.args, ...args] };
  });
  for (const name of [...names, 'many_empty']) await bench.server.dropDatabase(name);
}

/** Looks every 10 ms how many sessions of the tool there are. */
function countSessions(url: string): { most(): Promise<number> } {
  const client = new pg.Client(url);
  let highest = 0;
  let ended = false;
  const looking = client.connect().then(async () => {
    while (!ended) {
      const { rows } = await client.query<{ n: number }>(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name LIKE 'migrate %'",
      );
      highest = Math.max(highest, rows[0]?.n ?? 0);
      await delay(10);
    }
    await client.end();
  });
  return {
    most: async () => {
      ended = true;
      await looking;
      return highest;
    },
  };
}

/** Of so many databases three are broken: all others are migrated, and the second run does the mended ones alone. */
async function someBroken(
  bench: Bench,
  names: readonly string[],
  fresh: () => Promise<void>,
  command: (args: readonly string[]) => Command,
): Promise<void> {
  await fresh();
  const [, table = 't1'] = /CREATE TABLE (\S+)/i.exec(smallWork(1)[0]?.up ?? '') ?? [];
  const broken = [3, Math.floor(names.length / 2) + 1, names.length - 1].map((at) => names[at] ?? '');
  for (const name of broken) await bench.server.query(name, `CREATE TABLE ${table} (mine int)`);
  const run = (args: readonly string[]): Promise<Measured | Error> =>
    measure(command(args)).catch((error: Error) => error);
  const first = await run(['--max-failures', '5']);
  for (const name of broken) await bench.server.query(name, `DROP TABLE ${table}`);
  const second = await run([]);
  const told = (answer: Measured | Error) =>
    (answer instanceof Error ? answer.message : answer.output).trim().split('\n').at(-1);
  bench.notes.push(
    `Three databases broken, --max-failures 5: ${first instanceof Error ? /ended with \d+/.exec(first.message) : 'ended with 0'}, ${told(first)} Mended, again: ${told(second)}`,
  );
}
