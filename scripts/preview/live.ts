// Takes a session on the target; gives how large tables are and which sessions hold locks or long transactions there
// right now. It only reads, and needs no right beyond connecting.

import { MigrateError } from '../base/errors.ts';
import { visible } from '../base/foreign-text.ts';
import { redact } from '../base/secrets.ts';
import type { Session } from '../connection/session.ts';
import { lockModes } from '../lint/trace/locks.ts';
import type { LiveTable, Obstacle } from './types.ts';

/** Transactions older than this many seconds are told of even when they lock none of the plan's tables. */
const longTransaction = 30;

interface TableRow {
  [column: string]: unknown;
  name: string;
  bytes: string;
  rows: number;
  indexes: number;
}

/**
 * Sizes by `schema.name`; names that are no table, partitioned table or materialized view are left out.
 * @throws MigrateError `connection`, `refused`
 */
export async function readTables(
  session: Session,
  names: readonly string[],
): Promise<ReadonlyMap<string, LiveTable>> {
  if (names.length === 0) return new Map();
  const rows = await session.query<TableRow>(tablesSql(sizeOnDisk), [names]).catch((error: unknown) => {
    // The size functions wait for whoever locks the table exclusively; what VACUUM last saw is known without waiting.
    if (!(error instanceof MigrateError) || error.code !== 'locked') throw error;
    return session.query<TableRow>(tablesSql(sizeInCatalog), [names]);
  });
  const shards = session.citus === null ? new Map<string, ShardSums>() : await readShards(session, names);
  return new Map(
    rows.map(({ name, bytes, rows: estimate, indexes }) => {
      const found = shards.get(name);
      const onNode = { bytes: Number(bytes), rows: estimate < 0 ? null : Math.round(estimate) };
      return [name, { ...(found ?? onNode), indexes }];
    }),
  );
}

type ShardSums = Pick<LiveTable, 'bytes' | 'rows'>;

/** Sums over the shards of distributed tables, each shard once; what a node does not tell is left out. */
async function readShards(
  session: Session,
  names: readonly string[],
): Promise<ReadonlyMap<string, ShardSums>> {
  const rows = await session.query<{ name: string; bytes: number; rows: number | null }>(
    `SELECT t.name, sum((r.result::json ->> 'bytes')::float8) AS bytes, sum((r.result::json ->> 'rows')::float8) AS rows
  FROM (SELECT n.nspname || '.' || c.relname AS name, c.oid FROM pg_catalog.pg_dist_partition p
    JOIN pg_catalog.pg_class c ON c.oid = p.logicalrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname || '.' || c.relname = ANY ($1::text[])) t,
  LATERAL pg_catalog.run_command_on_shards(t.oid::regclass, $shard$SELECT json_build_object('bytes', pg_total_relation_size(oid),
    'rows', CASE WHEN reltuples >= 0 THEN reltuples END) FROM pg_catalog.pg_class WHERE oid = '%s'::regclass$shard$) r
  WHERE r.success GROUP BY t.name`,
    [names],
  );
  return new Map(
    rows.map(({ name, bytes, rows: sum }) => [name, { bytes, rows: sum === null ? null : Math.round(sum) }]),
  );
}

const sizeOnDisk = 'coalesce(pg_catalog.pg_total_relation_size(s.oid), 0)';
const sizeInCatalog = `pg_catalog.current_setting('block_size')::bigint * (s.relpages
  + coalesce((SELECT toast.relpages FROM pg_catalog.pg_class toast WHERE toast.oid = s.reltoastrelid), 0)
  + coalesce((SELECT sum(ic.relpages) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid WHERE i.indrelid = s.oid), 0))`;

/** A partitioned table has no storage: its leaves have. https://www.postgresql.org/docs/16/functions-info.html */
function tablesSql(size: string): string {
  return `SELECT t.name, coalesce(sum(${size}), 0)::text AS bytes, t.indexes,
  CASE WHEN bool_and(s.reltuples < 0) THEN -1 ELSE coalesce(sum(greatest(s.reltuples, 0)), 0) END::float8 AS rows
FROM (SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relkind,
    (SELECT count(*)::int FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid) AS indexes
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname || '.' || c.relname = ANY ($1::text[])) t
LEFT JOIN LATERAL (SELECT t.oid AS relid WHERE t.relkind <> 'p'
  UNION ALL SELECT p.relid FROM pg_catalog.pg_partition_tree(t.oid) p WHERE t.relkind = 'p' AND p.isleaf) leaf ON true
LEFT JOIN pg_catalog.pg_class s ON s.oid = leaf.relid
GROUP BY t.name, t.indexes`;
}

/** What of the target decides what a migration does there. */
export interface Setting {
  /** That a migration finds, by server, database, role or connection. */
  readonly timeZone: string;
  /** Partitioned tables (`schema.name`) without a partition: nothing in them is read or rewritten. */
  readonly emptyParents: ReadonlySet<string>;
}

/**
 * The time zone of the target, and its partitioned tables without partitions.
 * @throws MigrateError `connection`, `locked`, `refused`
 */
export async function readSetting(session: Session): Promise<Setting> {
  const [row] = await session.query<{ zone: string; parents: readonly string[] }>(
    `SELECT pg_catalog.current_setting('TimeZone') AS zone, ARRAY(SELECT n.nspname || '.' || c.relname
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'p' AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid)) AS parents`,
  );
  return { timeZone: row?.zone ?? 'UTC', emptyParents: new Set(row?.parents ?? []) };
}

/** Which modes a mode waits for: https://www.postgresql.org/docs/16/explicit-locking.html#TABLE-LOCK-COMPATIBILITY */
const conflicts: readonly (readonly number[])[] = [
  [],
  [8],
  [7, 8],
  [5, 6, 7, 8],
  [4, 5, 6, 7, 8],
  [3, 4, 6, 7, 8],
  [3, 4, 5, 6, 7, 8],
  [2, 3, 4, 5, 6, 7, 8],
  [1, 2, 3, 4, 5, 6, 7, 8],
];

/** True when one of the two table lock modes has to wait for the other. */
function lockModesConflict(a: string, b: string): boolean {
  return conflicts[Math.max(0, lockModes.indexOf(a))]?.includes(lockModes.indexOf(b)) ?? false;
}

interface SessionRow {
  [column: string]: unknown;
  pid: number | null;
  application: string | null;
  user: string | null;
  state: string | null;
  age: number | null;
  snapshot: boolean;
  locks: readonly { relation: string; mode: string }[];
}

const sessionsSql = `SELECT a.pid, a.usename AS "user", a.application_name AS application, a.state,
  extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS age,
  a.backend_xmin IS NOT NULL AS snapshot, coalesce((SELECT json_agg(json_build_object('relation', n.nspname || '.' || c.relname, 'mode', l.mode))
    FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation' AND c.relkind IN ('r', 'p', 'm')
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())), '[]') AS locks
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type IS DISTINCT FROM 'autovacuum worker'
UNION ALL
SELECT NULL, x.owner, x.gid, 'prepared transaction', extract(epoch FROM clock_timestamp() - x.prepared)::float8, false, coalesce((SELECT json_agg(json_build_object('relation', n.nspname || '.' || c.relname, 'mode', l.mode))
    FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE l.pid IS NULL AND l.virtualtransaction IN (SELECT own.virtualtransaction FROM pg_catalog.pg_locks own
      WHERE own.pid IS NULL AND own.locktype = 'transactionid' AND own.transactionid = x.transaction) AND l.locktype = 'relation' AND c.relkind IN ('r', 'p', 'm')), '[]')
FROM pg_catalog.pg_prepared_xacts x WHERE x.database = current_database()`;

/** Snapshots older than this many seconds will hardly be gone when a concurrent build waits for them. */
const oldSnapshot = 1;

/**
 * @param wanted modes that the plan will ask for, by relation
 * @param concurrent the plan builds or drops something CONCURRENTLY, which waits for every older snapshot
 */
export async function readObstacles(
  session: Session,
  wanted: ReadonlyMap<string, readonly string[]>,
  concurrent: boolean,
): Promise<readonly Obstacle[]> {
  const rows = await session.query<SessionRow>(sessionsSql);
  return rows
    .map((row): Obstacle => {
      const holds = row.locks.filter(({ relation, mode }) =>
        wanted.get(relation)?.some((other) => lockModesConflict(mode, other)),
      );
      return {
        pid: row.pid,
        who: describe(row),
        ageSeconds: row.age,
        holds: [
          ...holds.map(({ relation, mode }) => `${mode} on ${relation}`),
          ...(concurrent && row.snapshot && (row.age ?? 0) >= oldSnapshot
            ? ['a snapshot older than the CONCURRENTLY build']
            : []),
        ],
      };
    })
    .filter(({ holds, ageSeconds }) => holds.length > 0 || (ageSeconds ?? 0) >= longTransaction);
}

function describe({ pid, user, application, state }: SessionRow): string {
  const name = redact(application ?? '');
  if (pid === null)
    return visible(`prepared transaction ${name} of ${user} (COMMIT PREPARED or ROLLBACK PREPARED ends it)`);
  return visible([`pid ${pid}`, `user ${user}`, name, state].filter(Boolean).join(', '));
}
