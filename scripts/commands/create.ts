// create: writes a new pair of migration files from db/templates/.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Command } from '../command.ts';
import type { Config } from '../config.ts';
import { MigrateError } from '../errors.ts';
import { packageRoot } from '../paths.ts';
import { nextVersion, normaliseName } from '../version.ts';

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

/** The up file is made exclusively: of two that create in the same second, one takes the next version. */
function writePair(config: Config, name: string): string {
  const templates = { up: template(config, 'up'), down: template(config, 'down') };
  let version = nextVersion(readdirSync(config.directory), new Date());
  for (;;) {
    if (!readdirSync(config.directory).some((file) => file.startsWith(version))) {
      try {
        for (const direction of ['up', 'down'] as const) {
          const path = join(config.directory, `${version}_${name}.${direction}.sql`);
          writeFileSync(path, templates[direction].replaceAll('{{name}}', name), { flag: 'wx' });
        }
        return version;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(error as Error);
      }
    }
    version = nextVersion([...readdirSync(config.directory), `${version}_`], new Date());
  }
}

function writeError(cause: Error): MigrateError {
  return new MigrateError('usage', `Cannot write the migration: ${cause.message}`, { cause });
}

function template({ root }: Config, direction: 'up' | 'down'): string {
  const own = join(root, 'db', 'templates', `migration.${direction}.sql`);
  return readFileSync(
    existsSync(own) ? own : join(packageRoot, 'db', 'templates', `migration.${direction}.sql`),
    'utf8',
  );
}
