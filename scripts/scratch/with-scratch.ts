// Takes a scratch database; gives a session on it, and ways to ask it. It never touches the target.
import type pg from 'pg';
import type { Config } from '../config/config.ts';
import { connectOnce } from '../connection/connect.ts';
import { sessionSettings } from '../connection/session-settings.ts';
import type { Query } from '../schema/types.ts';
import { setAdministrator } from './client.ts';
import { timeoutMs } from './scratch-address.ts';
import type { ScratchDatabase } from './scratch-server.ts';
import { workerRefused } from './worker.ts';

/**
 * The caller ends it. Where the session breaks, the next query says so.
 * @throws MigrateError `refused` where the server does not let the role in; else the error of pg
 */
export async function connectTo(
  { connection, administrator }: ScratchDatabase,
  timeZone?: string,
): Promise<pg.Client> {
  // Of the connection, for RESET ALL keeps those: as a run has them, but that what is on a scratch database need not
  // survive a crash.
  const settings = {
    ...sessionSettings({ lockTimeoutMs: 0 }),
    synchronous_commit: 'off',
    // Rows are compared as text, of which no digit may be left out, and names are told as they are written.
    extra_float_digits: 1,
    quote_all_identifiers: 'off',
    jit: 'off',
    // As a run has it that mixes changes of definitions; without Citus nobody reads it.
    'citus.multi_shard_modify_mode': 'sequential',
    ...(timeZone && { TimeZone: timeZone }),
  };
  const client = await connectOnce(connection, {
    applicationName: connection.database,
    settings,
    timeoutMs,
  }).catch((cause: Error & { code?: string }) => {
    throw cause.code?.startsWith('28') ? workerRefused(connection, cause) : cause;
  });
  setAdministrator(client, administrator);
  return client;
}

/** Works on one more empty database of the same server. */
export type Another = <Result>(work: (client: pg.Client) => Promise<Result>) => Promise<Result>;

/**
 * Works on an empty database that is dropped afterwards, however the work ends. Errors as `openScratchServer`.
 * @param work may ask for more databases beside its own
 * @param timeZone of the session, where it is to be another than the server's
 * @throws MigrateError as `openScratchServer`; what `work` throws
 */
export async function withScratchClient<Result>(
  config: Pick<Config, 'scratchUrl' | 'root' | 'postgres' | 'variables'>,
  work: (client: pg.Client, another: Another) => Promise<Result>,
  timeZone?: string,
): Promise<Result> {
  const { withScratchServer } = await import('./scratch-server.ts');
  return withScratchServer(config, async (server) => {
    const another: Another = async (inner) => {
      const client = await connectTo(await server.create(), timeZone);
      try {
        return await inner(client);
      } finally {
        await client.end().catch(() => undefined);
      }
    };
    return another((client) => work(client, another));
  });
}

/** The rows of the last statement of a batch. */
export function queryOn(client: pg.Client): Query {
  return async (text, values) => {
    const results = [await client.query(text, values)].flat();
    return results.at(-1)?.rows ?? [];
  };
}
