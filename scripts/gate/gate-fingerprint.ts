// Takes a connection of an application; gives the fingerprint of the schema as the last run stored it. Loaded only where
// an application asks for it: it brings the reading of schemas along. It looks at no catalog, only at the ledger.
import { MigrateError } from '../base/errors.ts';
import { majorOf } from '../base/postgres-major.ts';
import { ask, type Queryable } from './gate-queries.ts';
import { defaultManifestPath, type Manifest } from './manifest.ts';

export interface StoredSchema {
  readonly fingerprint: string;
  /** False where a migration was recorded after the schema was stored. */
  readonly isCurrent: boolean;
  /** Major version of the server, as it is now. */
  readonly server: number;
}

/** @throws MigrateError `usage` where the release was built without one */
export function needFingerprint({ fingerprint }: Manifest): string {
  if (fingerprint !== undefined) return fingerprint;
  const hint = `make schema writes db/schema.sql, make manifest takes the fingerprint from it into ${defaultManifestPath}.`;
  throw new MigrateError('usage', `The manifest of migrations holds no fingerprint. ${hint}`, { hint });
}

/**
 * Null where no run has stored a schema.
 * @throws MigrateError `refused` (no right to look); else the error of the application's client
 */
export async function readStored(client: Queryable): Promise<StoredSchema | null> {
  const { storedFingerprint } = await import('../ledger/stored-fingerprint.ts');
  const [row] = await ask(
    client,
    `SELECT pg_catalog.current_setting('server_version_num') AS version, s.seq::pg_catalog.text AS seq, (SELECT pg_catalog.max(e.seq) FROM migration_ledger.entries e)::pg_catalog.text AS newest
       FROM migration_ledger.snapshot s`,
    [],
  ).catch(none);
  if (row === undefined) return null;
  const fingerprint = await storedFingerprint({ query: (text) => ask(client, text, []) });
  const server = majorOf(Number(row.version));
  return fingerprint === null ? null : { fingerprint, isCurrent: row.seq === row.newest, server };
}

/** A ledger that is older than its stored schemas. */
function none(error: unknown): readonly [] {
  if ((error as { code?: unknown }).code === '42P01') return [];
  throw error;
}
