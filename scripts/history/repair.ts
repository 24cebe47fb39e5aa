// Takes what the user named to be repaired and the history as it is; gives the repairs with their SQL, or refuses what
// there is nothing to repair about. Pure: it sends nothing, and it never guesses.

import { MigrateError } from '../base/errors.ts';
import type { Direction } from '../base/types.ts';
import { checksum } from '../files/decode.ts';
import { entrySql, type LedgerTexts, type NewEntry } from '../ledger/entries.ts';
import { clearSql, type JournalTexts } from '../ledger/journal.ts';
import { trackSql, untrackSql } from '../ledger/tracking.ts';
import { adoptStatements } from './adopt.ts';
import type { MigrationStatus } from './history.ts';
import type { HistoryWork } from './recording.ts';

export interface RepairFlags {
  readonly accept?: readonly string[];
  readonly acceptDown?: readonly string[];
  readonly forget?: readonly string[];
  /** Version and state by turns. */
  readonly record?: readonly string[];
  readonly resolve?: readonly string[];
  readonly reason?: string;
}

type Action = 'accept' | 'accept-down' | 'forget' | 'applied' | 'pending';

export interface Repair {
  readonly status: MigrationStatus;
  readonly actions: readonly Action[];
}

/** One migration named on the command line. */
interface Named {
  readonly option: string;
  readonly version: string;
  readonly action: Action;
}

/** @throws MigrateError `usage` for an option without a state, or when nothing is named, or no reason is given */
export function readNamed(flags: RepairFlags): readonly Named[] {
  const plain = (option: string, action: Action, versions: readonly string[] = []) =>
    versions.map((version): Named => ({ option: `--${option}`, version, action }));
  const named = [
    ...plain('accept', 'accept', flags.accept),
    ...plain('accept-down', 'accept-down', flags.acceptDown),
    ...plain('forget', 'forget', flags.forget),
    ...withStates('--record', flags.record),
    ...withStates('--resolve', flags.resolve),
  ];
  if (named.length === 0) {
    throw new MigrateError('usage', 'Name what to repair: nothing is repaired by guessing', {
      hint: 'make migrate-status shows each problem with its remedy; npm run migrate:repair -- --help lists the options.',
    });
  }
  if ((flags.reason ?? '').trim() === '')
    throw new MigrateError('usage', 'A repair is recorded with its reason: give --reason "…"');
  return named;
}

/** `<version> <state>` as two words, or as one with `=` between. */
function withStates(option: string, given: readonly string[] = []): Named[] {
  const words = given.flatMap((word) => word.split('='));
  const named: Named[] = [];
  for (let i = 0; i < words.length; i += 2) {
    const [version = '', state] = words.slice(i, i + 2);
    if (state !== 'applied' && state !== 'pending') {
      throw new MigrateError(
        'usage',
        `${option} ${version} needs a state; a right value is ${option} 20250117090000 applied (or pending)`,
      );
    }
    named.push({ option, version, action: state });
  }
  return named;
}

/** @throws MigrateError `usage` listing every named migration that the option does not fit */
export function planRepairs(named: readonly Named[], statuses: readonly MigrationStatus[]): Repair[] {
  const repairs = new Map<string, Repair>();
  const problems: string[] = [];
  for (const wish of named) {
    const status = find(statuses, wish);
    const complaint = status === undefined ? 'there is no such migration' : misfit(wish, status);
    if (status === undefined || complaint !== null) {
      problems.push(`${wish.option} ${wish.version}: ${complaint}`);
      continue;
    }
    const actions = [...(repairs.get(status.id)?.actions ?? []), wish.action];
    if (actions.length > 1 && !actions.every((action) => action.startsWith('accept')))
      problems.push(`${wish.option} ${wish.version}: it is named twice`);
    repairs.set(status.id, { status, actions });
  }
  if (problems.length > 0) {
    throw new MigrateError('usage', 'Not everything that was named can be repaired so', {
      problems,
      hint: 'make migrate-status shows each problem with its remedy.',
      state: 'Nothing was changed.',
    });
  }
  return [...repairs.values()];
}

/** By version or by id; of two that share a version, the one that the option can be about. */
function find(
  statuses: readonly MigrationStatus[],
  { option, version, action }: Named,
): MigrationStatus | undefined {
  const matching = statuses.filter(({ id, version: own }) => id === version || own === version);
  const half = matching.find((status) => status.half !== null);
  if (option === '--resolve' && half !== undefined) return half;
  const onDisk = matching.find(({ migration }) => migration !== null);
  const gone = matching.find(({ migration }) => migration === null);
  return action === 'forget' ? (gone ?? onDisk) : (onDisk ?? gone);
}

/** Why the option does not fit, or null. */
function misfit(
  { option, action }: Named,
  { id, state, migration, applied, half, diffs }: MigrationStatus,
): string | null {
  if (option === '--resolve')
    return half !== null ? null : `${id} is not half done; --record says what is applied`;
  if (half !== null && action === 'forget' && migration === null) return null;
  if (half !== null)
    return `${id} is half done: settle it by hand, then --resolve ${id} applied (or pending)`;
  switch (action) {
    case 'accept':
      return state === 'modified' ? null : `its up text is what was applied (${state})`;
    case 'accept-down':
      return downDiffers(diffs) ? null : `its down text is what was recorded (${state})`;
    case 'forget':
      if (applied === null) return 'it is not recorded as applied';
      return migration === null
        ? null
        : `${id} is on disk; --record ${id} pending says that it is not applied`;
    case 'applied':
      return applied?.tracked && state !== 'unrecorded' ? 'it is already recorded as applied' : null;
    case 'pending':
      return applied === null ? 'it is already pending' : null;
  }
}

function downDiffers(diffs: readonly string[]): boolean {
  return diffs.some((diff) => /^\+\+\+ .*\.down\.sql$/m.test(diff));
}

/** What a repair will do, in one line. */
export function describeRepair({ status: { id }, actions }: Repair): string {
  const [action] = actions;
  if (actions.length > 1) return `accept ${id}: the ledger takes both texts from the files; nothing is run`;
  const effects: Record<Action, string> = {
    accept: `accept ${id}: the ledger takes the up text from the file; nothing is run`,
    'accept-down': `accept ${id}: the ledger takes the down text from the file; nothing is run`,
    forget: `forget ${id}: its records go, what it did to the schema stays`,
    applied: `record ${id} as applied; nothing is run`,
    pending: `record ${id} as pending: the next up runs it; nothing is reverted`,
  };
  return effects[action ?? 'accept'];
}

/** What is known of the migrations to be repaired besides their files. */
export interface KnownTexts {
  /** Of the entries that count, by sequence number. */
  readonly entries: LedgerTexts;
  /** Of half-done migrations whose files may be gone, by id: what their journal keeps. */
  readonly journal: ReadonlyMap<string, JournalTexts>;
}

/** True where a person says what the schema is now: then it is what later runs compare with. */
export function settlesSchema(repairs: readonly Repair[]): boolean {
  return repairs.some(({ actions }) => actions.includes('applied') || actions.includes('pending'));
}

/** The SQL of all repairs, to be run in one transaction. */
export function repairStatements(
  context: HistoryWork,
  repairs: readonly Repair[],
  texts: KnownTexts,
  reason: string,
): string[] {
  const { config, provenance, history, migrations } = context;
  const tracking = config.trackingTable;
  const touched = new Set(repairs.map(({ status }) => status.id));
  // With a first entry the ledger counts as in use, so what node-pg-migrate applied before must be in it too.
  const rest = history.adoptable ? history.applied.filter(({ id }) => !touched.has(id)) : [];
  const own = repairs.flatMap((repair) => {
    const { id } = repair.status;
    const entry = entryOf(repair, texts, reason);
    return [
      entry.direction === 'up' ? trackSql(tracking, id) : untrackSql(tracking, id),
      entrySql(entry, tracking, provenance),
      ...(history.hasJournal
        ? (['up', 'down'] as const).map((direction) => clearSql(tracking, id, direction))
        : []),
    ];
  });
  return [...adoptStatements(context, rest, migrations), ...own];
}

function withChecksum(text: string | null | undefined): { text: string; checksum: string } | undefined {
  return text == null ? undefined : { text, checksum: checksum(text) };
}

function entryOf({ status, actions }: Repair, texts: KnownTexts, reason: string): NewEntry {
  const { id, version, name, migration, applied } = status;
  const recorded = applied?.entry ?? null;
  const kept = recorded === null ? undefined : texts.entries.get(recorded.seq);
  const journal = texts.journal.get(id);
  const back = actions.includes('forget') || actions.includes('pending');
  const side = (direction: Direction, accepted: boolean) => {
    // What ran stays what ran, unless the file's text is what the user accepts.
    const fromFile = accepted || recorded === null;
    const file = migration?.[direction] ?? withChecksum(journal?.[direction]);
    return fromFile
      ? { sql: file?.text ?? null, checksum: file?.checksum ?? null }
      : { sql: kept?.[direction] ?? null, checksum: recorded[`${direction}Checksum`] };
  };
  const up = side('up', actions.includes('accept'));
  const down = side('down', actions.includes('accept-down'));
  return {
    id,
    version,
    name,
    direction: back ? 'down' : 'up',
    kind: 'repaired',
    upSql: up.sql,
    upSize: recorded?.upSize ?? null,
    downSql: down.sql,
    upChecksum: up.checksum,
    downChecksum: down.checksum,
    durationMs: 0,
    reason,
  };
}
