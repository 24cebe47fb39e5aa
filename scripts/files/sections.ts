// Takes the text of one SQL file; gives the comments by which tools with one file per migration part its up from its down.
// It knows nothing of files on disk; what follows from a marker is its caller's to say.
import { blockCommentEnd } from '../base/positions.ts';
import type { Direction } from '../base/types.ts';

/** A comment that begins a section, in a line of its own. */
export interface Section {
  readonly direction: Direction;
  /** The comment as it stands there. */
  readonly marker: string;
  /** UTF-16 offset of the comment. */
  readonly offset: number;
  /** A heading of a person's, such as `-- ==== Down ====`: it parts a file only where statements stand on both sides. */
  readonly isHeading: boolean;
}

/** Of tools; each pattern's first group tells the direction; what names neither goes down. */
const markers: readonly RegExp[] = [
  // node-pg-migrate
  /^--[\s-]*(up|down)\s+migration\b/i,
  // goose, sql-migrate, micrate
  /^--\s*\+\s*[a-z]+\s+(up|down)\b/i,
  // dbmate
  /^--\s*migrate:\s*(up|down)\b/i,
  // rambler
  /^--\s*rambler\s+(up|down)\b/i,
  // Play
  /^--[\s-]*!(up|down)s\b/i,
  // MyBatis
  /^--\s*\/\/\s*@(undo)\b/i,
  // tern
  /^--[\s-]*create\s+above\s*\/\s*(drop)\s+below\b/i,
];

/** Liquibase says the way back line by line; elsewhere a comment that begins with the word is prose. */
const liquibase = /^--\s*liquibase\s+formatted\s+sql\b|^--\s*changeset\s+\S+:\S+/im;
const liquibaseRollback = /^--\s*(rollback)\b/i;

/** A comment that holds nothing but these, and one of the next, is a heading. */
const beside = new Set(
  'migration migrations script section part sql step steps statements begin start the of'.split(' '),
);
const directions = new Map<string, Direction>([
  ...['up', 'ups', 'upgrade', 'forward', 'forwards'].map((word) => [word, 'up'] as const),
  ...'down downs downgrade undo rollback revert reverse backward backwards'
    .split(' ')
    .map((word) => [word, 'down'] as const),
]);

/** No marker is longer; what follows in the line is not looked at. */
const longestMarker = 200;

/**
 * The markers of a text, in its order. Only comments of one line that have it to themselves count.
 * @param gaps ranges of UTF-16 offsets that lie outside of statements: what stands in a function body or a literal parts
 * nothing. Left out, every line that looks like a marker is one.
 */
export function readSections(
  text: string,
  gaps?: readonly (readonly [from: number, to: number])[],
): readonly Section[] {
  const comments =
    gaps === undefined ? commentLines(text) : gaps.flatMap(([from, to]) => commentsBetween(text, from, to));
  if (comments.length === 0) return [];
  const known = liquibase.test(text) ? [...markers, liquibaseRollback] : markers;
  return comments.flatMap((offset) => toSection(text, offset, known) ?? []);
}

function toSection(text: string, offset: number, known: readonly RegExp[]): Section | null {
  const end = text.indexOf('\n', offset);
  const line = text.slice(offset, Math.min(end === -1 ? text.length : end, offset + longestMarker)).trim();
  for (const pattern of known) {
    const word = pattern.exec(line)?.[1]?.toLowerCase();
    if (word !== undefined)
      return { direction: word === 'up' ? 'up' : 'down', marker: line, offset, isHeading: false };
  }
  const direction = headed(line);
  return direction === null ? null : { direction, marker: line, offset, isHeading: true };
}

/** The direction that a heading names, or null for prose. */
function headed(line: string): Direction | null {
  const spelled = line.toLowerCase().replace(/\broll[ -]back\b/, 'rollback');
  const words = spelled.match(/[\p{L}\p{N}_]+/gu) ?? [];
  const named = new Set(words.flatMap((word) => directions.get(word) ?? []));
  const isHeading = words.every((word) => beside.has(word) || directions.has(word));
  return isHeading && named.size === 1 ? ([...named][0] ?? null) : null;
}

function commentLines(text: string): number[] {
  return [...text.matchAll(/^[ \t]*--/gm)].map(({ index, 0: { length } }) => index + length - 2);
}

/** Where comments of a line begin in a range that holds nothing but comments, white space and semicolons. */
function commentsBetween(text: string, from: number, to: number): number[] {
  const found: number[] = [];
  for (let at = from; at < to; ) {
    const isBlock = text.startsWith('/*', at);
    if (!isBlock && !text.startsWith('--', at)) {
      at += 1;
      continue;
    }
    const lineEnd = text.indexOf('\n', at);
    const end = isBlock ? blockCommentEnd(text, at) : lineEnd === -1 ? to : lineEnd + 1;
    const before = text.slice(text.lastIndexOf('\n', at) + 1, at);
    if (/^[ \t]*$/.test(before) && (!isBlock || lineEnd === -1 || lineEnd >= end)) found.push(at);
    at = end;
  }
  return found;
}
