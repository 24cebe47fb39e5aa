// schema: writes db/schema.sql, what all migrations add up to, from a scratch database; --check compares instead.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { visible } from '../base/foreign-text.ts';
import type { Config } from '../config/config.ts';
import { readSchemaFile, schemaFile } from '../drift/expected.ts';
import { differenceJson, differenceLines } from '../drift/report.ts';
import { differencesToText, makeSchemaText, type SchemaText } from '../drift/schema-file.ts';
import { loadMigrations } from '../history/load-migrations.ts';
import type { Command, CommandResult } from '../report/command.ts';

export interface GeneratedFlags {
  readonly check?: boolean;
}

export const schema: Command<GeneratedFlags> = async ({ config, flags, progress }) => {
  const migrations = await loadMigrations(config, progress.warn);
  const made = await makeSchemaText(config, migrations);
  for (const name of made.unsupported)
    progress.warn(
      `${visible(name)} is of a kind that ${schemaFile} cannot carry over: it stands there as a comment`,
    );
  if (flags.check) return check(config, made);
  writeFileSync(join(config.root, schemaFile), made.text);
  return {
    document: documentOf(made),
    lines: [`Wrote ${schemaFile}: fingerprint ${made.fingerprint}, newest ${made.newest ?? 'none'}`],
  };
};

function documentOf({ fingerprint, newest, unsupported }: SchemaText): Record<string, unknown> {
  return { file: schemaFile, fingerprint, newest, unsupported };
}

async function check(config: Config, made: SchemaText): Promise<CommandResult> {
  const file = readSchemaFile(config);
  const stale = file?.text !== made.text;
  const document = { ...documentOf(made), stale };
  if (!stale) return { document, lines: [`${schemaFile} is up to date: fingerprint ${made.fingerprint}`] };
  const found = file === null ? [] : await differencesToText(config, file.text, made.objects);
  const differences = (found ?? []).map(differenceJson);
  const lines = [
    `${schemaFile} ${file === null ? 'is missing' : 'is stale'}: run make schema and commit the result`,
    ...(file === null ? [] : headLines(file, made)),
    ...(found === null ? ['  the committed file does not run on an empty database'] : []),
    ...differenceLines(found ?? [], config.verbose).map((line) => `  ${line}`),
  ];
  return { document: { ...document, differences }, lines, verdict: 'findings' };
}

function headLines(file: { fingerprint: string | null; newest: string | null }, made: SchemaText): string[] {
  const compare = (what: string, is: string | null, should: string | null) =>
    is === should ? [] : [`  ${what}: ${is ?? 'none'} → ${should ?? 'none'}`];
  const head = [
    ...compare('newest', file.newest, made.newest),
    ...compare('fingerprint', file.fingerprint, made.fingerprint),
  ];
  return head.length === 0 ? ['  its text was edited, or made by another version of this tool'] : head;
}
