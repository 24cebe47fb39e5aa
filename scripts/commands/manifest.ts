// manifest: writes down which migrations a release is built with, for the application's gate. It needs no database.
import { resolve } from 'node:path';
import { shownPath, toolVersion } from '../base/paths.ts';
import { writeProjectFile } from '../base/project-file.ts';
import type { Config } from '../config/config.ts';
import { readSchemaFile, schemaFile } from '../drift/expected.ts';
import { meaning } from '../files/equivalent-sql.ts';
import { loadParser } from '../files/statements.ts';
import { defaultManifestPath, type Manifest, meaningChecksum } from '../gate/manifest.ts';
import { loadMigrations } from '../history/load-migrations.ts';
import type { Command } from '../report/command.ts';
import { count } from '../report/human.ts';

export interface ManifestFlags {
  readonly out?: string;
}

export const manifest: Command<ManifestFlags> = async ({ config, flags, progress }) => {
  const migrations = await loadMigrations(config, progress.warn);
  const parse = await loadParser(config.postgres);
  const { schema, table } = config.trackingTable;
  const { fingerprint, note } = fingerprintOf(config, migrations.at(-1)?.id ?? null);
  const content: Manifest = {
    format: 1,
    toolVersion: toolVersion(),
    trackingTable: `${schema}.${table}`,
    postgres: config.postgres,
    ...(fingerprint === null ? {} : { fingerprint }),
    migrations: migrations.map(({ id, up }) => ({
      id,
      checksum: up.checksum,
      meaning: meaningChecksum(meaning(parse, up.text), up.text),
      ...(up.directives.afterDeploy ? { afterDeploy: true } : {}),
    })),
  };
  const path = resolve(config.root, flags.out ?? defaultManifestPath);
  const shown = shownPath(config.root, path);
  writeProjectFile(config.root, shown, `${JSON.stringify(content, null, 2)}\n`, true);
  return {
    document: { file: shown, ...content },
    lines: [`Wrote ${shown}: ${count(content.migrations.length)}, ${note}`],
  };
};

/** That of db/schema.sql, where it is of the release's newest migration: a stale file would keep every start back. */
function fingerprintOf(
  config: Config,
  newest: string | null,
): { readonly fingerprint: string | null; readonly note: string } {
  const file = readSchemaFile(config);
  const without = (why: string) => ({
    fingerprint: null,
    note: `without a fingerprint, for ${schemaFile} ${why}`,
  });
  if (file === null) return without('is missing (make schema writes it)');
  if (file.fingerprint === null) return without('has none in its head (make schema writes it anew)');
  if (file.newest !== newest)
    return without(`is of ${file.newest ?? 'no migration'} (make schema writes it anew)`);
  if (file.major !== null && file.major !== config.postgres)
    return without(
      `is of PostgreSQL ${file.major}, and db/config.json says ${config.postgres} (make schema writes it anew)`,
    );
  return { fingerprint: file.fingerprint, note: `fingerprint ${file.fingerprint}` };
}
