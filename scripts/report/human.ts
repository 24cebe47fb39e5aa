// Takes errors and outcomes; gives text for people. Pure: no terminal, no file, no database.
import { formatDuration } from '../base/duration.ts';
import type { MigrateError, MigrateErrorOptions } from '../base/errors.ts';
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
  return `  ${word} ${outcome.id}${duration}`;
}

/** "3 migrations", "1 migration" */
export function count(n: number, noun = 'migration'): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** Columns padded to the widest cell, two spaces between. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
