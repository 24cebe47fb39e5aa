// Takes a session whose statement runs, or has failed; gives what is seen of it from a second connection: who is in its way,
// on Citus on which node, and how far it is. It changes nothing.
import type pg from 'pg';
import { formatDuration } from '../base/duration.ts';
import { visible } from '../base/foreign-text.ts';
import { redact } from '../base/secrets.ts';
import { quoteLiteral } from '../schema/sql.ts';
import type { Session } from './session.ts';

/** What can be said of a running statement. */
export interface Sighting {
  readonly elapsedMs: number;
  /** One line per session that holds what the statement waits for. */
  readonly blockers: readonly string[];
  /** Phase and per cent of CREATE INDEX, VACUUM, CLUSTER, COPY; null for other statements. */
  readonly progress: string | null;
}

/** Prepared transactions, which have no process, that hold a lock on what session $1 waits for. */
const preparedSql = `
SELECT json_agg(DISTINCT jsonb_build_object('gid', x.gid, 'owner', x.owner, 'seconds', extract(epoch FROM clock_timestamp() - x.prepared)))
  FROM pg_locks w JOIN pg_locks h ON h.granted AND h.pid IS NULL AND h.locktype = w.locktype
   AND (h.database, h.relation, h.page, h.tuple, h.transactionid::text, h.virtualxid, h.classid, h.objid, h.objsubid)
    IS NOT DISTINCT FROM (w.database, w.relation, w.page, w.tuple, w.transactionid::text, w.virtualxid, w.classid, w.objid, w.objsubid)
  JOIN pg_locks t ON t.locktype = 'transactionid' AND t.granted AND t.pid IS NULL AND t.virtualtransaction = h.virtualtransaction
  JOIN pg_prepared_xacts x ON x.transaction::text = t.transactionid::text
 WHERE w.pid = $1 AND NOT w.granted`;

// https://www.postgresql.org/docs/16/progress-reporting.html
const sightingSql = `
SELECT (SELECT extract(epoch FROM clock_timestamp() - min(l.waitstart)) * 1000 FROM pg_locks l WHERE l.pid = $1 AND NOT l.granted)::float8 AS waited,
       (SELECT coalesce(json_agg(json_build_object('pid', b.pid, 'user', a.usename, 'application', a.application_name, 'state', a.state,
               'seconds', extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start, a.backend_start)), 'query', left(a.query, 200),
               'prepared', CASE WHEN b.pid = 0 THEN (${preparedSql}) END)), '[]')
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
 WHERE w.waiting_gpid = citus_calculate_gpid(citus_coordinator_nodeid(), $1) ORDER BY node, pid`;

/**
 * Who moves, splits or copies shards, or distributes a table concurrently, by the classes of Citus's own advisory locks.
 * https://github.com/citusdata/citus/blob/main/src/include/distributed/resource_lock.h
 */
const moversSql = `
SELECT a.pid, a.usename AS user, a.application_name AS application, a.state, left(a.query, 200) AS query,
       extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start, a.backend_start))::float8 AS seconds
  FROM pg_stat_activity a WHERE a.pid <> $1 AND a.pid IN (
    SELECT l.pid FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.database = a.datid
       AND (l.objsubid IN (7, 13, 14, 16) OR l.objsubid = 9 AND l.objid IN (1, 2)))`;

interface PreparedRow {
  readonly gid: string;
  readonly owner: string;
  readonly seconds: number;
}

interface BlockerRow {
  /** On Citus: host and port. */
  readonly node?: string | null;
  readonly pid: number;
  readonly user: string | null;
  readonly application: string | null;
  readonly state: string | null;
  readonly seconds: number | null;
  readonly query: string | null;
  /** Of pid 0, which stands for all transactions that were prepared and not ended. */
  readonly prepared?: readonly PreparedRow[] | null;
  /** On Citus: the transaction waits for itself, with one connection to a worker for another. */
  readonly own?: boolean;
}

type SightingRow = {
  /** In ms; null where it waits for no lock. */
  readonly waited: number | null;
  readonly blockers: readonly BlockerRow[];
  readonly progress: string | null;
};

export interface Seen extends Pick<Sighting, 'blockers' | 'progress'> {
  /** For a lock that is not granted yet; 0 where it waits for none. */
  readonly waitedMs: number;
  /** Who is first in the way on a shard; the same as long as the same lock is waited for. Null where nobody is. */
  readonly onShard: string | null;
  readonly forItself: boolean;
}

/** @throws what the second connection meets */
export async function readSighting(session: Session, client: pg.Client): Promise<Seen> {
  const { rows } = await client.query<SightingRow>(sightingSql, [session.pid]);
  const { waited = null, blockers: local = [], progress = null } = rows[0] ?? {};
  const remote = local.length > 0 || session.citus === null ? [] : await onShards(session, client);
  const others = remote.filter(({ own }) => own !== true);
  const [first] = remote;
  return {
    waitedMs: waited ?? 0,
    onShard: first === undefined ? null : `${first.pid} ${first.node}`,
    blockers: [...local, ...others].flatMap(describeBlocker),
    progress,
    forItself: others.length < remote.length,
  };
}

/** Whoever may not see the other nodes' sessions gets to know no blocker. */
function onShards({ pid }: Session, client: pg.Client): Promise<readonly BlockerRow[]> {
  return client.query<BlockerRow>(shardSightingSql, [pid]).then(
    (answer) => answer.rows,
    () => [],
  );
}

/** Lines about who moves shards meanwhile; whoever may not see other sessions gets to know none. */
export function moversOf(session: Session): Promise<readonly string[]> {
  return session
    .aside((client) => client.query<BlockerRow>(moversSql, [session.pid]))
    .then(
      ({ rows }) => rows.flatMap(describeBlocker),
      () => [],
    );
}

function describeBlocker(blocker: BlockerRow): string[] {
  const { pid, user, application, state, seconds, query, node, prepared } = blocker;
  if (pid === 0) return (prepared ?? []).map(describePrepared);
  const since = seconds === null ? '' : ` for ${formatDuration(seconds * 1000)}`;
  const sql = redact((query ?? '').replace(/\s+/g, ' ')).slice(0, 100);
  const who = redact(application || 'unnamed application');
  return [
    visible(
      `pid ${pid}${node == null ? '' : ` on ${node}`}, user ${user ?? '?'}, ${who}, ${state ?? 'unknown state'}${since}: ${sql}`,
    ),
  ];
}

function describePrepared({ gid, owner, seconds }: PreparedRow): string {
  const name = quoteLiteral(gid);
  return visible(
    `prepared transaction ${name} of ${owner}, for ${formatDuration(seconds * 1000)}, which no session holds: COMMIT PREPARED or ROLLBACK PREPARED ${name} ends it`,
  );
}
