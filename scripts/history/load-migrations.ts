// Takes a Config; gives its migrations, checked in every way that needs no database, or refuses them all at once.

import { MigrateError } from '../base/errors.ts';
import { positionAt } from '../base/positions.ts';
import type { Migration, SqlFile } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { connect } from '../connection/connect.ts';
import type { Checked, SyntaxError16 } from '../files/check.ts';
import { type FileProblem, type MigrationList, readMigrations } from '../files/directory.ts';
import { openFileCache } from '../files/file-cache.ts';
import { excerpt } from '../files/sql-error.ts';

/**
 * @throws MigrateError `usage` listing every problem with file and line; `migration-failed` for a file whose only fault is
 * its syntax, reported as the server would
 */
export async function loadMigrations(
  config: Config,
  warn: (text: string) => void,
): Promise<readonly Migration[]> {
  return (await checkMigrations(config, warn)).all();
}

/** As `loadMigrations`, with the making of the list left to a moment when there is time for it. */
export async function checkMigrations(config: Config, warn: (text: string) => void): Promise<MigrationList> {
  const cache = openFileCache(config.directory);
  const loaded = readMigrations(config.directory, config.root, cache);
  const { problems: sqlProblems, syntaxErrors } = await checkUnknown(loaded.unchecked);
  const problems = [...loaded.problems, ...sqlProblems];
  if (problems.length > 0) throw refused(problems, syntaxErrors);
  if (syntaxErrors.length > 0) await refuseSyntax(config, syntaxErrors, warn);
  else cache.keep(loaded.read);
  return loaded;
}

/**
 * For commands whose results are findings: what is wrong with the syntax of a file is one of those, and hides no others.
 * @throws MigrateError `usage` listing every other problem
 */
export async function loadForReview(config: Config): Promise<readonly Migration[]> {
  const cache = openFileCache(config.directory);
  const { all, unchecked, problems } = readMigrations(config.directory, config.root, cache);
  const checked = await checkUnknown(unchecked);
  if (problems.length + checked.problems.length > 0)
    throw refused([...problems, ...checked.problems], checked.syntaxErrors);
  return all();
}

/** Without the parser where no file has to be looked at, which is what most runs find. */
async function checkUnknown(files: readonly SqlFile[]): Promise<Checked> {
  if (files.length === 0) return { problems: [], syntaxErrors: [] };
  const { checkSql } = await import('../files/check.ts');
  return checkSql(files);
}

function refused(problems: readonly FileProblem[], syntaxErrors: readonly SyntaxError16[]): MigrateError {
  const listed = [...problems.map(describeProblem), ...syntaxErrors.map(describeSyntax)];
  const [first] = problems;
  return new MigrateError(
    'usage',
    `${listed.length === 1 ? 'One problem' : `${listed.length} problems`} in the migration files`,
    {
      problems: listed,
      ...(first === undefined
        ? {}
        : { location: { file: first.file, ...(first.line === undefined ? {} : { line: first.line }) } }),
      hint: 'Mend the files, then run the command again.',
      state: 'The database was not touched.',
    },
  );
}

function describeProblem({ file, line, message }: FileProblem): string {
  return `${file}${line === undefined ? '' : `:${line}`}: ${message}`;
}

function describeSyntax({ file, message, offset }: SyntaxError16): string {
  const { line, column } = positionAt(file.text, offset);
  return `${file.path}:${line}:${column}: ${message}`;
}

/** The parser is PostgreSQL 16's; on a server of another major version the server has the last word. */
async function refuseSyntax(
  config: Config,
  errors: readonly SyntaxError16[],
  warn: (text: string) => void,
): Promise<void> {
  if (await serverIsAnotherMajor(config)) {
    for (const error of errors)
      warn(`${describeSyntax(error)} (in PostgreSQL 16; this server may know better)`);
    return;
  }
  const [first] = errors;
  if (first === undefined) return;
  const { file, message, offset } = first;
  throw new MigrateError('migration-failed', message, {
    location: { file: file.path, ...positionAt(file.text, offset) },
    database: { sqlState: '42601' },
    excerpt: excerpt(file.text, offset),
    ...(errors.length > 1 ? { problems: errors.map(describeSyntax) } : {}),
    hint: 'Mend the file, then run the command again.',
    state: 'The database was not touched.',
  });
}

/** Looks once and briefly; a server that does not answer changes nothing about the error. */
async function serverIsAnotherMajor({ target }: Config): Promise<boolean> {
  if (target === undefined) return false;
  try {
    const client = await connect(target, { applicationName: 'migrate version', timeoutMs: 2000 });
    const { rows } = await client.query<{ server_version_num: string }>('SHOW server_version_num');
    await client.end();
    return Math.floor(Number(rows[0]?.server_version_num) / 10_000) !== 16;
  } catch {
    return false;
  }
}
