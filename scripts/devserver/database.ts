// Takes a running server and a database name; makes sure that the database is there. It must not know where the
// server came from, nor what is in the database.
import pg from 'pg';

export interface DevLogin {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

const databaseMissing = '3D000';
const alreadyThere = new Set(['42P04', '23505']); // duplicate_database; unique_violation when two create it at once

/**
 * Connects once to see that the database exists; creates it otherwise. Parallel calls are safe.
 * @throws the error of pg, when it can neither be reached nor created
 */
export async function ensureDatabase(login: DevLogin, database: string): Promise<void> {
  try {
    await once(login, database, undefined);
  } catch (error) {
    if (sqlState(error) !== databaseMissing) throw error;
    await once(login, 'postgres', `CREATE DATABASE ${pg.escapeIdentifier(database)}`).catch((failure) => {
      if (!alreadyThere.has(sqlState(failure) ?? '')) throw failure;
    });
  }
}

/** The names of the databases that somebody made there. */
export async function databasesOf(login: DevLogin): Promise<readonly string[]> {
  const sql =
    "SELECT datname FROM pg_catalog.pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1";
  return (await once(login, 'postgres', sql)).map(({ datname }) => datname ?? '');
}

async function once(
  login: DevLogin,
  database: string,
  sql: string | undefined,
): Promise<readonly Record<string, string>[]> {
  const { host, port, user, password } = login;
  const client = new pg.Client({ host, port, user, password, database, ssl: false });
  client.on('error', () => {}); // a query reports it; without a listener the process would die
  try {
    await client.connect();
    return sql === undefined ? [] : (await client.query<Record<string, string>>(sql)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

function sqlState(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}
