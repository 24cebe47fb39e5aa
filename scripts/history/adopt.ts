// Takes a history that only the tracking table knows; writes it into the ledger as it is, running nothing.

import type { AppliedMigration, Migration } from '../base/types.ts';
import { entrySql, type NewEntry } from '../ledger/entries.ts';
import type { History } from '../ledger/ledger.ts';
import { type RecordContext, recordAtomically } from '../ledger/record.ts';

/**
 * One transaction with an entry per tracked migration, with the texts that are on disk now.
 * @throws MigrateError `connection`, `locked`, `refused`
 */
export async function adopt(
  context: RecordContext & { readonly closing: readonly string[] },
  history: History,
  migrations: readonly Migration[],
): Promise<void> {
  await recordAtomically(context, [
    ...adoptStatements(context, history.applied, migrations),
    ...context.closing,
  ]);
}

/** The same as SQL, to be part of a larger transaction. */
export function adoptStatements(
  { config, provenance }: Pick<RecordContext, 'config' | 'provenance'>,
  applied: readonly AppliedMigration[],
  migrations: readonly Migration[],
): string[] {
  const onDisk = new Map(migrations.map((migration) => [migration.id, migration]));
  return applied.map(({ id, version, name }) => {
    const migration = onDisk.get(id);
    const entry: NewEntry = {
      id,
      version,
      name,
      direction: 'up',
      kind: 'adopted',
      upSql: migration?.up.text ?? null,
      downSql: migration?.down.text ?? null,
      upChecksum: migration?.up.checksum ?? null,
      downChecksum: migration?.down.checksum ?? null,
      durationMs: 0,
    };
    return entrySql(entry, config.trackingTable, provenance);
  });
}
