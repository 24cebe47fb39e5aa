// import: turns the SQL folders of Prisma or Drizzle into pairs of files. The ups are the files as they are; what reverts
// them is a down.sql beside them, or nobody has written it and the downs say so. It touches no database: `baseline --from` takes over what is applied.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { shownPath } from '../base/paths.ts';
import { leadsOut, refuseLinkOut } from '../base/project-file.ts';
import type { Statement } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { decode } from '../files/decode.ts';
import { loadParser, type Parser } from '../files/statements.ts';
import { cannotRunInTransaction } from '../files/transaction-block.ts';
import type { Command } from '../report/command.ts';
import { count } from '../report/human.ts';
import { type ImportedMigration, sqlTools } from './import-sources.ts';

export interface ImportFlags {
  readonly from?: string;
  readonly dryRun?: boolean;
}

/** @throws MigrateError `usage` for another tool, a folder that is none of its, or a pair that is there already */
export const importSql: Command<ImportFlags> = async ({ config, flags, args }) => {
  const tool = sqlTools.get(flags.from ?? '');
  if (flags.from === undefined || tool === undefined) {
    throw new MigrateError('usage', `--from must be one of ${[...sqlTools.keys()].join(', ')}`, {
      hint: 'Where migrations are code (TypeORM, Knex, Sequelize): run them a last time, make the first pair of what they add up to, and record it with make migrate-baseline.',
    });
  }
  const folder = resolve(config.root, args[0] ?? tool.folder);
  if (!existsSync(folder))
    throw new MigrateError('usage', `There is no folder ${shown(config, folder)}`, {
      hint: `Name the folder of ${flags.from}: npm run migrate -- import --from ${flags.from} <folder>`,
    });
  const parse = await loadParser(config.postgres);
  const sources = tool.read(folder, (path) => shown(config, path));
  if (sources.length === 0)
    throw new MigrateError('usage', `There is no migration of ${flags.from} in ${shown(config, folder)}`, {
      hint: `Name the folder of ${flags.from}: npm run migrate -- import --from ${flags.from} <folder>`,
    });
  const pairs = sources.map((source) => pairOf(config, source, parse, flags.from ?? ''));
  refuseTaken(config, pairs);
  if (!flags.dryRun) writeAll(config, pairs);
  const files = pairs.flatMap(({ id }) => [`${id}.up.sql`, `${id}.down.sql`]);
  return {
    document: { files: files.map((file) => shown(config, join(config.directory, file))) },
    lines: [
      ...pairs.map(({ id, from }) => `  ${from} → ${id}`),
      `${flags.dryRun ? 'Would write' : 'Wrote'} ${count(pairs.length)} as pairs; ${downsOf(sources)}.`,
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

function downsOf(sources: readonly ImportedMigration[]): string {
  const own = sources.filter(({ down }) => down !== null).length;
  if (own === 0) return 'their downs are marked irreversible';
  return own === sources.length
    ? 'their downs are the down.sql beside them'
    : `${own} of their downs are the down.sql beside them, the others are marked irreversible`;
}

function pairOf(
  config: Config,
  { version, name, path, down }: ImportedMigration,
  parse: Parser,
  tool: string,
): Pair {
  const text = textOf(config, path);
  const parsed = parse(text);
  const alone = parsed.ok === true && parsed.statements.some(cannotRunInTransaction);
  // A pair must hold a statement; there, a migration may be empty.
  const isEmpty = parsed.ok === true && parsed.statements.length === 0;
  const own = parsed.ok === true ? withoutTransactions(text, parsed.statements) : text;
  const body = `${own}${own === '' || own.endsWith('\n') ? '' : '\n'}`;
  return {
    id: `${version}_${name}`,
    from: shown(config, path),
    up: `${alone ? '-- migrate: no-transaction\n' : ''}${body}${isEmpty ? 'SELECT 1;\n' : ''}`,
    down:
      down === null
        ? `-- migrate: irreversible imported from ${tool}, which writes no way back\n`
        : textOf(config, down),
  };
}

/**
 * Each file gets one transaction here in any case, or none: so plain BEGIN and COMMIT in turn, round the whole or round
 * parts (Prisma writes them round a changed enum), say nothing, and no COMMIT that ends the transaction of Drizzle's runner.
 */
function withoutTransactions(text: string, statements: readonly Statement[]): string {
  const own = statements.filter(({ kind }) => kind === 'TransactionStmt');
  const begins = /^(begin|start\s{1,9}transaction)(\s{1,9}(work|transaction))?$/i;
  const ends = /^(commit|end)(\s{1,9}(work|transaction))?$/i;
  const isInTurn = own.every((each, i) => (i % 2 === 0 ? begins : ends).test(each.text));
  const isWhole = isInTurn ? own.length % 2 === 0 : own.every((each) => ends.test(each.text));
  if (!isWhole) return text;
  const from = [0, ...own.map(({ end }) => end)];
  const to = [...own.map(({ start }) => start), text.length];
  return from
    .map((at, i) => text.slice(at, to[i]))
    .map((part, i) => (i === 0 ? part : part.replace(/^\s*;[^\S\n]*\n?/, '')))
    .join('');
}

function textOf(config: Config, path: string): string {
  let bytes: Buffer;
  try {
    if (leadsOut(path)) throw new Error('it is a symbolic link to a file outside of its directory');
    bytes = readFileSync(path);
  } catch (cause) {
    throw new MigrateError('usage', `Cannot read ${shown(config, path)}: ${(cause as Error).message}`, {
      state: 'Nothing was written.',
      cause,
    });
  }
  const { text, faults } = decode(bytes);
  const [fault] = faults;
  if (fault !== undefined)
    throw new MigrateError('usage', `${shown(config, path)}:${fault.line} ${fault.message}`);
  return text;
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
      hint: 'Give each a time of its own, in the order in which they run; where they are applied already, in the table of the other tool too.',
      state: 'Nothing was written.',
    });
}

/** All of them, or none. */
function writeAll({ root, directory }: Config, pairs: readonly Pair[]): void {
  refuseLinkOut(root, directory);
  const written: string[] = [];
  try {
    mkdirSync(directory, { recursive: true });
    for (const { id, up, down } of pairs) {
      for (const [direction, text] of [
        ['up', up],
        ['down', down],
      ] as const) {
        const path = join(directory, `${id}.${direction}.sql`);
        writeFileSync(path, text, { flag: 'wx' });
        written.push(path);
      }
    }
  } catch (cause) {
    for (const path of written) rmSync(path, { force: true });
    throw new MigrateError('usage', `Cannot write the pairs: ${(cause as Error).message}`, {
      state: 'Nothing was written.',
      cause,
    });
  }
}

function shown({ root }: Config, path: string): string {
  return shownPath(root, path) || '.';
}
