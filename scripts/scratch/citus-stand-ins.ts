// Takes SQL and a scratch client; where the SQL calls Citus' functions, has the scratch database answer them: by Citus itself
// on a server that has it, else by functions that stand in for it: they note the call, so that the schema says how tables
// are distributed, and move nothing.
import type { Migration } from '../base/types.ts';
import { citusExtensions, standInTable } from '../schema/catalog/distribution.ts';
import { type Administrator, administratorOf, type ScratchClient } from './client.ts';
import { noteOnce } from './notes.ts';
import { leaveOut } from './server-wide.ts';

const calls =
  /\b(create_distributed_table(?:_concurrently)?|create_reference_table|citus_add_local_table_to_metadata|undistribute_table|alter_distributed_table|update_distributed_table_colocation|citus_schema_(?:un)?distribute|create_distributed_function|truncate_local_data_after_distributing_table)\s*\(|\bextension\b[^;]*\bcitus/i;

const notes = {
  stoodIn:
    'note: on the scratch database functions stand in for Citus: they note how tables are distributed; what Citus itself would refuse is not seen, but for what lint knows',
  asOneNode:
    'note: the scratch server has Citus: its scratch database is a cluster of one node, whose shards are all there',
};

/** The first function of Citus that the SQL calls, by name; null where it calls none. */
export function citusFunctionIn(sql: string): string | null {
  return (
    /\b((?:create|alter|update)_(?:distributed|reference)_\w+|undistribute_table|citus_\w+|truncate_local_data_after_\w+|rebalance_table_shards|run_command_on_\w+)\s*\(/i.exec(
      sql,
    )?.[1] ?? null
  );
}

function callsCitus({ up, down }: Migration): boolean {
  return calls.test(up.text) || calls.test(down.text);
}

/**
 * Cheap where no file calls Citus.
 * @throws the error of pg
 */
export async function ensureStandIns(client: ScratchClient, migrations: readonly Migration[]): Promise<void> {
  if (migrations.some(callsCitus)) await makeCitus(client);
}

/**
 * The same for one text.
 * @param standIn have functions stand in on a server with Citus too, of which nothing is said then
 * @returns whether the server has Citus, and the text calls it
 * @throws the error of pg
 */
export async function ensureStandInsFor(
  client: ScratchClient,
  sql: string,
  standIn = false,
): Promise<boolean> {
  return calls.test(sql) && (await makeCitus(client, standIn));
}

let oneByOne = false;

/** Whether each statement must be a message of its own: with Citus itself some refuse to stand among others. */
export function runsOneByOne(): boolean {
  return oneByOne;
}

/** Clients of databases that have Citus itself. Stand-ins are asked for each time: who empties the database takes them away. */
const real = new WeakSet<ScratchClient>();

async function makeCitus(client: ScratchClient, standIn = false): Promise<boolean> {
  if (real.has(client)) return true;
  const administrator = administratorOf(client);
  const has = administrator !== null && (await hasCitus(administrator));
  const isReal = has && !standIn && (await makeReal(administrator));
  oneByOne ||= isReal;
  if (!has || !standIn) noteOnce(isReal ? notes.asOneNode : notes.stoodIn);
  // Made already, or nothing to be made: either way none of the migrations'.
  if (administrator !== null) leaveOut({ extensions: citusExtensions });
  if (!isReal) await makeStandIns(client, administrator);
  if (isReal) real.add(client);
  return has;
}

/** Whether the server was started with it; the files alone do not suffice. */
async function hasCitus(administrator: Administrator): Promise<boolean> {
  const [row] = await administrator.query(
    `SELECT pg_catalog.current_setting('shared_preload_libraries') ~ '\\mcitus\\M'
       AND EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'citus') AS has`,
  );
  return row?.has === true;
}

/** A database with the extension and no other node is a cluster of its own. False where the login may not make it. */
function makeReal(administrator: Administrator): Promise<boolean> {
  return administrator.inDatabase('SET search_path = public; CREATE EXTENSION IF NOT EXISTS citus').then(
    () => true,
    () => false,
  );
}

/** By the administrator, for migrations run without special rights; as an extension's, for such functions are no part of the schema. Who may not make them sees the statements refused. */
async function makeStandIns(client: ScratchClient, administrator: Administrator | null): Promise<void> {
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
  INSERT INTO pg_catalog.pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
    SELECT 'pg_catalog.pg_proc'::regclass, p.oid, 0, 'pg_catalog.pg_extension'::regclass, e.oid, 0, 'e'
      FROM pg_catalog.pg_proc p, pg_catalog.pg_extension e
     WHERE p.prosrc LIKE '%-- stand-in%' AND p.pronamespace = 'pg_catalog'::regnamespace AND e.extname = 'plpgsql';
EXCEPTION WHEN insufficient_privilege THEN NULL;
END $stand_ins$`).catch((error: unknown) => {
    if ((error as { code?: string }).code === undefined) throw error;
  });
}

interface StandIn {
  readonly head: string;
  /** SQL over the arguments; the last row is not read. */
  readonly body: string;
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
];

/** With the caller's search path, for `colocate_with` names a table; and with the caller's rights. */
function functionSql({ head, body }: StandIn): string {
  return `  CREATE FUNCTION pg_catalog.${head} RETURNS void LANGUAGE sql AS $body$
    ${body}; SELECT -- stand-in
$body$;`;
}
