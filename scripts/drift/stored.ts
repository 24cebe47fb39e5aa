// Takes a session; gives the fingerprint of the schema as the last run left it, from the stored snapshot alone.

import type { Session } from '../connection/session.ts';
import { completeHashes } from '../schema/catalog/snapshot.ts';
import { portableFingerprint } from './options.ts';

/** One query for some twenty rows; null where no snapshot is stored. */
export async function storedFingerprint(session: Session): Promise<string | null> {
  const rows = await session.query<{ class: string; hash: string }>(
    'SELECT class, hash FROM migration_ledger.snapshot_classes',
  );
  if (rows.length === 0) return null;
  return portableFingerprint(completeHashes(new Map(rows.map((row) => [row.class, row.hash]))));
}
