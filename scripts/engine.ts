// Takes one step; gives the SQL that node-pg-migrate runs for it, without running it, so that we choose the transaction
// and the round trips. The only file that imports node-pg-migrate.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { RunnerOption } from 'node-pg-migrate';
import type pg from 'pg';
import type { TrackingTable } from './config.ts';
import { MigrateError } from './errors.ts';
import { packageRoot } from './paths.ts';
import { concatenate, isLong, type SqlPieces } from './pieces.ts';
import type { Direction } from './types.ts';

/** What node-pg-migrate would send for one migration and direction. */
export interface StepSql {
  /** The file's text, ending so that more SQL can follow; in pieces where it is long. */
  readonly sql: SqlPieces;
  /** The INSERT into or DELETE from the tracking table. */
  readonly trackingSql: string;
}

export interface Engine {
  /** @throws MigrateError `history` for a tracked name that is none of ours, which node-pg-migrate would not quote. */
  stepSql(id: string, direction: Direction, text: string): Promise<StepSql>;
  /** Creates the tracking table as node-pg-migrate does, where it is missing. */
  ensureTrackingTable(client: pg.Client): Promise<void>;
}

/** Without `debug`: node-pg-migrate would join all its SQL for it, a copy of a text that may have 50 MB. */
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
  return {
    stepSql: async (id, direction, text) => {
      if (!ownId.test(id)) {
        throw new MigrateError(
          'history',
          `The tracking table names "${id}", which is no migration of this tool`,
          {
            hint: 'Name it as <14 digits>_<name>, or forget it: npm run migrate:repair -- --help',
          },
        );
      }
      // A long text is stood in for: node-pg-migrate would make copies of it, and change nothing in it.
      const inPlace = isLong(text) ? `-- text ${randomUUID()}` : text;
      const sent: string[] = [];
      const action = (pgm: { noTransaction(): void; sql(text: string): void }) => {
        pgm.noTransaction();
        // A text that ends in a line comment would swallow the semicolon that node-pg-migrate adds.
        pgm.sql(`${inPlace}\n`);
      };
      const db = { query: async (sql: string) => void sent.push(sql) };
      const options = { ...common, dir: '', direction } as unknown as RunnerOption;
      const actions = { up: action, down: action };
      // The id must end in .sql: node-pg-migrate takes the extension off to make the tracked name.
      const migration = new Migration(
        db as never,
        `${id}.sql`,
        { ...actions, down: direction === 'up' ? false : action } as never,
        options,
        {},
        silent,
      );
      if (direction === 'down') migration.up = false;
      await migration.apply(direction);
      const [sql = '', trackingSql = ''] = sent;
      if (inPlace === text) return { sql, trackingSql };
      const [before = '', after = ''] = sql.split(inPlace);
      return { sql: concatenate([before, text, after]), trackingSql };
    },
    ensureTrackingTable: async (client) => {
      const noUnits = async () => [];
      await runner({
        ...common,
        dbClient: client,
        direction: 'up',
        count: 0,
        noLock: true,
        checkOrder: false,
        createMigrationsSchema: tracking.schema !== 'public',
        dir: join(packageRoot, 'db', 'ledger'),
        migrationLoaderStrategies: [{ extensions: ['.sql'], loader: noUnits }],
      } as RunnerOption);
    },
  };
}
