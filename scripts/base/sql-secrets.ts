// Takes SQL, or any text that may quote some; gives where secrets stand in it. Pure, and linear: every character is
// passed once per level of quoting, whatever the text holds, for much of it comes from others.
import { expect, isExpected, isSecretItem, type Level, type Mode, named, newLevel } from './secret-level.ts';
import { memberName, memberValue } from './secret-members.ts';
import { rowLiteral, rowName, rowQuoted } from './secret-rows.ts';
import { shapedSecrets } from './secret-shapes.ts';
import {
  bareValue,
  endStatement,
  hide,
  isApostrophe,
  isBareValue,
  type Meter,
  punctuation,
  type Scan,
  url,
  wordAt,
} from './secret-tokens.ts';
import { isSecretKey, isSecretName, mayHoldSecrets } from './secret-words.ts';
import { behind, blockEnd, find, indexOr, literalEnd, type SecretRange, stringEnd } from './spans.ts';

const deepestQuoting = 5;

/**
 * @param wide also what only looks like a secret: for showing. Without it, for what is kept and may have to run again.
 */
export function secretRanges(text: string, wide: boolean, meter: Meter = { steps: 0 }): SecretRange[] {
  const scan: Scan = { text, wide, found: [], meter, run: { end: -1, at: -1 } };
  if (mayHoldSecrets(text) || (wide && mayBeShown(text)))
    scanLevel(scan, 0, text.length, newLevel('code', 0));
  const shaped = shapedSecrets(text);
  return united([...scan.found, ...shaped]);
}

/** One after the other: a token may stand where a password does. */
function united(ranges: readonly SecretRange[]): SecretRange[] {
  const found: SecretRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = found.at(-1);
    if (last === undefined || range.from > last.to) found.push(range);
    else found[found.length - 1] = { ...last, to: Math.max(last.to, range.to) };
  }
  return found;
}

function scanLevel(scan: Scan, from: number, to: number, level: Level): Level {
  let at = from;
  while (at < to) {
    const next = Math.min(to, step(scan, at, to, level));
    scan.meter.steps += next - at;
    at = next;
  }
  if (level.expecting === 'name' || level.expecting === 'assigned') level.leaks = 'at the end';
  endStatement(scan, level);
  return level;
}

const blank = /[ \t\n\r\f\v]+/y;

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
  if (takesBare && level.mode === 'value' && text.startsWith("\\'", at)) return at + 1;
  if (takesBare && isBareValue(text, at)) return bareValue(scan, at, to, level);
  if (character === "'") return isApostrophe(scan, at) ? at + 1 : quoted(scan, at, to, level);
  if (character === '"') return doubleQuoted(scan, at, to, level);
  if (character === '$') return dollar(scan, at, to, level);
  if (text.startsWith('://', at) || isLogin(scan, at)) return url(scan, at, to, level);
  return punctuation(scan, at, to, level);
}

/** user:password@host without what makes it a URL, or with a slash less: it was taken for a path, or for a name. */
function isLogin({ text, wide }: Scan, at: number): boolean {
  if (!wide || text.charAt(at) !== ':' || !/\w/.test(text.charAt(at - 1))) return false;
  return loginAt.test(text.slice(at, at + 200));
}

const mayBeShown = (text: string) =>
  (text.includes('@') && /\w:[^\s:='"/@]/.test(text)) || /val(?:ue)?\)=\(/i.test(text);
const loginAt = /^:[^\s:='"/@][^\s'"@]*@[\w[]/;

/** What is expected behind a comment is what was before it; its words are read on their own. */
function comment(scan: Scan, at: number, end: number, level: Level): number {
  if (level.quoting < deepestQuoting && mayHoldSecrets(scan.text.slice(at, end)))
    scanLevel(scan, at + 2, end, newLevel('comment', level.quoting + 1));
  return end;
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
  const end = closingRun(text, from, to, from - at);
  const isOpen = end === to && isExpected(level);
  const isEscaped = end < to && text.charAt(end - 1) === '\\';
  literal(scan, from, isEscaped ? end - 1 : end, level, 'value');
  if (isOpen) level.leaks = 'at the end';
  return end === to ? to : behind(/'+/y, text, end);
}

/** A literal inside of the literal has twice its quotes. */
function closingRun(text: string, from: number, to: number, quotes: number): number {
  let at = indexOr("'", text, from, to);
  while (at < to) {
    const run = Math.min(to, behind(/'+/y, text, at)) - at;
    if (run < 2 * quotes || run % (2 * quotes) === quotes) return at;
    at = indexOr("'", text, at + run, to);
  }
  return to;
}

/** Before the name in `settings['…'] = ` and `settings ->> '…' = `. */
const isMember = /[>[]\s?[eEnNuU&$]{0,2}['$]$/;

function literal(scan: Scan, from: number, to: number, level: Level, mode: Mode): void {
  if (level.allUntil !== -1 || isExpected(level) || isSecretItem(level) || isAliased(scan.text, to, level)) {
    hide(scan, from, to);
    expect(level, 'more');
    return;
  }
  const content = scan.text.slice(from, to);
  rowLiteral(content, { from, to }, level.beside);
  if (level.quoting >= deepestQuoting || !mayHoldSecrets(content)) return;
  const { leaks, beside } = scanLevel(scan, from, to, newLevel(mode, level.quoting + 1));
  rowQuoted(beside, level.beside);
  if (isMember.test(scan.text.slice(Math.max(0, from - 6), from)) && isSecretKey(content))
    expect(level, 'name');
  const isCalled =
    level.config === 'called' ||
    (level.pairs !== -1 && level.depth === level.pairs && level.beside.columns.length === 0);
  if (isCalled && isSecretKey(content)) level.config = 'named';
  else if (
    leaks === 'in a hole' ||
    (leaks === 'in a bare hole' && (scan.wide || level.raises)) ||
    (leaks === 'at the end' && isJoined(scan.text, to))
  )
    level.allUntil = level.depth;
  // 'unknown option '--password=x''
  else if (leaks === 'at the end' && scan.wide && /\w/.test(scan.text.charAt(to + 1)))
    expect(level, 'assigned', true);
}

/** `'…' AS password` */
function isAliased(text: string, end: number, { mode }: Level): boolean {
  if (mode !== 'code' || !/[\s:]/.test(text.charAt(end + 1))) return false;
  const [, alias] = /^'(?:::\w{1,40})?\s+as\s+"?(\w{1,63})/i.exec(text.slice(end, end + 140)) ?? [];
  return alias !== undefined && isSecretName(alias);
}

/** By ||, or as the next argument of concat(), where a blank is left for it. */
function isJoined(text: string, end: number): boolean {
  const next = /^['$\w]*\s*(,|\|\|)/.exec(text.slice(end, end + 80))?.[1];
  return next === '||' || (next === ',' && /\s/.test(text.charAt(end - 1)));
}

/** A quoted name; the value of a JSON member; a statement in a message. */
function doubleQuoted(scan: Scan, at: number, to: number, level: Level): number {
  const end = level.mode === 'value' ? stringEnd(scan.text, at + 1, to) : indexOr('"', scan.text, at + 1, to);
  if (level.mode === 'value') member(scan, at + 1, end, level);
  if (level.expecting === 'assigned' && level.mode !== 'code') {
    hide(scan, at + 1, end);
    expect(level, 'nothing');
    return end + 1;
  }
  // A server quotes whole statements so, in its CONTEXT.
  const isText =
    (scan.wide || level.mode === 'value') && /[\s'=:]/.test(scan.text.slice(at, Math.min(end, at + 200)));
  if (isText && level.quoting < deepestQuoting)
    scanLevel(scan, at + 1, end, newLevel(level.mode === 'value' ? 'value' : 'code', level.quoting + 1));
  else if (scan.wide && scan.text.slice(at + 1, end).toLowerCase() === 'authorization') expect(level, 'name');
  else {
    const name = scan.text.slice(Math.max(at + 1, end - 64), end);
    rowName(name, level.depth, level.beside);
    named(name, level);
  }
  return end + 1;
}

function member({ text, found }: Scan, from: number, to: number, { members }: Level): void {
  if (/^"\s*:/.test(text.slice(to, to + 20))) memberName(text.slice(from, Math.min(to, from + 20)), members);
  else for (const secret of memberValue(text.slice(from, to), { from, to }, members)) found.push(secret);
}

/** In a body between dollars; JSON and connection strings may stand there as well. */
const sqlWord =
  /\b(?:begin|declare|select|insert|update|delete|merge|with|values|alter|create|drop|execute|perform|call|grant|return)\b/i;

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
  // Inside of a literal its quotes are doubled there too.
  const isCode = level.mode === 'code' && sqlWord.test(text.slice(from, Math.min(end, from + 2000)));
  literal(scan, from, end, level, isCode ? 'code' : 'value');
  return end + opening.length;
}
