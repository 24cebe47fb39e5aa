// Takes a scratch database; gives the session that verify works in.
import type pg from 'pg';
import type { Parser } from '../files/statements.ts';
import type { GateParts } from '../schema/catalog/change-token-parts.ts';
import type { ScratchDatabase } from '../scratch/scratch-server.ts';
import { openScratch, type Scratch } from './scratch.ts';

/** A scratch database and the session on it; a committed cycle may replace both. */
export interface Bench {
  database: ScratchDatabase;
  client: pg.Client;
  inside: boolean;
  /** The gate as the last cycle left it, where that is known. */
  gate: GateParts | null;
}

export function scratchOf(bench: Bench, parse: Parser): Scratch {
  return openScratch(bench.client, parse, () => bench.inside);
}
