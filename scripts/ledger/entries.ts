// Takes what is to be remembered of a migration; gives the statement that writes it, and texts that were written.
// Literals are not escaped by pg's own function, which builds them character by character: 5 s and 1 GB for 50 MB.

import { visibleLines } from '../base/foreign-text.ts';
import { withoutSecrets } from '../base/redact.ts';
import { redact } from '../base/secrets.ts';
import type { AppliedMigration, Direction } from '../base/types.ts';
import type { TrackingTable } from '../config/config.ts';
import type { Provenance } from '../config/provenance.ts';
import type { Session } from '../connection/session.ts';
import { literal } from '../schema/sql.ts';
import { trackingName } from './ledger.ts';

/** What the ledger keeps of entries, by sequence number. */
export type LedgerTexts = ReadonlyMap<number, { readonly up: string | null; readonly down: string | null }>;

/** The downs alone, by sequence number: what reverting runs. */
export type LedgerDowns = ReadonlyMap<number, string | null>;

/** What is to be run of those steps that revert; asks nothing where there are none. */
export async function readDowns(
  session: Session,
  steps: readonly { readonly direction: Direction; readonly applied: AppliedMigration | null }[],
): Promise<LedgerDowns> {
  const seqs = steps.flatMap(({ direction, applied }) =>
    direction === 'down' && applied?.entry ? [applied.entry.seq] : [],
  );
  if (seqs.length === 0) return new Map();
  const [rows = []] = await session.ask(
    `SELECT seq, down_sql FROM migration_ledger.entries WHERE seq = ANY ('{${seqs.join(',')}}')`,
    1,
  );
  return new Map(rows.map(([seq, down = null]) => [Number(seq), down]));
}

/**
 * The recorded texts of these entries, by their `seq`; null is a text that is not kept.
 * @throws MigrateError `connection`, `locked`, `refused`
 */
export async function readTexts(session: Session, seqs: readonly number[]): Promise<LedgerTexts> {
  if (seqs.length === 0) return new Map();
  const rows = await session.query<{ seq: string; up_sql: string | null; down_sql: string | null }>(
    'SELECT seq, up_sql, down_sql FROM migration_ledger.entries WHERE seq = ANY ($1::bigint[])',
    [seqs],
  );
  return new Map(rows.map(({ seq, up_sql, down_sql }) => [Number(seq), { up: up_sql, down: down_sql }]));
}

/** One line of history to write. Texts are null where they are of no use later (the up of a revert). */
export interface NewEntry {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  readonly direction: Direction;
  readonly kind: 'run' | 'adopted' | 'baseline' | 'imported' | 'repaired';
  /** Kept without the secrets in it, up to `longestKeptUp` bytes; of a longer text the ledger has checksum and size. */
  readonly upSql: string | null;
  /** Size in bytes of an up that is not kept; counts only where `upSql` is null. */
  readonly upSize?: number | null;
  readonly downSql: string | null;
  /** Of the whole texts, secrets too. */
  readonly upChecksum: string | null;
  readonly downChecksum: string | null;
  /** Null where the server is to take the time since its transaction began. */
  readonly durationMs: number | null;
  readonly reason?: string;
}

/** The longest text of an up, in bytes of UTF-8, that the ledger keeps. Downs are kept whole: reverting runs them. */
export const longestKeptUp = 1024 * 1024;

/** The entry as it is recorded: an up that is too long is its size, and no secret stands in the texts and the reason. */
export function keptEntry(given: NewEntry): NewEntry {
  const entry = shortEntry(given);
  const { upSql, downSql, reason } = entry;
  return {
    ...entry,
    upSql: upSql && withoutSecrets(upSql),
    downSql: downSql && withoutSecrets(downSql),
    ...(reason === undefined ? {} : { reason: visibleLines(redact(reason)) }),
  };
}

function shortEntry(entry: NewEntry): NewEntry {
  const { upSql } = entry;
  // A UTF-16 unit has at most three bytes of UTF-8.
  if (upSql === null || upSql.length * 3 <= longestKeptUp) return entry;
  const upSize = Buffer.byteLength(upSql);
  return upSize > longestKeptUp ? { ...entry, upSql: null, upSize } : entry;
}

/** One statement that adds an entry and makes `applied` say the same; part of the migration's own transaction. */
export function entrySql(given: NewEntry, tracking: TrackingTable, provenance: Provenance): string {
  const entry = keptEntry(given);
  const values = [
    trackingName(tracking),
    entry.id,
    entry.version,
    entry.name,
    entry.direction,
    entry.kind,
    entry.upSql,
    entry.downSql,
    entry.upChecksum,
    entry.downChecksum,
    entry.durationMs === null ? null : Math.round(entry.durationMs),
    provenance.actor,
    provenance.gitSha,
    provenance.runUrl,
    provenance.host,
    provenance.toolVersion,
    provenance.environment,
    entry.reason,
  ];
  const record = `SELECT migration_ledger.record(${values.map(literal).join(', ')})`;
  return entry.upSql !== null || entry.upSize == null
    ? record
    : `INSERT INTO migration_ledger.long_texts (seq, up_size) ${record}, ${entry.upSize}`;
}
