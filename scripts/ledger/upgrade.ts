// Takes a session; asks postgres-migrations for the SQL that makes or renews the ledger's tables from SQL files.
// It does not know what the tables are for.
import { MigrateError } from '../base/errors.ts';
import type { Row } from '../connection/channel.ts';
import type { Session } from '../connection/session.ts';
import { literal } from '../schema/sql.ts';

/**
 * The statements that create the ledger or bring it up to date, to be run in one transaction. A ledger of which only the
 * schema was restored is taken over at once; then nothing is left to run.
 * @param directory with the files that postgres-migrations is to run
 * @throws MigrateError `refused` where postgres-migrations refuses
 */
export async function ledgerSql(session: Session, directory: string, hasLedger: boolean): Promise<string[]> {
  const { migrate } = await import('postgres-migrations');
  try {
    const { client, collected } = collecting(session, hasLedger);
    await migrate({ client } as unknown as Parameters<typeof migrate>[0], directory);
    if (hasLedger && (await wasRestored(session))) {
      await takeOver(session, collected);
      return [];
    }
    return [
      'CREATE SCHEMA IF NOT EXISTS migration_ledger',
      'SET LOCAL search_path TO migration_ledger',
      ...collected.map((sql) => sql.replace(/;\s*$/, '')),
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

/** The tables are there, and no row that says which files made them: a dump of the schema alone was restored. */
async function wasRestored(session: Session): Promise<boolean> {
  const [row] = await session.query(
    "SELECT to_regclass('migration_ledger.migrations') IS NOT NULL AND to_regclass('migration_ledger.entries') IS NOT NULL AS there",
  );
  if (row?.there !== true) return false;
  const [rows] = await session.query('SELECT count(*)::int AS n FROM migration_ledger.migrations');
  return rows?.n === 0;
}

/** What a file made is there: table, column, object, function. */
const alreadyThere = new Set(['42P07', '42701', '42710', '42723']);

/** Runs each file; one that finds its own work is recorded without running. */
async function takeOver(session: Session, statements: readonly string[]): Promise<void> {
  const send = async (sql: string) => (await session.batch(sql)).error;
  const must = async (sql: string) => {
    const error = await send(sql);
    if (error !== null) throw error;
  };
  try {
    await must('BEGIN;\nSET LOCAL search_path TO migration_ledger');
    for (const sql of statements) {
      const error = await send(
        `SAVEPOINT restored;\n${sql.replace(/;\s*$/, '')}\n;RELEASE SAVEPOINT restored`,
      );
      if (error === null) continue;
      if (!alreadyThere.has((error as { code?: string }).code ?? '')) throw error;
      await must('ROLLBACK TO SAVEPOINT restored');
    }
    await must('COMMIT');
  } catch (error) {
    await session.batch('ROLLBACK');
    throw error;
  }
}

const existsSql = `SELECT to_regclass('migration_ledger.migrations') IS NOT NULL AS exists`;

interface ParameterQuery {
  readonly text: string;
  readonly values: readonly (string | number)[];
}

/**
 * What postgres-migrations takes for a client: it is told what was run before, and what it wants to run is kept. It would
 * look for a table named `migrations` in any schema, and an application may have one: it is told of ours only. Its own
 * lock is not needed, for the run lock keeps all others from here.
 */
function collecting(session: Session, hasLedger: boolean) {
  const collected: string[] = [];
  const query = async (asked: string | ParameterQuery): Promise<{ rows: Row[] }> => {
    const text = typeof asked === 'string' ? asked : asked.text;
    if (text.includes('pg_try_advisory_lock')) return { rows: [{ pg_try_advisory_lock: true }] };
    if (text.includes('pg_catalog.pg_class'))
      return { rows: hasLedger ? await session.query(existsSql) : [{ exists: false }] };
    if (text.startsWith('SELECT * FROM migrations'))
      return { rows: await session.query('SELECT * FROM migration_ledger.migrations ORDER BY id') };
    if (!/^(?:START TRANSACTION|COMMIT|SELECT pg_advisory_unlock)/.test(text)) collected.push(inlined(asked));
    return { rows: [] };
  };
  return { client: { query }, collected };
}

function inlined(asked: string | ParameterQuery): string {
  if (typeof asked === 'string') return asked;
  return asked.text.replaceAll(/\$(\d+)/g, (_, number) => literal(asked.values[Number(number) - 1]));
}
