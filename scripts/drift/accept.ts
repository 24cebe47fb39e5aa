// Takes a database whose schema differs from what the last run left behind; records today's schema as right.

import { type HistoryWork, writeHistory } from '../history/recording.ts';
import type { CommandResult } from '../report/command.ts';
import { count } from '../report/human.ts';
import { checkDrift, type DriftCheck } from './check.ts';
import { readLiveFingerprint } from './live.ts';
import { differenceLines, driftJson } from './report.ts';
import { snapshotStatements } from './snapshot.ts';

/**
 * The lines go to the audit log, which is why they hold what was accepted, and why.
 * @throws MigrateError `connection`, `locked`, `refused`
 */
export async function acceptDrift(context: HistoryWork, reason: string): Promise<CommandResult> {
  const { session, config, history } = context;
  const check = await checkDrift(session, config, history);
  const known = check.state === 'none' && check.differences.length === 0;
  if (known || (check.state === 'unknown' && history.applied.length === 0))
    return result(check, ['Nothing to accept: the schema is what the last run left behind'], false, null);
  await writeHistory(context, snapshotStatements(config, check.options));
  const what =
    check.state === 'unknown'
      ? `the schema as it is (${check.reason})`
      : count(check.differences.length, 'difference');
  const fingerprint = await readLiveFingerprint(session, check.options);
  return result(
    check,
    [`Accepted ${what}: ${reason}`, ...differenceLines(check.differences, false).map((line) => `  ${line}`)],
    true,
    fingerprint,
  );
}

function result(
  check: DriftCheck,
  lines: readonly string[],
  wrote: boolean,
  fingerprint: string | null,
): CommandResult {
  return { document: { ...driftJson(check), accepted: wrote, fingerprint }, lines, wrote };
}
