// Takes migrations, or a manifest's text; gives the manifest: what a release knows of them without carrying the SQL.
// It must not know files or databases, and imports nothing heavy: applications load it.
import { createHash } from 'node:crypto';
import { MigrateError } from '../base/errors.ts';

export interface ManifestMigration {
  /** `<version>_<name>`, as in the tracking table. */
  readonly id: string;
  /** sha256 of the up file, as the ledger has it. */
  readonly checksum: string;
  /** sha256 of what the up file says, comments and white space aside. */
  readonly meaning: string;
  /** It runs when the application has started, so the gate does not ask for it. */
  readonly afterDeploy?: true;
}

export interface Manifest {
  readonly format: 1;
  readonly toolVersion: string;
  readonly trackingTable: string;
  /** Whose grammar the meanings were read with; 16 where nothing is said. */
  readonly postgres?: number;
  /** The fingerprint of the schema that the migrations add up to (db/schema.sql); absent where that file does not say. */
  readonly fingerprint?: string;
  /** Oldest first. */
  readonly migrations: readonly ManifestMigration[];
}

/** Where `manifest` writes and the gate reads, relative to the working directory. */
export const defaultManifestPath = 'migrations.json';

/** @param meaning the parsed text as one string; null where the text does not parse, then the text itself counts */
export function meaningChecksum(meaning: string | null, text: string): string {
  return createHash('sha256')
    .update(meaning ?? text)
    .digest('hex');
}

const hint = 'Write it anew: make manifest (npm run migrate:manifest).';

/** @throws MigrateError `usage` for anything that is no manifest of a format this version knows */
export function parseManifest(text: string, path: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new MigrateError('usage', `${path} is no JSON: ${(cause as Error).message}`, { hint, cause });
  }
  return checkManifest(value, path);
}

/** @throws MigrateError `usage` */
export function checkManifest(value: unknown, path: string): Manifest {
  const manifest = value as Partial<Manifest> | null;
  const right =
    typeof manifest === 'object' &&
    manifest?.format === 1 &&
    /^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$/.test(String(manifest.trackingTable)) &&
    (manifest.fingerprint === undefined || /^[0-9a-f]{16}$/.test(String(manifest.fingerprint))) &&
    Array.isArray(manifest.migrations) &&
    manifest.migrations.every(
      (each: Partial<ManifestMigration> | null) =>
        typeof each?.id === 'string' && typeof each.checksum === 'string' && typeof each.meaning === 'string',
    );
  if (!right) throw new MigrateError('usage', `${path} is no manifest of migrations`, { hint });
  return manifest as Manifest;
}
