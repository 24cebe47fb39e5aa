// Where a reader of SQL stands, as far as secrets are concerned: what may follow, and what names and parentheses change
// about that. Pure; it reads no text itself.
import { type Members, noMembers } from './secret-members.ts';
import { closeRows, newRows, type Rows, rowComma, rowOpened } from './secret-rows.ts';
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
  /** At which depth a column or variable of a secret's name is being declared, so that its DEFAULT is one; -1 for none. */
  declared: number;
  /** Of the list in parentheses that is open or was closed last: how many items, and which have the name of a secret. */
  item: number;
  items: number[];
  /** Rows of VALUES follow whose `items` are secrets: the depth that their parentheses have; -1 for none. */
  rows: number;
  /** The depth of rows of VALUES, whose literal may be the name of a secret and the next one its value; -1 for none. */
  pairs: number;
  /** set_config( or its like was called, with the name of a secret. */
  config: 'no' | 'called' | 'named';
  /** RAISE stood here since the last semicolon: a % in its text stands for what follows. */
  raises: boolean;
  /** Which literals stand beside the name of a secret. */
  beside: Rows;
  members: Members;
  /** The secret is still to come: `'… PASSWORD ' ||`, `'… PASSWORD %L'`, `'password=%'` of a RAISE. */
  leaks: 'no' | 'at the end' | 'in a hole' | 'in a bare hole';
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
    declared: -1,
    item: 0,
    items: [],
    rows: -1,
    pairs: -1,
    config: 'no',
    raises: false,
    beside: newRows(),
    members: noMembers(),
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
  level.declared = -1;
  level.items = [];
  level.rows = -1;
  level.pairs = -1;
  level.config = 'no';
  level.raises = false;
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
  if (isSecretName(name) || (level.mode === 'value' && /^pass$/i.test(name))) {
    level.named = true;
    level.declared = level.depth;
    if (level.items.at(-1) !== level.item) level.items.push(level.item);
    expect(level, 'name');
    return;
  }
  const { expecting } = level;
  if (level.declared === level.depth && /^default$/i.test(name)) {
    expect(level, 'assigned');
    return;
  }
  // A comparison with a secret's column, or with several values.
  if (expecting === 'name' && /^i?like$/i.test(name)) return;
  if (expecting === 'name' && /^in$/i.test(name)) {
    expect(level, 'call');
    return;
  }
  if (expecting === 'name' && /^to$/i.test(name)) expect(level, 'assigned', level.set === 'dotted');
  else if (expecting === 'assigned' && !/^null$/i.test(name)) expect(level, 'call');
  else if (expecting !== 'nothing') expect(level, 'nothing');
  if (name.length === 5 && name.toLowerCase() === 'raise') level.raises = true;
  if (name.length === 3 && name.toLowerCase() === 'set') level.set = 'set';
  else if (/^(?:set_config|set_setting|hstore|jsonb?_build_object)$/i.test(name)) level.config = 'called';
}

/** Counts a parenthesis: all literals between two of them may belong to a secret. */
export function parenthesis(character: string, level: Level): void {
  if (character === '(') {
    level.depth += 1;
    rowOpened(level.depth, level.depth === level.pairs, level.beside);
    if (level.expecting === 'call' && level.allUntil === -1) level.allUntil = level.depth;
    if (level.rows === -1) level.items = [];
    if (level.rows === -1 || level.depth === level.rows) level.item = 0;
  } else if (character === ')') {
    level.listed = level.named;
    closeRows(level.depth, level.beside);
    level.depth -= 1;
    if (level.depth < level.allUntil) level.allUntil = -1;
    if (level.depth < level.declared) level.declared = -1;
  }
}

/** Counts a comma: behind it stands another column, item or value. */
export function comma(level: Level): void {
  rowComma(level.depth, level.beside);
  if (level.depth <= level.declared) level.declared = -1;
  if (level.rows === -1 || level.depth === level.rows) level.item += 1;
}

/** Whether a literal here is a value of a column that has the name of a secret. */
export function isSecretItem({ rows, depth, items, item }: Level): boolean {
  return rows !== -1 && depth >= rows && items.includes(item);
}
