// Takes an entry; gives its statement with placeholders where a long text is to stand, and those texts: joined to
// others, escaped and encoded, a file of 50 MB would be copied four times over. It sends nothing.
import { randomUUID } from 'node:crypto';
import type { TrackingTable } from '../config/config.ts';
import type { Provenance } from '../config/provenance.ts';
import { isLong } from '../connection/sql-chunks.ts';
import { entrySql, type NewEntry } from './entries.ts';

export interface ChunkedEntry {
  readonly statement: string;
  /** In the order in which they stand in the statement; empty where no text is long. */
  readonly values: ReadonlyMap<string, string>;
}

/** As `entrySql`; see `fill` for putting the texts back. */
export function chunkedEntry(entry: NewEntry, tracking: TrackingTable, provenance: Provenance): ChunkedEntry {
  const values = new Map<string, string>();
  const chunk = (text: string | null) => {
    if (!isLong(text)) return text;
    const placeholder = `text ${randomUUID()}`;
    values.set(placeholder, text);
    return placeholder;
  };
  const upSql = chunk(entry.upSql);
  const downSql = chunk(entry.downSql);
  return { statement: entrySql({ ...entry, upSql, downSql }, tracking, provenance), values };
}
