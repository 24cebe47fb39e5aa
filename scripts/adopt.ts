// Takes a history that only the tracking table knows; writes it into the ledger as it is, running nothing.
import { MigrateError } from './errors.ts';
import type { RunContext } from './execute.ts';
import { entrySql, type History } from './ledger.ts';
import type { Migration } from './types.ts';

/** One transaction with an entry per tracked migration, with the texts that are on disk now. */
export async function adopt(
  { session, config, provenance }: Pick<RunContext, 'session' | 'config' | 'provenance'>,
  history: History,
  migrations: readonly Migration[],
): Promise<void> {
  const onDisk = new Map(migrations.map((migration) => [migration.id, migration]));
  const entries = history.applied.map(({ id, version, name }) => {
    const migration = onDisk.get(id);
    return entrySql(
      {
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
      },
      config.trackingTable,
      provenance,
    );
  });
  const { error } = await session.batch(['BEGIN', ...entries, 'COMMIT'].join(';\n'));
  if (error === null) return;
  await session.batch('ROLLBACK');
  throw error instanceof MigrateError
    ? error
    : new MigrateError('migration-failed', `The history could not be adopted: ${error.message}`, {
        cause: error,
      });
}
