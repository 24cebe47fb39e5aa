// A no-transaction migration that stopped half-way, as the journal has it, and the words for it. Pure.
// Who may go on beside it is history/half-done.ts's to say.
import type { Direction } from '../base/types.ts';

/** A migration whose journal was not cleared: `done` of `total` statements ran. */
export interface HalfDone {
  readonly id: string;
  readonly direction: Direction;
  readonly done: number;
  readonly total: number;
  /** Of a batch: how far it is, as JSON (`BatchState`); null otherwise. */
  readonly batch?: string | null;
}

/** "batch: 41 %", "batch" where nobody knows how many rows there are; null for what is none. */
export function batchExtent({ batch }: Pick<HalfDone, 'batch'>): string | null {
  if (batch == null) return null;
  const { keys, estimated } = readExtent(batch);
  return !estimated || !keys || estimated <= 0
    ? 'batch'
    : `batch: ${Math.min(99, Math.floor((100 * keys) / estimated))} %`;
}

/** The journal is a table: what somebody wrote there tells nothing. */
function readExtent(batch: string): { readonly keys?: number; readonly estimated?: number | null } {
  try {
    return (JSON.parse(batch) ?? {}) as object;
  } catch {
    return {};
  }
}

/** "half applied" or "half reverted" */
export function halfWord({ direction }: Pick<HalfDone, 'direction'>): string {
  return direction === 'up' ? 'half applied' : 'half reverted';
}

/** "2 of 4 statements of its up ran" */
export function halfExtent(half: HalfDone): string {
  const { direction, done, total } = half;
  const extent = batchExtent(half);
  if (extent !== null) return `its ${direction} is a ${extent}`;
  return `${done} of ${total} statements of its ${direction} ran`;
}

/** "X is half applied: 2 of 4 statements of its up ran" */
export function halfDoneLine(half: HalfDone): string {
  return `${half.id} is ${halfWord(half)}: ${halfExtent(half)}`;
}

/** What to type once a person has settled the migration by hand. */
export function resolveHint(id: string): string {
  return `npm run migrate:repair -- --resolve ${id.slice(0, 14)} applied (or pending) --reason "…"`;
}

/** The journal's row of this migration and direction, or undefined. */
export function halfDoneOf(
  halfDone: readonly HalfDone[],
  { id, direction }: { readonly id: string; readonly direction: Direction },
): HalfDone | undefined {
  return halfDone.find((half) => half.id === id && half.direction === direction);
}
