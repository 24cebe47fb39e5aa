// redo: reverts the newest migration and applies it again as it is on disk, in one transaction.

import { MigrateError } from '../base/errors.ts';
import type { AppliedMigration, Migration } from '../base/types.ts';
import { type ConfirmFlags, refuseUnconfirmed } from '../config/protection.ts';
import { refuseHalfDone } from '../history/half-done.ts';
import { refuseBrokenHistory } from '../history/history.ts';
import { downStep, type Plan, upStep } from '../plan/plan.ts';
import type { Command } from '../report/command.ts';
import { runMigrations } from '../runner/run.ts';

export const redo: Command<ConfirmFlags> = async (input) => {
  refuseUnconfirmed(input.config, input.flags);
  return runMigrations(input, {
    tolerated: new Set(['modified', 'modified down', 'out of order']),
    plan: (migrations, { applied, statuses }) => {
      refuseHalfDone(statuses, [], 'redo does not finish it');
      // Editing the newest migration and doing it again is what redo is for; the others must be as they ran.
      const others = statuses.filter(({ id }) => id !== applied.at(-1)?.id);
      refuseBrokenHistory(others, new Set(['out of order']));
      const pending = statuses.find(({ state }) => state === 'pending');
      const newest = applied.at(-1);
      if (pending !== undefined && newest !== undefined)
        input.progress.warn(
          `${pending.id} is not applied yet (make migrate-up applies it); what is done again is ${newest.id}`,
        );
      return planRedo(migrations, applied);
    },
    together: true,
    fromDisk: true,
    nothing: () => 'Nothing to redo: no migration is applied',
  });
};

function planRedo(migrations: readonly Migration[], applied: readonly AppliedMigration[]): Plan {
  const newest = applied.at(-1);
  if (newest === undefined) return { direction: 'up', steps: [] };
  const migration = migrations.find(({ id }) => id === newest.id);
  if (migration === undefined)
    throw new MigrateError(
      'history',
      `${newest.id} is applied, but not on disk, so it cannot be applied again`,
      {
        hint: 'Put its files back (git checkout), then make migrate-redo; or take it back alone: make migrate-down.',
        state: 'Nothing was changed.',
      },
    );
  const noTransaction = [migration.up, migration.down].find(({ directives }) => directives.noTransaction);
  if (noTransaction !== undefined) {
    throw new MigrateError(
      'refused',
      `${newest.id} runs outside a transaction, so a failing up could not take the down back`,
      {
        location: { file: noTransaction.path },
        hint: 'Type make migrate-down, then make migrate-up.',
        state: 'Nothing was changed.',
      },
    );
  }
  return { direction: 'up', steps: [downStep(newest, migration), upStep(migration)] };
}
