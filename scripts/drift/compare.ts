// Takes two places where a schema is; gives how the second differs from the first. Only classes whose hashes differ are
// fetched. It knows neither files nor how the places came to be.

import type { Migration } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import { withoutVersions } from '../schema/catalog/fingerprint.ts';
import {
  differingClasses,
  readClassHashes,
  readObjects,
  withCanonicalSession,
} from '../schema/catalog/snapshot.ts';
import { type Difference, diffSnapshots } from '../schema/change/diff.ts';
import type { Query, SchemaOptions } from '../schema/types.ts';
import { queryOf } from './live.ts';
import { withoutMachinery } from './machinery.ts';
import { portable, schemaOptions } from './options.ts';
import { withMigrated } from './scratch.ts';

/**
 * Owners, grants and versions of extensions are not compared, nor tables in which other tools keep what they ran.
 * @throws MigrateError `connection`, `locked`, `refused`
 */
export async function compareSchemas(
  expected: Query,
  actual: Query,
  options: SchemaOptions,
): Promise<Difference[]> {
  const compared = portable(options);
  const hashesOf = (query: Query) => withCanonicalSession(query, () => readClassHashes(query, compared));
  const classes = differingClasses(await hashesOf(expected), await hashesOf(actual));
  const objectsOf = async (query: Query) =>
    withoutVersions(await withCanonicalSession(query, () => readObjects(query, compared, classes)));
  const sides = withoutMachinery({ expected: await objectsOf(expected), live: await objectsOf(actual) });
  return diffSnapshots(sides.expected, sides.live);
}

/**
 * How the live schema differs from what the migrations build on an empty database.
 * @throws MigrateError where there is no scratch server, or a migration does not run there
 */
export async function differencesToMigrations(
  session: Session,
  config: Config,
  migrations: readonly Migration[],
): Promise<Difference[]> {
  const options = schemaOptions(config);
  return withMigrated(config, migrations, (expected) => compareSchemas(expected, queryOf(session), options));
}
