// Takes migrations; gives the text of db/schema.sql, made on a scratch database. It writes no file.

import type { Migration } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { portableHashes, withoutVersions } from '../schema/catalog/fingerprint.ts';
import { readObjects, withCanonicalSession } from '../schema/catalog/snapshot.ts';
import { type Difference, diffSnapshots } from '../schema/change/diff.ts';
import { renderDocument } from '../schema/render/document.ts';
import { renderSchema } from '../schema/render/render.ts';
import type { Query, SchemaObject, SchemaOptions } from '../schema/types.ts';
import { schemaHead } from './expected.ts';
import { isPortable, portable, portableFingerprint, schemaOptions } from './options.ts';
import { withBuilt, withMigrated } from './scratch.ts';

export interface SchemaText {
  readonly text: string;
  readonly fingerprint: string;
  readonly newest: string | null;
  /** What the file holds as a comment only, as `<class> <identity>`. */
  readonly unsupported: readonly string[];
  readonly objects: readonly SchemaObject[];
}

/** @throws MigrateError as `withMigrated` */
export async function makeSchemaText(config: Config, migrations: readonly Migration[]): Promise<SchemaText> {
  const options = portable(schemaOptions(config));
  const newest = migrations.at(-1)?.id ?? null;
  return withMigrated(config, migrations, async (query) => {
    const { sql, unsupported } = await renderSchema(query, options);
    const objects = await objectsOf(query, options);
    const fingerprint = portableFingerprint(portableHashes(objects));
    return { text: schemaHead(fingerprint, newest) + sql, fingerprint, newest, unsupported, objects };
  });
}

/** How `objects` differ from what a text of db/schema.sql builds; null where it cannot be built. */
export async function differencesToText(
  config: Config,
  text: string,
  objects: readonly SchemaObject[],
): Promise<Difference[] | null> {
  const options = portable(schemaOptions(config));
  return withBuilt(config, text, async (query) =>
    diffSnapshots(shared(await objectsOf(query, options)), shared(objects)),
  ).catch(() => null);
}

/** What the fingerprint counts. */
function shared(objects: readonly SchemaObject[]): SchemaObject[] {
  return withoutVersions(objects).filter((object) => isPortable(object.class));
}

/** @throws MigrateError as `withMigrated` */
export async function makeDocument(config: Config, migrations: readonly Migration[]): Promise<string> {
  return withMigrated(config, migrations, (query) => renderDocument(query, portable(schemaOptions(config))));
}

function objectsOf(query: Query, options: SchemaOptions): Promise<SchemaObject[]> {
  return withCanonicalSession(query, () => readObjects(query, options));
}
