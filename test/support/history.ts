// Takes nothing; gives small migrations and ways to look at what is recorded, for the tests of the history commands.
import type { TestDatabase } from './database.ts';

/** A pair that makes a table named as the migration, and drops it. */
export function tablePair(version: string, name: string): Record<string, string> {
  const table = name.replaceAll('-', '_');
  return {
    [`${version}_${name}.up.sql`]: `CREATE TABLE ${table} (id bigint PRIMARY KEY);\n`,
    [`${version}_${name}.down.sql`]: `DROP TABLE ${table};\n`,
  };
}

export const [v1, v2, v3] = ['20260101000001', '20260101000002', '20260101000003'] as const;

/** Three tables: accounts, orders, invoices. */
export const threePairs = {
  ...tablePair(v1, 'accounts'),
  ...tablePair(v2, 'orders'),
  ...tablePair(v3, 'invoices'),
};

export async function tracked(database: TestDatabase): Promise<string[]> {
  const rows = await database.query<{ name: string }>('SELECT name FROM pgmigrations ORDER BY name');
  return rows.map(({ name }) => name);
}

export interface EntryRow {
  [column: string]: unknown;
  version: string;
  direction: string;
  kind: string;
  reason: string | null;
  up_sql: string | null;
  down_sql: string | null;
}

/** Everything the ledger has recorded, oldest first. */
export function entries(database: TestDatabase): Promise<EntryRow[]> {
  return database.query<EntryRow>('SELECT * FROM migration_ledger.entries ORDER BY seq');
}

export async function tables(database: TestDatabase): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'pgmigrations' ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}

export interface AuditLine {
  [column: string]: unknown;
  command: string;
  options: string;
  result: string;
  exit_code: number;
  message: string;
  environment: string;
}

/** The audit log, oldest first. */
export function audit(database: TestDatabase): Promise<AuditLine[]> {
  return database.query<AuditLine>('SELECT * FROM migration_ledger.audit ORDER BY seq');
}
