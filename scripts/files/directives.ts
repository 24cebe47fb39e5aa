// Takes the text of one SQL file; gives what its `-- migrate:` comments ask for, and what is wrong with them.
// It knows nothing of other files, nor of what the directives lead to.
import { parseDuration } from '../base/duration.ts';
import { blockCommentEnd, lineCommentEnd, skipBlank } from '../base/positions.ts';
import type { Allowance, Direction, Directives } from '../base/types.ts';

export interface DirectiveProblem {
  /** 1-based. */
  readonly line: number;
  readonly message: string;
}

type Draft = { -readonly [key in keyof Directives]: Directives[key] } & { allow: Allowance[] };

const directiveLine = /^[ \t]*--[ \t]*migrate:[ \t]*(.*?)[ \t]*$/;
const known =
  'no-transaction, irreversible <reason>, lock-timeout=<duration>, statement-timeout=<duration>, allow <rule> <reason>';

/** Reads the directives before the first statement; every mistake is a problem with its line, none is ignored. */
export function readDirectives(
  text: string,
  direction: Direction,
): { directives: Directives; problems: DirectiveProblem[] } {
  const draft: Draft = { noTransaction: false, allow: [] };
  const problems: DirectiveProblem[] = [];
  if (!text.includes('migrate:')) return { directives: draft, problems };
  const firstStatement = skipBlank(text, 0);
  const comments = lineComments(text, firstStatement);
  let offset = 0;
  text.split('\n').forEach((rawLine, i) => {
    const match = directiveLine.exec(rawLine.replace(/\r$/, ''));
    const line = i + 1;
    const inBlockComment = offset < firstStatement && !comments.has(offset + rawLine.indexOf('--'));
    if (match !== null && !inBlockComment) {
      const complaint =
        offset < firstStatement
          ? applyDirective(draft, match[1] ?? '', direction, line)
          : 'a directive must stand before the first statement';
      if (complaint !== null) problems.push({ line, message: complaint });
    }
    offset += rawLine.length + 1;
  });
  return { directives: draft, problems };
}

/** Where line comments begin in the blank head of a text: what looks like one inside a block comment is none. */
function lineComments(text: string, end: number): ReadonlySet<number> {
  const starts = new Set<number>();
  for (let at = 0; at < end; ) {
    if (text.startsWith('/*', at)) at = blockCommentEnd(text, at);
    else if (text.startsWith('--', at)) {
      starts.add(at);
      at = lineCommentEnd(text, at);
    } else at += 1;
  }
  return starts;
}

/** @returns what is wrong with the directive, or null. */
function applyDirective(draft: Draft, body: string, direction: Direction, line: number): string | null {
  const [, word = '', rest = ''] = /^([a-z-]*)(.*)$/s.exec(body) ?? [];
  const argument = rest.trim();
  switch (word) {
    case 'no-transaction':
      if (argument !== '') return `directive no-transaction takes nothing after it, found "${argument}"`;
      if (draft.noTransaction) return 'directive no-transaction is given twice';
      draft.noTransaction = true;
      return null;
    case 'irreversible':
      return applyIrreversible(draft, argument, direction);
    case 'lock-timeout':
      return applyTimeout(draft, 'lockTimeoutMs', word, rest);
    case 'statement-timeout':
      return applyTimeout(draft, 'statementTimeoutMs', word, rest);
    case 'allow':
      return applyAllow(draft, argument, line);
    default:
      return `unknown directive "${body}"; known are: ${known}`;
  }
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
  if (draft[key] !== undefined) return `directive ${word} is given twice`;
  draft[key] = ms;
  return null;
}

function applyAllow(draft: Draft, argument: string, line: number): string | null {
  const [, rule = '', reason = ''] = /^(\S*)\s*(.*)$/.exec(argument) ?? [];
  if (rule === '' || reason === '') {
    return 'directive allow needs a rule and a reason: -- migrate: allow <rule> <reason>';
  }
  draft.allow.push({ rule, reason, line });
  return null;
}
