// Takes SQL and a scratch client; where the SQL calls Citus' functions, has the scratch database answer them: by Citus itself
// on a server that has it, else by functions that stand in for it: they note the call, so that the schema says how tables
// are distributed, and move nothing.
import type { Migration } from '../base/types.ts';
import { citusExtensions } from '../schema/catalog/distribution.ts';
import { type Administrator, administratorOf, type ScratchClient } from './client.ts';
import { makeStandIns } from './make-stand-ins.ts';
import { noteOnce } from './notes.ts';
import { leaveOut } from './server-wide.ts';

const functionCall =
  /\b((?:create|alter|update)_(?:distributed|reference)_\w+|undistribute_table|citus_\w+|truncate_local_data_after_\w+|rebalance_table_shards|isolate_tenant_to_new_shard|run_command_on_\w+|alter_(?:columnar_)?table_(?:re)?set\w*)\s*\(/i;
const schemaSharding = /\bcitus\.enable_schema_based_sharding\b/i;
/** Its storage, and the extension itself. */
const otherNeed =
  /\busing\s+columnar\b|\baccess\s+method\s+columnar\b|\bextension\s+(?:if\s+(?:not\s+)?exists\s+)?"?citus/i;

const notes = {
  stoodIn:
    'note: on the scratch database functions stand in for Citus: they note how tables are distributed; what Citus itself would refuse is not seen, but for what lint knows',
  schemas:
    'note: that CREATE SCHEMA distributes the schema (citus.enable_schema_based_sharding) does not show there: call citus_schema_distribute, or name a scratch server with Citus (SHADOW_DATABASE_URL)',
  asOneNode:
    'note: the scratch server has Citus: its scratch database is a cluster of one node, whose shards are all there',
};

/** The first function of Citus that the SQL calls, by name; null where it calls none. */
export function citusFunctionIn(sql: string): string | null {
  return functionCall.exec(sql)?.[1] ?? null;
}

const needsCitus = (sql: string) => functionCall.test(sql) || otherNeed.test(sql) || schemaSharding.test(sql);

function callsCitus({ up, down }: Migration): boolean {
  return needsCitus(up.text) || needsCitus(down.text);
}

/**
 * Cheap where no file calls Citus.
 * @throws the error of pg
 */
export async function ensureStandIns(client: ScratchClient, migrations: readonly Migration[]): Promise<void> {
  if (!migrations.some(callsCitus)) return;
  const isReal = await makeCitus(client);
  if (!isReal && migrations.some(({ up }) => schemaSharding.test(up.text))) noteOnce(notes.schemas);
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
  return needsCitus(sql) && (await makeCitus(client, standIn));
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
  return administrator
    .inDatabase('SET search_path = public; CREATE EXTENSION IF NOT EXISTS citus')
    .then(() =>
      // Some servers have it without this one.
      administrator.inDatabase('CREATE EXTENSION IF NOT EXISTS citus_columnar').catch(() => undefined),
    )
    .then(
      () => true,
      () => false,
    );
}
