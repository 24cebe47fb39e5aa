// Takes the migrations that a baseline records without running them; gives how the database differs from what they would
// have built on an empty one. It only reads; where there is no scratch server it says so and stops nothing.
import { isInterruption, MigrateError } from '../base/errors.ts';
import type { Migration } from '../base/types.ts';
import type { HistoryWork } from '../history/recording.ts';
import { differencesToMigrations } from './compare.ts';
import { countDiffering, differenceJson, differenceLines } from './report.ts';

interface Adopted {
  readonly document: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

/**
 * Compares the live schema with what the files of the recorded migrations build on a scratch database; says so where
 * it cannot be built.
 * @throws MigrateError `interrupted`; any other error that is none of ours
 */
export async function compareWithFiles(
  { session, config, migrations }: HistoryWork,
  items: readonly { readonly migration: Migration }[],
): Promise<Adopted> {
  const newest =
    items
      .map(({ migration }) => migration.id)
      .sort()
      .at(-1) ?? '';
  try {
    const built = migrations.filter(({ id }) => id <= newest);
    const found = await differencesToMigrations(session, config, built);
    const differences = found.filter(({ severity }) => severity === 'drift');
    const verdict =
      differences.length === 0
        ? 'The schema is what these migrations build on an empty database'
        : `${countDiffering(differences.length)} from what these migrations build on an empty database:`;
    const lines = [verdict, ...differenceLines(differences, config.verbose).map((line) => `  ${line}`)];
    return { document: { differences: differences.map(differenceJson) }, lines };
  } catch (error) {
    if (!(error instanceof MigrateError) || isInterruption(error)) throw error;
    const lines = [`Not compared with what these migrations build on an empty database: ${error.message}`];
    return { document: { differences: null }, lines };
  }
}
