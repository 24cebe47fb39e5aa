// Takes a session on a database that has the citus extension; gives what it is of the cluster, or refuses it. A run has
// its locks and its ledger on one node: the coordinator. https://docs.citusdata.com/en/stable/develop/api_metadata.html
import { MigrateError } from '../base/errors.ts';
import { describeTarget, type Target } from '../config/target.ts';
import type { Channel, Row } from './channel.ts';

/** A coordinator. */
export interface Citus {
  /** Whether a worker may hold a transaction that the coordinator has ended: until somebody has looked, and see `followed`. */
  mayHoldPrepared: boolean;
  /** Whether the coordinator has committed such a transaction, and has not seen since that its workers followed. */
  owed: boolean;
  /** Whether shards may be moved to the coordinator; see `shardsStayed`. */
  readonly hasShards: boolean;
  /** Whether a transaction was refused for work on all shards at once; those after it work on one after the other. */
  sequential: boolean;
}

/** Has a transaction work on the shards of a node one after the other, where that was found to be needed. */
export function shardsInTurn(citus: Citus | null): readonly string[] {
  return citus?.sequential ? ['SET LOCAL citus.multi_shard_modify_mode = sequential'] : [];
}

/** Ports at which Azure's elastic clusters send a session to any node. */
const balanced = new Set([7432, 8432]);

/**
 * One round trip, on clusters alone.
 * @throws MigrateError `refused` for a worker, for a port that is load-balanced over all nodes, and where definitions would
 *   change on the coordinator alone
 */
export async function readCitus(
  query: Channel['query'],
  target: Target,
  isThere: boolean,
): Promise<Citus | null> {
  if (!isThere) return null;
  const [row] = await query<Node>(
    `SELECT l.groupid AS node, c.nodename AS host, c.nodeport AS port,
       current_setting('citus.enable_ddl_propagation', true) AS propagates,
       EXISTS (SELECT FROM pg_catalog.pg_dist_transaction) AS owed,
       coalesce(c.shouldhaveshards, false) AS has_shards FROM pg_dist_local_group l
       LEFT JOIN pg_dist_node c ON c.groupid = 0 AND c.noderole::text = 'primary' LIMIT 1`,
  );
  refuseOtherNodes(target, row);
  if (row?.propagates === 'off')
    throw refused(
      `Sessions on ${describeTarget(target)} have citus.enable_ddl_propagation = off: definitions would change on the coordinator alone, not on the shards`,
      'Have the setting removed: ALTER ROLE … RESET citus.enable_ddl_propagation (or ALTER DATABASE …). A file may set it for its own statements.',
    );
  return {
    mayHoldPrepared: true,
    owed: row?.owed === true,
    hasShards: row?.has_shards === true,
    sequential: false,
  };
}

/** Takes a notice of the server; notes where the coordinator says of its COMMIT that a worker did not follow. */
export function followed(citus: Citus | null, notice: string | undefined): void {
  if (citus !== null && /^failed to commit /.test(notice ?? '')) citus.mayHoldPrepared = citus.owed = true;
}

/** The node that answers, and where the coordinator is, as the cluster itself names it; null where it does not. */
interface Node extends Row {
  readonly node: number;
  readonly host: string | null;
  readonly port: number | null;
  /** Whether the session's changes of definitions reach the shards: `on` or `off`. */
  readonly propagates?: string | null;
  readonly owed?: boolean;
  readonly has_shards?: boolean;
}

/** @throws MigrateError `refused` where a run would not reach the coordinator, or not for sure; pure */
export function refuseOtherNodes(target: Target, row: Node | undefined): void {
  const port = row?.port ?? 5432;
  if (balanced.has(target.port))
    throw refused(
      `${describeTarget(target)} is behind a port that is load-balanced over the nodes of a Citus cluster`,
      `Connect to the coordinator’s own port, ${port}: run locks and the ledger are there.`,
    );
  if (row !== undefined && row.node !== 0)
    throw refused(
      `${describeTarget(target)} is a worker of a Citus cluster, not its coordinator`,
      row.host === null
        ? 'Connect to the coordinator (port 5432 of an elastic cluster): run locks and the ledger are there.'
        : `Connect to the coordinator, ${row.host} port ${port}: run locks and the ledger are there.`,
    );
}

function refused(message: string, hint: string): MigrateError {
  return new MigrateError('refused', message, { hint, state: 'Nothing was changed.' });
}

/**
 * Statements that keep what is made in this transaction on the coordinator alone; none on a plain server. With
 * schema-based sharding CREATE SCHEMA would make a distributed schema.
 */
export function keptLocalStatements(citus: Citus | null): readonly string[] {
  if (citus === null) return [];
  return [
    'SET LOCAL citus.enable_schema_based_sharding = off',
    'SET LOCAL citus.use_citus_managed_tables = off',
  ];
}

/** Notes which shards are on the coordinator, as an item of a select list; NULL where none can come. */
export function notedShards(citus: Citus | null): string {
  return citus?.hasShards
    ? `pg_catalog.set_config('migrate.shards', (SELECT pg_catalog.concat_ws(' ', pg_catalog.max(shardid),
        pg_catalog.array_agg(shardid) FILTER (WHERE groupid OPERATOR(pg_catalog.=) 0)) FROM pg_catalog.pg_dist_placement), true)`
    : 'NULL';
}

const refuseMoved = `DO $do$
DECLARE noted text := nullif(pg_catalog.current_setting('migrate.shards', true), '');
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  IF EXISTS (SELECT FROM pg_dist_placement WHERE groupid = 0 AND shardid <= split_part(noted, ' ', 1)::bigint
      AND shardid <> ALL (coalesce(nullif(split_part(noted, ' ', 2), ''), '{}')::bigint[]))
  THEN RAISE EXCEPTION 'a shard was moved to the coordinator while the transaction ran: its rows may have been passed over' USING ERRCODE = 'serialization_failure';
  END IF;
END $do$`;

/**
 * Statements at the end of a transaction that began with `notedShards`: they fail, as a serialization failure, where a shard
 * has come to the coordinator since. A statement that waited for the move to end works on such a shard with the snapshot
 * from before, and sees none of its rows. They leave our own search path.
 */
export function shardsStayed(citus: Citus | null): readonly string[] {
  return citus?.hasShards ? [refuseMoved] : [];
}

/** Of a row `l` of pg_locks. */
const ownWrite = `l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.mode = 'RowExclusiveLock'
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/**
 * Makes a write of no rows to a distributed table; after one that is copied so, each connection to a worker that may have
 * written is prepared before it commits. Of a function that was delegated whole (force_delegation) the coordinator knows
 * that much, but not that it wrote: its worker is asked. What no table of the role's can have prepared is refused.
 */
const writeNothing = `DO $do$
DECLARE
  wrote boolean := EXISTS (SELECT FROM pg_locks l JOIN pg_dist_partition d ON d.logicalrelid::oid = l.relation WHERE ${ownWrite});
  delegated boolean := false;
  target record;
BEGIN
  IF NOT wrote AND EXISTS (SELECT FROM pg_dist_object WHERE force_delegation) THEN
    delegated := EXISTS (SELECT FROM run_command_on_workers(format(
      'SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_xid IS NOT NULL AND application_name = %L',
      'citus_internal gpid=' || citus_backend_gpid())) WHERE result <> '0');
  END IF;
  IF NOT (wrote OR delegated) THEN RETURN; END IF;
  SELECT d.logicalrelid AS relation, a.attname, format_type(a.atttypid, a.atttypmod) AS type INTO target
    FROM pg_dist_partition d JOIN pg_attribute a ON a.attrelid = d.logicalrelid AND a.attnum > 0 AND NOT a.attisdropped
     AND a.attgenerated = '' AND (d.partkey IS NULL OR a.attname = column_to_column_name(d.logicalrelid, d.partkey))
   WHERE has_table_privilege(d.logicalrelid, 'INSERT')
   ORDER BY EXISTS (SELECT FROM pg_locks l WHERE l.relation = d.logicalrelid AND ${ownWrite}) DESC,
     d.colocationid IN (SELECT colocationid FROM pg_dist_object WHERE force_delegation) DESC, d.partmethod = 'h' DESC
   LIMIT 1;
  IF FOUND THEN
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    EXECUTE format('INSERT INTO %s (%I) OVERRIDING SYSTEM VALUE SELECT g::text::%s FROM generate_series(1, 0) AS g', target.relation, target.attname, target.type);
  ELSIF delegated THEN
    RAISE EXCEPTION 'a function that is delegated whole to a worker (force_delegation) has written there: what it wrote would not commit together with its record'
      USING ERRCODE = 'feature_not_supported', HINT = 'Grant INSERT on a distributed table to the role, or call the function as one column of several: SELECT f(…), 1.';
  END IF;
END $do$`;

/**
 * Statements before the COMMIT of a transaction that records what it did; none on a plain server. One shard alone that was
 * written to commits before the coordinator does, and where the answer gets lost it keeps what the coordinator rolls back:
 * with these it is prepared, and commits as the coordinator does. To be sent with our own search path.
 */
export function committedTogether(citus: Citus | null): readonly string[] {
  return citus === null ? [] : [writeNothing];
}
