// create: writes a new pair of migration files from db/templates/.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { packageRoot } from '../base/paths.ts';
import type { Config } from '../config/config.ts';
import { unifyLineEnds } from '../files/decode.ts';
import { nextVersion, normaliseName } from '../files/version.ts';
import type { Command } from '../report/command.ts';

export const create: Command<object> = async ({ config, args, progress }) => {
  const asked = args.join(' ');
  const name = normaliseName(asked);
  if (name !== asked) progress.say(`Name: ${name}`);
  mkdirSync(config.directory, { recursive: true });
  const version = writePair(config, name);
  const files = (['up', 'down'] as const).map((direction) =>
    relative(config.root, join(config.directory, `${version}_${name}.${direction}.sql`)),
  );
  return { document: { version, name, files }, lines: files.map((file) => `Created ${file}`) };
};

/** A version is claimed before it is used: of two that create in the same second, one takes the next. */
function writePair(config: Config, name: string): string {
  const templates = { up: template(config, 'up'), down: template(config, 'down') };
  const taken: string[] = [];
  for (;;) {
    const version = nextVersion([...readdirSync(config.directory), ...taken], new Date());
    const written = withClaim(config, version, () => {
      if (readdirSync(config.directory).some((file) => file.startsWith(`${version}_`))) return false;
      for (const direction of ['up', 'down'] as const) {
        const path = join(config.directory, `${version}_${name}.${direction}.sql`);
        writeFileSync(path, templates[direction].replaceAll('{{name}}', name), { flag: 'wx' });
      }
      return true;
    });
    if (written) return version;
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

function template({ root }: Config, direction: 'up' | 'down'): string {
  const own = join(root, 'db', 'templates', `migration.${direction}.sql`);
  const path = existsSync(own) ? own : join(packageRoot, 'db', 'templates', `migration.${direction}.sql`);
  return unifyLineEnds(readFileSync(path, 'utf8'));
}
