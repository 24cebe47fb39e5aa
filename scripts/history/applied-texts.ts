// Takes what is applied on the target; gives it as migrations that a scratch database can be built from: what ran, from
// disk where the file is there, else from the ledger.

import type { AppliedMigration, Migration, SqlFile } from '../base/types.ts';
import type { Session } from '../connection/session.ts';
import { checksum } from '../files/decode.ts';
import { readDirectives } from '../files/directives.ts';
import { readTexts } from '../ledger/entries.ts';

/**
 * In the order of ids; null where the text of one is neither on disk nor in the ledger.
 * @throws MigrateError `connection`, `locked`, `refused`
 */
export async function appliedMigrations(
  session: Session,
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): Promise<readonly Migration[] | null> {
  const onDisk = new Map(migrations.map((migration) => [migration.id, migration]));
  const gone = applied.filter(({ id }) => !onDisk.has(id));
  const texts = await readTexts(
    session,
    gone.flatMap(({ entry }) => (entry === null ? [] : [entry.seq])),
  );
  const all = applied.map(({ id, version, name, entry }): Migration | null => {
    const known = onDisk.get(id);
    if (known !== undefined) return known;
    const { up, down } = texts.get(entry?.seq ?? 0) ?? { up: null, down: null };
    return up === null
      ? null
      : { id, version, name, up: recorded(id, 'up', up), down: recorded(id, 'down', down ?? '') };
  });
  return all.includes(null) ? null : all.filter((migration) => migration !== null);
}

function recorded(id: string, direction: 'up' | 'down', text: string): SqlFile {
  const { directives } = readDirectives(text, direction);
  return { path: `${id}.${direction}.sql (ledger)`, text, checksum: checksum(text), directives };
}
