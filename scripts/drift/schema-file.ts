// Takes migrations; gives the text of db/schema.sql, made on a scratch database. It writes no file.

import { MigrateError } from '../base/errors.ts';
import { majorOf } from '../base/postgres-major.ts';
import type { Migration } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { loadParser } from '../files/statements.ts';
import {
  isPortable,
  portableFingerprint,
  portableHashes,
  withoutVersions,
} from '../schema/catalog/fingerprint.ts';
import { readObjects, withCanonicalSession } from '../schema/catalog/snapshot.ts';
import { type Difference, diffSnapshots } from '../schema/change/diff.ts';
import { withoutManaged } from '../schema/change/managed.ts';
import { renderSchema } from '../schema/render/render.ts';
import type { Query, SchemaObject, SchemaOptions } from '../schema/types.ts';
import { isTrusted } from '../scratch/worker.ts';
import { schemaHead } from './expected.ts';
import { portable, schemaOptions } from './options.ts';
import { type Build, forServer, withBuilt, withMigrated } from './scratch.ts';
import { subscriptionsSql } from './subscriptions.ts';

export interface SchemaText {
  readonly text: string;
  readonly fingerprint: string;
  readonly newest: string | null;
  /** Major version of the scratch server. */
  readonly major: number;
  /** What the file holds as a comment only, as `<class> <identity>`. */
  readonly unsupported: readonly string[];
  /** What only a superuser can make, as `<class> <identity>`. */
  readonly superuser: readonly string[];
  readonly objects: readonly SchemaObject[];
  /** What an empty database lacks or has otherwise once it ran the file; null where the file does not run. */
  readonly differences: readonly Difference[] | null;
  /** Why the file does not run, or what else is wrong with it. */
  readonly failure: string | null;
}

/**
 * The text is run on an empty database every time: a file that is not the schema would be worse than none.
 * @throws MigrateError as `withMigrated`
 */
export async function makeSchemaText(config: Config, migrations: readonly Migration[]): Promise<SchemaText> {
  const options = withoutOwners(schemaOptions(config));
  const newest = migrations.at(-1)?.id ?? null;
  return withMigrated(config, migrations, async (query, build) => {
    const { sql, unsupported, superuser } = await renderSchema(query, options);
    const objects = await objectsOf(query, options);
    const fingerprint = fingerprintOf(objects, options);
    const subscriptions = await subscriptionsOf(config, migrations);
    const major = await majorOn(query);
    const text = schemaHead(fingerprint, newest, major) + [sql, ...subscriptions].join('\n');
    const tried = await tryOut(build, text, options, objects);
    return { text, fingerprint, newest, major, unsupported, superuser, objects, ...tried };
  });
}

/** On the scratch server everything belongs to the role that migrations run as, unless that one may hand over. */
function withoutOwners(options: SchemaOptions): SchemaOptions {
  return isTrusted() ? options : { ...options, include: options.include.filter((what) => what !== 'owners') };
}

async function subscriptionsOf(config: Config, migrations: readonly Migration[]): Promise<string[]> {
  return subscriptionsSql(migrations, await loadParser(config.postgres)).map((each) => `${each}\n`);
}

function fingerprintOf(objects: readonly SchemaObject[], { partitions }: SchemaOptions): string {
  return portableFingerprint(portableHashes(partitions === undefined ? objects : withoutManaged(objects)));
}

async function tryOut(
  build: Build,
  text: string,
  options: SchemaOptions,
  objects: readonly SchemaObject[],
): Promise<Pick<SchemaText, 'differences' | 'failure'>> {
  try {
    const built = await build(text, (query) => objectsOf(query, options));
    const found = diffSnapshots(ofSchema(objects), ofSchema(built)).filter(
      ({ severity }) => severity === 'drift',
    );
    const same = fingerprintOf(built, options) === fingerprintOf(objects, options);
    const failure = same || found.length > 0 ? null : 'its fingerprint is not that of the migrations';
    return { differences: found, failure };
  } catch (error) {
    const { message, code, position } = error as { message: string; code?: string; position?: string };
    if (code === undefined || error instanceof MigrateError) throw error;
    const before = [...text].slice(0, Number(position ?? 0)).join('');
    const line = position === undefined ? '' : `line ${before.split('\n').length}: `;
    return { differences: null, failure: `${line}${message}` };
  }
}

/**
 * How `objects` differ from what a text of db/schema.sql builds; null where it cannot be built or compared.
 * @param major version of the server that the objects are of: another one on the scratch server would print them otherwise
 * @throws nothing
 */
export async function differencesToText(
  config: Config,
  text: string,
  objects: readonly SchemaObject[],
  major: number,
): Promise<Difference[] | null> {
  const options = portable(schemaOptions(config));
  return withBuilt(forServer(config, major), text, async (query) => {
    if ((await majorOn(query)) !== major) return null;
    return diffSnapshots(shared(await objectsOf(query, options), options), shared(objects, options));
  }).catch(() => null);
}

async function majorOn(query: Query): Promise<number> {
  const [row] = await query("SELECT current_setting('server_version_num')::integer AS version");
  return majorOf(Number(row?.version));
}

/** Whose the database is and who may do what with it as a whole is for whoever creates it. */
function ofSchema(objects: readonly SchemaObject[]): SchemaObject[] {
  return objects.filter(
    ({ class: name, identity }) => identity !== 'database' || (name !== 'owner' && name !== 'grant'),
  );
}

/** What the fingerprint counts. */
function shared(objects: readonly SchemaObject[], { partitions }: SchemaOptions): SchemaObject[] {
  const counted = partitions === undefined ? objects : withoutManaged(objects);
  return withoutVersions(counted).filter((object) => isPortable(object.class));
}

function objectsOf(query: Query, options: SchemaOptions): Promise<SchemaObject[]> {
  return withCanonicalSession(query, () => readObjects(query, options));
}
