// Takes a session; gives the SQL that makes or renews the ledger's tables, from files that postgres-migrations reads,
// numbers and hashes, and in its table of what ran. It does not know what the ledger's tables are for.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { packageRoot } from '../base/paths.ts';
import type { Session } from '../connection/session.ts';
import { quoteLiteral } from '../schema/sql.ts';

/** A file as postgres-migrations reads it; number 0 is its own and makes its table. */
interface LedgerFile {
  readonly id: number;
  readonly name: string;
  readonly fileName: string;
  readonly hash: string;
  readonly sql: string;
}

const ledgerDirectory = join(packageRoot, 'db', 'ledger');

/** The number of the newest file in db/ledger/. */
export function newestLedgerFile(): number {
  newest ??= Math.max(...readdirSync(ledgerDirectory).map((name) => Number.parseInt(name, 10) || 0));
  return newest;
}
let newest: number | undefined;

/**
 * The statements that create the ledger or bring it up to date, to be run in one transaction. A ledger of which only the
 * schema was restored is taken over at once; then nothing is left to run. postgres-migrations does not run the files
 * itself: it takes a transaction for each, and any table named `migrations` that an application has for its own.
 * @throws MigrateError `refused` where postgres-migrations refuses a file, or where one that ran has another text now
 */
export async function ledgerSql(session: Session, hasLedger: boolean): Promise<string[]> {
  const { loadMigrationFiles } = await import('postgres-migrations');
  try {
    const files: readonly LedgerFile[] = await loadMigrationFiles(ledgerDirectory);
    const ran = hasLedger ? await readHashes(session) : null;
    const changed = files.filter(({ id, hash }) => (ran?.get(id) ?? hash) !== hash);
    if (changed.length > 0)
      throw new Error(`${changed.map(({ fileName }) => fileName).join(', ')} changed after it ran`);
    if (ran?.size === 0) {
      await takeOver(session, files);
      return [];
    }
    return [
      'CREATE SCHEMA IF NOT EXISTS migration_ledger',
      'SET LOCAL search_path TO migration_ledger',
      ...files.filter(({ id }) => !ran?.has(id)).flatMap((file) => [textOf(file), ranSql(file)]),
    ];
  } catch (cause) {
    if (cause instanceof MigrateError) throw cause;
    throw new MigrateError(
      'refused',
      `The ledger could not be brought up to date: ${(cause as Error).message}`,
      {
        hint: 'It is created from the package’s db/ledger; a database that a newer version of the tool has written needs that version.',
        state: 'No migration was run.',
        cause,
      },
    );
  }
}

/** Hashes of the files that ran, by number; null where the table that says so is missing. */
async function readHashes(session: Session): Promise<ReadonlyMap<number, string> | null> {
  const [there] = await session.query(`SELECT to_regclass('migration_ledger.migrations') AS name`);
  if (there?.name == null) return null;
  const rows = await session.query<{ id: number; hash: string }>(
    'SELECT id, hash FROM migration_ledger.migrations',
  );
  return new Map(rows.map(({ id, hash }) => [id, hash]));
}

function textOf({ sql }: LedgerFile): string {
  return sql.trimEnd().replace(/;$/, '');
}

/** The row that postgres-migrations writes. */
function ranSql({ id, name, hash }: LedgerFile): string {
  return `INSERT INTO migration_ledger.migrations (id, name, hash) VALUES (${id}, ${quoteLiteral(name)}, ${quoteLiteral(hash)})`;
}

/** What a file made is there: table, column, object, function. */
const alreadyThere = new Set(['42P07', '42701', '42710', '42723']);

/**
 * Of a ledger whose tables are there and no row that says which files made them: a dump of the schema alone was restored.
 * Runs each file; one that finds its own work is recorded without running.
 */
async function takeOver(session: Session, files: readonly LedgerFile[]): Promise<void> {
  const send = async (sql: string) => (await session.batch(sql)).error;
  const must = async (sql: string) => {
    const error = await send(sql);
    if (error !== null) throw error;
  };
  try {
    await must('BEGIN;\nSET LOCAL search_path TO migration_ledger');
    for (const file of files) {
      const error = await send(`SAVEPOINT restored;\n${textOf(file)}\n;RELEASE SAVEPOINT restored`);
      if (error !== null && !alreadyThere.has((error as { code?: string }).code ?? '')) throw error;
      await must(`${error === null ? '' : 'ROLLBACK TO SAVEPOINT restored;\n'}${ranSql(file)}`);
    }
    await must('COMMIT');
  } catch (error) {
    await session.batch('ROLLBACK');
    throw error;
  }
}
