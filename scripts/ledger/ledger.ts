// Takes a session; gives the history that the ledger and the tracking table hold. It only reads.
import type { AppliedMigration } from '../base/types.ts';
import type { Config, TrackingTable } from '../config/config.ts';
import type { Row } from '../connection/channel.ts';
import type { Session } from '../connection/session.ts';
import { quoteLiteral } from '../schema/sql.ts';
import type { HalfDone } from './half-done.ts';
import { mayBeStrangeSql, refuseStrangers, strangersSql } from './ownership.ts';
import type { Place } from './stamp.ts';
import { qualifiedName } from './tracking.ts';
import { hasProblemSql, refuseOtherShape, trackingProblemSql } from './tracking-shape.ts';
import { newestLedgerFile } from './upgrade.ts';

/** What exists of our tables on the target. */
export interface LedgerState {
  readonly hasTracking: boolean;
  readonly hasLedger: boolean;
  /** Whether the ledger is new enough to have the table of the environment stamp, and so on. */
  readonly hasEnvironment: boolean;
  readonly hasJournal: boolean;
  readonly hasSnapshot: boolean;
  readonly hasLongTexts: boolean;
  /** Whether something may be wrong with tracking table or ledger; see `refuseSuspect`. */
  readonly isSuspect: boolean;
}

export interface History extends LedgerState {
  /** Sorted by id, which is by version. */
  readonly applied: readonly AppliedMigration[];
  /** False when db/ledger/ holds files that this database has not seen. */
  readonly ledgerCurrent: boolean;
  /** The name that the database is stamped with; null before the first write. */
  readonly environment: string | null;
  /** Where it was then; null where that was not written down. */
  readonly place: Place | null;
  /** No-transaction migrations that stopped half-way. */
  readonly halfDone: readonly HalfDone[];
  /** The ledger's tables are there, but what was in them is not: the schema was restored without rows, or without these. */
  readonly restored: boolean;
}

/** `schema.table`, the ledger's name for one application's history. */
export function trackingName({ schema, table }: TrackingTable): string {
  return `${schema}.${table}`;
}

/** Select-list items that tell what exists; they fail on nothing that is missing. */
export function stateColumns(tracking: TrackingTable): string {
  const tables = [
    ['hasTracking', qualifiedName(tracking)],
    ['hasLedger', 'migration_ledger.applied'],
    ['hasEnvironment', 'migration_ledger.environment'],
    ['hasJournal', 'migration_ledger.journal'],
    ['hasSnapshot', 'migration_ledger.snapshot'],
    ['hasLongTexts', 'migration_ledger.long_texts'],
  ] as const;
  return [
    ...tables.map(([name, table]) => `to_regclass(${quoteLiteral(table)}) IS NOT NULL AS "${name}"`),
    `${hasProblemSql(tracking)} OR ${mayBeStrangeSql(tracking)} AS "isSuspect"`,
  ].join(', ');
}

/** @throws MigrateError `refused` where something else has the tracking table's name */
export async function readState(session: Session, config: Config): Promise<LedgerState> {
  const [state = nothingThere] = await session.query<LedgerState & Row>(
    `SELECT ${stateColumns(config.trackingTable)}`,
  );
  await refuseSuspect(session, config, state);
  return state;
}

/** @throws MigrateError `refused` where something else has the tracking table's name, or somebody else could run code here */
export async function refuseSuspect(
  session: Session,
  { trackingTable }: Config,
  { isSuspect }: Pick<LedgerState, 'isSuspect'>,
): Promise<void> {
  if (isSuspect) await refuseProblems(session, trackingTable);
  proven.add(session);
}
const proven = new WeakSet<Session>();

/**
 * As `refuseSuspect`, where no reading of this session has come so far; no round trip else.
 * @throws MigrateError also `connection`
 */
export async function proveOurs(session: Session, config: Config): Promise<void> {
  if (!proven.has(session)) await readState(session, config);
}

async function refuseProblems(session: Session, trackingTable: TrackingTable): Promise<void> {
  const [found] = await session.query<{ problem: string | null; strangers: readonly string[] | null }>(
    `SELECT ${trackingProblemSql(trackingTable)} AS problem, ${strangersSql(trackingTable)} AS strangers`,
  );
  refuseStrangers(found?.strangers ?? null);
  refuseOtherShape(trackingTable, found?.problem ?? null);
}

const nothingThere: LedgerState = {
  hasTracking: false,
  hasLedger: false,
  hasEnvironment: false,
  hasJournal: false,
  hasSnapshot: false,
  hasLongTexts: false,
  isSuspect: false,
};

interface HistoryRow {
  readonly id: string;
  readonly tracked: boolean;
  readonly rows: readonly number[] | null;
  readonly run_on: string | null;
  readonly seq: number | null;
  readonly kind: string | null;
  readonly up_checksum: string | null;
  readonly down_checksum: string | null;
  readonly duration_ms: number | null;
  readonly actor: string | null;
  readonly git_sha: string | null;
  readonly up_size: number | null;
}

/** Of a database without a ledger there are only rows. */
interface HistoryAnswer {
  readonly rows: readonly HistoryRow[] | null;
  readonly ledgerVersion?: number | null;
  readonly lostRows?: boolean;
  readonly environment?: string | null;
  readonly place?: Place | null;
  readonly halfDone?: readonly HalfDone[] | null;
}

/** All applied migrations in one round trip, however many there are; it is begun before this returns. */
export async function readHistory(session: Session, config: Config, state: LedgerState): Promise<History> {
  if (!state.hasTracking && !state.hasLedger)
    return {
      ...state,
      applied: [],
      ledgerCurrent: false,
      environment: null,
      place: null,
      halfDone: [],
      restored: false,
    };
  const answers = await session.ask(historySql(config.trackingTable, state), 1);
  const answer = JSON.parse(answers[0]?.[0]?.[0] ?? '{}') as HistoryAnswer;
  const applied = (answer.rows ?? []).map(toApplied);
  return {
    ...state,
    applied: applied.sort((a, b) => (a.id < b.id ? -1 : 1)),
    ledgerCurrent: state.hasLedger && (answer.ledgerVersion ?? -1) >= newestLedgerFile(),
    environment: answer.environment ?? null,
    place: answer.place ?? null,
    halfDone: answer.halfDone ?? [],
    restored: state.hasLedger && ((answer.ledgerVersion ?? null) === null || answer.lostRows === true),
  };
}

/** One row with one column, JSON as `HistoryAnswer`. */
function historySql({ schema, table }: TrackingTable, state: LedgerState): string {
  const tracking = trackingRows({ schema, table }, state);
  const iso = (value: string) => `to_char(${value} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  if (!state.hasLedger) {
    return `SELECT json_build_object('rows', json_agg(h)) FROM (SELECT t.id, true AS tracked, t.rows, ${iso('t.run_on')} AS run_on FROM (${tracking}) t) h`;
  }
  const name = quoteLiteral(trackingName({ schema, table }));
  const upSize = state.hasLongTexts
    ? '(SELECT up_size FROM migration_ledger.long_texts l WHERE l.seq = e.seq)'
    : 'NULL::bigint';
  return `SELECT json_build_object('ledgerVersion', (SELECT max(id) FROM migration_ledger.migrations), 'lostRows', ${lostRowsSql(state)},
    'environment', environment, 'place', place, 'halfDone', half_done, 'rows', (SELECT json_agg(h) FROM (
    SELECT coalesce(t.id, a.id) AS id, t.id IS NOT NULL AS tracked, t.rows, ${iso('coalesce(e.finished_at, t.run_on)')} AS run_on,
           e.seq, e.kind, e.up_checksum, e.down_checksum, e.duration_ms, e.actor, e.git_sha, ${upSize} AS up_size
      FROM (${tracking}) t
      FULL JOIN (SELECT id, seq FROM migration_ledger.applied WHERE tracking = ${name}) a USING (id)
      LEFT JOIN migration_ledger.entries e ON e.seq = a.seq) h))
    FROM (${ledgerFacts({ schema, table }, state)}) f`;
}

/** Whether entries, of which none is ever taken away, are all gone: the snapshot knows of some. */
function lostRowsSql({ hasSnapshot }: LedgerState): string {
  if (!hasSnapshot) return 'false';
  return 'EXISTS (SELECT FROM migration_ledger.snapshot WHERE seq IS NOT NULL) AND NOT EXISTS (SELECT FROM migration_ledger.entries)';
}

/** A query of `id`, `run_on` and `rows`: what node-pg-migrate has recorded. */
export function trackingRows(
  tracking: TrackingTable,
  { hasTracking }: Pick<LedgerState, 'hasTracking'>,
): string {
  return hasTracking
    ? `SELECT name::text AS id, max(run_on)::timestamptz AS run_on, array_agg(id) AS rows FROM ${qualifiedName(tracking)} GROUP BY name`
    : 'SELECT NULL::text AS id, NULL::timestamptz AS run_on, NULL::int[] AS rows WHERE false';
}

/** A query of one row, `environment`, `place` and `half_done`, from a ledger that exists. */
export function ledgerFacts(tracking: TrackingTable, state: LedgerState): string {
  const stamp = state.hasEnvironment
    ? {
        columns: "s.name AS environment, to_jsonb(s) -> 'place' AS place",
        from: 'migration_ledger.environment',
      }
    : { columns: 'NULL AS environment, NULL AS place', from: '(SELECT WHERE false)' };
  const halfDone = state.hasJournal
    ? `(SELECT json_agg(j) FROM (SELECT id, direction, count(*) FILTER (WHERE done) AS done, max(total) AS total, max(to_jsonb(journal) ->> 'batch') AS batch FROM migration_ledger.journal WHERE tracking = ${quoteLiteral(trackingName(tracking))} GROUP BY id, direction) j)`
    : 'NULL::json';
  return `SELECT ${stamp.columns}, ${halfDone} AS half_done FROM (SELECT) AS one LEFT JOIN ${stamp.from} AS s ON true`;
}

function toApplied(row: HistoryRow): AppliedMigration {
  const [, version = row.id, name = ''] = /^(\d+)[_-]?(.*)$/s.exec(row.id) ?? [];
  const entry =
    row.seq == null
      ? null
      : {
          seq: row.seq,
          kind: row.kind ?? 'run',
          upChecksum: row.up_checksum,
          downChecksum: row.down_checksum,
          durationMs: row.duration_ms ?? 0,
          actor: row.actor ?? '',
          gitSha: row.git_sha,
          upSize: row.up_size ?? null,
        };
  return {
    id: row.id,
    version,
    name,
    tracked: row.tracked,
    entry,
    appliedAt: row.run_on,
    rows: row.rows ?? [],
  };
}
