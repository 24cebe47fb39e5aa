// The work that only this tool does, or does in several ways: its commands on a large schema, and its start-up.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { changeTokenSql } from '../../scripts/schema/catalog/change-token.ts';
import { canonicalSettings, classHashesSql } from '../../scripts/schema/catalog/snapshot.ts';
import { defaultSchemaOptions } from '../../scripts/schema/types.ts';
import { bigSchemaSql } from '../support/big-schema.ts';
import { bare, cleanEnvironment, type Place, product, productRoot } from './contenders.ts';
import type { Command } from './measure.ts';
import { type Bench, type Entrant, interleave, preparedPlace } from './rounds.ts';
import { schemaWork, smallWork } from './work.ts';

function tool(place: Place, args: readonly string[], env: Record<string, string> = {}): Command {
  const file = join(productRoot, 'scripts', 'run.cjs');
  return {
    file: process.execPath,
    args: [file, ...args],
    env: { ...cleanEnvironment(place.url), ...env },
    cwd: place.folder,
  };
}

export const largeSchema = '1,000 tables';

/** (e) Every reading command, and the two queries behind the drift check. */
export async function commandsOnLargeSchema(bench: Bench, rounds: number): Promise<void> {
  const place = await preparedPlace(bench, product, schemaWork(bigSchemaSql(), 15));
  const shadow = { SHADOW_DATABASE_URL: bench.server.urlOf('postgres') };
  const quick: Entrant[] = [
    { name: bare.name, command: () => bare.up(place) },
    ...['up', 'status', 'plan', 'drift'].map((name) => ({
      name: name === 'up' ? 'up (nothing to do)' : name,
      command: () => tool(place, [name], shadow),
    })),
  ];
  await interleave(bench, largeSchema, rounds, quick);
  const slow = [
    ['lint', '--all'],
    ['lint', '--all', '--static'],
    ['verify', '--all'],
  ].map((args) => ({ name: args.join(' '), command: () => tool(place, args, shadow) }));
  await interleave(bench, largeSchema, 1, slow);
  await catalogQueries(bench, place, rounds);
}

/** In one session that is open already: what the queries themselves cost. */
async function catalogQueries(bench: Bench, place: Place, rounds: number): Promise<void> {
  const client = new pg.Client({ connectionString: place.url });
  await client.connect();
  const queries = [
    ['change token (query)', `BEGIN; SET LOCAL jit = off; ${changeTokenSql(defaultSchemaOptions)}; COMMIT`],
    [
      'canonical snapshot (query)',
      `BEGIN; ${canonicalSettings}; ${classHashesSql(defaultSchemaOptions)}; COMMIT`,
    ],
  ] as const;
  for (let round = 0; round < rounds; round += 1) {
    for (const [contender, sql] of queries) {
      const from = performance.now();
      await client.query(sql);
      bench.samples.push({ scenario: largeSchema, contender, ms: performance.now() - from, peakMb: null });
    }
  }
  await client.end();
}

export const bareByNpm = 'bare node + pg, npm run';
export const noopByNpm = 'nothing to do, npm run';

/** (g) The same two things through every door. */
export async function startUp(bench: Bench, rounds: number): Promise<void> {
  const place = await preparedPlace(bench, product, smallWork(100));
  const env = cleanEnvironment(place.url);
  const dir = join(place.folder, 'db', 'migrations');
  const at = (file: string, args: readonly string[]): Command => ({ file, args, env, cwd: productRoot });
  const compiled = join(productRoot, 'dist', 'migrate.cjs');
  const script = bare
    .up(place)
    .args.map((arg) => `'${arg}'`)
    .join(' ');
  writeFileSync(join(place.folder, 'package.json'), JSON.stringify({ scripts: { bare: `node ${script}` } }));
  const entrants: Entrant[] = [
    { name: 'node -e 0', command: () => at(process.execPath, ['-e', '0']) },
    { name: bare.name, command: () => bare.up(place) },
    {
      name: bareByNpm,
      command: () => ({ ...bare.up(place), file: 'npm', args: ['run', '--silent', 'bare'] }),
    },
    { name: '--help, dist/migrate.cjs', command: () => at(process.execPath, [compiled, '--help']) },
    { name: '--help, scripts/run.cjs', command: () => tool(place, ['--help']) },
    { name: '--help, npm run', command: () => at('npm', ['run', '--silent', 'migrate', '--', '--help']) },
    {
      name: 'nothing to do, dist/migrate.cjs',
      command: () => ({ ...tool(place, ['up']), args: [compiled, 'up'] }),
    },
    { name: 'nothing to do, scripts/run.cjs', command: () => tool(place, ['up']) },
    {
      name: noopByNpm,
      command: () => at('npm', ['run', '--silent', 'migrate:up', '--', '--dir', dir]),
    },
    { name: 'nothing to do, make', command: () => at('make', ['migrate-up', `dir=${dir}`]) },
  ];
  await interleave(bench, 'start-up', rounds, entrants);
}
