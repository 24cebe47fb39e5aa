// docs: writes db/SCHEMA.md, the schema for people, from a scratch database; --check compares instead.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDocument } from '../drift/schema-file.ts';
import { loadMigrations } from '../history/load-migrations.ts';
import type { Command } from '../report/command.ts';
import type { GeneratedFlags } from './schema.ts';

const documentFile = join('db', 'SCHEMA.md');

export const docs: Command<GeneratedFlags> = async ({ config, flags, progress }) => {
  const text = await makeDocument(config, await loadMigrations(config, progress.warn));
  const path = join(config.root, documentFile);
  if (!flags.check) {
    writeFileSync(path, text);
    return { document: { file: documentFile }, lines: [`Wrote ${documentFile}`] };
  }
  const missing = !existsSync(path);
  const stale = missing || readFileSync(path, 'utf8').replaceAll('\r\n', '\n') !== text;
  const document = { file: documentFile, stale };
  if (!stale) return { document, lines: [`${documentFile} is up to date`] };
  return {
    document,
    lines: [`${documentFile} ${missing ? 'is missing' : 'is stale'}: run make docs and commit the result`],
    verdict: 'findings',
  };
};
