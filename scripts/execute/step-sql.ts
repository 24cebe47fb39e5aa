// Takes a step; gives the texts that open its transaction, run it, record it and close it, with the lengths and indexes
// that judging an answer needs. It sends nothing, and does not know how what it gives is sent.

import { type Citus, committedTogether, notedShards, shardsStayed } from '../connection/citus.ts';
import type { Session } from '../connection/session.ts';
import {
  discardStatements,
  fileSettings,
  resetStatements,
  runLockKey,
} from '../connection/session-settings.ts';
import { isolationOf } from '../files/leading-settings.ts';
import { entrySql, type NewEntry } from '../ledger/entries.ts';
import type { ReadyStep } from '../plan/steps.ts';
import { quoteLiteral } from '../schema/sql.ts';
import type { RunContext } from './context.ts';
import { deferredCheck } from './deferred-constraints.ts';

/** Where a step stands in a transaction that it may share with others. */
export interface StepPosition {
  readonly first: boolean;
  readonly last: boolean;
  /** Statements that the transaction runs before it commits; empty for all but the run's last step. */
  readonly closing: readonly string[];
  /** What follows BEGIN where several steps share it; left out where the step's own text says it. */
  readonly isolation?: string;
}

/**
 * Statements before the file's first: they open the transaction, or go on in it, and set a marker in it, so that the
 * recording can tell whether it is still the same. The last gives one row, whose first column is `pg_current_xact_id()`.
 * @param text what follows them: a SET TRANSACTION at its head sets the level of the transaction
 * @param kinds on Citus: of the statements of the text
 */
export function openingStatements(
  { config, session, settingsStoredBefore }: RunContext,
  { id, directives }: ReadyStep,
  place: StepPosition,
  text: string,
  kinds: readonly string[] = [],
): readonly string[] {
  const stored = settingsStoredBefore(text);
  const begin = place.first ? `BEGIN${place.isolation ?? isolationOf(text)}` : 'SELECT 1';
  // The run lock once more, for this transaction: a file that gives up all locks of the session cannot give up this one.
  const start = `SELECT pg_current_xact_id(), pg_try_advisory_xact_lock(${runLockKey})`;
  // Last of all the file's own search path: until here, and again in the recording, names mean pg_catalog's.
  const path = fileSettings(session.login, stored, true);
  const settings = [
    [transactionMarker, id],
    ['lock_timeout', directives.lockTimeoutMs ?? config.lockTimeoutMs],
    ['statement_timeout', directives.statementTimeoutMs ?? config.statementTimeoutMs],
  ] as const;
  if (session.citus === null) {
    const each = settings.map(([name, value]) => setLocally(name, String(value)));
    return [begin, [start, ...each, path].join(', ')];
  }
  // Only SET reaches the shards.
  const [marker = '', ...bounds] = settings.map(
    ([name, value]) => `SET LOCAL ${name} = ${quoteLiteral(String(value))}`,
  );
  const local = 'SET LOCAL citus.propagate_set_commands TO DEFAULT';
  return [begin, marker, reachShards(session.citus, place, kinds), ...bounds, local, `${start}, ${path}`];
}

const setLocally = (name: string, value: string) =>
  `pg_catalog.set_config('${name}', ${quoteLiteral(value)}, true)`;

/** How many statements `openingStatements` gives: so many completed before the file's first. */
export function openingCount({ citus }: Pick<Session, 'citus'>): number {
  return citus === null ? 2 : 7;
}

/** Statements that change no definition: as many of them as there are may run on all shards at once. */
const dataOnly = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

/**
 * On Citus: the time-outs that follow reach the shards. Where a definition is changed and that is not all of the
 * transaction, or where that was found to be needed, shards are worked on one after the other on each node: what touches a
 * reference table, a type or a schema is refused after work on all shards at once.
 */
function reachShards(citus: Citus, { first, last }: StepPosition, kinds: readonly string[]): string {
  const alone =
    !citus.sequential && first && last && (kinds.length === 1 || kinds.every((kind) => dataOnly.has(kind)));
  return `SELECT ${[
    "pg_catalog.set_config('citus.propagate_set_commands', 'local', true)",
    ...(alone ? [] : ["pg_catalog.set_config('citus.multi_shard_modify_mode', 'sequential', true)"]),
    notedShards(citus),
  ].join(', ')}`;
}

/**
 * Only the last commit of a run waits for the disk (on Citus each does, for workers commit after the coordinator): with it, all before it are there as well. Until then a crash of the
 * server takes whole migrations back, the newest first, each with its rows.
 * https://www.postgresql.org/docs/16/wal-async-commit.html
 */
const notAwaited = setLocally('synchronous_commit', 'off');

const clock = 'SELECT extract(epoch FROM clock_timestamp()) * 1000';
/** Marker settings: one that ends with the transaction, and one that only counts if its transaction was committed. */
const transactionMarker = 'migrate.transaction';
const recordedMarker = 'migrate.recorded';

export interface Recording {
  readonly statements: readonly string[];
  /** Index of the statement that fails where transaction or run lock are no longer ours. */
  readonly guard: number;
  /** Indexes of the statements that tell the server's time (ms), before and after what closes a run; or none. */
  readonly clocks: readonly number[];
}

/** How the recording proves that its transaction is the one that was opened for the step. */
export type Proof =
  | { readonly by: 'transaction' /** `pg_current_xact_id()`. */; readonly transaction: string }
  | {
      /** For a recording that is sent before the transaction is known: the file can undo a setting, without harm. */
      readonly by: 'marker setting';
      /** Id of the step without whose recording this one must not be recorded either; null where that is known. */
      readonly previous: string | null;
    };

/**
 * Deferred constraints, proof that transaction and run lock are still ours, a clean session, the two rows, COMMIT. What
 * the file set (role, search path, temporary tables …) reaches neither the rows nor the next file.
 * @param trackingSql changes the tracking table as node-pg-migrate does
 */
export function recording(
  { config, provenance, session }: RunContext,
  { id }: ReadyStep,
  place: StepPosition,
  { trackingSql, entry, proof }: { trackingSql: string; entry: NewEntry; proof: Proof },
): Recording {
  const guard = guardSql(id, proof);
  const timed = place.last && place.closing.length > 0 ? [clock, ...place.closing, clock] : [];
  const statements = [
    deferredCheck(place.last),
    guard,
    ...shardsStayed(session.citus),
    ...resetStatements(session.login),
    ...(place.last ? committedTogether(session.citus) : []),
    trackingSql,
    entrySql(entry, config.trackingTable, provenance),
    ...discardStatements(
      `pg_catalog.set_config('${recordedMarker}', ${quoteLiteral(id)}, false)`,
      ...(place.last && timed.length === 0 && session.citus === null ? [notAwaited] : []),
    ),
    // Nothing after COMMIT: what fails or is cancelled then would look like a migration that failed.
    ...(place.last ? [...timed, 'COMMIT'] : []),
  ];
  const clocks = timed.length === 0 ? [] : [statements.indexOf(clock), statements.lastIndexOf(clock)];
  return { statements, guard: statements.indexOf(guard), clocks };
}

/**
 * Divides by zero where the proof fails or another session has the run lock. An unset setting is NULL and 1/NULL does not
 * fail; coalesce(…, false) makes it 1/0. Names in full: the file's search path is still there.
 */
function guardSql(id: string, proof: Proof): string {
  const same = (value: string, as: string) => `${value} OPERATOR(pg_catalog.=) ${quoteLiteral(as)}`;
  const setting = (name: string) => `pg_catalog.current_setting('${name}', true)`;
  const conditions = [
    ...(proof.by === 'transaction'
      ? [same('pg_catalog.pg_current_xact_id()::pg_catalog.text', proof.transaction)]
      : [
          same(setting(transactionMarker), id),
          ...(proof.previous === null ? [] : [same(setting(recordedMarker), proof.previous)]),
        ]),
    `pg_catalog.pg_try_advisory_lock(${runLockKey})`,
  ];
  return `SELECT 1 OPERATOR(pg_catalog./) coalesce(${conditions.join(' AND ')}, false)::pg_catalog.int4`;
}
