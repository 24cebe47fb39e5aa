// Takes one step; gives the SQL with which node-pg-migrate records it, without running it, so that we choose the
// transaction and the round trips. The only file that imports node-pg-migrate.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { RunnerOption } from 'node-pg-migrate';
import { MigrateError } from '../base/errors.ts';
import { packageRoot } from '../base/paths.ts';
import type { Direction } from '../base/types.ts';
import type { TrackingTable } from '../config/config.ts';

/** A migration that ran one way. */
export interface TrackedStep {
  readonly id: string;
  readonly direction: Direction;
  /** Primary keys of its rows in the tracking table, where known. */
  readonly rows?: readonly number[] | undefined;
}

export interface Engine {
  /**
   * The INSERT into or DELETE from the tracking table, without a semicolon.
   * @throws MigrateError `history` for a tracked name that is none of ours, which node-pg-migrate would not quote
   */
  trackingSql(step: TrackedStep): string;
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

/**
 * Evaluates node-pg-migrate, so only where there is something to run.
 * @throws Error where node-pg-migrate records in another way than this version of the tool knows: a bug of ours
 */
export async function loadEngine(tracking: TrackingTable): Promise<Engine> {
  const { Migration, runner } = await import('node-pg-migrate');
  const common = { migrationsSchema: tracking.schema, migrationsTable: tracking.table, logger: silent };
  const [up, down] = await Promise.all([
    trackingForm(Migration, common, 'up'),
    trackingForm(Migration, common, 'down'),
  ]);
  return {
    trackingSql: ({ id, direction, rows = [] }) => {
      if (!ownId.test(id)) {
        throw new MigrateError(
          'history',
          `The tracking table names "${id}", which is no migration of this tool`,
          {
            hint: 'Name it as <14 digits>_<name>, or forget it: npm run migrate:repair -- --help',
          },
        );
      }
      const form = direction === 'up' ? up : down;
      // node-pg-migrate's table has no index on the name: by that alone, reverting would be quadratic.
      const narrowed = rows.length === 0 ? '' : ` AND id = ANY ('{${rows.join(',')}}')`;
      return form.join(id) + narrowed;
    },
    trackingTableSql: () => tableSql(runner, common, tracking.schema !== 'public'),
  };
}

/** What node-pg-migrate wants to run on an empty database: it is told that nothing is there, and its answer is kept. */
async function tableSql(
  runner: typeof import('node-pg-migrate').runner,
  common: Readonly<Record<string, unknown>>,
  createMigrationsSchema: boolean,
): Promise<readonly string[]> {
  const noUnits = async () => [];
  const collected: string[] = [];
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
    createMigrationsSchema,
    dir: join(packageRoot, 'db', 'ledger'),
    migrationLoaderStrategies: [{ extensions: ['.sql'], loader: noUnits }],
  } as unknown as RunnerOption);
  return collected;
}

/**
 * What node-pg-migrate records of a migration in one direction, split where its name stands. It is asked once, with a
 * stand-in for the name: to ask for each of a thousand migrations would take longer than to record them.
 */
async function trackingForm(
  Migration: typeof import('node-pg-migrate').Migration,
  common: Readonly<Record<string, unknown>>,
  direction: Direction,
): Promise<readonly string[]> {
  const id = `00000000000000_${randomUUID()}`;
  const sent: string[] = [];
  const db = { query: async (sql: string) => void sent.push(sql) };
  const options = { ...common, dir: '', direction } as unknown as RunnerOption;
  const actions = { up: () => undefined, down: () => undefined };
  // The id must end in .sql: node-pg-migrate takes the extension off to make the tracked name.
  await new Migration(db as never, `${id}.sql`, actions, options, {}, silent).markAsRun(direction);
  const [statement = '', ...others] = sent;
  const form = statement.replace(/;\s*$/, '').split(id);
  if (form.length < 2 || others.length > 0)
    throw new Error(`node-pg-migrate records something else than one name: ${sent.join(' ')}`);
  return form;
}
