// Takes a session; gives the run lock while some work runs. The key is node-pg-migrate's own, so that its plain runs are
// kept out too. It never blocks in the server: a waiter's snapshot would deadlock with CREATE INDEX CONCURRENTLY.

import { setTimeout as sleep } from 'node:timers/promises';
import { formatDuration } from '../base/duration.ts';
import { MigrateError } from '../base/errors.ts';
import { visible } from '../base/foreign-text.ts';
import { redact } from '../base/secrets.ts';
import { timed } from '../base/timing.ts';
import type { Config } from '../config/config.ts';
import type { Row } from '../connection/channel.ts';
import type { Session } from '../connection/session.ts';
import { runLockKey } from '../connection/session-settings.ts';
import { type LedgerState, refuseSuspect, stateColumns } from './ledger.ts';

const holderSql = `SELECT a.pid, a.usename, a.application_name, to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') AS since
  FROM pg_locks l JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND (l.classid::bigint << 32) + l.objid::bigint = ${runLockKey}`;

interface LockWait {
  readonly signal?: AbortSignal;
  /** Told when the holder changes, with who holds the lock. */
  readonly onWait?: (holder: string) => void;
}

/**
 * Waits for the lock at most `config.waitMs`, then works; the lock ends with the session at the latest.
 * @throws MigrateError `locked` naming the holder, `refused` where something else has the tracking table's name
 */
export async function withRunLock<Result>(
  session: Session,
  config: Config,
  wait: LockWait,
  work: (state: LedgerState) => Promise<Result>,
): Promise<Result> {
  const state = await timed('lock', () => acquire(session, config, wait));
  return work(state);
}

async function acquire(session: Session, config: Config, wait: LockWait): Promise<LedgerState> {
  const started = Date.now();
  const deadline = started + config.waitMs;
  let told = '';
  for (let attempt = 0; ; attempt += 1) {
    wait.signal?.throwIfAborted();
    const [row] = await session.query<LedgerState & Row & { held: boolean }>(
      `SELECT pg_try_advisory_lock(${runLockKey}) AS held, ${stateColumns(config.trackingTable)}`,
    );
    if (row?.held) {
      await refuseSuspect(session, config, row);
      return row;
    }
    const holder = await describeHolder(session);
    if (Date.now() >= deadline) throw lockedError(holder, Date.now() - started);
    if (holder !== told) wait.onWait?.(holder);
    told = holder;
    const pause = Math.min(1000, 50 * 2 ** attempt) * (0.5 + Math.random() / 2);
    await sleep(
      Math.min(pause, Math.max(1, deadline - Date.now())),
      undefined,
      signalOption(wait.signal),
    ).catch(() => undefined);
  }
}

function signalOption(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

async function describeHolder(session: Session): Promise<string> {
  const [row] = await session.query<{
    pid: number;
    usename: string;
    application_name: string;
    since: string;
  }>(holderSql);
  if (row === undefined) return 'a run that has just ended';
  const application = redact(row.application_name || 'unnamed application');
  return visible(`pid ${row.pid}, user ${row.usename}, ${application}, connected since ${row.since}`);
}

function lockedError(holder: string, waitedMs: number): MigrateError {
  return new MigrateError('locked', `Another migration run holds the lock: ${holder}`, {
    hint: `Waited ${formatDuration(waitedMs)} (MIGRATE_WAIT). Let it finish, or end it with SELECT pg_terminate_backend(pid), then run the same command again.`,
    state: 'This run changed nothing.',
  });
}
