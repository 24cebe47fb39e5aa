// docs: writes db/SCHEMA.md, the schema for people, or with --html a page to look at, from a scratch database; --check
// compares instead.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { writeProjectFile } from '../base/project-file.ts';
import { makeDocument, makePage } from '../drift/document.ts';
import { loadMigrations } from '../history/load-migrations.ts';
import type { Command } from '../report/command.ts';
import { sayNotes } from '../scratch/notes.ts';
import type { GeneratedFlags } from './schema.ts';

export interface DocsFlags extends GeneratedFlags {
  /** The page's file, from the project's folder. */
  readonly html?: string;
}

const documentFile = 'db/SCHEMA.md';

export const docs: Command<DocsFlags> = async ({ config, flags, progress }) => {
  const migrations = await loadMigrations(config, progress.warn);
  sayNotes(progress.say);
  const { html } = flags;
  const text = await (html === undefined ? makeDocument : makePage)(config, migrations);
  const file = html ?? documentFile;
  const path = resolve(config.root, file);
  if (!flags.check) {
    writeProjectFile(config.root, file, text);
    return { document: { file }, lines: [`Wrote ${file}`] };
  }
  const missing = !existsSync(path);
  const stale = missing || readFileSync(path, 'utf8').replaceAll('\r\n', '\n') !== text;
  const document = { file, stale };
  if (!stale) return { document, lines: [`${file} is up to date`] };
  const command = html === undefined ? 'make docs' : `make docs html=${html}`;
  return {
    document,
    lines: [`${file} ${missing ? 'is missing' : 'is stale'}: run ${command} and commit the result`],
    verdict: 'findings',
  };
};
