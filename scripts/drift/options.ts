// Takes the configuration and the tracking tables that the ledger knows; gives what is left out of every comparison.
// Pure; it must not know databases.
import type { Config } from '../config/config.ts';
import { trackingName } from '../ledger/ledger.ts';
import { fingerprint } from '../schema/catalog/fingerprint.ts';
import { completeHashes } from '../schema/catalog/snapshot.ts';
import type { ClassHashes, IgnorePattern, SchemaOptions, TableName } from '../schema/types.ts';

/** @param tracking names `schema.table`, of other applications too; our own is added */
export function schemaOptions(config: Config, tracking: readonly string[] = []): SchemaOptions {
  const { ignore = [], include = [] } = config.project.drift ?? {};
  const names = [...new Set([...tracking, trackingName(config.trackingTable)])].sort();
  return { tracking: names.map(tableName), include, ignore: ignore as readonly IgnorePattern[] };
}

function tableName(name: string): TableName {
  const at = name.indexOf('.');
  return { schema: name.slice(0, at), table: name.slice(at + 1) };
}

/** What every environment can have in common: owners and grants differ from one to the next. */
export function portable(options: SchemaOptions): SchemaOptions {
  return { ...options, include: [] };
}

/** What belongs to an environment, not to a release: roles' rights, who logs in elsewhere as whom, settings of database and roles, what is received from another server, what is spread over which nodes. */
const ofEnvironment: readonly string[] = [
  ...['owner', 'grant', 'default-privileges', 'setting'],
  ...['user-mapping', 'subscription'],
  // A development server need not be a cluster.
  'distribution',
];

/** Whether the fingerprint counts this class of objects; drift compares the others as well, within one environment. */
export function isPortable(name: string): boolean {
  return !ofEnvironment.includes(name);
}

/** The fingerprint of a schema, the same in every environment and whether or not owners and grants are compared. */
export function portableFingerprint(hashes: ClassHashes): string {
  const without = Object.entries(hashes).filter(([name]) => isPortable(name));
  return fingerprint(completeHashes(new Map(without)));
}
