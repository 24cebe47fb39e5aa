// Takes a session whose statement runs long; gives, from a second connection, who blocks it and how far it is.
// It changes nothing but that it ends a wait for a lock that is longer than it may be, and its own failure is nobody's problem.

import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { formatDuration } from '../base/duration.ts';
import { visible } from '../base/foreign-text.ts';
import { redact } from '../base/secrets.ts';
import type { Session } from './session.ts';

/** What can be said of a running statement. */
export interface Sighting {
  readonly elapsedMs: number;
  /** One line per session that holds what the statement waits for. */
  readonly blockers: readonly string[];
  /** Phase and per cent of CREATE INDEX, VACUUM, CLUSTER, COPY; null for other statements. */
  readonly progress: string | null;
}

export interface Watch {
  /** The last blockers seen, for the report after the statement gave up waiting. */
  blockers(): readonly string[];
  /**
   * The error of the statement: as a lock time-out where this watch has ended its wait, as a refusal where it waited for
   * its own transaction, else as it is.
   */
  explained<Failure extends Error | null>(error: Failure): Failure;
  stop(): Promise<void>;
}

// https://www.postgresql.org/docs/16/progress-reporting.html
const sightingSql = `
SELECT (SELECT extract(epoch FROM clock_timestamp() - min(l.waitstart)) * 1000 FROM pg_locks l WHERE l.pid = $1 AND NOT l.granted)::float8 AS waited,
       (SELECT coalesce(json_agg(json_build_object('pid', b.pid, 'user', a.usename, 'application', a.application_name, 'state', a.state,
               'seconds', extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start, a.backend_start)), 'query', left(a.query, 200))), '[]')
          FROM (SELECT DISTINCT unnest(pg_blocking_pids($1)) AS pid) b LEFT JOIN pg_stat_activity a USING (pid)) AS blockers,
       (SELECT phase || coalesce(' ' || round(100.0 * done / nullif(total, 0)) || ' %', '') FROM (
          SELECT 'CREATE INDEX: ' || phase AS phase, CASE WHEN blocks_total > 0 THEN blocks_done ELSE tuples_done END AS done,
                 CASE WHEN blocks_total > 0 THEN blocks_total ELSE tuples_total END AS total FROM pg_stat_progress_create_index WHERE pid = $1
          UNION ALL SELECT 'VACUUM: ' || phase, heap_blks_scanned, heap_blks_total FROM pg_stat_progress_vacuum WHERE pid = $1
          UNION ALL SELECT command || ': ' || phase, heap_blks_scanned, heap_blks_total FROM pg_stat_progress_cluster WHERE pid = $1
          UNION ALL SELECT command || ': ' || tuples_processed || ' rows', bytes_processed, bytes_total FROM pg_stat_progress_copy WHERE pid = $1) p LIMIT 1) AS progress`;

/**
 * Who holds what the statement waits for on a shard, by the node that the other session came to.
 * https://docs.citusdata.com/en/stable/develop/api_metadata.html#distributed-query-activity
 */
const shardSightingSql = `
SELECT a.pid, a.usename AS user, a.application_name AS application, a.state, left(a.query, 200) AS query, n.nodename || ':' || n.nodeport AS node,
       extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start, a.backend_start))::float8 AS seconds,
       w.blocking_gpid = w.waiting_gpid AS own
  FROM citus_lock_waits w JOIN citus_stat_activity a ON a.global_pid = w.blocking_gpid AND NOT a.is_worker_query
  LEFT JOIN pg_dist_node n ON n.nodeid = w.blocking_nodeid
 WHERE w.waiting_gpid = citus_calculate_gpid(citus_coordinator_nodeid(), $1)`;

interface BlockerRow {
  /** On Citus: host and port. */
  readonly node?: string | null;
  readonly pid: number;
  readonly user: string | null;
  readonly application: string | null;
  readonly state: string | null;
  readonly seconds: number | null;
  readonly query: string | null;
  /** On Citus: the transaction waits for itself, with one connection to a worker for another. */
  readonly own?: boolean;
}

/** A wait that lock_timeout should have ended is ended from here so much later, in ms. */
const grace = 1000;

type SightingRow = {
  /** In ms; null where it waits for no lock. */
  readonly waited: number | null;
  readonly blockers: readonly BlockerRow[];
  readonly progress: string | null;
};

/** What a watch needs to know of the statement. */
export interface Watched {
  /** How long (ms) a lock is waited for: the first look comes before that time is up, and after 500 ms at the latest. */
  readonly lockMs: number;
  /** From one look to the next, in ms. */
  readonly everyMs: number;
  /**
   * How long (ms) the statement may wait for one lock, whatever a function that it calls has set; null for no bound. Asked
   * at the first look.
   */
  readonly boundOf: () => number | null;
  /** Told at each look. */
  readonly onSighting: (sighting: Sighting) => void;
}

/** Looks until stopped. A statement that ends before the first look costs nothing. @throws nothing */
export function watch(session: Session, { lockMs, everyMs, boundOf, onSighting }: Watched): Watch {
  const started = Date.now();
  let last: readonly string[] = [];
  let cutAfterMs: number | null = null;
  let waitedForItself = false;
  const look = async (client: pg.Client, signal: AbortSignal) => {
    for (const boundMs = boundOf(); ; await sleep(everyMs, undefined, { signal })) {
      const { waitedMs, blockers, progress, forItself } = await readSighting(session, client);
      if (blockers.length > 0) last = blockers;
      waitedForItself ||= forItself;
      signal.throwIfAborted();
      if (boundMs !== null && waitedMs > boundMs + grace) {
        cutAfterMs = boundMs;
        await client.query('SELECT pg_cancel_backend($1)', [session.pid]);
      }
      onSighting({ elapsedMs: Date.now() - started, blockers, progress });
    }
  };
  let stop = async () => clearTimeout(timer);
  const timer = setTimeout(
    () => {
      // Made only now: a controller for each of thousands of short statements would be felt.
      const stopping = new AbortController();
      const { signal } = stopping;
      const looking = session.aside((client) => look(client, signal), { signal }).catch(() => undefined);
      stop = () => {
        stopping.abort();
        return looking;
      };
    },
    Math.min(500, lockMs / 3),
  );
  return {
    blockers: () => last,
    explained: (error) => {
      if (waitedForItself && codeOf(error) === '40P01') return asOwnDeadlock(error);
      return cutAfterMs !== null && codeOf(error) === '57014' ? asLockTimeout(error, cutAfterMs) : error;
    },
    stop: () => stop(),
  };
}

interface Seen extends Pick<Sighting, 'blockers' | 'progress'> {
  /** For a lock that is not granted yet; 0 where it waits for none. */
  readonly waitedMs: number;
  readonly forItself: boolean;
}

async function readSighting(session: Session, client: pg.Client): Promise<Seen> {
  const { rows } = await client.query<SightingRow>(sightingSql, [session.pid]);
  const { waited = null, blockers: local = [], progress = null } = rows[0] ?? {};
  const found = local.length > 0 || session.citus === null ? local : await onShards(session, client);
  const others = found.filter(({ own }) => own !== true);
  const forItself = others.length < found.length;
  return { waitedMs: waited ?? 0, blockers: others.map(describeBlocker), progress, forItself };
}

/** Whoever may not see the other nodes' sessions gets to know no blocker. */
function onShards({ pid }: Session, client: pg.Client): Promise<readonly BlockerRow[]> {
  return client.query<BlockerRow>(shardSightingSql, [pid]).then(
    (answer) => answer.rows,
    () => [],
  );
}

const codeOf = (error: Error | null) => (error as { code?: string } | null)?.code;

/** What was cancelled from here was a wait for a lock: the server only knows that somebody has cancelled it. */
function asLockTimeout<Failure extends Error | null>(error: Failure, boundMs: number): Failure {
  const message = `canceling statement due to lock timeout: it waited for longer than ${formatDuration(boundMs)}, for something that it calls has switched lock_timeout off`;
  return toldAs(error, { code: '55P03', message });
}

/** Another attempt would wait for itself again. */
function asOwnDeadlock<Failure extends Error | null>(error: Failure): Failure {
  const message =
    'the statement waited on a worker for a lock that its own transaction holds there: it can never get it';
  const hint =
    'A function that is delegated whole to a worker (force_delegation) cannot truncate or lock a distributed table. Write those statements into the migration, or call the function as one column of several: SELECT f(…), 1.';
  return toldAs(error, { code: '0A000', message, hint });
}

function toldAs<Failure extends Error | null>(error: Failure, as: Record<string, string>): Failure {
  return Object.assign(error as object, as) as unknown as Failure;
}

function describeBlocker({ pid, user, application, state, seconds, query, node }: BlockerRow): string {
  const since = seconds === null ? '' : ` for ${formatDuration(seconds * 1000)}`;
  const sql = redact((query ?? '').replace(/\s+/g, ' ')).slice(0, 100);
  const who = redact(application || 'unnamed application');
  return visible(
    `pid ${pid}${node == null ? '' : ` on ${node}`}, user ${user ?? '?'}, ${who}, ${state ?? 'unknown state'}${since}: ${sql}`,
  );
}

/**
 * "20250117…_x: statement 2, 1 min 5 s, CREATE INDEX: building 40 %; blocked by pid 5 …"
 * @param statement null where only the whole file is sent
 */
export function describeSighting(
  id: string,
  statement: number | null,
  { elapsedMs, progress, blockers }: Sighting,
): string {
  const blocked =
    blockers.length === 0
      ? ''
      : `; blocked by ${blockers[0]}${blockers.length > 1 ? ` and ${blockers.length - 1} more` : ''}`;
  return `  ${visible(id)}: ${statement === null ? '' : `statement ${statement}, `}${formatDuration(elapsedMs)}${progress === null ? '' : `, ${progress}`}${blocked}`;
}
