// Takes the migrations on disk; tells with one row whether the database has the oldest of them, all with these very
// texts, and nothing else. Ten thousand rows of history need not travel to find that nothing is new.
import { createHash } from 'node:crypto';
import type { AppliedMigration, Migration } from '../base/types.ts';
import type { Config, TrackingTable } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import type { MigrationList } from '../files/directory.ts';
import { quoteLiteral } from '../schema/sql.ts';
import type { HalfDone } from './half-done.ts';
import { type History, type LedgerState, ledgerFacts, trackingName, trackingRows } from './ledger.ts';
import { qualifiedName } from './tracking.ts';
import { newestLedgerFile } from './upgrade.ts';

/** Below this, reading the rows takes no longer. */
const worthwhile = 50;

/** What the database says of its history as a whole. */
export interface HistoryDigest {
  readonly count: number;
  readonly digest: string | null;
  readonly ledgerVersion: number | null;
  readonly environment: string | null;
  readonly place: History['place'];
  readonly halfDone: readonly HalfDone[] | null;
}

/** Asks now; null where the rows have to be read anyway. */
export function askForDigest(
  session: Session,
  { trackingTable }: Config,
  state: LedgerState,
  { count }: MigrationList,
): Promise<HistoryDigest> | null {
  if (!state.hasTracking || !state.hasLedger || count < worthwhile) return null;
  const kept = state.hasSnapshot
    ? `SELECT to_json(s) -> 'history' AS history FROM migration_ledger.snapshot s`
    : 'SELECT NULL::json AS history WHERE false';
  const sql = `WITH kept AS MATERIALIZED (
      SELECT history FROM (${kept}) k
       WHERE history ->> 'tracking' = ${quoteLiteral(trackingName(trackingTable))} AND history ->> 'gate' = ${historyTokenSql(trackingTable)}
    ), found AS MATERIALIZED (SELECT coalesce((SELECT history FROM kept), (${historySql(trackingTable)})) AS history)
    SELECT json_build_object('count', (history ->> 'count')::int, 'digest', history ->> 'digest', 'ledgerVersion', (SELECT max(id) FROM migration_ledger.migrations),
      'environment', environment, 'place', place, 'halfDone', half_done) FROM found, (${ledgerFacts(trackingTable, state)}) f`;
  const digest = session
    .ask(sql, 1)
    .then((answers) => JSON.parse(answers[0]?.[0]?.[0] ?? '{}') as HistoryDigest);
  digest.catch(() => undefined);
  return digest;
}

/**
 * The history, or null where its rows have to be read. Of its entries only ids and checksums are filled in: enough to
 * go up from, not to revert.
 */
export function expectedHistory(
  { count, digest, ledgerVersion, environment, place, halfDone }: HistoryDigest,
  state: LedgerState,
  migrations: readonly Migration[],
): History | null {
  const expected = migrations.slice(0, count);
  if ((halfDone ?? []).length > 0) return null;
  if (count > migrations.length || digest !== digestOf(expected)) return null;
  return {
    ...state,
    applied: expected.map(toApplied),
    ledgerCurrent: (ledgerVersion ?? -1) >= newestLedgerFile(),
    environment,
    place,
    halfDone: [],
    restored: ledgerVersion === null,
  };
}

/** Changes when anybody adds, changes or deletes a row of the history; costs a third of reading it. */
function historyTokenSql(tracking: TrackingTable): string {
  const each = [qualifiedName(tracking), 'migration_ledger.applied', 'migration_ledger.entries'].map(
    (table) => `(SELECT count(*) || ':' || sum(hash_array_extended(ARRAY[xmin], 0)) FROM ${table})`,
  );
  return `concat_ws(' ', ${each.join(', ')})`;
}

/** A query of one JSON object: how many migrations are tracked or in the ledger, and the digest of all of them. */
function historySql(tracking: TrackingTable): string {
  const name = quoteLiteral(trackingName(tracking));
  return `SELECT json_build_object('tracking', ${name}, 'count', count(*),
      'digest', md5(string_agg(concat_ws(' ', coalesce(t.id, a.id), t.id IS NOT NULL, e.up_checksum, e.down_checksum), E'\\n' ORDER BY coalesce(t.id, a.id) COLLATE "C")))
      FROM (${trackingRows(tracking, { hasTracking: true })}) t
      FULL JOIN (SELECT id, seq FROM migration_ledger.applied WHERE tracking = ${name}) a USING (id)
      LEFT JOIN migration_ledger.entries e ON e.seq = a.seq`;
}

/** Keeps with the snapshot what the history is now; the tracking table must exist and the ledger be up to date. */
export function keepHistorySql(tracking: TrackingTable): string {
  return `UPDATE migration_ledger.snapshot SET history = ((${historySql(tracking)})::jsonb || jsonb_build_object('gate', ${historyTokenSql(tracking)}))::json`;
}

function digestOf(migrations: readonly Migration[]): string {
  const lines = migrations.map(({ id, up, down }) => `${id} t ${up.checksum} ${down.checksum}`);
  return createHash('md5').update(lines.join('\n')).digest('hex');
}

function toApplied({ id, version, name, up, down }: Migration): AppliedMigration {
  const entry = {
    seq: 0,
    kind: 'run',
    upChecksum: up.checksum,
    downChecksum: down.checksum,
    durationMs: 0,
    actor: '',
    gitSha: null,
    upSize: null,
  };
  return { id, version, name, tracked: true, entry, appliedAt: null };
}
