// Takes a session; gives which database of which server it is on and how that was reached, and the SQL that stamps it with
// its environment's name and that place. It judges nothing.
import { MigrateError } from '../base/errors.ts';
import type { Provenance } from '../config/provenance.ts';
import { streamOf } from '../connection/connect.ts';
import type { Session } from '../connection/session.ts';
import { quoteLiteral } from '../schema/sql.ts';

/** Where a database is. */
export interface Place {
  /** The server's system identifier, which its standbys and physical copies share; null where it may not be read. */
  readonly system: string | null;
  /** The database's OID: a renamed one keeps it, one that was restored or copied has another. */
  readonly database: number;
  readonly host: string;
  /** Null through a Unix socket. */
  readonly address: string | null;
}

/** @throws MigrateError `connection` */
export async function readPlace(
  session: Pick<Session, 'query' | 'login' | 'target' | 'client'>,
): Promise<Place> {
  const read = session.query<{ system: string }>(
    'SELECT system_identifier::text AS system FROM pg_control_system()',
  );
  const [row] = await read.catch((error: unknown) => {
    if (error instanceof MigrateError && error.code === 'refused') return [];
    throw error;
  });
  return {
    system: row?.system ?? null,
    database: session.login.database,
    host: session.target.host,
    address: streamOf(session.client).remoteAddress ?? null,
  };
}

const placeSql = (place: Place) => `${quoteLiteral(JSON.stringify(place))}::json`;

/** Only where there is no stamp yet: changing one is `restampSql`'s work. */
export function stampSql({ environment, actor }: Provenance, place: Place): string {
  return `INSERT INTO migration_ledger.environment (name, stamped_by, place) VALUES (${quoteLiteral(environment)}, ${quoteLiteral(actor)}, ${placeSql(place)}) ON CONFLICT DO NOTHING`;
}

/** Of a stamp that is older than its place. */
export function placeKnownSql(place: Place): string {
  return `UPDATE migration_ledger.environment SET place = ${placeSql(place)} WHERE place IS NULL`;
}

/** Writes another name, or another place, over the stamp. */
export function restampSql(name: string, { actor }: Provenance, place: Place): string {
  return `INSERT INTO migration_ledger.environment (name, stamped_by, place) VALUES (${quoteLiteral(name)}, ${quoteLiteral(actor)}, ${placeSql(place)})
    ON CONFLICT (only_row) DO UPDATE SET name = excluded.name, stamped_by = excluded.stamped_by, place = excluded.place, stamped_at = clock_timestamp()`;
}
