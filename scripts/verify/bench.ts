// Takes a scratch database; gives the session that verify works in.
import pg from 'pg';
import type { ScratchDatabase } from '../shadow.ts';
import type { Parser } from '../statements.ts';
import { openScratch, type Scratch } from './scratch.ts';

/** A scratch database and the session on it; a committed cycle may replace both. */
export interface Bench {
  database: ScratchDatabase;
  client: pg.Client;
  inside: boolean;
}

export async function connectTo(database: ScratchDatabase): Promise<pg.Client> {
  // As options of the connection, for RESET ALL keeps those. What is on a scratch database need not survive a crash.
  const client = new pg.Client({ ...database.connection, options: '-c synchronous_commit=off -c jit=off' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

export function scratchOf(bench: Bench, parse: Parser): Scratch {
  return openScratch(bench.client, parse, () => bench.inside);
}
