// Takes a session; gives the fingerprint of the schema as the last run left it, from the stored snapshot alone.

import type { Session } from '../connection/session.ts';
import { parseObjects, storedPortableSql } from '../ledger/snapshot.ts';
import { portableHashes } from '../schema/catalog/fingerprint.ts';
import { completeHashes } from '../schema/catalog/snapshot.ts';
import { portableFingerprint } from './options.ts';

/** One query for some twenty rows; null where no snapshot is stored. */
export async function storedFingerprint(session: Session): Promise<string | null> {
  const rows = await session.query<{ class: string; hash: string; objects: string | null }>(
    storedPortableSql,
  );
  if (rows.length === 0) return null;
  const normalized = portableHashes(
    parseObjects(rows.flatMap((row) => (row.objects === null ? [] : [{ ...row, objects: row.objects }]))),
  );
  const hashes = new Map<unknown, string>(
    rows.map((row) => [
      row.class,
      row.objects === null ? row.hash : normalized[row.class as keyof typeof normalized],
    ]),
  );
  return portableFingerprint(completeHashes(hashes));
}
