// (m) Three hundred databases: by one command with a list of them, and by a loop that calls the tool for each.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment, productRoot } from './contenders.ts';
import type { Command } from './measure.ts';
import { type Bench, interleave } from './rounds.ts';
import { smallWork } from './work.ts';

export const manyPending = '300 databases, 5 pending each';
export const manyNothing = '300 databases, nothing to do';
export const manyNames = { list: 'this tool, --targets', loop: 'this tool, a process each' };

export async function manyDatabases(bench: Bench, count: number): Promise<void> {
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
  await interleave(bench, manyPending, 1, [
    { name: manyNames.loop, before: fresh, command: loop },
    { name: manyNames.list, before: fresh, command: list },
  ]);
  await interleave(bench, manyNothing, 1, [
    { name: manyNames.loop, command: loop },
    { name: manyNames.list, command: list, memory: true },
  ]);
  for (const name of [...names, 'many_empty']) await bench.server.dropDatabase(name);
}
