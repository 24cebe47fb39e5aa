// Where a reader of SQL stands, as far as secrets are concerned: what may follow, and what names and parentheses change
// about that. Pure; it reads no text itself.
import { isSecretName } from './secret-words.ts';

/** `code` is SQL; `value` the inside of a literal, where names may be assigned without quotes; `comment` any words. */
export type Mode = 'code' | 'value' | 'comment';

/** `more`: a secret just ended, and may go on in the next literal; `call`: a function makes it of literals. */
export type Expecting = 'nothing' | 'name' | 'assigned' | 'more' | 'call';

export interface Level {
  readonly mode: Mode;
  readonly quoting: number;
  expecting: Expecting;
  /** The value may be a word without quotes. */
  bare: boolean;
  /** The parentheses that are open, and in how many of them at least all literals are secrets; -1 for none. */
  depth: number;
  allUntil: number;
  /** SET [LOCAL|SESSION] name, then with a dot in it. */
  set: 'no' | 'set' | 'dotted';
  /** A secret's name stood here since the last semicolon; in the parentheses that were closed last. */
  named: boolean;
  listed: boolean;
  /** set_config( or its like was called, with the name of a secret. */
  config: 'no' | 'called' | 'named';
  /** The secret is still to come: `'… PASSWORD ' ||`, `'… PASSWORD %L'`. */
  leaks: 'no' | 'at the end' | 'in a hole';
}

/** A level of quoting at its beginning: nothing is expected. */
export function newLevel(mode: Mode, quoting: number): Level {
  return {
    mode,
    quoting,
    expecting: 'nothing',
    bare: false,
    depth: 0,
    allUntil: -1,
    set: 'no',
    named: false,
    listed: false,
    config: 'no',
    leaks: 'no',
  };
}

/** Behind a semicolon. */
export function restart(level: Level): void {
  level.expecting = 'nothing';
  level.bare = false;
  level.depth = 0;
  level.allUntil = -1;
  level.set = 'no';
  level.named = false;
  level.listed = false;
  level.config = 'no';
}

/** Notes what the next token is taken for; `bare` when it may be a value without quotes. */
export function expect(level: Level, expecting: Expecting, bare = false): void {
  level.expecting = expecting;
  level.bare = bare;
}

/** Whether what stands here next may be a secret. */
export const isExpected = ({ expecting }: Level) =>
  expecting === 'name' || expecting === 'assigned' || expecting === 'more';

/** Takes a name into account: that of a secret lets its value be expected. */
export function named(name: string, level: Level): void {
  if (isSecretName(name)) {
    level.named = true;
    expect(level, 'name');
    return;
  }
  const { expecting } = level;
  if (expecting === 'name' && /^to$/i.test(name)) expect(level, 'assigned', level.set === 'dotted');
  else if (expecting === 'assigned' && !/^null$/i.test(name)) expect(level, 'call');
  else if (expecting !== 'nothing') expect(level, 'nothing');
  if (name.length === 3 && name.toLowerCase() === 'set') level.set = 'set';
  else if (/^(?:set_config|jsonb?_build_object)$/i.test(name)) level.config = 'called';
}

/** Counts a parenthesis: all literals between two of them may belong to a secret. */
export function parenthesis(character: string, level: Level): void {
  if (character === '(') {
    level.depth += 1;
    if (level.expecting === 'call' && level.allUntil === -1) level.allUntil = level.depth;
  } else if (character === ')') {
    level.listed = level.named;
    level.depth -= 1;
    if (level.depth < level.allUntil) level.allUntil = -1;
  }
}
