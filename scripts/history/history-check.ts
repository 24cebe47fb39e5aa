// Takes a session and the migrations on disk; gives the history, read and found in order, or refuses.
// The reading is here, the judging in history.ts.

import { formatBytes } from '../base/size.ts';
import type { AppliedMigration, LedgerEntry, Migration } from '../base/types.ts';
import { unifiedDiff } from '../base/unified-diff.ts';
import { refuseOtherEnvironment } from '../config/binding.ts';
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import type { MigrationList } from '../files/directory.ts';
import { longestKeptUp, readTexts } from '../ledger/entries.ts';
import { askForDigest, expectedHistory, type HistoryDigest } from '../ledger/history-digest.ts';
import { readJournal } from '../ledger/journal.ts';
import { type History, type LedgerState, readHistory } from '../ledger/ledger.ts';
import {
  classify,
  classifyPrefix,
  type HistoryOptions,
  type MigrationState,
  type MigrationStatus,
  refuseBrokenHistory,
} from './history.ts';

export interface CheckedHistory extends History {
  readonly statuses: readonly MigrationStatus[];
  /** Tracked migrations that no ledger knows: node-pg-migrate ran here before this tool. */
  readonly adoptable: boolean;
}

/**
 * @throws MigrateError `refused` when the database is stamped as another environment, `history` for every disagreement
 * that is not tolerated
 */
export async function readChecked(
  session: Session,
  config: Config,
  state: LedgerState,
  migrations: readonly Migration[],
  tolerated: ReadonlySet<MigrationState>,
): Promise<CheckedHistory> {
  const checked = await readClassified(session, config, state, migrations);
  refuseBrokenHistory(checked.statuses, tolerated);
  return checked;
}

/** What is on its way: the digest where it may do, the rows where they are needed in any case. */
export interface AskedHistory {
  readonly digest: Promise<HistoryDigest> | null;
  readonly rows: Promise<History> | null;
}

/**
 * Asks for the history now, so that the server works while the list of files is made.
 * @param forward when nothing is to be reverted: then an unchanged history need not be read row by row
 */
export function askForHistory(
  session: Session,
  config: Config,
  state: LedgerState,
  files: MigrationList,
  forward: boolean,
): AskedHistory {
  const digest = forward ? askForDigest(session, config, state, files) : null;
  const rows = digest === null ? readHistory(session, config, state) : null;
  // Told where it is awaited.
  rows?.catch(() => undefined);
  return { digest, rows };
}

/**
 * As `readChecked`, but tells of disagreements instead of refusing; another environment is refused all the same.
 * @param asked the answer of `askForHistory`, where it was called
 * @throws MigrateError `refused` (another environment), `connection`, `locked`
 */
export async function readClassified(
  session: Session,
  config: Config,
  state: LedgerState,
  migrations: readonly Migration[],
  { digest, rows }: AskedHistory = { digest: null, rows: null },
): Promise<CheckedHistory> {
  const expected = digest === null ? null : expectedHistory(await digest, state, migrations);
  const history = expected ?? (await (rows ?? readHistory(session, config, state)));
  refuseOtherEnvironment(config, history.environment);
  const adoptable = history.applied.length > 0 && history.applied.every(({ entry }) => entry === null);
  if (expected !== null)
    return { ...history, statuses: classifyPrefix(migrations, history.applied), adoptable };
  const found = await compareTexts(session, migrations, history.applied);
  const renamedHalf = await findRenamedHalf(session, config, migrations, history);
  const statuses = classify(migrations, history.applied, { ...found, renamedHalf }, history.halfDone);
  return { ...history, statuses, adoptable };
}

/** Half-applied migrations whose files are gone, each with the one pending file that begins with what it ran. */
async function findRenamedHalf(
  session: Session,
  config: Config,
  migrations: readonly Migration[],
  { applied, halfDone }: History,
): Promise<ReadonlyMap<string, string>> {
  const onDisk = new Set(migrations.map(({ id }) => id));
  const gone = halfDone.filter(({ id, direction }) => direction === 'up' && !onDisk.has(id));
  const found = new Map<string, string>();
  if (gone.length === 0) return found;
  const [{ loadComparison }, { loadParser }] = await Promise.all([
    import('../files/equivalent-sql.ts'),
    import('../files/statements.ts'),
  ]);
  const [same, parse] = await Promise.all([loadComparison(session.major), loadParser(session.major)]);
  const taken = new Set([...applied, ...halfDone].map(({ id }) => id));
  const unapplied = migrations.filter(({ id }) => !taken.has(id));
  for (const { id } of gone) {
    const journal = await readJournal(session, config.trackingTable, id, 'up');
    const twins = unapplied.filter(({ up }) => {
      const parsed = parse(up.text);
      const texts = parsed.ok === true ? parsed.statements.map(({ text }) => text) : [];
      return journal.every(({ statement, sql }) => same(texts[statement - 1] ?? '', sql));
    });
    if (twins.length === 1 && twins[0] !== undefined) found.set(id, twins[0].id);
  }
  return found;
}

/** A file whose checksum is not the recorded one. */
interface Suspect {
  readonly migration: Migration;
  readonly entry: LedgerEntry;
}

const nothingFound: HistoryOptions = { modified: new Map(), downModified: new Map(), renamed: new Map() };

/** Texts are fetched and parsed only where checksums differ: comments and white space may change freely. */
async function compareTexts(
  session: Session,
  migrations: readonly Migration[],
  applied: readonly AppliedMigration[],
): Promise<HistoryOptions> {
  const entries = new Map(applied.flatMap(({ id, entry }) => (entry === null ? [] : [[id, entry] as const])));
  const suspects = migrations.flatMap((migration): Suspect[] => {
    const entry = entries.get(migration.id);
    return entry !== undefined && differs(migration, entry) ? [{ migration, entry }] : [];
  });
  const onDisk = new Set(migrations.map(({ id }) => id));
  const done = new Set(applied.map(({ id }) => id));
  const gone = applied.filter(({ id, entry }) => entry !== null && !onDisk.has(id));
  const unapplied = migrations.filter(({ id }) => !done.has(id));
  const mayBeRenamed = gone.length > 0 && unapplied.length > 0;
  if (suspects.length === 0 && !mayBeRenamed) return nothingFound;
  const { loadComparison } = await import('../files/equivalent-sql.ts');
  const same = await loadComparison(session.major);
  const wanted = [...suspects, ...(mayBeRenamed ? gone : [])].map(({ entry }) => entry?.seq ?? 0);
  const texts = await readTexts(session, wanted);
  const upOf = (entry: LedgerEntry | null) => texts.get(entry?.seq ?? 0)?.up ?? null;
  const renamed = gone.flatMap(({ id, entry }) => {
    const ran = upOf(entry);
    const twins = unapplied.filter(({ up }) =>
      ran === null ? entry?.upSize != null && entry.upChecksum === up.checksum : same(ran, up.text),
    );
    return twins.length === 1 && twins[0] !== undefined ? [[id, twins[0].id] as const] : [];
  });
  return { ...(await diffsOf(suspects, texts, same)), renamed: new Map(renamed) };
}

function differs({ up, down }: Migration, { upChecksum, downChecksum }: LedgerEntry): boolean {
  return (
    (upChecksum !== null && upChecksum !== up.checksum) ||
    (downChecksum !== null && downChecksum !== down.checksum)
  );
}

async function diffsOf(
  suspects: readonly Suspect[],
  texts: Awaited<ReturnType<typeof readTexts>>,
  same: (a: string, b: string) => boolean,
): Promise<Pick<HistoryOptions, 'modified' | 'downModified'>> {
  const modified = new Map<string, string>();
  const downModified = new Map<string, string>();
  for (const { migration, entry } of suspects) {
    const ran = texts.get(entry.seq);
    for (const [direction, found] of [
      ['up', modified],
      ['down', downModified],
    ] as const) {
      const { text, path, checksum } = migration[direction];
      const before = ran?.[direction] ?? null;
      if (direction === 'up' && before === null && entry.upSize !== null && entry.upChecksum !== checksum)
        found.set(migration.id, unkeptDiff(entry, path, text, checksum));
      if (before === null || same(before, text)) continue;
      found.set(migration.id, await unifiedDiff(before, text, path));
    }
  }
  return { modified, downModified };
}

/** In place of a diff. Without the text nobody can tell a change in comments from another, so that both count. */
function unkeptDiff(
  { upSize, upChecksum }: LedgerEntry,
  path: string,
  text: string,
  checksum: string,
): string {
  const side = (size: number, sum: string | null) =>
    `${formatBytes(size)}, sha256 ${(sum ?? 'unknown').slice(0, 16)}…`;
  return [
    `--- ${path} as it ran: ${side(upSize ?? 0, upChecksum)}`,
    `+++ ${path} on disk: ${side(Buffer.byteLength(text), checksum)}`,
    `of a text above ${formatBytes(longestKeptUp)} the ledger keeps checksum and size, so that the lines that differ are not known`,
  ].join('\n');
}
