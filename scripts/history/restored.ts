// Takes a history; refuses to apply anything where the schema was restored without rows: the tables of the history are
// there and empty, so that everything would run a second time. Pure.
import { MigrateError } from '../base/errors.ts';
import type { History } from '../ledger/ledger.ts';

export const restoredLine =
  'The tables of the history are there without a row, as after a restore of the schema alone: make migrate-baseline to=V records what the database has';

/** @throws MigrateError `history` naming the baseline that records what is there */
export function refuseRestored({ restored, applied }: Pick<History, 'restored' | 'applied'>): void {
  if (!restored || applied.length > 0) return;
  throw new MigrateError(
    'history',
    'This database was restored without its rows: what migrations are recorded in is there, and empty',
    {
      hint: 'Record what the schema has: make migrate-baseline to=V, the newest migration that the dump had. If the database is empty but for these tables: make migrate-up fresh_history=1.',
      state: 'Nothing was changed.',
    },
  );
}
