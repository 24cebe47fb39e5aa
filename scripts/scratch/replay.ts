// Takes migrations and a scratch database; applies them as fast as it can, without watching.
// One round trip per file; statement by statement only where the file runs without a transaction.
import { MigrateError } from '../base/errors.ts';
import { codePointsToUnits, positionAt } from '../base/positions.ts';
import type { Migration, SqlFile, Statement } from '../base/types.ts';
import { describeScratchError } from '../files/sql-error.ts';
import type { Parser } from '../files/statements.ts';
import { wholeBatch } from './batch.ts';
import { ensureStandIns, runsOneByOne } from './citus-stand-ins.ts';
import { resetAfter, type ScratchClient } from './client.ts';
import { ensureRoles } from './placeholder-roles.ts';
import { isLeftOut, withoutServerWide } from './server-wide.ts';

/**
 * Applies the ups in order; the session is reset after each.
 * @param after is awaited behind each migration, outside of a transaction
 * @throws MigrateError `migration-failed` naming the file, with PostgreSQL's words.
 */
export async function applyMigrations(
  client: ScratchClient,
  migrations: readonly Migration[],
  parse: Parser,
  after?: (migration: Migration) => Promise<void>,
): Promise<void> {
  await ensureRoles(client, migrations, parse);
  await ensureStandIns(client, migrations);
  for (const migration of migrations) {
    await applyFile(client, migration.up, parse);
    await after?.(migration);
  }
}

async function applyFile(client: ScratchClient, file: SqlFile, parse: Parser): Promise<void> {
  const { text, directives } = file;
  if (!directives.noTransaction && runsOneByOne()) {
    await client.query('BEGIN');
    for (const { text: each, start } of statementsOf(file, parse))
      await run(client, file, '', each, '', start);
    await client.query(`COMMIT; ${resetAfter(text)}`);
    return;
  }
  if (!directives.noTransaction) {
    await run(client, file, 'BEGIN;', withoutServerWide(file, parse), `\n;COMMIT; ${resetAfter(text)}`, 0);
    return;
  }
  const parsed = parse(text);
  if (parsed.ok !== true) {
    await run(client, file, '', text, '', 0);
    return;
  }
  for (const statement of parsed.statements) {
    if (isLeftOut(statement)) continue;
    const whole = await wholeBatch(client, file, statement.text, parse);
    await run(client, file, '', whole, '', statement.start);
  }
  await client.query(resetAfter(text));
}

/** What of a file runs on the scratch server; a text that is not told apart into statements as a whole. */
function statementsOf(file: SqlFile, parse: Parser): readonly Pick<Statement, 'text' | 'start'>[] {
  const parsed = parse(file.text);
  if (parsed.ok !== true) return [{ text: withoutServerWide(file, parse), start: 0 }];
  return parsed.statements.filter((statement) => !isLeftOut(statement));
}

/** `start` is where `text` begins in the file, `prefix` what is sent before it: errors count from the prefix. */
async function run(
  client: ScratchClient,
  file: SqlFile,
  prefix: string,
  text: string,
  suffix: string,
  start: number,
): Promise<void> {
  try {
    await client.query(prefix + text + suffix);
  } catch (error) {
    throw toMigrateError(error, file, prefix, text, start);
  }
}

function toMigrateError(
  cause: unknown,
  file: SqlFile,
  prefix: string,
  text: string,
  start: number,
): MigrateError {
  const { position } = cause as { position?: string };
  const offset =
    position === undefined
      ? undefined
      : start + codePointsToUnits(text, Number(position) - 1 - prefix.length);
  const { message, database } = describeScratchError(cause, file.text);
  return new MigrateError(
    'migration-failed',
    `An earlier migration does not run on the scratch database: ${message}`,
    {
      hint: 'Lint applies all earlier migrations to an empty database first. If it needs something that this server lacks, such as an extension, set SHADOW_DATABASE_URL to one that has it.',
      location: { file: file.path, ...(offset === undefined ? {} : positionAt(file.text, offset)) },
      database,
      cause,
    },
  );
}
