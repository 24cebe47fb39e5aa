// The tools that are compared, each used as its documentation says: how it wants its files, and which command runs them.
// It measures nothing.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from './measure.ts';
import type { WorkItem } from './work.ts';

/** Where one run takes place. */
export interface Place {
  /** The contender's own folder, with the files that `write` made. */
  readonly folder: string;
  /** With the password: throw-away servers only. */
  readonly url: string;
}

export interface Contender {
  readonly name: string;
  readonly version: string;
  write(folder: string, work: readonly WorkItem[]): void;
  up(place: Place): Command;
  /** Reverts everything; missing where the tool has no downs, or reverts one at a time. */
  readonly down?: (place: Place) => Command;
  /** The floor writes what is new into its file: it has no history to look at. */
  readonly isFloor?: true;
  /** Whether peak memory can be read from inside. */
  readonly isNode: boolean;
}

export const productRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const programs = join(productRoot, 'test', 'bench', 'programs');
const require = createRequire(import.meta.url);

/** What a process gets: enough to run, nothing that names another database. */
export function cleanEnvironment(url: string): Record<string, string> {
  const { PATH = '', LANG = 'C.UTF-8', HOME = '/tmp' } = process.env;
  return { PATH, LANG, HOME, NO_COLOR: '1', DATABASE_URL: url, MIGRATE_ENV: 'development' };
}

function node({ folder, url }: Place, script: string, ...args: string[]): Command {
  return { file: process.execPath, args: [script, ...args], env: cleanEnvironment(url), cwd: folder };
}

function versionOf(name: string): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    const path = join(folder, name, 'package.json');
    if (existsSync(path)) return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
  }
  return '?';
}

function writeAll(folder: string, files: Iterable<readonly [string, string]>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
}

/** The product: what is compared with everything else. */
export const product: Contender = {
  name: 'this tool',
  version: 'work tree',
  isNode: true,
  write: (folder, work) =>
    writeAll(
      join(folder, 'db', 'migrations'),
      work.flatMap(({ version, name, up, down }) => [
        [`${version}_${name}.up.sql`, up] as const,
        [`${version}_${name}.down.sql`, down] as const,
      ]),
    ),
  up: (place) => node(place, join(productRoot, 'scripts', 'run.cjs'), 'up'),
  down: (place) => node(place, join(productRoot, 'scripts', 'run.cjs'), 'down', '--to', '0'),
};

/** One session, one transaction per migration, and a row in a table for each: what must be sent in any case. */
export function floor(psql: string | null): Contender {
  const sections = (work: readonly WorkItem[], down: boolean) =>
    (down ? [...work].reverse() : work).flatMap(({ version, name, up, down: revert }) => [
      'BEGIN;',
      (down ? revert : up).trimEnd(),
      down
        ? `DELETE FROM schema_migrations WHERE version = '${version}';`
        : `INSERT INTO schema_migrations (version, name) VALUES ('${version}', '${name}');`,
      'COMMIT;',
    ]);
  const table =
    'CREATE TABLE schema_migrations (version text PRIMARY KEY, name text, run_on timestamptz DEFAULT now());';
  const separator = psql === null ? '\n--\n' : '\n';
  const run = (file: string) => (place: Place) =>
    psql === null
      ? node(place, join(programs, 'script.mjs'), file)
      : {
          file: psql,
          args: ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', file, place.url],
          env: cleanEnvironment(place.url),
          cwd: place.folder,
        };
  return {
    name: psql === null ? 'bare pg script' : 'psql',
    version: psql === null ? versionOf('pg') : 'client',
    isFloor: true,
    isNode: psql === null,
    write: (folder, work) =>
      writeAll(folder, [
        ['up.sql', [table, ...sections(work, false)].join(separator)],
        ['down.sql', sections(work, true).join(separator)],
      ]),
    up: run('up.sql'),
    down: run('down.sql'),
  };
}

const nodePgMigrate: Contender = {
  name: 'node-pg-migrate',
  version: versionOf('node-pg-migrate'),
  isNode: true,
  write: (folder, work) =>
    writeAll(
      join(folder, 'migrations'),
      work.map(({ version, name, up, down }) => [
        `${version}_${name}.sql`,
        `-- Up Migration\n${up}\n-- Down Migration\n${down}`,
      ]),
    ),
  up: (place) => node(place, join(programs, 'node-pg-migrate.mjs'), 'migrations', 'up', 'all'),
  down: (place) => node(place, join(programs, 'node-pg-migrate.mjs'), 'migrations', 'down', 'all'),
};

const postgresMigrations: Contender = {
  name: 'postgres-migrations',
  version: versionOf('postgres-migrations'),
  isNode: true,
  write: (folder, work) =>
    writeAll(
      join(folder, 'migrations'),
      work.map(({ name, up }, i) => [`${String(i + 1).padStart(5, '0')}_${name}.sql`, up]),
    ),
  up: (place) => node(place, join(programs, 'postgres-migrations.mjs'), 'migrations'),
};

const dbmateBinary = join(
  productRoot,
  'node_modules',
  '@dbmate',
  `${process.platform}-${process.arch}`,
  'bin',
  'dbmate',
);

const dbmate: Contender = {
  name: 'dbmate',
  version: versionOf('dbmate'),
  isNode: false,
  write: (folder, work) =>
    writeAll(
      join(folder, 'db', 'migrations'),
      work.map(({ version, name, up, down }) => [
        `${version}_${name}.sql`,
        `-- migrate:up\n${up}\n-- migrate:down\n${down}`,
      ]),
    ),
  up: ({ folder, url }) => ({
    file: dbmateBinary,
    args: ['--no-dump-schema', 'migrate'],
    env: cleanEnvironment(`${url}?sslmode=disable`),
    cwd: folder,
  }),
};

/** Committed migrations form a chain of hashes, each over its text and the hash before it. */
const graphileMigrate: Contender = {
  name: 'graphile-migrate',
  version: versionOf('graphile-migrate'),
  isNode: true,
  write: (folder, work) => {
    let previous: string | null = null;
    const files = work.map(({ up }, i) => {
      const body = up.trim();
      const digest = createHash('sha1')
        .update(`${`${previous ?? ''}\n${body}`.trim()}\n`)
        .digest('hex');
      const text = `--! Previous: ${previous ?? '-'}\n--! Hash: sha1:${digest}\n\n${body}\n`;
      previous = `sha1:${digest}`;
      return [`${String(i + 1).padStart(6, '0')}.sql`, text] as const;
    });
    writeAll(folder, [['.gmrc', '{}']]);
    writeAll(join(folder, 'migrations', 'committed'), files);
    writeAll(join(folder, 'migrations'), [['current.sql', '']]);
  },
  up: (place) =>
    node(place, join(productRoot, 'node_modules', 'graphile-migrate', 'dist', 'cli.js'), 'migrate'),
};

export const peers: readonly Contender[] = [
  nodePgMigrate,
  postgresMigrations,
  ...(existsSync(dbmateBinary) ? [dbmate] : []),
  graphileMigrate,
];

/** Connect, SELECT 1, disconnect: the floor of having nothing to do. */
export const bare: Contender = {
  name: 'bare node + pg',
  version: versionOf('pg'),
  isFloor: true,
  isNode: true,
  write: (folder) => writeAll(folder, []),
  up: (place) => node(place, join(programs, 'bare.mjs')),
};
