// Takes one step; gives the SQL that node-pg-migrate runs for it, without running it, so that we choose the transaction
// and the round trips. The only file that imports node-pg-migrate.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { RunnerOption } from 'node-pg-migrate';
import { MigrateError } from '../base/errors.ts';
import { packageRoot } from '../base/paths.ts';
import type { Direction } from '../base/types.ts';
import type { TrackingTable } from '../config/config.ts';

/** What node-pg-migrate would send for one migration and direction. */
export interface StepSql {
  /** The file's text and what stands around it, ending so that more SQL can follow; to be sent as one. */
  readonly sql: readonly string[];
  /** The INSERT into or DELETE from the tracking table, without a semicolon. */
  readonly trackingSql: string;
}

/** A migration to be run one way. */
export interface StepText {
  readonly id: string;
  readonly direction: Direction;
  readonly text: string;
  /** Primary keys of its rows in the tracking table, where known. */
  readonly rows?: readonly number[] | undefined;
}

export interface Engine {
  /** @throws MigrateError `history` for a tracked name that is none of ours, which node-pg-migrate would not quote. */
  stepSql(step: StepText): StepSql;
  /** What node-pg-migrate sends to create the tracking table, and its schema unless that is public. */
  trackingTableSql(): Promise<readonly string[]>;
}

/** Without `debug`: node-pg-migrate would join all its SQL for it. */
const silent = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const ownId = /^\d{14}_[a-z0-9][a-z0-9_-]*$/;

/** Evaluates node-pg-migrate, so only where there is something to run. */
export async function loadEngine(tracking: TrackingTable): Promise<Engine> {
  const { Migration, runner } = await import('node-pg-migrate');
  const common = { migrationsSchema: tracking.schema, migrationsTable: tracking.table, logger: silent };
  const [up, down] = await Promise.all([
    readForm(Migration, common, 'up'),
    readForm(Migration, common, 'down'),
  ]);
  return {
    stepSql: ({ id, direction, text, rows = [] }) => {
      if (!ownId.test(id)) {
        throw new MigrateError(
          'history',
          `The tracking table names "${id}", which is no migration of this tool`,
          {
            hint: 'Name it as <14 digits>_<name>, or forget it: npm run migrate:repair -- --help',
          },
        );
      }
      const { before, after, tracked } = direction === 'up' ? up : down;
      // node-pg-migrate's table has no index on the name: by that alone, reverting would be quadratic.
      const narrowed = rows.length === 0 ? '' : ` AND id = ANY ('{${rows.join(',')}}')`;
      return { sql: [before, text, after], trackingSql: tracked.join(id) + narrowed };
    },
    trackingTableSql: async () => {
      const noUnits = async () => [];
      const collected: string[] = [];
      // It is told that nothing is there, and what it wants to run is kept.
      const query = async (text: string) => {
        if (!text.startsWith('SELECT')) collected.push(text);
        return { rows: [] };
      };
      await runner({
        ...common,
        dbClient: { query },
        direction: 'up',
        count: 0,
        noLock: true,
        checkOrder: false,
        createMigrationsSchema: tracking.schema !== 'public',
        dir: join(packageRoot, 'db', 'ledger'),
        migrationLoaderStrategies: [{ extensions: ['.sql'], loader: noUnits }],
      } as unknown as RunnerOption);
      return collected;
    },
  };
}

/** What node-pg-migrate sends in one direction, around the text and around the id. */
interface Form {
  readonly before: string;
  readonly after: string;
  readonly tracked: readonly string[];
}

/**
 * Asks node-pg-migrate once, with stand-ins for text and id: it changes nothing in either, and would take longer to ask
 * for each of a thousand migrations than they take to record.
 */
async function readForm(
  Migration: typeof import('node-pg-migrate').Migration,
  common: Readonly<Record<string, unknown>>,
  direction: Direction,
): Promise<Form> {
  const text = `-- text ${randomUUID()}`;
  const id = `00000000000000_${randomUUID()}`;
  const sent: string[] = [];
  const action = (pgm: { noTransaction(): void; sql(text: string): void }) => {
    pgm.noTransaction();
    // A text that ends in a line comment would swallow the semicolon that node-pg-migrate adds.
    pgm.sql(`${text}\n`);
  };
  const db = { query: async (sql: string) => void sent.push(sql) };
  const options = { ...common, dir: '', direction } as unknown as RunnerOption;
  const actions = { up: action, down: direction === 'up' ? false : action };
  // The id must end in .sql: node-pg-migrate takes the extension off to make the tracked name.
  const migration = new Migration(db as never, `${id}.sql`, actions as never, options, {}, silent);
  if (direction === 'down') migration.up = false;
  await migration.apply(direction);
  const [sql = '', trackingSql = ''] = sent;
  const [before = '', after] = sql.split(text);
  const tracked = trackingSql.replace(/;\s*$/, '').split(id);
  if (after === undefined || tracked.length < 2)
    throw new Error(`node-pg-migrate sends something else than it was given: ${sql} ${trackingSql}`);
  return { before, after, tracked };
}
