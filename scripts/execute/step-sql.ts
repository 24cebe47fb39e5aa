// Takes a step; gives the two batches of SQL that run and record it in a transaction. It sends nothing.

import { leftovers, resetStatements } from '../connection/session-settings.ts';
import { concatenate, type SqlPieces } from '../connection/sql-chunks.ts';
import type { NewEntry } from '../ledger/entries.ts';
import { type SparedEntry, sparedEntry } from '../ledger/entry-chunks.ts';
import type { StepSql } from '../ledger/node-pg-migrate.ts';
import { runLockKey } from '../ledger/run-lock.ts';
import type { ReadyStep } from '../plan/steps.ts';
import { quoteLiteral } from '../schema/sql.ts';
import type { RunContext } from './context.ts';

/** Where a step stands in a transaction that it may share with others. */
export interface Place {
  readonly first: boolean;
  readonly last: boolean;
}

/** The file, and what precedes it. */
export interface RunningBatch {
  readonly sql: SqlPieces;
  /** Characters of ours before the file's first. */
  readonly prefixLength: number;
}

/** Statements of ours before the file's first; the last gives one row, whose first column is the transaction. */
export const prefixStatements = 5;

/** Opens the transaction, or goes on in it; marks it, so that the recording can tell whether it is still the same. */
export function runningBatch(
  { config }: RunContext,
  { id, directives }: ReadyStep,
  { sql }: StepSql,
  place: Place,
): RunningBatch {
  const lockMs = directives.lockTimeoutMs ?? config.lockTimeoutMs;
  const statementMs = directives.statementTimeoutMs ?? config.statementTimeoutMs;
  const prefix = [
    place.first ? 'BEGIN' : 'SELECT 1',
    `SET LOCAL ${transactionMark} = ${quoteLiteral(id)}`,
    `SET LOCAL lock_timeout = ${lockMs}`,
    `SET LOCAL statement_timeout = ${statementMs}`,
    // The run lock once more, for this transaction: a file that gives up all locks of the session cannot give up this one.
    `SELECT pg_current_xact_id(), pg_try_advisory_xact_lock(${runLockKey});\n`,
  ].join('; ');
  return {
    sql: typeof sql === 'string' ? prefix + sql : concatenate([prefix, sql]),
    prefixLength: prefix.length,
  };
}

/**
 * Only the last commit of a run waits for the disk: with it, all before it are there as well. Until then a crash of the
 * server takes whole migrations back, the newest first, each with its rows.
 * https://www.postgresql.org/docs/16/wal-async-commit.html
 */
const notAwaited = 'SET LOCAL synchronous_commit = off';

const clock = 'SELECT extract(epoch FROM clock_timestamp()) * 1000';
/** A setting that ends with the transaction, and one that only counts if its transaction was committed. */
const transactionMark = 'migrate.transaction';
const recordedMark = 'migrate.recorded';

export interface Recording {
  readonly statements: readonly string[];
  /** Index of the statement that fails where transaction or run lock are no longer ours. */
  readonly guard: number;
  /** Indexes of the statements that tell the server's time (ms), before and after what closes a run; or none. */
  readonly clocks: readonly number[];
  /** Long texts, which the statements hold placeholders for; see `fill`. */
  readonly values: SparedEntry['values'];
}

export interface RecordingOptions {
  /** `pg_current_xact_id()` as the first batch gave it; null where that was not waited for. */
  readonly transaction: string | null;
  readonly entry: NewEntry;
  /** Id of the step without whose recording this one must not be recorded either; null where that is known. */
  readonly previous: string | null;
  /** What the run's last step runs before it commits; empty for all others. */
  readonly closing: readonly string[];
}

/**
 * Deferred constraints, proof that transaction and run lock are still ours, a clean session, the two rows, COMMIT. What
 * the file set (role, search path, temporary tables …) reaches neither the rows nor the next file.
 */
export function recording(
  { config, provenance }: RunContext,
  { id }: ReadyStep,
  { trackingSql }: StepSql,
  place: Place,
  { transaction, entry, previous, closing }: RecordingOptions,
): Recording {
  // RESET ALL takes the marks away, so that a file with it is never sent ahead.
  const same = (value: string, as: string) => `${value} OPERATOR(pg_catalog.=) ${quoteLiteral(as)}`;
  const mark = (name: string) => `pg_catalog.current_setting('${name}', true)`;
  const conditions = [
    transaction === null
      ? same(mark(transactionMark), id)
      : same('pg_catalog.pg_current_xact_id()::pg_catalog.text', transaction),
    ...(previous === null ? [] : [same(mark(recordedMark), previous)]),
    `pg_catalog.pg_try_advisory_lock(${runLockKey})`,
  ];
  // A mark that is gone is NULL, and division by NULL no error. Names in full: the file's search path is still there.
  const guard = `SELECT 1 OPERATOR(pg_catalog./) coalesce(${conditions.join(' AND ')}, false)::pg_catalog.int4`;
  const spared = sparedEntry(entry, config.trackingTable, provenance);
  const timed = place.last && closing.length > 0 ? [clock, ...closing, clock] : [];
  const statements = [
    'SET CONSTRAINTS ALL IMMEDIATE',
    guard,
    ...resetStatements,
    trackingSql,
    spared.statement,
    `SET ${recordedMark} = ${quoteLiteral(id)}`,
    ...leftovers,
    // Nothing after COMMIT: what fails or is cancelled then would look like a migration that failed.
    ...(place.last ? [...(timed.length > 0 ? timed : [notAwaited]), 'COMMIT'] : []),
  ];
  const clocks = timed.length === 0 ? [] : [statements.indexOf(clock), statements.lastIndexOf(clock)];
  return { statements, guard: statements.indexOf(guard), clocks, values: spared.values };
}
