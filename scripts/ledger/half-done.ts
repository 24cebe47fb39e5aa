// Takes the no-transaction migrations that stopped half-way and the steps of a run; refuses a run that would leave one
// of them as it is and change the schema beside it. Pure.
import { MigrateError } from '../base/errors.ts';
import type { Direction } from '../base/types.ts';

/** A migration whose journal was not cleared: `done` of `total` statements ran. */
export interface HalfDone {
  readonly id: string;
  readonly direction: Direction;
  readonly done: number;
  readonly total: number;
}

/** @throws MigrateError `history` naming each half-done migration that the steps do not finish */
export function refuseHalfDone(
  halfDone: readonly HalfDone[],
  steps: readonly { readonly id: string; readonly direction: Direction }[],
): void {
  const left = halfDone.filter(
    ({ id, direction }) => !steps.some((step) => step.id === id && step.direction === direction),
  );
  const [first] = left;
  if (first === undefined) return;
  const version = first.id.slice(0, 14);
  throw new MigrateError(
    'history',
    `${first.id} is half ${first.direction === 'up' ? 'applied' : 'reverted'}, and this run would not finish it`,
    {
      problems: left.map(
        ({ id, direction, done, total }) => `${id}: ${done} of ${total} statements of its ${direction} ran`,
      ),
      hint: `Finish it with make migrate-${first.direction}; or settle it by hand and say so: npm run migrate:repair -- --resolve ${version} applied (or pending) --reason "…"`,
      state: 'Nothing was changed.',
    },
  );
}
