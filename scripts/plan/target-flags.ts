// Takes --to and --n; gives how far to go, or refuses what is no version and no count. Pure.
import { MigrateError } from '../base/errors.ts';
import type { PlanTarget } from './plan.ts';

export interface TargetFlags {
  readonly to?: string;
  readonly n?: string;
}

/**
 * @param zero whether `--to 0` (before the first migration) makes sense
 * @throws MigrateError `usage`
 */
export function readPlanTarget({ to, n }: TargetFlags, zero: boolean): PlanTarget {
  if (to !== undefined && n !== undefined)
    throw new MigrateError('usage', '--to and --n exclude each other: give one of them');
  if (n !== undefined) {
    if (!/^[1-9]\d{0,8}$/.test(n))
      throw new MigrateError('usage', `--n "${n}" is not a whole number above 0; a right value is 1`);
    return { kind: 'steps', steps: Number(n) };
  }
  if (to === undefined) return { kind: 'latest' };
  if (zero && to === '0') return { kind: 'version', version: '0' };
  const match = /^(\d{14})(_[a-z0-9_-]+)?$/.exec(to);
  if (match?.[1] === undefined) {
    throw new MigrateError(
      'usage',
      `--to "${to}" is not a version; a right value is 20250117090000${zero ? ', or 0 for before the first' : ''}`,
    );
  }
  return { kind: 'version', version: match[1] };
}
