// baseline: records everything up to a version as applied without running it, or takes over another tool's history.

import { MigrateError } from '../base/errors.ts';
import { type ConfirmFlags, refuseUnconfirmed } from '../config/protection.ts';
import { compareWithFiles } from '../drift/adopted.ts';
import { checkDrift } from '../drift/check.ts';
import { snapshotStatements } from '../drift/snapshot.ts';
import { type BaselineItem, baselineStatements, planBaseline, planImport } from '../history/baseline.ts';
import { refuseHalfDone } from '../history/half-done.ts';
import { foreignTools, readForeignHistory } from '../history/read-foreign.ts';
import { type HistoryWork, withHistory, writeHistory } from '../history/recording.ts';
import { readPlanTarget } from '../plan/target-flags.ts';
import type { Command, CommandResult } from '../report/command.ts';
import { count, formatTable } from '../report/human.ts';

export interface BaselineFlags extends ConfirmFlags {
  readonly to?: string;
  readonly from?: string;
  readonly table?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
}

export const baseline: Command<BaselineFlags> = async (input) => {
  const { config, flags, progress } = input;
  const to = readVersion(flags);
  refuseUnconfirmed(config, flags);
  return withHistory(input, async (context) => {
    refuseHalfDone(context.history.statuses, [], 'a baseline does not finish it');
    const items = await chooseItems(context, flags, to, progress.say);
    for (const line of formatTable(items.map(mappingRow))) progress.say(line);
    if (items.length === 0)
      return result(items, `Nothing to record: everything up to ${to} is applied`, false);
    const found = await compareWithFiles(context, items);
    for (const line of found.lines) progress.say(line);
    const summary = `${count(items.length)} up to ${items.at(-1)?.migration.version}`;
    if (flags.dryRun)
      return result(items, `Would record ${summary} as applied. Nothing was changed.`, false, found.document);
    await writeHistory(context, baselineStatements(context, items, flags.reason), await snapshot(context));
    return result(items, `Recorded ${summary} as applied; nothing was run.`, true, found.document);
  });
};

function readVersion({ to, from, table }: BaselineFlags): string | null {
  if (from !== undefined && !foreignTools.includes(from))
    throw new MigrateError(
      'usage',
      `--from "${from}" is unknown; a right value is one of ${foreignTools.join(', ')}`,
    );
  if (table !== undefined && from === undefined)
    throw new MigrateError('usage', '--table names the table of another tool: give --from too');
  if (to === undefined && from === undefined) {
    throw new MigrateError('usage', 'baseline needs the version up to which the database is migrated', {
      hint: 'make migrate-baseline to=20250117090000, or --from to take over another tool’s history',
    });
  }
  const target = readPlanTarget(to === undefined ? {} : { to }, false);
  return target.kind === 'version' ? target.version : null;
}

/** The schema as it is found is what later runs are compared with, unless a run left a snapshot already. */
async function snapshot({ session, config, history }: HistoryWork): Promise<string[]> {
  const { state, options } = await checkDrift(session, config, history);
  return state === 'unknown' ? snapshotStatements(config, options) : [];
}

async function chooseItems(
  context: HistoryWork,
  { from, table }: BaselineFlags,
  to: string | null,
  say: (line: string) => void,
): Promise<BaselineItem[]> {
  const { session, config, migrations } = context;
  if (to !== null && !migrations.some(({ version }) => version === to)) {
    throw new MigrateError('usage', `There is no migration with version ${to}`, {
      hint: 'A baseline ends at a migration that is on disk; make migrate-status lists them.',
    });
  }
  if (from === undefined) return planBaseline(context, to ?? '');
  const foreign = await readForeignHistory(session, from, table, config.trackingTable);
  say(`History of ${from} in ${foreign.table}:`);
  for (const note of foreign.notes) say(`  note: ${note}`);
  return planImport(context, foreign, to);
}

function mappingRow({ migration, kind, from }: BaselineItem): string[] {
  return [`  ${from ?? kind}`, '→', migration.id];
}

function result(
  items: readonly BaselineItem[],
  line: string,
  wrote: boolean,
  compared: Readonly<Record<string, unknown>> = {},
): CommandResult {
  const recorded = items.map(({ migration: { version, name }, kind, from }) => ({
    version,
    name,
    kind,
    from,
  }));
  return { document: { recorded, written: wrote, ...compared }, lines: [line], wrote };
}
