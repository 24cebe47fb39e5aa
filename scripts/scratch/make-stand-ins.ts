// Takes a scratch database without Citus; makes there what stands in for Citus: functions that note how tables are
// distributed, and functions that do nothing, for what moves or counts shards. They move no rows.
import { standInTable } from '../schema/catalog/distribution.ts';
import type { Administrator, ScratchClient } from './client.ts';

interface StandIn {
  readonly head: string;
  /** SQL over the arguments; the last row is not read. */
  readonly body: string;
  /** A block in place of SQL. */
  readonly block?: true;
  /** `void` where it is not given. */
  readonly returns?: string;
}

const note = (relid: string, kind: string, col: string, grp: string) =>
  `INSERT INTO ${standInTable} VALUES (${relid}, ${kind}, ${col}, ${grp})
     ON CONFLICT (relid) DO UPDATE SET kind = excluded.kind, col = excluded.col, grp = excluded.grp`;

/** By default tables with the same type of column are together; 'none' is a group of its own. */
const group = `CASE colocate_with WHEN 'none' THEN 'alone ' || table_name::oid
    WHEN 'default' THEN 'default ' || coalesce((SELECT atttypid::regtype::text FROM pg_catalog.pg_attribute
      WHERE attrelid = table_name AND attname = distribution_column), '') || coalesce('/' || shard_count, '')
    ELSE (SELECT s.grp FROM ${standInTable} s WHERE s.relid = colocate_with::regclass) END`;

const distribute = note(
  'table_name',
  "CASE WHEN distribution_column IS NULL THEN 'single-shard' ELSE 'distributed' END",
  'distribution_column',
  `coalesce(${group}, 'alone ' || table_name::oid)`,
);
const distributeArguments =
  "(table_name regclass, distribution_column text, distribution_type text DEFAULT 'hash', colocate_with text DEFAULT 'default', shard_count int DEFAULT NULL)";

const transfer = "shard_transfer_mode text DEFAULT 'auto'";

const functions: readonly StandIn[] = [
  { head: `create_distributed_table${distributeArguments}`, body: distribute },
  { head: `create_distributed_table_concurrently${distributeArguments}`, body: distribute },
  {
    head: 'create_reference_table(table_name regclass)',
    body: note('table_name', "'reference'", 'NULL', "'reference'"),
  },
  {
    head: 'citus_add_local_table_to_metadata(table_name regclass, cascade_via_foreign_keys boolean DEFAULT false)',
    body: note('table_name', "'local'", 'NULL', "'local'"),
  },
  {
    head: 'undistribute_table(table_name regclass, cascade_via_foreign_keys boolean DEFAULT false)',
    body: `DELETE FROM ${standInTable} WHERE relid = table_name`,
  },
  {
    head: 'alter_distributed_table(table_name regclass, distribution_column text DEFAULT NULL, shard_count int DEFAULT NULL, colocate_with text DEFAULT NULL, cascade_to_colocated boolean DEFAULT NULL)',
    body: `UPDATE ${standInTable} d SET col = coalesce(distribution_column, d.col), grp = coalesce(${group}, d.grp) WHERE d.relid = table_name`,
  },
  {
    head: 'update_distributed_table_colocation(table_name regclass, colocate_with text)',
    body: `UPDATE ${standInTable} d SET grp = coalesce(${group.replace('distribution_column', 'd.col').replace(" || coalesce('/' || shard_count, '')", '')}, d.grp) WHERE d.relid = table_name`,
  },
  {
    head: 'citus_schema_distribute(schemaname regnamespace)',
    body: note('schemaname', "'schema'", 'NULL', "'schema ' || schemaname::oid"),
  },
  {
    head: 'citus_schema_undistribute(schemaname regnamespace)',
    body: `DELETE FROM ${standInTable} WHERE relid = schemaname`,
  },
  {
    head: "create_distributed_function(function_name regprocedure, distribution_arg_name text DEFAULT NULL, colocate_with text DEFAULT 'default', force_delegation boolean DEFAULT NULL)",
    body: 'SELECT 1',
  },
  { head: 'truncate_local_data_after_distributing_table(function_name regclass)', body: 'SELECT 1' },
  {
    head: 'alter_table_set_access_method(table_name regclass, access_method text)',
    body: "EXECUTE pg_catalog.format('ALTER TABLE %s SET ACCESS METHOD %I', table_name, access_method);",
    block: true,
  },
  ...[
    `rebalance_table_shards(relation regclass DEFAULT NULL, threshold real DEFAULT NULL, max_shard_moves int DEFAULT NULL, excluded_shard_list bigint[] DEFAULT NULL, ${transfer}, drain_only boolean DEFAULT false, rebalance_strategy name DEFAULT NULL)`,
    `citus_rebalance_start(rebalance_strategy name DEFAULT NULL, drain_only boolean DEFAULT false, ${transfer}, parallel_transfer_reference_tables boolean DEFAULT false, parallel_transfer_colocated_shards boolean DEFAULT false)`,
    'citus_rebalance_wait()',
    'citus_rebalance_stop()',
    `isolate_tenant_to_new_shard(table_name regclass, tenant_id anycompatible, cascade_option text DEFAULT '', ${transfer})`,
    'alter_columnar_table_set(table_name regclass, chunk_group_row_limit int DEFAULT NULL, stripe_row_limit int DEFAULT NULL, compression name DEFAULT NULL, compression_level int DEFAULT NULL)',
    'alter_columnar_table_reset(table_name regclass, chunk_group_row_limit boolean DEFAULT false, stripe_row_limit boolean DEFAULT false, compression boolean DEFAULT false, compression_level boolean DEFAULT false)',
  ].map((head): StandIn => ({ head, body: '', block: true })),
  ...[
    ['workers(command text, ', 'nodename text, nodeport int'],
    ['all_nodes(command text, ', 'nodeid int'],
    ['coordinator(command text, ', 'nodeid int'],
    ['shards(table_name regclass, command text, ', 'shardid bigint'],
    ['placements(table_name regclass, command text, ', 'nodename text, nodeport int, shardid bigint'],
  ].map(
    ([head, columns]): StandIn => ({
      head: `run_command_on_${head}parallel boolean DEFAULT true)`,
      body: '',
      block: true,
      returns: `TABLE (${columns}, success boolean, result text)`,
    }),
  ),
];

/** With the caller's search path, for `colocate_with` names a table; and with the caller's rights. */
function functionSql({ head, body, block, returns = 'void' }: StandIn): string {
  const text = block
    ? `LANGUAGE plpgsql AS $body$ BEGIN -- stand-in\n${body} END $body$`
    : `LANGUAGE sql AS $body$\n    ${body}; SELECT -- stand-in\n$body$`;
  return `  CREATE FUNCTION pg_catalog.${head} RETURNS ${returns} ${text};`;
}

/**
 * By the administrator, for migrations run without special rights; as an extension's, for such functions are no part of the
 * schema. Who may not make them sees the statements refused.
 * @throws what is no error of the server
 */
export async function makeStandIns(
  client: ScratchClient,
  administrator: Administrator | null,
): Promise<void> {
  const run = (sql: string): Promise<unknown> =>
    administrator === null ? client.query(sql) : administrator.inDatabase(sql);
  await run(`DO $stand_ins$ BEGIN
  IF pg_catalog.to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN RETURN; END IF;
  CREATE SCHEMA IF NOT EXISTS migration_ledger;
  CREATE TABLE IF NOT EXISTS ${standInTable} (relid oid PRIMARY KEY, kind text NOT NULL, col text, grp text NOT NULL);
  GRANT USAGE ON SCHEMA migration_ledger TO PUBLIC;
  GRANT ALL ON ${standInTable} TO PUBLIC;
  IF EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname = 'create_distributed_table') THEN RETURN; END IF;
  PERFORM pg_catalog.set_config('allow_system_table_mods', 'on', true);
${functions.map(functionSql).join('\n')}
  CREATE ACCESS METHOD columnar TYPE TABLE HANDLER pg_catalog.heap_tableam_handler;
  INSERT INTO pg_catalog.pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
    SELECT made.classid, made.oid, 0, 'pg_catalog.pg_extension'::regclass, e.oid, 0, 'e'
      FROM (SELECT 'pg_catalog.pg_proc'::regclass AS classid, oid FROM pg_catalog.pg_proc
             WHERE prosrc LIKE '%-- stand-in%' AND pronamespace = 'pg_catalog'::regnamespace
            UNION ALL SELECT 'pg_catalog.pg_am'::regclass, oid FROM pg_catalog.pg_am WHERE amname = 'columnar') made,
        pg_catalog.pg_extension e
     WHERE e.extname = 'plpgsql';
EXCEPTION WHEN insufficient_privilege THEN NULL;
END $stand_ins$`).catch((error: unknown) => {
    if ((error as { code?: string }).code === undefined) throw error;
  });
}
