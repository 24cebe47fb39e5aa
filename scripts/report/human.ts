// Takes errors and outcomes; gives text for people. Pure: no terminal, no file, no database.

import { formatDuration } from '../base/duration.ts';
import type { MigrateError, MigrateErrorOptions } from '../base/errors.ts';
import { visible } from '../base/foreign-text.ts';
import type { Outcome } from '../base/types.ts';

/** Colours as functions, so that the caller decides whether there are any. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

export const plainStyle: Style = {
  bold: (text) => text,
  dim: (text) => text,
  red: (text) => text,
  green: (text) => text,
  yellow: (text) => text,
};

// Escape sequences of others must not reach a terminal. Ours are written last, from marks that nobody else can know.
const nonce = Math.random().toString(36).slice(2);
const marks = new RegExp(`\\uE000${nonce}(\\d+)\\uE001`, 'g');
const between = (on: number, off: number) => (text: string) =>
  `\uE000${nonce}${on}\uE001${text}\uE000${nonce}${off}\uE001`;

/** For a place that `painted` or `plain` is the last to touch. */
export const colourStyle: Style = {
  bold: between(1, 22),
  dim: between(2, 22),
  red: between(31, 39),
  green: between(32, 39),
  yellow: between(33, 39),
};

/** The text with its colours as ANSI sequences. */
export function painted(text: string): string {
  return text.replace(marks, '\u001b[$1m');
}

/** The text without colours. */
export function plain(text: string): string {
  return text.replace(marks, '');
}

/** An error as a tired engineer needs it: where, what, what state the database is in, what to type next. */
export function formatError(error: MigrateError, style: Style): string {
  const { options } = error;
  const where = formatLocation(options);
  const sqlState = options.database?.sqlState === undefined ? '' : ` (SQLSTATE ${options.database.sqlState})`;
  const lines = [
    style.red(style.bold('ERROR')) +
      ` ${where === '' ? '' : `${style.bold(where)}${options.statement === undefined ? '' : `, ${options.statement}`}\n`}${error.message}${sqlState}`,
  ];
  if (options.excerpt !== undefined) lines.push('', indent(options.excerpt), '');
  lines.push(...databaseLines(options), ...(options.problems ?? []).map(formatProblem));
  if (options.state !== undefined) lines.push(`${style.bold('State:')} ${options.state}`);
  if (options.hint !== undefined) lines.push(`${style.bold('Next:')}  ${options.hint}`);
  return lines.join('\n');
}

/** What already begins with a mark of its own, `+ table public.x`, gets no other. */
function formatProblem(problem: string): string {
  return /^[+~-] /.test(problem) ? `  ${problem}` : `  - ${problem}`;
}

function formatLocation({ location }: MigrateErrorOptions): string {
  if (location === undefined) return '';
  return [location.file, location.line, location.column].filter((part) => part !== undefined).join(':');
}

function databaseLines({ database }: MigrateErrorOptions): string[] {
  const parts: [string, string | undefined][] = [
    ['DETAIL', database?.detail],
    ['HINT', database?.hint],
    ['CONTEXT', database?.context],
  ];
  return parts.flatMap(([label, value]) => (value === undefined ? [] : [`${label}: ${value}`]));
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}

/** "applied 20250117090000_initial-schema (34 ms)" */
export function formatOutcome(outcome: Outcome, style: Style): string {
  const duration = outcome.durationMs === null ? '' : style.dim(` (${formatDuration(outcome.durationMs)})`);
  const word = outcome.outcome === 'failed' ? style.red('FAILED  ') : style.green(outcome.outcome.padEnd(8));
  return `  ${word} ${visible(outcome.id)}${duration}`;
}

/** "3 migrations", "1 migration" */
export function count(n: number, noun = 'migration'): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** Columns padded to the widest cell, two spaces between. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  const lines = rows.map((row) => row.map(visible));
  for (const row of lines)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, plain(cell).length);
    });
  return lines.map((row) =>
    row
      .map((cell, i) =>
        i === row.length - 1 ? cell : cell + ' '.repeat(Math.max(0, (widths[i] ?? 0) - plain(cell).length)),
      )
      .join('  ')
      .trimEnd(),
  );
}
