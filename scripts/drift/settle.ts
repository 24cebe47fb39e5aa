// Takes a drift check that came to no verdict because a run was cut off, or the server upgraded; finds one by building, on a
// scratch database, what is applied and what ran of a half-done migration. What neither that nor the snapshot before explains is listed.
import { isInterruption, MigrateError } from '../base/errors.ts';
import type { Migration } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import { type ConfirmFlags, isProtected } from '../config/protection.ts';
import type { Session } from '../connection/session.ts';
import { appliedMigrations } from '../history/applied-texts.ts';
import type { CheckedHistory } from '../history/history-check.ts';
import { type JournalRow, readJournal } from '../ledger/journal.ts';
import { parseObjects, storedObjectsSql } from '../ledger/snapshot.ts';
import type { Progress } from '../report/command.ts';
import { type Difference, differenceKey, diffObjects, foldDifferences } from '../schema/change/diff.ts';
import { parseDefinition } from '../schema/definition.ts';
import type { Query } from '../schema/types.ts';
import type { DriftCheck } from './check.ts';
import { compareSchemas } from './compare.ts';
import { stillCompared } from './filter.ts';
import { queryOf, readLiveObjects } from './live.ts';
import { portable } from './options.ts';
import { countDiffering, differenceLines, driftVerdict } from './report.ts';
import { forServer, withMigrated } from './scratch.ts';

export interface Unsettled {
  readonly session: Session;
  readonly config: Config;
  readonly migrations: readonly Migration[];
  readonly history: CheckedHistory;
  readonly drift: DriftCheck;
}

/**
 * @param confirm the environment, where a person has named it: then what is not explained may be recorded as right
 * @returns the check, with `none` where everything is explained; else as it was, after saying what is to be accepted
 * @throws MigrateError `refused` in a protected environment that was not confirmed
 */
export async function settleDrift(
  found: Unsettled,
  progress: Progress,
  { confirm }: ConfirmFlags,
): Promise<DriftCheck> {
  const { drift, config, history } = found;
  const ran = history.halfDone.length > 0 || history.applied.some(({ entry }) => entry !== null);
  if (drift.state !== 'unknown' || !ran) return drift;
  // A run on many databases shows of each only what it warns of.
  const say = config.shared === undefined ? progress.say : progress.warn;
  // Of many databases each would be built.
  const isLookedInto = drift.cutOff || (drift.upgraded && config.shared === undefined);
  const changed = isLookedInto ? await changedSinceSnapshot(found) : [];
  const { unexplained, by } = isLookedInto ? await explain(found, changed) : { unexplained: [], by: null };
  if (by === null && !drift.cutOff) {
    say(`${driftVerdict(drift)}; going on`);
    return drift;
  }
  if (unexplained.length === 0 && by !== null) {
    progress.say(`Drift: none. ${drift.reason}; what is there is what the migrations build (${by})`);
    return { ...drift, state: 'none', reason: null };
  }
  const listed = differenceLines(foldDifferences(unexplained), config.verbose);
  const what = by === null ? 'since the last look' : 'from what the migrations build';
  const message = `Nobody can tell whether the schema is right: ${drift.reason}. ${countDiffering(foldDifferences(unexplained).length)} ${what}`;
  // After an upgrade what was accepted before may only be printed otherwise: that stops nobody.
  if (listed.length > 0 && drift.cutOff && isProtected(config, config.environmentName))
    refuseUnsettled(config, message, listed, confirm);
  say(`${message}${listed.length === 0 ? '' : ':'}`);
  for (const line of listed) say(`  ${line}`);
  say('Going on; the schema is recorded as right as it is');
  return drift;
}

function refuseUnsettled(
  { environmentName: name, command }: Config,
  message: string,
  problems: readonly string[],
  confirm: string | undefined,
): void {
  if (confirm === name) return;
  throw new MigrateError('refused', `${message}; ${name} is protected`, {
    problems,
    hint: `If this is right as it is: npm run migrate -- ${command} … --confirm ${name} (with make: confirm=${name}), and the run records it so.`,
    state: 'Nothing was changed.',
  });
}

/** Against the run before the one that was cut off; everything, where none took a snapshot. */
async function changedSinceSnapshot({ session, drift }: Unsettled): Promise<readonly Difference[]> {
  const rows = await session.query<{ class: string; objects: string }>(storedObjectsSql());
  const options = portable(drift.options);
  const live = await readLiveObjects(session, options);
  const isCompared = stillCompared(live, options);
  return diffObjects(parseObjects(rows), live).filter(
    (difference) => difference.severity === 'drift' && isCompared(difference),
  );
}

interface Explanation {
  readonly unexplained: readonly Difference[];
  /** What the verdict stands on; null where nothing could be built. */
  readonly by: string | null;
}

async function explain(found: Unsettled, changed: readonly Difference[]): Promise<Explanation> {
  const { session, config, migrations, history, drift } = found;
  const applied = await appliedMigrations(session, migrations, history.applied);
  if (applied === null) return { unexplained: changed, by: null };
  const journals = await Promise.all(
    history.halfDone.map(({ id, direction }) => readJournal(session, config.trackingTable, id, direction)),
  );
  const built = <Result>(ran: readonly Migration[], work: (scratch: Query) => Promise<Result>) =>
    withMigrated(forServer(config, session.major), ran, work);
  const compare = async (scratch: Query) => {
    const differences = await compareSchemas(scratch, queryOf(session), drift.options);
    return differences.filter((each) => each.severity === 'drift' && !isInvalidIndex(each));
  };
  const isNew = isAmong(changed);
  try {
    const all = await built(applied, async (scratch) => {
      await runRows(
        scratch,
        journals.flat().filter(({ done }) => done),
      );
      const differences = await compare(scratch);
      const begun = journals.flat().filter(({ done }) => !done);
      if (differences.length === 0 || begun.length === 0) return differences;
      // Of the statement that was under way, all may have happened or nothing.
      await runRows(scratch, begun).catch(() => undefined);
      return differences.filter(isAmong(await compare(scratch)));
    });
    if (all.every(isNew) || !drift.cutOff) return { unexplained: all.filter(isNew), by: onScratch };
    // As it was before the run that was cut off, and not as that run left it: somebody took it back.
    const wasSo = await built(await appliedBefore(found, applied), compare);
    const isOld = isAmong(wasSo);
    return { unexplained: all.filter((each) => isNew(each) || !isOld(each)), by: onScratch };
  } catch (error) {
    if (isInterruption(error)) throw error;
    return { unexplained: changed, by: null };
  }
}

const onScratch = 'built on a scratch database';

function isAmong(differences: readonly Difference[]): (difference: Difference) => boolean {
  const keys = new Set(differences.map(differenceKey));
  return (difference) => keys.has(differenceKey(difference));
}

/** Those that had run when the stored snapshot was taken. */
async function appliedBefore(
  { session, history }: Unsettled,
  applied: readonly Migration[],
): Promise<readonly Migration[]> {
  const [row] = await session.query<{ seq: number | null }>(
    'SELECT seq::float8 AS seq FROM migration_ledger.snapshot',
  );
  const since = history.applied.filter(({ entry }) => (entry?.seq ?? 0) > (row?.seq ?? 0));
  const ids = new Set(since.map(({ id }) => id));
  return applied.filter(({ id }) => !ids.has(id));
}

async function runRows(scratch: Query, rows: readonly JournalRow[]): Promise<void> {
  for (const { sql } of rows) await scratch(sql);
  await scratch('RESET SESSION AUTHORIZATION');
  await scratch('RESET ROLE');
  await scratch('RESET ALL');
}

/** What a concurrent build leaves that was cut off; the run drops it before it builds again. */
function isInvalidIndex({ kind, actual }: Difference): boolean {
  return kind === 'index' && actual !== null && parseDefinition(actual).has('invalid');
}
