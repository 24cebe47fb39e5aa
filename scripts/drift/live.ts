// Takes a session; gives what its live schema is: its objects, its portable fingerprint, and whether a job makes partitions
// there. It only reads, and compares nothing.
import type { Session } from '../connection/session.ts';
import { portableFingerprint, portableHashes, readPortableHashes } from '../schema/catalog/fingerprint.ts';
import { readObjects, withCanonicalSession } from '../schema/catalog/snapshot.ts';
import { withoutManaged } from '../schema/change/managed.ts';
import type { ClassHashes, Query, SchemaObject, SchemaOptions } from '../schema/types.ts';
import { portable } from './options.ts';

/**
 * The portable fingerprint of the live schema.
 * @throws MigrateError `connection`, `locked`, `refused`
 */
export async function readLiveFingerprint(session: Session, options: SchemaOptions): Promise<string> {
  const query = queryOf(session);
  return withCanonicalSession(query, () => fingerprintOf(query, options));
}

/**
 * All objects of the live schema.
 * @throws MigrateError `connection`, `locked`, `refused`
 */
export async function readLiveObjects(session: Session, options: SchemaOptions): Promise<SchemaObject[]> {
  const query = queryOf(session);
  return withCanonicalSession(query, () => readObjects(query, options));
}

/** The schema stage's view of a session. Nobody reads the rows of a batch. */
export function queryOf(session: Session): Query {
  return (text, values) => session.query(text, values);
}

/** The portable fingerprint, inside the caller's canonical session. @throws what the query function throws */
export async function fingerprintOf(query: Query, options: SchemaOptions): Promise<string> {
  return portableFingerprint(await hashesOf(query, portable(options)));
}

/** Partitions that a job makes do not count, where the configuration says so: then the objects must be looked at. */
async function hashesOf(query: Query, options: SchemaOptions): Promise<ClassHashes> {
  if (options.partitions === undefined) return readPortableHashes(query, options);
  return portableHashes(withoutManaged(await readObjects(query, options)));
}

/**
 * The tool that makes partitions here by a job, null where there is none: pg_partman keeps `part_config`, TimescaleDB
 * `_timescaledb_catalog`. One round trip.
 * @throws what the query function throws
 */
export async function partitionJob(query: Query): Promise<string | null> {
  const [row] = await query(
    "SELECT bool_or(c.relname = 'part_config') AS partman, bool_or(n.nspname = '_timescaledb_catalog') AS timescale FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND (c.relname = 'part_config' OR n.nspname = '_timescaledb_catalog')",
  );
  if (row?.timescale === true) return 'TimescaleDB';
  return row?.partman === true ? 'pg_partman' : null;
}
