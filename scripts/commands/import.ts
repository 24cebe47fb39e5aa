// import: turns the SQL folders of Prisma or Drizzle into pairs of files. The ups are the files as they are; what reverts
// them nobody has written, so that the downs say so. It touches no database: `baseline --from` takes over what is applied.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { cannotRunInTransaction } from '../files/check.ts';
import { decode } from '../files/decode.ts';
import { loadParser, type Parser } from '../files/statements.ts';
import { normaliseName, stampOf } from '../files/version.ts';
import type { Command } from '../report/command.ts';
import { count } from '../report/human.ts';

export interface ImportFlags {
  readonly from?: string;
  readonly dryRun?: boolean;
}

/** One migration of the other tool: 14 digits, a name of ours, and where its SQL is. */
interface Source {
  readonly version: string;
  readonly name: string;
  readonly path: string;
}

const tools: Readonly<Record<string, { readonly folder: string; read(folder: string): readonly Source[] }>> =
  {
    prisma: { folder: 'prisma/migrations', read: readPrisma },
    drizzle: { folder: 'drizzle', read: readDrizzle },
  };

/** @throws MigrateError `usage` for another tool, a folder that is none of its, or a pair that is there already */
export const importSql: Command<ImportFlags> = async ({ config, flags, args }) => {
  const tool = tools[flags.from ?? ''];
  if (flags.from === undefined || tool === undefined) {
    throw new MigrateError('usage', `--from must be one of ${Object.keys(tools).join(', ')}`, {
      hint: 'Where migrations are code (TypeORM, Knex, Sequelize): run them a last time, make the first pair of what they add up to, and record it with make migrate-baseline.',
    });
  }
  const folder = resolve(config.root, args[0] ?? tool.folder);
  if (!existsSync(folder))
    throw new MigrateError('usage', `There is no folder ${shown(config, folder)}`, {
      hint: `Name the folder of ${flags.from}: npm run migrate -- import --from ${flags.from} <folder>`,
    });
  const parse = await loadParser(config.postgres);
  const pairs = tool.read(folder).map((source) => pairOf(config, source, parse, flags.from ?? ''));
  refuseTaken(config, pairs);
  if (!flags.dryRun) for (const pair of pairs) write(config, pair);
  const files = pairs.flatMap(({ id }) => [`${id}.up.sql`, `${id}.down.sql`]);
  return {
    document: { files: files.map((file) => shown(config, join(config.directory, file))) },
    lines: [
      ...pairs.map(({ id, from }) => `  ${from} → ${id}`),
      `${flags.dryRun ? 'Would write' : 'Wrote'} ${count(pairs.length)} as pairs; their downs are marked irreversible.`,
      `Next: make migrate-baseline from=${flags.from} where they are applied already; make migrate-verify shows that they run.`,
    ],
  };
};

interface Pair {
  readonly id: string;
  readonly from: string;
  readonly up: string;
  readonly down: string;
}

function pairOf(config: Config, { version, name, path }: Source, parse: Parser, tool: string): Pair {
  const { text, faults } = decode(readFileSync(path));
  const [fault] = faults;
  if (fault !== undefined)
    throw new MigrateError('usage', `${shown(config, path)}:${fault.line} ${fault.message}`);
  const parsed = parse(text);
  const alone = parsed.ok === true && parsed.statements.some(cannotRunInTransaction);
  return {
    id: `${version}_${name}`,
    from: shown(config, path),
    up: `${alone ? '-- migrate: no-transaction\n' : ''}${text.endsWith('\n') ? text : `${text}\n`}`,
    down: `-- migrate: irreversible imported from ${tool}, which writes no way back\n`,
  };
}

/** A folder for each migration, `20240101120000_name/migration.sql`. */
function readPrisma(folder: string): Source[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'migration.sql')))
    .map(({ name }) => {
      const [, version = '', rest = ''] = /^(\d{14})_?(.*)$/.exec(name) ?? [];
      if (version === '')
        throw new MigrateError(
          'usage',
          `${join(folder, name)} does not begin with 14 digits, so its order is not known`,
        );
      return {
        version,
        name: normaliseName(rest === '' ? 'migration' : rest),
        path: join(folder, name, 'migration.sql'),
      };
    })
    .sort((a, b) => (a.version < b.version ? -1 : 1));
}

interface JournalEntry {
  readonly idx: number;
  readonly when: number;
  readonly tag: string;
}

/** `0000_name.sql` beside `meta/_journal.json`, which says when each was made (ms) and in which order. */
function readDrizzle(folder: string): Source[] {
  const path = join(folder, 'meta', '_journal.json');
  let entries: readonly JournalEntry[];
  try {
    entries = (JSON.parse(readFileSync(path, 'utf8')) as { entries: JournalEntry[] }).entries;
  } catch (cause) {
    throw new MigrateError('usage', `Cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  return [...entries]
    .sort((a, b) => a.idx - b.idx)
    .map(({ when, tag }) => ({
      version: stampOf(String(when)) ?? '',
      name: normaliseName(tag.replace(/^\d+_/, '')),
      path: join(folder, `${tag}.sql`),
    }));
}

/** Versions must tell them apart, keep their order, and be nobody else's. */
function refuseTaken(config: Config, pairs: readonly Pair[]): void {
  const there = existsSync(config.directory) ? readdirSync(config.directory) : [];
  const versionOf = (id: string) => id.slice(0, 14);
  const problems = pairs.flatMap(({ id, from }, i) => {
    const before = pairs[i - 1];
    if (!/^\d{14}_/.test(id)) return [`${from} has no time that makes a version`];
    if (before !== undefined && versionOf(before.id) >= versionOf(id))
      return [`${from} is not newer than ${before.from}, which comes before it`];
    const taken = there.find((name) => name.startsWith(`${versionOf(id)}_`));
    return taken === undefined ? [] : [`${from}: ${taken} has its version already`];
  });
  if (problems.length > 0)
    throw new MigrateError('usage', 'These migrations cannot become pairs as they are', {
      problems,
      state: 'Nothing was written.',
    });
}

function write({ directory }: Config, { id, up, down }: Pair): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${id}.up.sql`), up, { flag: 'wx' });
  writeFileSync(join(directory, `${id}.down.sql`), down, { flag: 'wx' });
}

function shown({ root }: Config, path: string): string {
  return relative(root, path) || '.';
}
