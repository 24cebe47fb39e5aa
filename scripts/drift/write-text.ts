// Takes what a change made by hand comes to as SQL; gives the two files of its migration. Pure.
import { sqlComment } from '../base/foreign-text.ts';
import type { Direction } from '../base/types.ts';
import type { Undecided } from '../schema/change/change.ts';
import { type Difference, describeDifference } from '../schema/change/diff.ts';
import type { Likeness } from '../schema/change/likeness-pairs.ts';
import type { DriftCheck } from './check.ts';
import type { Proof } from './proof.ts';
import type { Way, Ways } from './way.ts';

export interface Pair {
  readonly up: string;
  readonly down: string;
  /** False where a person must go on; then neither file runs. */
  readonly finished: boolean;
}

const statementsOf = (way: Way, direction: Direction) => [
  ...way[direction].statements,
  ...way[direction].rights,
];

const titles: Readonly<Record<Direction, string>> = {
  up: 'A change that was made by hand, for the other environments:',
  down: 'Takes back what was made by hand:',
};

function titled(check: DriftCheck, direction: Direction, blocks: readonly string[]): string {
  const listed = check.differences.map((difference) => `  ${describeDifference(difference)}`).join('\n');
  return `${[sqlComment(`${titles[direction]}\n${listed}`), ...blocks].join('\n\n')}\n`;
}

/** The pair for one way, where nothing is in doubt. */
export function pairText(check: DriftCheck, way: Way, proof: Proof | null): Pair {
  // A file with a CR in it is refused: it would end a comment for PostgreSQL alone.
  const unwritable = [...statementsOf(way, 'up'), ...statementsOf(way, 'down')].filter((sql) =>
    sql.includes('\r'),
  );
  const finished =
    way.up.unfinished.length + way.down.unfinished.length + unwritable.length === 0 &&
    proof?.state !== 'failed';
  const problems = proof?.state === 'failed' ? proof.problems : [];
  const text = (direction: Direction) => {
    const { unfinished, fails } = way[direction];
    return titled(check, direction, [
      ...(finished ? [] : [unfinishedText(unfinished, problems)]),
      ...(fails.length === 0 ? [] : [sqlComment(`Fails, and changes nothing, ${fails.join(', or ')}.`)]),
      ...statementsOf(way, direction).map((sql) =>
        sql.includes('\r') ? sqlComment(`holds a carriage return:\n${sql}`) : sql,
      ),
    ]);
  };
  return { up: text('up'), down: text('down'), finished };
}

/** Both readings of what went and what came, as comments: a person keeps one. */
export function readingsText(check: DriftCheck, ways: Ways, proof: Proof | null): Pair {
  const text = (direction: Direction) =>
    titled(check, direction, [
      sqlComment(
        [
          'UNFINISHED: a person must keep one of the two readings, then delete this block.',
          ...ways.doubtful.map(({ gone, came }) => `${gone} went, ${came} came.`),
          ...definitionsOf(check.differences),
        ].join('\n'),
      ),
      stop,
      sqlComment(reading(renamedTitle(ways, proof), renamedStatements(ways, direction))),
      sqlComment(
        reading(
          `Second reading: dropped and made anew. What was in it is lost wherever this runs.`,
          statementsOf(ways.direct, direction),
        ),
      ),
    ]);
  return { up: text('up'), down: text('down'), finished: false };
}

const reading = (title: string, statements: readonly string[]) => [title, ...statements].join('\n');

function renamedTitle({ doubtful, renamed }: Ways, proof: Proof | null): string {
  const moved = doubtful.some(({ rename }) => rename.length === 0);
  if (moved)
    return 'First reading: the values were carried over by hand. Write that here, before what is dropped.';
  const tried =
    proof?.state === 'proven'
      ? ' Tried up and down on a scratch database with rows.'
      : proof?.state === 'failed'
        ? ` Tried on a scratch database: ${proof.problems.join('; ')}`
        : ' Not tried.';
  return `First reading: renamed. Rows and positions stay.${renamed === null ? '' : tried}`;
}

function renamedStatements({ doubtful, renamed }: Ways, direction: Direction): readonly string[] {
  if (renamed !== null) return statementsOf(renamed, direction);
  return doubtful.flatMap((likeness: Likeness) =>
    direction === 'up' ? likeness.rename : likeness.renameBack,
  );
}

const stop = "DO $$ BEGIN RAISE EXCEPTION 'this migration is not finished: read its comments'; END $$;";

function definitionsOf(differences: readonly Difference[]): string[] {
  return differences.map((difference) =>
    [
      describeDifference(difference),
      `  expected: ${difference.expected?.replaceAll('\n', '\n    ') ?? 'not there'}`,
      `  actual: ${difference.actual?.replaceAll('\n', '\n    ') ?? 'not there'}`,
    ].join('\n'),
  );
}

/** The statement keeps a half-written file from running anywhere. */
function unfinishedText(unfinished: readonly Undecided[], problems: readonly string[]): string {
  return [
    sqlComment(
      [
        'UNFINISHED: a person must complete or mend what stands below as the next lines say, then delete this block.',
        ...problems.map((problem) => `Tried on a scratch database: ${problem}`),
        ...definitionsOf(unfinished.map(({ difference }) => difference)),
        ...unfinished.map(({ why }) => `INCOMPLETE: ${why}`),
      ].join('\n'),
    ),
    stop,
  ].join('\n');
}
