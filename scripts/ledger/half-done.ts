// Takes a session; gives the no-transaction migrations whose statements the journal still holds: those half done.
import type { TrackingTable } from '../config.ts';
import type { Session } from '../session.ts';

/** Ids, or null where there is no journal yet. */
export async function readHalfDone(
  session: Session,
  { schema, table }: TrackingTable,
): Promise<readonly string[] | null> {
  const [{ exists } = { exists: false }] = await session.query<{ exists: boolean }>(
    `SELECT to_regclass('migration_ledger.journal') IS NOT NULL AS exists`,
  );
  if (!exists) return null;
  const rows = await session.query<{ id: string }>(
    'SELECT DISTINCT id FROM migration_ledger.journal WHERE tracking = $1',
    [`${schema}.${table}`],
  );
  return rows.map(({ id }) => id);
}
