// schema: writes db/schema.sql, what all migrations add up to, from a scratch database; --check compares instead.

import { visible } from '../base/foreign-text.ts';
import { writeProjectFile } from '../base/project-file.ts';
import type { Config } from '../config/config.ts';
import { readSchemaFile, type SchemaFile, schemaFile } from '../drift/expected.ts';
import { differenceJson, differenceLines } from '../drift/report.ts';
import { differencesToText, makeSchemaText, type SchemaText } from '../drift/schema-file.ts';
import { loadMigrations } from '../history/load-migrations.ts';
import type { Command, CommandResult } from '../report/command.ts';
import { sayNotes } from '../scratch/notes.ts';
import { isTrusted } from '../scratch/worker.ts';

export interface GeneratedFlags {
  readonly check?: boolean;
}

export const schema: Command<GeneratedFlags> = async ({ config, flags, progress }) => {
  const migrations = await loadMigrations(config, progress.warn);
  sayNotes(progress.say);
  const made = await makeSchemaText(config, migrations);
  if (config.project.drift?.include?.includes('owners') === true && !isTrusted())
    progress.warn(
      `Owners are left out of ${schemaFile}: migrations run as a role without special rights there. On a scratch server that can be thrown away, MIGRATE_SCRATCH_TRUSTED=true keeps them`,
    );
  for (const name of made.unsupported)
    progress.warn(`${visible(name)} is something that no SQL makes: in ${schemaFile} it stands as a comment`);
  if (flags.check) return check(config, made);
  writeProjectFile(config.root, schemaFile, made.text);
  const written = `Wrote ${schemaFile}: fingerprint ${made.fingerprint}, newest ${made.newest ?? 'none'}`;
  return {
    document: documentOf(made),
    lines: [written, ...superuserLines(made), ...faultLines(config, made)],
    verdict: isFaithful(made) ? null : 'findings',
  };
};

function documentOf(made: SchemaText): Record<string, unknown> {
  const { fingerprint, newest, major, unsupported, superuser, failure } = made;
  return {
    file: schemaFile,
    fingerprint,
    newest,
    postgres: major,
    unsupported,
    superuser,
    failure,
    lost: (made.differences ?? []).map(differenceJson),
  };
}

const isFaithful = ({ failure, differences }: SchemaText) => failure === null && differences?.length === 0;

function superuserLines({ superuser }: SchemaText): string[] {
  return superuser.length === 0 ? [] : [`Loading it needs a superuser, for ${visible(superuser.join(', '))}`];
}

/** What the text would not build on an empty database, though the migrations do. */
function faultLines(config: Config, { failure, differences }: SchemaText): string[] {
  if (failure !== null)
    return [`It was tried on an empty database and is not the schema: ${visible(failure)}`];
  if (differences === null || differences.length === 0) return [];
  return [
    'It was tried on an empty database and is not the schema of the migrations:',
    ...differenceLines(differences, config.verbose).map((line) => `  ${line}`),
  ];
}

async function check(config: Config, made: SchemaText): Promise<CommandResult> {
  const file = readSchemaFile(config);
  const stale = file?.text !== made.text;
  const document = { ...documentOf(made), stale };
  if (!stale) {
    const lines = isFaithful(made)
      ? [`${schemaFile} is up to date: fingerprint ${made.fingerprint}`]
      : [`${schemaFile} is what make schema writes`, ...faultLines(config, made)];
    return { document, lines, verdict: isFaithful(made) ? null : 'findings' };
  }
  const found = file === null ? [] : await differencesToText(config, file.text, made.objects, made.major);
  const differences = (found ?? []).map(differenceJson);
  const lines = [
    `${schemaFile} ${file === null ? 'is missing' : 'is stale'}: run make schema and commit the result`,
    ...(file === null ? [] : headLines(file, made)),
    ...(found === null ? ['  the committed file does not run on an empty database'] : []),
    ...differenceLines(found ?? [], config.verbose).map((line) => `  ${line}`),
    ...faultLines(config, made),
  ];
  return { document: { ...document, differences }, lines, verdict: 'findings' };
}

function headLines(file: SchemaFile, made: SchemaText): string[] {
  const compare = (what: string, is: string | null, should: string | null) =>
    is === should ? [] : [`  ${what}: ${is ?? 'none'} → ${should ?? 'none'}`];
  const head = [
    ...compare('newest', file.newest, made.newest),
    ...compare('fingerprint', file.fingerprint, made.fingerprint),
    ...compare('postgres', file.major?.toString() ?? null, made.major.toString()),
  ];
  return head.length === 0 ? ['  its text was edited, or made by another version of this tool'] : head;
}
