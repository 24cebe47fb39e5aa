// Takes the text of one SQL file; gives what its `-- migrate:` comments ask for, and what is wrong with them.
// It knows nothing of other files, nor of what the directives lead to.
import { parseDuration } from '../base/duration.ts';
import { blockCommentEnd, lineCommentEnd, skipBlank } from '../base/positions.ts';
import { indexOr, literalEnd } from '../base/spans.ts';
import type { Allowance, Direction, Directives } from '../base/types.ts';
import { readBatch } from './batch.ts';

export interface DirectiveProblem {
  /** 1-based. */
  readonly line: number;
  readonly message: string;
}

type Draft = { -readonly [key in keyof Directives]: Directives[key] } & { allow: Allowance[] };

const directiveLine = /^[ \t]*--[ \t]+migrate:(.*)$/s;
const directiveWords =
  'no[-_ ]?transaction|irreversible|lock[-_ ]?timeout|statement[-_ ]?timeout|after[-_ ]?deploy|batch|allow[ \\t]+[a-z]+-[a-z-]+';
/** Another case, no space before it, no colon, another word for it. What is prose is none, but for `Migrate:`. */
const nearDirective = new RegExp(
  `^[ \\t]*--[ \\t]*(?:migrate[ \\t]*:(.*)|migrat(?:e|es|ion|ions)(?:[ \\t]*[:=])?[ \\t]+((?:${directiveWords})\\b.*))$`,
  'is',
);
const known =
  'no-transaction, batch <table> by <column>, after-deploy, irreversible <reason>, lock-timeout=<duration>, statement-timeout=<duration>, allow <rule> <reason>';

/** Reads the directives before the first statement; every mistake is a problem with its line, none is ignored. */
export function readDirectives(
  text: string,
  direction: Direction,
): { directives: Directives; problems: DirectiveProblem[] } {
  const draft: Draft = { noTransaction: false, allow: [] };
  if (/\bcreate\s+extension\b/i.test(text)) draft.createsExtension = true;
  const problems: DirectiveProblem[] = [];
  const firstStatement = skipBlank(text, 0);
  const comments = lineComments(text, firstStatement);
  const isNear = [...comments].some((at) => nearDirective.test(lineAt(text, at)));
  if (!isNear && !text.includes('migrate:')) return { directives: draft, problems };
  let offset = 0;
  // What a literal, a quoted name or a function body holds asks for nothing.
  let later: ReadonlySet<number> | undefined;
  const isComment = (at: number) => {
    later ??= lineComments(text, text.length, firstStatement);
    return later.has(at);
  };
  text.split('\n').forEach((rawLine, i) => {
    const own = rawLine.replace(/\r$/, '');
    const match = dbmateMarker.test(own) ? null : directiveLine.exec(own);
    const line = i + 1;
    const isHeadComment = comments.has(offset + rawLine.indexOf('--'));
    const inBlockComment = offset < firstStatement && !isHeadComment;
    if (match === null && isHeadComment && !dbmateMarker.test(own)) {
      const near = nearDirective.exec(own);
      if (near !== null) problems.push({ line, message: nearProblem((near[1] ?? near[2] ?? '').trim()) });
    }
    const stands = offset < firstStatement || (match !== null && isComment(offset + rawLine.indexOf('--')));
    if (match !== null && !inBlockComment && stands) {
      const complaint =
        offset < firstStatement
          ? applyDirective(draft, (match[1] ?? '').trim(), direction, line)
          : 'a directive must stand before the first statement';
      if (complaint !== null) problems.push({ line, message: complaint });
    }
    offset += rawLine.length + 1;
  });
  return { directives: draft, problems };
}

/** Where line comments begin: what looks like one inside a block comment or a literal is none. */
function lineComments(text: string, end: number, from = 0): ReadonlySet<number> {
  const starts = new Set<number>();
  for (let at = from; at < end; ) {
    if (text.startsWith('--', at)) {
      starts.add(at);
      at = lineCommentEnd(text, at);
    } else at = behindToken(text, at);
  }
  return starts;
}

/** Offset behind the literal, quoted name, block comment, word or single character at `at`. */
function behindToken(text: string, at: number): number {
  const character = text.charAt(at);
  if (text.startsWith('/*', at)) return blockCommentEnd(text, at);
  if (character === '"') return indexOr('"', text, at + 1, text.length) + 1;
  if (character === "'") {
    const escapes = /^[eE]$/.test(text.charAt(at - 1)) && !/[\w$]/.test(text.charAt(at - 2));
    return literalEnd(text, at + 1, text.length, escapes) + 1;
  }
  if (character === '$' && !/[\w$]/.test(text.charAt(at - 1))) {
    const [tag] =
      /^\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]{0,63})?\$/.exec(text.slice(at, at + 66)) ?? [];
    if (tag !== undefined) return indexOr(tag, text, at + tag.length, text.length) + tag.length;
  }
  return at + 1;
}

function lineAt(text: string, offset: number): string {
  return text.slice(offset, lineCommentEnd(text, offset)).trimEnd();
}

/** dbmate's, which part a file rather than ask for something: sections.ts knows them. */
const dbmateMarker = /^[ \t]*--[ \t]*migrate:[ \t]*(?:up|down)\b/i;

function nearProblem(body: string): string {
  return `this comment is nearly a directive, and would be ignored: write "-- migrate: ${spelled(body)}", or other words`;
}

/** A directive's words as they are spelled right, as far as they are known. */
function spelled(body: string): string {
  return body
    .trim()
    .replace(/^(no|lock|statement|after)[-_ ]?(transaction|timeout|deploy)\b/i, '$1-$2')
    .replace(/^([a-z]+-timeout)[ \t]*[:= ][ \t]*/i, '$1=')
    .replace(/^[A-Za-z-]+/, (word) => word.toLowerCase());
}

/** @returns what is wrong with the directive, or null. */
function applyDirective(draft: Draft, body: string, direction: Direction, line: number): string | null {
  const [, word = '', rest = ''] = /^([a-z-]*)(.*)$/s.exec(body) ?? [];
  const argument = rest.trim();
  switch (word) {
    case 'no-transaction':
      if (argument !== '') return `directive no-transaction takes nothing after it, found "${argument}"`;
      if (draft.noTransaction && draft.batch === undefined) return 'directive no-transaction is given twice';
      draft.noTransaction = true;
      return null;
    case 'batch':
      return applyBatch(draft, argument);
    case 'after-deploy':
      return applyAfterDeploy(draft, argument, direction);
    case 'irreversible':
      return applyIrreversible(draft, argument, direction);
    case 'lock-timeout':
      return applyTimeout(draft, 'lockTimeoutMs', word, rest);
    case 'statement-timeout':
      return applyTimeout(draft, 'statementTimeoutMs', word, rest);
    case 'allow':
      return applyAllow(draft, argument, line);
    default:
      return spelled(body) === body
        ? `unknown directive "${body}"; known are: ${known}`
        : `unknown directive "${body}": write "-- migrate: ${spelled(body)}"`;
  }
}

function applyBatch(draft: Draft, argument: string): string | null {
  if (draft.batch !== undefined) return 'directive batch is given twice';
  const batch = readBatch(argument);
  if (typeof batch === 'string') return batch;
  draft.batch = batch;
  draft.noTransaction = true;
  return null;
}

function applyAfterDeploy(draft: Draft, argument: string, direction: Direction): string | null {
  if (direction === 'down') return 'directive after-deploy belongs in the .up.sql';
  if (argument !== '') return `directive after-deploy takes nothing after it, found "${argument}"`;
  if (draft.afterDeploy) return 'directive after-deploy is given twice';
  draft.afterDeploy = true;
  return null;
}

function applyIrreversible(draft: Draft, reason: string, direction: Direction): string | null {
  if (direction === 'up') return 'directive irreversible belongs in the .down.sql';
  if (reason === '') return 'directive irreversible needs a reason: -- migrate: irreversible <reason>';
  if (draft.irreversible !== undefined) return 'directive irreversible is given twice';
  draft.irreversible = reason;
  return null;
}

function applyTimeout(
  draft: Draft,
  key: 'lockTimeoutMs' | 'statementTimeoutMs',
  word: string,
  rest: string,
): string | null {
  const ms = rest.startsWith('=') ? parseDuration(rest.slice(1)) : null;
  if (ms === null) return `directive ${word} needs a duration: -- migrate: ${word}=5s (units ms, s, min, h)`;
  if (ms === 0 && key === 'lockTimeoutMs')
    return `directive ${word}=0 would wait for a lock without end, and everybody behind it: -- migrate: ${word}=5s`;
  if (draft[key] !== undefined) return `directive ${word} is given twice`;
  draft[key] = ms;
  return null;
}

function applyAllow(draft: Draft, argument: string, line: number): string | null {
  const [, rule = '', reason = ''] = /^(\S*)\s*(.*)$/s.exec(argument) ?? [];
  if (rule === '' || reason === '') {
    return 'directive allow needs a rule and a reason: -- migrate: allow <rule> <reason>';
  }
  draft.allow.push({ rule, reason, line });
  return null;
}
