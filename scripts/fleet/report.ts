// Takes how the targets of a run ended; gives what people read of three, and of three thousand. Pure.

import { formatDuration } from '../base/duration.ts';
import { exitCodes, MigrateError } from '../base/errors.ts';
import { visible } from '../base/foreign-text.ts';
import { formatCount } from '../base/size.ts';
import type { Failure } from '../report/command.ts';
import { formatError, formatTable, type Style } from '../report/human.ts';

/** One target's end; `exitCode` null where it was not begun. */
export interface TargetEnd {
  readonly name: string;
  readonly exitCode: number | null;
  /** One line: the verdict, or what went wrong. */
  readonly line: string;
  readonly durationMs: number;
  /** The document that the command prints for it with --json. */
  readonly document: Readonly<Record<string, unknown>> | null;
}

/** From the worst to the best; what is not here is worse than all. */
const ranking: readonly number[] = [
  exitCodes.bug,
  exitCodes.terminated,
  exitCodes.interrupted,
  exitCodes['migration-failed'],
  exitCodes.history,
  exitCodes.drift,
  exitCodes.refused,
  exitCodes.connection,
  exitCodes.locked,
  exitCodes.usage,
  exitCodes.findings,
  exitCodes.pending,
  exitCodes.ok,
];

/** The exit code of the worst; targets that were not begun do not count, for something else kept them from it. */
export function worstOf(ends: readonly TargetEnd[]): number {
  const codes = ends.flatMap(({ exitCode }) => (exitCode === null ? [] : [exitCode]));
  return codes.sort((a, b) => ranking.indexOf(a) - ranking.indexOf(b))[0] ?? exitCodes.ok;
}

/** So many targets are listed one by one; of more, only those that are not fine. */
export const fewTargets = 20;

/** The table at the end: everything that is not fine, and a count of the rest. `why` some were not begun. */
export function fleetLines(ends: readonly TargetEnd[], durationMs: number, why = ''): string[] {
  const bad = ends.filter(({ exitCode }) => exitCode !== exitCodes.ok && exitCode !== null);
  const left = ends.filter(({ exitCode }) => exitCode === null);
  const pending = bad.filter(({ exitCode }) => exitCode === exitCodes.pending).length;
  const fine = ends.length - bad.length - left.length;
  const counts = [
    `${fine} fine`,
    ...(pending === 0 ? [] : [`${pending} pending`]),
    `${bad.length - pending} failed`,
    `${left.length} not begun`,
  ];
  const rows = bad.map(({ name, exitCode, line }) => [visible(name), `exit ${exitCode}`, line]);
  const shownLeft = left.slice(0, fewTargets).map(({ name }) => visible(name));
  const more = left.length > fewTargets ? ` and ${left.length - fewTargets} more` : '';
  return [
    ...(rows.length === 0 ? [] : formatTable(rows)),
    ...(left.length === 0
      ? []
      : [`Not begun${why === '' ? '' : ` (${why})`}: ${shownLeft.join(', ')}${more}`]),
    `${counted(ends.length)}: ${counts.join(', ')}, in ${formatDuration(durationMs)}.`,
  ];
}

/** So many kinds of failure are told whole; what happened on each database stands in the table. */
const fewKinds = 5;

/** The first failure of each kind as a run on one database tells it: where, what state, what to type next. */
export function failureLines(failures: readonly Failure[], style: Style): string[] {
  if (failures.length === 0) return [];
  const left = failures.length - fewKinds;
  return [
    ...failures
      .slice(0, fewKinds)
      .flatMap(({ name, error, more }) => [
        `${style.bold(visible(name))}${more === 0 ? '' : `, and ${more} more in the same way`}:`,
        error instanceof MigrateError ? formatError(error, style) : `bug: ${(error as Error).message}`,
        '',
      ]),
    ...(left > 0 ? [`${left} other kinds of failure stand in the table alone.`] : []),
    'A command that is named for one database is run on it alone: DATABASE_URL=<its URL in the list>. Then the same command again does what is left.',
    '',
  ];
}

export interface FleetProgress {
  readonly done: number;
  readonly failed: number;
  readonly total: number;
  readonly underWay: ReadonlySet<string>;
}

/** So many databases under way are named: those that take long are among them. */
const fewUnderWay = 4;

/** "120 of 300 done, 1 failed, 180 left, about 12 s; under way: shop_121, shop_122" */
export function progressLine({ done, failed, total, underWay }: FleetProgress, elapsedMs: number): string {
  const left = total - done;
  const rest = done === 0 || left === 0 ? '' : `, about ${formatDuration((elapsedMs / done) * left)}`;
  const named = [...underWay].slice(0, fewUnderWay).join(', ');
  const more = underWay.size > fewUnderWay ? ` and ${underWay.size - fewUnderWay} more` : '';
  const now = underWay.size === 0 ? '' : `; under way: ${visible(named)}${more}`;
  return `  ${done} of ${total} done, ${failed} failed, ${left} left${rest}${now}`;
}

function counted(count: number): string {
  return count === 1 ? 'One database' : `${formatCount(count)} databases`;
}
