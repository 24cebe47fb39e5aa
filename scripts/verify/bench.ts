// Takes a scratch database; gives the session that verify works in.
import type pg from 'pg';
import type { GateParts } from '../schema/gate-parts.ts';
import type { ScratchDatabase } from '../shadow.ts';
import type { Parser } from '../statements.ts';
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
