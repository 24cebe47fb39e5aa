// Takes the session of a batch; tells, from a second connection, whether others wait for it, and waits while standbys lag.
// It changes nothing; where it may not look, it says so once and the batch goes on.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { formatDuration } from '../../base/duration.ts';
import type { Session } from '../../connection/session.ts';

export interface Traffic {
  /** Whether a session waited for ours since this was last asked. */
  othersWaited(): boolean;
  /** Returns when no standby lags by more than is allowed, or the signal aborts. */
  standbysFollow(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

/** Looks this often (ms) whether somebody waits. */
const everyMs = 100;

const waitingSql = `SELECT EXISTS (SELECT FROM pg_catalog.pg_locks w WHERE NOT w.granted AND w.pid <> $1
  AND $1 = ANY (pg_catalog.pg_blocking_pids(w.pid))) AS waiting`;

/** The lag is NULL for whoever may not see it, and where a standby has caught up: https://www.postgresql.org/docs/16/monitoring-stats.html */
const lagSql = `SELECT pg_catalog.count(*)::pg_catalog.int4 AS standbys,
  pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'usage') AS allowed,
  pg_catalog.max(extract(epoch FROM replay_lag) * 1000)::float8 AS lag FROM pg_catalog.pg_stat_replication`;

/**
 * @param maxLagMs how far a standby may lag
 * @param say told once what cannot be seen, and when it begins to wait
 */
export function watchTraffic(session: Session, maxLagMs: number, say: (line: string) => void): Traffic {
  let stopped = false;
  let waited = false;
  const connecting = new AbortController();
  const look = async (client: pg.Client) => {
    while (!stopped) {
      const { rows } = await client.query<{ waiting: boolean }>(waitingSql, [session.pid]);
      waited ||= rows[0]?.waiting === true;
      await sleep(everyMs);
    }
  };
  const looking = session.aside(look, { signal: connecting.signal }).catch(() => undefined);
  return {
    othersWaited: () => {
      const answer = waited;
      waited = false;
      return answer;
    },
    standbysFollow: followedStandbys(session, maxLagMs, say),
    stop: async () => {
      stopped = true;
      connecting.abort();
      await looking;
    },
  };
}

function followedStandbys(
  session: Session,
  maxLagMs: number,
  say: (line: string) => void,
): Traffic['standbysFollow'] {
  let toldBlind = false;
  const readLag = async () => {
    const [row] = await session.query<{ standbys: number; allowed: boolean; lag: number | null }>(lagSql);
    if (row === undefined || row.standbys === 0) return 0;
    if (!row.allowed && !toldBlind) {
      toldBlind = true;
      say(
        'standbys are connected, and this role may not see how far they lag: GRANT pg_read_all_stats to it, or watch them',
      );
    }
    return row.lag ?? 0;
  };
  return async (signal) => {
    let told = false;
    for (let lag = await readLag(); lag > maxLagMs && !signal.aborted; lag = await readLag()) {
      if (!told) say(`waiting for a standby that lags by ${formatDuration(lag)} (MIGRATE_BATCH_MAX_LAG)`);
      told = true;
      await sleep(500, undefined, { signal }).catch(() => undefined);
    }
  };
}
