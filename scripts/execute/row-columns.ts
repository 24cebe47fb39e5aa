// Takes what the server refused; gives the columns of the table whose row it quotes, for a row may hold a secret beside no
// name. It asks only after such a failure, and never fails itself.
import type { DatabaseError } from 'pg';
import type { Session } from '../connection/session.ts';
import { quotesRow } from '../files/sql-error.ts';

// The file's search path may still be in force.
const columnsSql = `SELECT a.attname::pg_catalog.text AS name FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  WHERE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.name AND a.attnum OPERATOR(pg_catalog.>) 0`;

/** To be called where the session is in no transaction; none where the table is not there or the session is lost. */
export async function rowColumns(session: Session, error: unknown): Promise<readonly string[]> {
  const { schema, table } = (error ?? {}) as Partial<DatabaseError>;
  if (error === null || !quotesRow(error) || schema === undefined || table === undefined) return [];
  const rows = await session.query<{ name: string }>(columnsSql, [schema, table]).catch(() => []);
  return rows.map(({ name }) => name);
}
