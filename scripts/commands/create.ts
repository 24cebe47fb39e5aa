// create: writes a new pair of migration files, from db/templates/ or from a file of another tool that holds both halves.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { packageRoot, shownPath } from '../base/paths.ts';
import { liesOut, refuseLinkOut } from '../base/project-file.ts';
import type { Config } from '../config/config.ts';
import { unifyLineEnds } from '../files/decode.ts';
import { nextVersion, normaliseName, stampOf } from '../files/version.ts';
import type { Command } from '../report/command.ts';

export interface CreateFlags {
  /** A file with both directions in the form of another tool, which becomes the pair. */
  readonly from?: string;
}

export const create: Command<CreateFlags> = async ({ config, args, flags, progress }) => {
  const source = flags.from === undefined ? null : await readSource(config, flags.from);
  const asked = args.join(' ') || (source?.name ?? '');
  const name = normaliseName(asked);
  if (name !== asked) progress.say(`Name: ${name}`);
  makeDirectory(config);
  const texts = source ?? { up: template(config, 'up', name), down: template(config, 'down', name) };
  const version = writePair(config, name, texts, source?.version ?? null);
  const files = (['up', 'down'] as const).map((direction) =>
    shownPath(config.root, join(config.directory, `${version}_${name}.${direction}.sql`)),
  );
  const lines = files.map((file) => `Created ${file}`);
  if (source?.hasDown === false) lines.push(`${flags.from} says nothing of the way back: write ${files[1]}`);
  return { document: { version, name, files }, lines };
};

function makeDirectory({ root, directory }: Config): void {
  refuseLinkOut(root, directory);
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw writeError(error as Error);
  }
}

interface SplitSource {
  readonly up: string;
  readonly down: string;
  readonly hasDown: boolean;
  /** What the file's own name says; version null where that is none of ours. */
  readonly name: string;
  readonly version: string | null;
}

/** @throws MigrateError `usage` for a file that cannot be read, or that does not hold both directions */
async function readSource(config: Config, path: string): Promise<SplitSource> {
  const { decode } = await import('../files/decode.ts');
  const { text, faults } = decode(readBytes(config, path));
  const [fault] = faults;
  if (fault !== undefined) throw new MigrateError('usage', `${path}:${fault.line}: ${fault.message}`);
  const { loadParser } = await import('../files/statements.ts');
  const { splitFile } = await import('../files/split.ts');
  const halves = splitFile(text, await loadParser(config.postgres));
  if (halves === null || halves.up === '')
    throw new MigrateError(
      'usage',
      halves === null
        ? `${path} has no mark where its up ends and its down begins`
        : `${path} has nothing for its up`,
      {
        hint: 'Known are -- Up Migration and -- Down Migration, -- +goose Up, -- +migrate Up, -- migrate:up, --changeset with --rollback, and their like. Otherwise make migrate-new name=… and copy the statements.',
        state: 'Nothing was written.',
      },
    );
  const { version, name } = nameOf(basename(path));
  const down = halves.down === '' ? template(config, 'down', normaliseName(name)) : halves.down;
  return { up: halves.up, down, hasDown: halves.down !== '', name, version };
}

function readBytes(config: Config, path: string): Buffer {
  try {
    return readFileSync(resolve(config.root, path));
  } catch (cause) {
    throw new MigrateError('usage', `Cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** `20240101120000_create_users.sql` keeps its version, so that the other tool's history can be matched by it. */
function nameOf(file: string): { version: string | null; name: string } {
  const stem = file.replace(/\.[a-z]+$/i, '').replace(/\.up$/i, '');
  const [, number = '', rest = stem] = /^[VU]?(\d[\d.]*)[_-]*(.*)$/is.exec(stem) ?? [];
  return { version: stampOf(number), name: rest || 'migration' };
}

/** A version is claimed before it is used: of two that create in the same second, one takes the next. */
function writePair(
  config: Config,
  name: string,
  texts: { readonly up: string; readonly down: string },
  wanted: string | null,
): string {
  const taken: string[] = [];
  for (;;) {
    const version = wanted ?? nextVersion([...readdirSync(config.directory), ...taken], new Date());
    const written = withClaim(config, version, () => {
      if (readdirSync(config.directory).some((file) => file.startsWith(`${version}_`))) return false;
      for (const direction of ['up', 'down'] as const) {
        const path = join(config.directory, `${version}_${name}.${direction}.sql`);
        writeFileSync(path, texts[direction], { flag: 'wx' });
      }
      return true;
    });
    if (written) return version;
    if (wanted !== null)
      throw new MigrateError('usage', `There is a migration with version ${wanted} already`, {
        hint: 'Remove it, or rename the file that is to be split.',
        state: 'Nothing was written.',
      });
    taken.push(`${version}_`);
  }
}

/** @returns false where another process has the claim; a folder, for making one is atomic everywhere */
function withClaim(config: Config, version: string, work: () => boolean): boolean {
  const claim = join(config.directory, `.claim-${version}`);
  try {
    mkdirSync(claim);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw writeError(error as Error);
  }
  try {
    return work();
  } catch (error) {
    throw writeError(error as Error);
  } finally {
    rmdirSync(claim);
  }
}

function writeError(cause: Error): MigrateError {
  return new MigrateError('usage', `Cannot write the migration: ${cause.message}`, { cause });
}

function template({ root }: Config, direction: 'up' | 'down', name: string): string {
  const own = join(root, 'db', 'templates', `migration.${direction}.sql`);
  if (liesOut(root, own))
    throw new MigrateError('usage', `${shownPath(root, own)} is a symbolic link out of the project`, {
      hint: 'Put the file itself there, or remove it: the tool has a template of its own.',
      state: 'Nothing was written.',
    });
  const path = existsSync(own) ? own : join(packageRoot, 'db', 'templates', `migration.${direction}.sql`);
  return unifyLineEnds(readFileSync(path, 'utf8')).replaceAll('{{name}}', name);
}
