// Takes SQL, or any text that may quote some; gives where secrets stand in it. Pure, and linear: every character is
// passed once per level of quoting, whatever the text holds, for much of it comes from others.
import {
  expect,
  isExpected,
  type Level,
  type Mode,
  named,
  newLevel,
  parenthesis,
  restart,
} from './secret-level.ts';
import { isSecretName, mayHoldSecrets } from './secret-words.ts';
import { behind, blockEnd, find, indexOr, literalEnd } from './spans.ts';

/** UTF-16 offsets of the secret itself, without its quotes. */
export interface SecretRange {
  readonly from: number;
  readonly to: number;
  /** Where SQL has the secret without quotes. */
  readonly isWord?: true;
}

/** Counts the characters that were passed, for the test of linearity. */
export interface Meter {
  steps: number;
}

interface Scan {
  readonly text: string;
  readonly wide: boolean;
  readonly found: SecretRange[];
  readonly meter: Meter;
  /** The unbroken run of characters around the last "://", and the last @ in it. */
  run: { end: number; at: number };
}

const deepestQuoting = 5;

/**
 * @param wide also what only looks like a secret: for showing. Without it, for what is kept and may have to run again.
 */
export function secretRanges(text: string, wide: boolean, meter: Meter = { steps: 0 }): SecretRange[] {
  if (!mayHoldSecrets(text)) return [];
  const scan: Scan = { text, wide, found: [], meter, run: { end: -1, at: -1 } };
  scanLevel(scan, 0, text.length, newLevel('code', 0));
  return scan.found;
}

function scanLevel(scan: Scan, from: number, to: number, level: Level): Level {
  let at = from;
  while (at < to) {
    const next = Math.min(to, step(scan, at, to, level));
    scan.meter.steps += next - at;
    at = next;
  }
  if (level.expecting === 'name' || level.expecting === 'assigned') level.leaks = 'at the end';
  return level;
}

const blank = /[ \t\n\r\f\v]+/y;
const word = /[\w$\u0080-\uffff]+/y;

function isWordStart(unit: number): boolean {
  return (unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90) || unit === 95 || unit >= 128;
}

/** One token; @returns the offset behind it */
function step(scan: Scan, at: number, to: number, level: Level): number {
  const { text } = scan;
  const unit = text.charCodeAt(at);
  const takesBare = level.bare && level.expecting === 'assigned';
  if (unit === 32 || (unit >= 9 && unit <= 13)) return behind(blank, text, at);
  if (isWordStart(unit) && !takesBare) return wordAt(scan, at, to, level);
  return symbolAt(scan, at, to, level, takesBare);
}

function symbolAt(scan: Scan, at: number, to: number, level: Level, takesBare: boolean): number {
  const { text } = scan;
  const character = text.charAt(at);
  if (level.mode === 'code' && text.startsWith('--', at))
    return comment(scan, at, find(/[\n\r]/, text, at, to), level);
  if (level.mode !== 'comment' && text.startsWith('/*', at))
    return comment(scan, at, blockEnd(text, at, to), level);
  if (takesBare && isBareValue(text, at)) return bareValue(scan, at, to, level);
  if (character === "'") return isApostrophe(scan, at) ? at + 1 : quoted(scan, at, to, level);
  if (character === '"') return doubleQuoted(scan, at, to, level);
  if (character === '$') return dollar(scan, at, to, level);
  if (text.startsWith('://', at)) return url(scan, at, to, level);
  return punctuation(scan, at, to, level);
}

/** What is expected behind a comment is what was before it; its words are read on their own. */
function comment(scan: Scan, at: number, end: number, level: Level): number {
  if (level.quoting < deepestQuoting && mayHoldSecrets(scan.text.slice(at, end)))
    scanLevel(scan, at + 2, end, newLevel('comment', level.quoting + 1));
  return end;
}

/** The t of "can't" opens no literal. */
function isApostrophe({ text, wide }: Scan, at: number): boolean {
  if (!wide || !/[a-z]/.test(text.charAt(at - 1))) return false;
  return /^'(?:t|s|re|ve|ll|d|m)(?![\w'])/.test(text.slice(at, at + 4));
}

function isBareValue(text: string, at: number): boolean {
  return !/['"=:>(]/.test(text.charAt(at)) && !/^(?:\$\d|%[LsI\d])/.test(text.slice(at, at + 2));
}

function bareValue(scan: Scan, at: number, to: number, level: Level): number {
  const end = find(level.mode === 'value' ? /[\s'"&]/ : /[\s'"&;,)]/, scan.text, at, to);
  if (end > at) scan.found.push({ from: at, to: end, ...(level.mode === 'code' && { isWord: true }) });
  expect(level, 'nothing');
  return Math.max(end, at + 1);
}

function hide({ found }: Scan, from: number, to: number): void {
  if (to > from) found.push({ from, to });
}

/** A literal; inside of another one, a run of quotes opens it and the next run closes it. */
function quoted(scan: Scan, at: number, to: number, level: Level): number {
  const { text } = scan;
  if (level.mode === 'code') {
    const escapes = /^[eE]$/.test(text.charAt(at - 1)) && !/[\w$]/.test(text.charAt(at - 2));
    const end = literalEnd(text, at + 1, to, escapes);
    literal(scan, at + 1, end, level, 'value');
    return end + 1;
  }
  const from = Math.min(to, behind(/'+/y, text, at));
  const end = indexOr("'", text, from, to);
  const isOpen = end === to && isExpected(level);
  literal(scan, from, end, level, 'value');
  if (isOpen) level.leaks = 'at the end';
  return end === to ? to : behind(/'+/y, text, end);
}

function literal(scan: Scan, from: number, to: number, level: Level, mode: Mode): void {
  if (level.allUntil !== -1 || isExpected(level)) {
    hide(scan, from, to);
    expect(level, 'more');
    return;
  }
  if (level.quoting >= deepestQuoting || !mayHoldSecrets(scan.text.slice(from, to))) return;
  const { leaks } = scanLevel(scan, from, to, newLevel(mode, level.quoting + 1));
  const content = to - from < 200 ? scan.text.slice(from, to) : '';
  if (level.config === 'called' && /^[\w.]+$/.test(content) && isSecretName(content)) level.config = 'named';
  else if (leaks === 'in a hole' || (leaks === 'at the end' && isJoined(scan.text, to)))
    level.allUntil = level.depth;
}

function isJoined(text: string, end: number): boolean {
  return /^['$\w]*\s*\|\|/.test(text.slice(end, end + 80));
}

/** A quoted name; the value of a JSON member; a statement in a message. */
function doubleQuoted(scan: Scan, at: number, to: number, level: Level): number {
  const end = indexOr('"', scan.text, at + 1, to);
  if (level.expecting === 'assigned' && level.mode !== 'code') {
    hide(scan, at + 1, end);
    expect(level, 'nothing');
    return end + 1;
  }
  // A server quotes whole statements so, in its CONTEXT.
  const isText = scan.wide && /[\s'=:]/.test(scan.text.slice(at, Math.min(end, at + 200)));
  if (isText && level.quoting < deepestQuoting)
    scanLevel(scan, at + 1, end, newLevel('code', level.quoting + 1));
  else named(scan.text.slice(Math.max(at + 1, end - 64), end), level);
  return end + 1;
}

function dollar(scan: Scan, at: number, to: number, level: Level): number {
  const { text } = scan;
  const tag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]{0,63})?\$/y;
  tag.lastIndex = at;
  const [opening] = /[\w$]/.test(text.charAt(at - 1)) ? [] : (tag.exec(text) ?? []);
  if (opening === undefined) {
    const isHole = level.mode === 'value' && isExpected(level) && /\d/.test(text.charAt(at + 1));
    if (isHole) level.leaks = 'in a hole';
    expect(level, 'nothing');
    return at + 1;
  }
  const from = Math.min(to, at + opening.length);
  const end = indexOr(opening, text, from, to);
  literal(scan, from, end, level, 'code');
  return end + opening.length;
}

/** user:password@host; the password may hold whatever is neither blank nor quote. */
function url(scan: Scan, at: number, to: number, level: Level): number {
  const { text } = scan;
  expect(level, 'nothing');
  if (at >= scan.run.end) {
    const end = find(/[\s'"<>`]/, text, at, to);
    const last = text.slice(at, end).lastIndexOf('@');
    scan.meter.steps += end - at;
    scan.run = { end, at: last === -1 ? -1 : at + last };
  }
  const host = scan.run.at;
  if (host <= at) return at + 3;
  hide(scan, indexOr(':', text, at + 3, host) + 1, host);
  return host + 1;
}

function wordAt({ text }: Scan, at: number, to: number, level: Level): number {
  const end = Math.min(to, behind(word, text, at));
  const name = text.slice(Math.max(at, end - 64), end);
  const prefix = name.length === 1 ? name.toLowerCase() : '';
  if (prefix !== '' && 'enbx'.includes(prefix) && text.charAt(end) === "'") return end;
  if (prefix === 'u' && text.startsWith("&'", end)) return end + 1;
  named(name, level);
  return end;
}

function punctuation(scan: Scan, at: number, to: number, level: Level): number {
  const character = scan.text.charAt(at);
  if (character === ';') {
    restart(level);
    return at + 1;
  }
  if (character === '=') return equals(scan, at, to, level);
  if (character === ',' && level.config === 'no' && level.expecting === 'nothing' && level.set === 'no')
    return at + 1;
  if (character === ':' && level.expecting === 'name') {
    expect(level, 'assigned');
    return at + 1;
  }
  if (character === '.' && level.set === 'set') level.set = 'dotted';
  if (/[:>\\.]/.test(character) || (character === '|' && level.expecting === 'more')) return at + 1;
  if (character === '%' && isExpected(level) && /[LsI\d]/.test(scan.text.charAt(at + 1)))
    level.leaks = 'in a hole';
  parenthesis(character, level);
  const isConfigured = character === ',' && level.config === 'named';
  if (isConfigured) level.config = 'no';
  level.set = 'no';
  expect(level, isConfigured ? 'assigned' : 'nothing');
  return at + 1;
}

function equals({ text, wide, ...scan }: Scan, at: number, to: number, level: Level): number {
  if (level.expecting === 'name') {
    const tight = /\S/.test(text.charAt(at - 1)) && /\S/.test(text.charAt(at + 1));
    const bare = level.mode === 'code' ? level.set === 'dotted' || (wide && tight) : wide || tight;
    expect(level, 'assigned', bare);
  } else if (wide && level.listed && text.charAt(at + 1) === '(') {
    return listedValues({ text, wide, ...scan }, at + 1, to, level);
  } else if (level.named && text.charAt(at - 1) === ':') expect(level, 'assigned');
  return at + 1;
}

/** "Key (email, password)=(a@b.example, hunter2) already exists." */
function listedValues(scan: Scan, at: number, to: number, level: Level): number {
  const end = find(/[\n\r]/, scan.text, at, to);
  const close = scan.text.slice(at, end).lastIndexOf(')');
  hide(scan, at + 1, close === -1 ? end : at + close);
  level.listed = false;
  expect(level, 'nothing');
  return close === -1 ? end : at + close + 1;
}
