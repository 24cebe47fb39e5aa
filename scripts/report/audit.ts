// Takes lines of the audit log; gives text for people. Pure.
import { formatDuration } from '../base/duration.ts';
import type { AuditRow } from '../ledger/audit.ts';
import { formatTable } from './human.ts';

/** What a run told in the end, its verdict last; of an error the head. */
function said(row: AuditRow | undefined): string[] {
  return (row?.message ?? '').split('\n').slice(0, row?.result === 'ok' ? 5 : 1);
}

/** Newest first, one line each: when, who, what, how it ended; what it said below. */
export function auditLines(rows: readonly AuditRow[]): string[] {
  if (rows.length === 0) return ['The audit log is empty'];
  const table = formatTable(
    rows.map(({ at, actor, gitSha, command, options, result, exitCode, durationMs }) => [
      `  ${at}`,
      result === 'ok' ? 'ok' : `${result} (${exitCode})`,
      `${command} ${options}`.trim(),
      formatDuration(durationMs),
      `by ${actor}${gitSha === null ? '' : ` at ${gitSha.slice(0, 7)}`}`,
    ]),
  );
  return table.flatMap((line, i) => [
    line,
    ...said(rows[i]).map((text) => `      ${text}`),
    ...(rows[i]?.runUrl == null ? [] : [`      ${rows[i]?.runUrl}`]),
  ]);
}
