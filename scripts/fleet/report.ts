// Takes how the targets of a run ended; gives what people read of three, and of three thousand. Pure.
import { formatDuration } from '../base/duration.ts';
import { exitCodes } from '../base/errors.ts';
import { visible } from '../base/foreign-text.ts';
import { formatTable } from '../report/human.ts';

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

/** The table at the end: everything that is not fine, and a count of the rest. */
export function fleetLines(ends: readonly TargetEnd[], durationMs: number): string[] {
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
    ...(left.length === 0 ? [] : [`Not begun: ${shownLeft.join(', ')}${more}`]),
    `${counted(ends.length)}: ${counts.join(', ')}, in ${formatDuration(durationMs)}.`,
  ];
}

/** "120 done, 1 failed, 179 left, about 12 s" */
export function progressLine(done: number, failed: number, total: number, elapsedMs: number): string {
  const left = total - done;
  const rest = done === 0 ? '' : `, about ${formatDuration((elapsedMs / done) * left)}`;
  return `  ${done} of ${total} done, ${failed} failed, ${left} left${left === 0 ? '' : rest}`;
}

function counted(count: number): string {
  return count === 1 ? 'One database' : `${count.toLocaleString('en')} databases`;
}
