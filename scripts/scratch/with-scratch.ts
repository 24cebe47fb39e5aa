// Takes a scratch database; gives a session on it, and ways to ask it. It never touches the target.
import pg from 'pg';
import type { Config } from '../config/config.ts';
import type { Query } from '../schema/types.ts';
import { setAdministrator } from './client.ts';
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
  // As options of the connection, for RESET ALL keeps those. What is on a scratch database need not survive a crash.
  const zone = timeZone === undefined ? '' : ` -c TimeZone=${timeZone.replaceAll(/[\\\s]/g, '\\$&')}`;
  const client = new pg.Client({ ...connection, options: `-c synchronous_commit=off -c jit=off${zone}` });
  client.on('error', () => undefined);
  await client.connect().catch((cause: Error & { code?: string }) => {
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
