// Takes the project's settings and its migrations; gives the rows of db/probe, by the version of their migration. It knows
// nothing of databases.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { shownPath } from '../base/paths.ts';
import { leadsOut, listFolder } from '../base/project-file.ts';
import type { Migration, SqlFile } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { checksum, decode } from '../files/decode.ts';

/**
 * Optional rows by version, `db/probe/<version>.sql` beside the migrations directory.
 * @throws MigrateError `usage` for a file of no migration, or one that is no text
 */
export function readSeedRows(config: Config, migrations: readonly Migration[]): Map<string, SqlFile> {
  const directory = join(dirname(config.directory), 'probe');
  const seedRows = new Map<string, SqlFile>();
  for (const name of listFolder(config.root, directory).filter((entry) => entry.endsWith('.sql'))) {
    const version = name.replace(/\.sql$/, '');
    const path = shownPath(config.root, join(directory, name));
    if (!migrations.some((migration) => migration.version === version)) {
      throw new MigrateError('usage', `${path} belongs to no migration: name it <version>.sql`);
    }
    if (leadsOut(join(directory, name)))
      throw new MigrateError('usage', `${path} is a symbolic link to a file outside of this directory`);
    const { text, faults } = decode(readFileSync(join(directory, name)));
    const [fault] = faults;
    if (fault !== undefined) throw new MigrateError('usage', `${path}:${fault.line}: ${fault.message}`);
    seedRows.set(version, {
      path,
      text,
      checksum: checksum(text),
      directives: { noTransaction: false, allow: [] },
    });
  }
  return seedRows;
}
