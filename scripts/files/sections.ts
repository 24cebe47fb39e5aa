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
  /** A bare heading such as `-- Down`: it parts a file only where statements stand before it. */
  readonly isHeading: boolean;
}

interface Marker {
  readonly pattern: RegExp;
  readonly isHeading?: boolean;
}

/** Each pattern's first group tells the direction; what names neither goes down. */
const markers: readonly Marker[] = [
  // node-pg-migrate
  { pattern: /^--[\s-]*(up|down)\s+migration\b/i },
  // goose, sql-migrate, micrate
  { pattern: /^--\s*\+\s*[a-z]+\s+(up|down)\b/i },
  // dbmate
  { pattern: /^--\s*migrate:\s*(up|down)\b/i },
  // rambler
  { pattern: /^--\s*rambler\s+(up|down)\b/i },
  // Play
  { pattern: /^--[\s-]*!(up|down)s\b/i },
  // MyBatis
  { pattern: /^--\s*\/\/\s*@(undo)\b/i },
  // tern
  { pattern: /^--[\s-]*create\s+above\s*\/\s*(drop)\s+below\b/i },
  { pattern: /^--[\s-]*(up|down|undo|rollback|revert|downgrade)(?:\s*:)?[\s-]*$/i, isHeading: true },
];

/** Liquibase says the way back line by line; elsewhere a comment that begins with the word is prose. */
const liquibase = /^--\s*liquibase\s+formatted\s+sql\b|^--\s*changeset\s+\S+:\S+/im;
const liquibaseRollback: Marker = { pattern: /^--\s*(rollback)\b/i };

/** No marker is longer; what follows in the line is not looked at. */
const longestMarker = 200;

/**
 * The markers of a text, in its order. Only line comments that have a line to themselves count.
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

function toSection(text: string, offset: number, known: readonly Marker[]): Section | null {
  const end = text.indexOf('\n', offset);
  const line = text.slice(offset, Math.min(end === -1 ? text.length : end, offset + longestMarker)).trim();
  for (const { pattern, isHeading = false } of known) {
    const word = pattern.exec(line)?.[1]?.toLowerCase();
    if (word !== undefined)
      return { direction: word === 'up' ? 'up' : 'down', marker: line, offset, isHeading };
  }
  return null;
}

function commentLines(text: string): number[] {
  return [...text.matchAll(/^[ \t]*--/gm)].map(({ index, 0: { length } }) => index + length - 2);
}

/** Where line comments begin in a range that holds nothing but comments, white space and semicolons. */
function commentsBetween(text: string, from: number, to: number): number[] {
  const found: number[] = [];
  for (let at = from; at < to; ) {
    if (text.startsWith('/*', at)) at = blockCommentEnd(text, at);
    else if (text.startsWith('--', at)) {
      if (/^[ \t]*$/.test(text.slice(text.lastIndexOf('\n', at) + 1, at))) found.push(at);
      const end = text.indexOf('\n', at);
      at = end === -1 ? to : end + 1;
    } else at += 1;
  }
  return found;
}
