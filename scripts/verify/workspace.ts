// Takes a scratch database; gives the session that verify works in.
import type pg from 'pg';
import type { Parser } from '../files/statements.ts';
import type { SchemaOptions } from '../schema/types.ts';
import type { ScratchDatabase } from '../scratch/scratch-server.ts';
import { openScratch, type Scratch } from './scratch.ts';

/** A scratch database and the session on it; a committed cycle may replace both. */
export interface Workspace {
  database: ScratchDatabase;
  client: pg.Client;
  inside: boolean;
  /** What is compared, and what is left out. */
  readonly options: SchemaOptions;
  /** The token as the last cycle left it, where that is known. */
  token: Map<string, string> | null;
}

/**
 * The scratch database of the workspace as the replay takes it.
 * @throws nothing
 */
export function scratchOf(workspace: Workspace, parse: Parser): Scratch {
  return openScratch(workspace.client, parse, () => workspace.inside, workspace.options);
}
