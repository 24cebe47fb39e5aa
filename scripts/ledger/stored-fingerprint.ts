// Takes the rows of the stored snapshot; gives the fingerprint of the schema as the last run left it. The schema itself is
// not looked at. The application's gate asks this way too, so nothing here knows a session's settings.
import { portableFingerprint, portableHashes } from '../schema/catalog/fingerprint.ts';
import { completeHashes } from '../schema/catalog/snapshot.ts';
import { withoutManaged } from '../schema/change/managed.ts';
import { parseObjects, storedPortableSql } from './snapshot.ts';

/** Sends one statement and gives its rows. */
type Ask = (text: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** One query for some twenty rows; null where no snapshot is stored. */
export async function storedFingerprint({ query }: { readonly query: Ask }): Promise<string | null> {
  const rows = (await query(storedPortableSql)) as readonly {
    class: string;
    hash: string;
    objects: string | null;
    managed: boolean;
  }[];
  if (rows.length === 0) return null;
  const objects = parseObjects(
    rows.flatMap((row) => (row.objects === null ? [] : [{ ...row, objects: row.objects }])),
  );
  const normalized = portableHashes(rows[0]?.managed ? withoutManaged(objects) : objects);
  const hashes = new Map<unknown, string>(
    rows.map((row) => [
      row.class,
      row.objects === null ? row.hash : normalized[row.class as keyof typeof normalized],
    ]),
  );
  return portableFingerprint(completeHashes(hashes));
}
