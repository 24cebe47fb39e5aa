// Takes flags, git and the files; gives which migrations to review and which come before them.
import type { Config } from './config.ts';
import { changedSince, hasRef } from './since.ts';
import type { Migration } from './types.ts';

export interface RangeFlags {
  readonly since?: string;
  readonly all?: boolean;
}

export interface Range {
  readonly earlier: readonly Migration[];
  readonly underReview: readonly Migration[];
  /** What was chosen and why, for people. */
  readonly reason: string;
}

const defaultBase = 'origin/main';

/**
 * `--since REF` where given; else what is new against origin/main where git knows it (unless `allByDefault`); else all.
 * Earlier migrations are all older than the first under review; those in between are reviewed along with it.
 */
export async function reviewRange(
  config: Config,
  migrations: readonly Migration[],
  flags: RangeFlags,
  allByDefault: boolean,
): Promise<Range> {
  const everything = { earlier: [], underReview: migrations, reason: 'all migrations' };
  if (flags.all) return everything;
  const base =
    flags.since ?? (!allByDefault && (await hasRef(config, defaultBase)) ? defaultBase : undefined);
  if (base === undefined) return everything;
  const changed = await changedSince(config, migrations, base);
  const first = migrations.findIndex(({ id }) => changed.has(id));
  if (first === -1) return { earlier: migrations, underReview: [], reason: `nothing is new since ${base}` };
  return {
    earlier: migrations.slice(0, first),
    underReview: migrations.slice(first),
    reason: `new since ${base}`,
  };
}
