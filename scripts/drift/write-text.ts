// Takes what a change made by hand comes to as SQL; gives the two files of its migration. Pure.
import { sqlComment } from '../base/foreign-text.ts';
import { type Difference, describeDifference } from '../schema/change/diff.ts';
import type { Transition } from '../schema/change/transition.ts';
import type { DriftCheck } from './check.ts';
import type { Proof } from './proof.ts';

export interface Pair {
  readonly up: string;
  readonly down: string;
  /** False where a person must go on; then neither file runs. */
  readonly finished: boolean;
}

export function pairText(check: DriftCheck, up: Transition, down: Transition, proof: Proof | null): Pair {
  const listed = check.differences.map((difference) => `  ${describeDifference(difference)}`).join('\n');
  // A file with a CR in it is refused: it would end a comment for PostgreSQL alone.
  const unwritable = [...up.statements, ...down.statements].filter((sql) => sql.includes('\r'));
  const finished =
    up.unfinished.length + down.unfinished.length + unwritable.length === 0 && proof?.state !== 'failed';
  const problems = proof?.state === 'failed' ? proof.problems : [];
  const text = (title: string, { statements, unfinished }: Transition) =>
    `${[
      sqlComment(`${title}\n${listed}`),
      ...(finished ? [] : [unfinishedText(unfinished, problems)]),
      ...statements.map((sql) => (sql.includes('\r') ? sqlComment(`holds a carriage return:\n${sql}`) : sql)),
    ].join('\n\n')}\n`;
  return {
    up: text('A change that was made by hand, for the other environments:', up),
    down: text('Takes back what was made by hand:', down),
    finished,
  };
}

/** The statement keeps a half-written file from running anywhere. */
function unfinishedText(unfinished: readonly Difference[], problems: readonly string[]): string {
  const definitions = unfinished.map((difference) =>
    [
      describeDifference(difference),
      `  expected: ${difference.expected?.replaceAll('\n', '\n    ') ?? 'not there'}`,
      `  actual: ${difference.actual?.replaceAll('\n', '\n    ') ?? 'not there'}`,
    ].join('\n'),
  );
  return [
    sqlComment(
      [
        'UNFINISHED: a person must write what stands here as comments, then delete this block.',
        ...problems.map((problem) => `Tried on a scratch database: ${problem}`),
        ...definitions,
      ].join('\n'),
    ),
    "DO $$ BEGIN RAISE EXCEPTION 'this migration is not finished: read its comments'; END $$;",
  ].join('\n');
}
