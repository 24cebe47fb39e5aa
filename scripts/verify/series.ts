// Takes the files that replace a migration, and rows to put in before the first; tells what does not run with those rows.
// The files run one after the other, batches too, as on a target: rows that only the first of them would take stay.
import { MigrateError } from '../base/errors.ts';
import type { Finding, Migration, SqlFile } from '../base/types.ts';
import { loadParser } from '../files/statements.ts';
import { applyMigrations } from '../scratch/replay.ts';
import type { ScratchServer } from '../scratch/scratch-server.ts';
import { withoutForcedPolicies } from '../scratch/unforced.ts';
import { connectTo, queryOn } from '../scratch/with-scratch.ts';
import { fails } from './findings.ts';

export interface SeededSeries {
  readonly earlier: readonly Migration[];
  readonly series: readonly Migration[];
  readonly seedRows: SqlFile;
  /** Major version of the servers that the migrations are for. */
  readonly postgres: number;
}

/** @throws MigrateError `migration-failed` when an earlier migration does not run */
export async function trySeriesWithRows(server: ScratchServer, request: SeededSeries): Promise<Finding[]> {
  const { earlier, series, seedRows, postgres } = request;
  const parse = await loadParser(postgres);
  const client = await connectTo(await server.create());
  try {
    await applyMigrations(client, earlier, parse);
    try {
      await withoutForcedPolicies(queryOn(client), () => client.query(seedRows.text));
    } catch (error) {
      return [fails('probe-fails', seedRows, (error as Error).message, {})];
    }
    for (const migration of series) {
      const failure = await applyMigrations(client, [migration], parse).then(
        () => null,
        (error: unknown) => {
          if (error instanceof MigrateError) return error;
          throw error;
        },
      );
      if (failure === null) continue;
      const { cause, location } = failure.options;
      const why = cause instanceof Error ? cause.message : failure.message;
      return [
        fails('up-fails', migration.up, `with the rows of ${seedRows.path}: ${why}`, {
          ...(location?.line === undefined ? {} : { line: location.line }),
        }),
      ];
    }
    return [];
  } finally {
    await client.end().catch(() => undefined);
  }
}
