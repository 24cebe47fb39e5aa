// Takes a place in a text; reads the one token there that holds no text of its own: word, punctuation, URL, value without
// quotes. Notes the secrets in it, and what is expected next. Pure.
import { comma, expect, isExpected, type Level, named, parenthesis, restart } from './secret-level.ts';
import { memberName, noMembers } from './secret-members.ts';
import { endOfRows, rowWord } from './secret-rows.ts';
import { isSecretKey, mayHoldSecrets, takesSecrets } from './secret-words.ts';
import { behind, find, indexOr, type SecretRange } from './spans.ts';

/** Counts the characters that were passed, for the test of linearity. */
export interface Meter {
  steps: number;
}

/** The text and what was found in it so far. */
export interface Scan {
  readonly text: string;
  readonly wide: boolean;
  readonly found: SecretRange[];
  readonly meter: Meter;
  /** The unbroken run of characters around the last "://", and the last @ in it. */
  run: { end: number; at: number };
}

/** "password: hunter2" in words; not "token: expected" of an error. */
const isToken = /^[ \t]+(?=[^\s'",;]*\d)[^\s'",;]{6}/;

/** Behind "Bearer"; not the words of a sentence. */
const isBearer = /^ +(?:\*{3}|%|(?=[^\s'"]*\d)[^\s'"]{12})/;

const word = /[\w$\u0080-\uffff]+/y;

/** The t of "can't" opens no literal. */
export function isApostrophe({ text, wide }: Scan, at: number): boolean {
  if (!wide || !/[a-z]/.test(text.charAt(at - 1))) return false;
  return /^'(?:t|s|re|ve|ll|d|m)(?![\w'])/.test(text.slice(at, at + 4));
}

/** Whether a value without quotes begins here, not an operator, a parameter or a placeholder. */
export function isBareValue(text: string, at: number): boolean {
  return !/['"=:>(]/.test(text.charAt(at)) && !/^(?:\$\d|%[LsI\d]|%\W?$)/.test(text.slice(at, at + 2));
}

/** A value without quotes; @returns the offset behind it */
export function bareValue(scan: Scan, at: number, to: number, level: Level): number {
  const end = find(level.mode === 'value' ? /[\s'"&]/ : /[\s'"&;,)]/, scan.text, at, to);
  if (end > at) scan.found.push({ from: at, to: end, ...(level.mode === 'code' && { isWord: true }) });
  expect(level, 'nothing');
  return Math.max(end, at + 1);
}

/** Notes a secret, unless it is empty. */
export function hide({ found }: Scan, from: number, to: number): void {
  if (to > from) found.push({ from, to });
}

/** ://user:password@host, or :password@host; the password may hold whatever is neither blank nor quote. */
export function url(scan: Scan, at: number, to: number, level: Level): number {
  const { text } = scan;
  expect(level, 'nothing');
  if (at >= scan.run.end) {
    const end = find(/[\s'"<>`]/, text, at, to);
    const last = text.slice(at, end).lastIndexOf('@');
    scan.meter.steps += end - at;
    scan.run = { end, at: last === -1 ? -1 : at + last };
  }
  const host = scan.run.at;
  const isUrl = text.startsWith('://', at);
  if (host <= at) return at + (isUrl ? 3 : 1);
  hide(scan, (isUrl ? indexOr(':', text, at + 3, host) : at) + 1, host);
  return host + 1;
}

/** Notes what the statement that ends here has beside names of secrets. */
export function endStatement({ found }: Scan, level: Level): void {
  for (const secret of endOfRows(level.beside)) if (secret.to > secret.from) found.push(secret);
}

/** A name, a keyword or a prefix of a literal; @returns the offset behind it */
export function wordAt({ text, wide }: Scan, at: number, to: number, level: Level): number {
  const end = Math.min(to, behind(word, text, at));
  const name = text.slice(Math.max(at, end - 64), end);
  const prefix = name.length === 1 ? name.toLowerCase() : '';
  if (prefix !== '' && 'enbx'.includes(prefix) && text.charAt(end) === "'") return end;
  if (prefix === 'u' && text.startsWith("&'", end)) return end + 1;
  rowWord(name, /^ ?\(/.test(text.slice(end, end + 2)), level.depth, level.beside);
  if (level.mode === 'value' && text.charAt(end) === '=') memberName(name, level.members);
  named(name, level);
  if (text.charAt(end) === '(' && takesSecrets(name)) expect(level, 'call');
  if ((wide || level.mode !== 'code') && /^bearer$/i.test(name) && isBearer.test(text.slice(end, end + 80)))
    expect(level, 'assigned', true);
  // INSERT INTO users (name, password) VALUES …: for showing all of them, for such a list may have been misread.
  if (name.length === 6 && name.toLowerCase() === 'values') {
    level.pairs = level.depth + 1;
    if (level.listed && wide) level.allUntil = level.depth;
    if (level.listed) level.rows = level.depth + 1;
  }
  return end;
}

/** What is neither word, quote nor comment, and what is expected behind it; @returns the offset behind it */
export function punctuation(scan: Scan, at: number, to: number, level: Level): number {
  const character = scan.text.charAt(at);
  if (character === ';') {
    endStatement(scan, level);
    restart(level);
    return at + 1;
  }
  if (level.mode === 'value' && /[{}<>]/.test(character)) level.members = noMembers();
  if (character === '=') return equals(scan, at, to, level);
  if (character === ',') comma(level);
  if (character === ',' && level.config === 'no' && level.expecting === 'nothing' && level.set === 'no')
    return at + 1;
  if (character === ':' && level.expecting === 'name') {
    expect(
      level,
      'assigned',
      scan.wide && level.mode !== 'code' && isToken.test(scan.text.slice(at + 1, at + 80)),
    );
    return at + 1;
  }
  if (character === '.' && level.set === 'set') level.set = 'dotted';
  if (/[<!]/.test(character) && level.expecting === 'name') return at + 1;
  // <password>…</password>
  if (character === '>' && level.expecting === 'name' && level.mode === 'value')
    expect(level, 'assigned', true);
  if (/[:>\\.\]]/.test(character) || (character === '|' && level.expecting === 'more')) return at + 1;
  if (character === '%' && isExpected(level)) leak(scan.text.charAt(at + 1), level);
  parenthesis(character, level);
  const isConfigured = character === ',' && level.config === 'named';
  if (isConfigured) level.config = 'no';
  level.set = 'no';
  expect(level, isConfigured ? 'assigned' : 'nothing');
  return at + 1;
}

/** What format() fills, or the bare % of RAISE. */
function leak(next: string, level: Level): void {
  if (/[LsI\d]/.test(next)) level.leaks = 'in a hole';
  else if (!/\w/.test(next)) level.leaks = 'in a bare hole';
}

function equals({ text, wide, ...scan }: Scan, at: number, to: number, level: Level): number {
  if (level.expecting === 'name') {
    const tight = /\S/.test(text.charAt(at - 1)) && /\S/.test(text.charAt(at + 1));
    const bare = level.mode === 'code' ? level.set === 'dotted' || (wide && tight) : wide || tight;
    expect(level, 'assigned', bare);
  } else if (
    wide &&
    text.charAt(at + 1) === '(' &&
    (level.listed || isValueListed(text, at) || isKeyAmong(text, at, to))
  ) {
    return listedValues({ text, wide, ...scan }, at + 1, to, level);
  } else if (level.named && text.charAt(at - 1) === ':') expect(level, 'assigned');
  // new_value => '…', new_value := '…' of a function that was called with the name of a secret.
  else if (level.expecting === 'call' && (text.charAt(at + 1) === '>' || text.charAt(at - 1) === ':'))
    expect(level, 'assigned');
  return at + 1;
}

/** "Key (tenant, value)=(1, hunter2) already exists.": of what, nobody says. */
function isValueListed(text: string, at: number): boolean {
  return /[(, ](?:\w{0,60}_)?val(?:ue)?\)$/i.test(text.slice(Math.max(0, at - 80), at));
}

/** "Key (key, value)=(smtp_password, hunter2) already exists." */
function isKeyAmong(text: string, at: number, to: number): boolean {
  if (text.charAt(at - 1) !== ')') return false;
  const values = text.slice(at + 2, find(/[\n\r]/, text, at, Math.min(to, at + 1000)));
  return (
    values.includes(',') &&
    mayHoldSecrets(values) &&
    values.split(/[,()]/).some((each) => isSecretKey(each.trim()))
  );
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
