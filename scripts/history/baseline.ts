// Takes the history as it is, the version to adopt and perhaps another tool's history; gives what is to be recorded as
// applied, or refuses. Pure but for the SQL it hands out: it sends nothing.

import { MigrateError } from '../base/errors.ts';
import type { Migration } from '../base/types.ts';
import { entrySql, type NewEntry } from '../ledger/entries.ts';
import { renameTrackedSql, trackSql } from '../ledger/tracking.ts';
import { adoptStatements } from './adopt.ts';
import { historyError, type MigrationState, type MigrationStatus } from './history.ts';
import type { ForeignHistory, Mapping } from './match-foreign.ts';
import { mapHistory } from './match-foreign.ts';
import type { HistoryWork } from './recording.ts';

export interface BaselineItem {
  readonly migration: Migration;
  /** `tracked`: the ledger has it, and only the row in the tracking table is gone. */
  readonly kind: 'baseline' | 'imported' | 'adopted' | 'tracked';
  /** The other tool's record; null for a plain baseline. */
  readonly from: string | null;
  /** The name in the tracking table that is to become ours. */
  readonly trackedAs?: string;
}

const tolerated: ReadonlySet<MigrationState> = new Set(['out of order']);

/**
 * Everything up to the version that is not applied yet. What plain node-pg-migrate applied is adopted with it, and what the
 * ledger alone has is tracked again.
 * @throws MigrateError `history` when something newer is applied than what there is to record, or files and database
 * disagree
 */
export function planBaseline({ history, migrations }: HistoryWork, to: string): BaselineItem[] {
  const untracked = (status: MigrationStatus) =>
    status.state === 'untracked' && status.migration !== null && status.version <= to;
  const problem = historyError(
    history.statuses.filter((status) => !untracked(status)),
    tolerated,
  );
  if (problem !== null) throw problem;
  const applied = new Map(history.applied.map((entry) => [entry.id, entry]));
  const items = migrations
    .filter(({ version }) => version <= to)
    .flatMap((migration): BaselineItem[] => {
      const known = applied.get(migration.id);
      if (known === undefined) return [{ migration, kind: 'baseline', from: null }];
      if (known.entry === null) return [{ migration, kind: 'adopted', from: 'node-pg-migrate' }];
      return known.tracked ? [] : [{ migration, kind: 'tracked', from: 'the ledger' }];
    });
  const beyond = history.applied.filter(({ version }) => version > to);
  if (items.length > 0 && beyond.length > 0) {
    throw new MigrateError('history', `Migrations newer than ${to} are already applied`, {
      problems: beyond.map(({ id }) => id),
      hint: 'Name the newest version that the database has with --to.',
      state: 'Nothing was changed.',
    });
  }
  return items;
}

/**
 * What another tool applied, as our pairs.
 * @throws MigrateError `history` listing everything that does not match
 */
export function planImport(
  { history, migrations }: HistoryWork,
  foreign: ForeignHistory,
  to: string | null,
): BaselineItem[] {
  const renames = foreign.tool === 'node-pg-migrate';
  const recorded = history.applied.filter(({ entry }) => (renames ? entry !== null : true));
  if (recorded.length > 0) {
    throw new MigrateError(
      'history',
      `This database already has a history of this tool: ${recorded.length} applied`,
      {
        problems: recorded.map(({ id }) => id),
        hint: 'An import is for a database that only the other tool has migrated; make migrate-status shows what is recorded.',
        state: 'Nothing was changed.',
      },
    );
  }
  const { pairs, problems } = mapHistory(foreign, migrations, to);
  if (problems.length > 0) throw mismatch(foreign, { pairs, problems });
  return pairs.map(({ label, migration }) => ({
    migration,
    kind: 'imported',
    from: `${foreign.tool}: ${label}`,
    ...(renames ? { trackedAs: label } : {}),
  }));
}

function mismatch({ tool, table }: ForeignHistory, { pairs, problems }: Mapping): MigrateError {
  const matched = pairs.length === 0 ? 'None of it matches' : `${pairs.length} of it match`;
  return new MigrateError(
    'history',
    `The history of ${tool} in ${table} is not the one of these files. ${matched}.`,
    {
      problems,
      hint: 'Name the files and versions so that they correspond, or choose another --to; --dry-run shows the mapping.',
      state: 'Nothing was changed.',
    },
  );
}

/** The SQL that records the items, to be run in one transaction. */
export function baselineStatements(
  context: HistoryWork,
  items: readonly BaselineItem[],
  reason: string | undefined,
): string[] {
  const { config, provenance, history, migrations } = context;
  const tracking = config.trackingTable;
  const own = new Set(items.map(({ migration }) => migration.id));
  const adopted = history.applied.filter(
    ({ id, entry }) => entry === null && !own.has(id) && !items.some(({ trackedAs }) => trackedAs === id),
  );
  const recorded = items.flatMap(({ migration, kind, from, trackedAs }) => {
    if (kind === 'tracked') return [trackSql(tracking, migration.id)];
    const entry: NewEntry = {
      id: migration.id,
      version: migration.version,
      name: migration.name,
      direction: 'up',
      kind,
      upSql: migration.up.text,
      downSql: migration.down.text,
      upChecksum: migration.up.checksum,
      downChecksum: migration.down.checksum,
      durationMs: 0,
      reason: [from, reason].filter(Boolean).join('; '),
    };
    const renamed = trackedAs !== undefined && trackedAs !== migration.id;
    return [
      ...(renamed ? [renameTrackedSql(tracking, trackedAs, migration.id)] : []),
      trackSql(tracking, migration.id),
      entrySql(entry, tracking, provenance),
    ];
  });
  return [...adoptStatements(context, adopted, migrations), ...recorded];
}
