// Takes how a batch went; gives the size of the next one, and what is to be said of the whole. Pure.

import { formatDuration } from '../../base/duration.ts';
import { formatCount } from '../../base/size.ts';

/** A batch is at most so many rows, however fast they are: one transaction is not to become the whole table. */
export const largest = 200_000;
export const firstRows = 1000;
/** Tables of fewer rows are counted: a share of an estimate would be far off. */
export const countedUpTo = 100_000;

/**
 * The size (rows) after a batch that went through. It grows by half at most, so that one lucky batch makes no long one.
 * @param tookMs of the whole transaction
 * @param waiting whether sessions waited for it
 */
export function nextSize(size: number, tookMs: number, targetMs: number, waiting: boolean): number {
  if (waiting) return smaller(size);
  const factor = Math.min(1.5, Math.max(0.25, targetMs / Math.max(1, tookMs)));
  return Math.min(largest, Math.max(1, Math.round(size * factor)));
}

/** The size after a batch that had to be rolled back, or that others waited for. */
export function smaller(size: number): number {
  return Math.max(1, Math.floor(size / 2));
}

/** How far a batch is; `keys` of about `estimated` are done, null where nobody knows how many there are. */
export interface Extent {
  readonly keys: number;
  readonly rows: number;
  readonly estimated: number | null;
}

/** 0 to 99: that it is done is said when it is. Null where there is no estimate. */
export function percent({ keys, estimated }: Extent): number | null {
  return estimated === null || estimated <= 0 ? null : Math.min(99, Math.floor((100 * keys) / estimated));
}

/**
 * "batch: 41 %, 820,000 rows, 9,300 keys/s, about 2 min left"
 * @param doneKeys so many in this run, 0 before its first range: then no speed is known
 * @param sinceMs the time that they took
 */
export function describePace(extent: Extent, doneKeys: number, sinceMs: number): string {
  const share = percent(extent);
  const perMs = doneKeys / Math.max(1, sinceMs);
  const left = extent.estimated === null || perMs === 0 ? null : (extent.estimated - extent.keys) / perMs;
  return [
    `batch: ${share === null ? 'under way' : `${share} %`}`,
    `${formatCount(extent.rows)} rows`,
    ...(doneKeys === 0 ? [] : [`${formatCount(perMs * 1000)} keys/s`]),
    ...(left === null || left <= 0 ? [] : [`about ${formatDuration(left)} left`]),
  ].join(', ');
}
