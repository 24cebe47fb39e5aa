// Takes a test database; gives everything its catalogs hold that a run could leave behind, to be compared.
import type { TestDatabase } from './database.ts';

const sql = `
  SELECT 'relation ' || oid::regclass || ' ' || relkind::text AS thing FROM pg_class WHERE relnamespace <> ALL (
    SELECT oid FROM pg_namespace WHERE nspname IN ('pg_catalog', 'information_schema', 'pg_toast'))
  UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'
  UNION ALL SELECT 'routine ' || oid::regprocedure FROM pg_proc WHERE oid >= 16384
  UNION ALL SELECT 'type ' || oid::regtype FROM pg_type WHERE oid >= 16384
  UNION ALL SELECT 'extension ' || extname FROM pg_extension
  UNION ALL SELECT 'column ' || attrelid::regclass || '.' || attname FROM pg_attribute
             WHERE attrelid >= 16384 AND attnum > 0 AND NOT attisdropped
  ORDER BY 1`;

/** Every relation, column, schema, routine, type and extension of the database, one a line. */
export async function catalogOf(database: TestDatabase): Promise<string[]> {
  const rows = await database.query<{ thing: string }>(sql);
  return rows.map(({ thing }) => thing);
}

/** The same without the tracking table and the ledger: what migrations themselves made. */
export async function ownObjectsOf(database: TestDatabase): Promise<string[]> {
  const things = await catalogOf(database);
  return things.filter((thing) => !/pgmigrations|migration_ledger|pg_toast/.test(thing));
}

/** Names in the tracking table, in the order of their ids. */
export async function trackedIn(database: TestDatabase): Promise<string[]> {
  const rows = await database.query<{ name: string }>('SELECT name FROM public.pgmigrations ORDER BY id');
  return rows.map(({ name }) => name);
}

/** Names of the tables in `public`, without the tracking table, sorted. */
export async function tablesIn(database: TestDatabase): Promise<string[]> {
  const rows = await database.query<{ relname: string }>(
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'pgmigrations' ORDER BY 1",
  );
  return rows.map(({ relname }) => relname);
}
