// Takes flags, git and the files; gives which migrations to review and which come before them.

import type { Migration } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { changedSince, hasRef } from '../files/changed-since.ts';

export interface RangeFlags {
  readonly since?: string;
  readonly all?: boolean;
}

export interface ReviewRange {
  readonly earlier: readonly Migration[];
  readonly underReview: readonly Migration[];
  /** What was chosen and why, for people. */
  readonly reason: string;
}

/** What a branch is compared with where nothing else is said. */
export const defaultBase = 'origin/main';

/**
 * `--since REF` where given; else (unless `allByDefault`) what is new against origin/main where git knows it, or what the
 * target, where one is named, has not applied; else all.
 * Earlier migrations are all older than the first under review; those in between are reviewed along with it.
 * @throws MigrateError `usage` (git knows no such ref)
 */
export async function reviewRange(
  config: Config,
  migrations: readonly Migration[],
  flags: RangeFlags,
  allByDefault: boolean,
): Promise<ReviewRange> {
  const everything = { earlier: [], underReview: migrations, reason: 'all migrations' };
  if (flags.all) return everything;
  const base =
    flags.since ?? (!allByDefault && (await hasRef(config, defaultBase)) ? defaultBase : undefined);
  if (base === undefined)
    return allByDefault ? everything : ((await notApplied(config, migrations)) ?? everything);
  const changed = await changedSince(config, migrations, base);
  const first = migrations.findIndex(({ id }) => changed.has(id));
  if (first === -1) return { earlier: migrations, underReview: [], reason: `nothing is new since ${base}` };
  return {
    earlier: migrations.slice(0, first),
    underReview: migrations.slice(first),
    reason: `new since ${base}`,
  };
}

const longestWait = 2000; // ms: nobody waits for a database that only narrows the choice

/** Looks once, briefly and read-only; null where no target is named or it does not say. */
async function notApplied(config: Config, migrations: readonly Migration[]): Promise<ReviewRange | null> {
  if (config.target === undefined) return null;
  const { connect } = await import('../connection/connect.ts');
  const { qualifiedName } = await import('../ledger/tracking.ts');
  try {
    const client = await connect(config.target, {
      applicationName: 'migrate review',
      timeoutMs: longestWait,
    });
    try {
      const { rows } = await client
        .query<{ name: string }>(
          `SET statement_timeout = ${longestWait}; SET default_transaction_read_only = on; SELECT name FROM ${qualifiedName(config.trackingTable)}`,
        )
        .then((results) => (results as unknown as { rows: { name: string }[] }[]).at(-1) ?? { rows: [] });
      const applied = new Set(rows.map((row) => row.name));
      const first = migrations.findIndex(({ id }) => !applied.has(id));
      const at = first === -1 ? migrations.length : first;
      return {
        earlier: migrations.slice(0, at),
        underReview: migrations.slice(at),
        reason: 'not applied yet',
      };
    } finally {
      await client.end();
    }
  } catch {
    return null;
  }
}
