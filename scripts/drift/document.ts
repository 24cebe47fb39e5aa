// Takes migrations; gives the documents of their schema, made on a scratch database: db/SCHEMA.md and the page. It writes
// no file.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../base/paths.ts';
import type { Migration } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { readDocumented, renderDocument } from '../schema/document/markdown.ts';
import { type OriginRecorder, recordOrigins } from '../schema/document/origins.ts';
import { htmlDocument } from '../schema/document/page.ts';
import { readEntries } from '../schema/document/tables.ts';
import { portable, schemaOptions } from './options.ts';
import { withMigrated } from './scratch.ts';

/** What runs in the page, built together with the program. */
const pageScript = join(packageRoot, 'dist', 'schema-page.js');

/** @throws MigrateError as `withMigrated` */
export async function makeDocument(config: Config, migrations: readonly Migration[]): Promise<string> {
  return withMigrated(config, migrations, (query) => renderDocument(query, portable(schemaOptions(config))));
}

/**
 * One HTML page, which names for each table and column the migrations that made and last changed it.
 * @throws MigrateError as `withMigrated`
 */
export async function makePage(config: Config, migrations: readonly Migration[]): Promise<string> {
  let recorder: OriginRecorder | undefined;
  return withMigrated(
    config,
    migrations,
    async (query) => {
      const entries = readEntries(await readDocumented(query, portable(schemaOptions(config))));
      return htmlDocument(entries, recorder?.origins() ?? new Map(), readFileSync(pageScript, 'utf8'));
    },
    (query, { id }) => {
      recorder ??= recordOrigins(query);
      return recorder.after(id);
    },
  );
}
