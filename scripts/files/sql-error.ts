// Takes what PostgreSQL refused and the file it stands in; gives the error a person needs: where, what, which statement.
// It knows nothing of transactions or of what happens next.
import type { DatabaseError } from 'pg';
import type { DatabaseReport, Location, MigrateErrorOptions } from '../base/errors.ts';
import { codePointsToUnits, positionAt } from '../base/positions.ts';
import { maskSqlSecrets } from '../base/redact.ts';
import type { Statement } from '../base/types.ts';

/** A text that was sent, and how: `prefixLength` is what stood before it in the batch, in characters. */
export interface SentFile {
  readonly path: string;
  readonly text: string;
  readonly statements: readonly Statement[] | null;
  readonly prefixLength: number;
}

/** How much of a file is looked at around a place, in characters: a line may be megabytes long. */
const window = 2000;
const widestLine = 120;
const longestMessage = 1000;

/**
 * @param failedIndex 0-based number of the statement that failed
 * @returns the message and the parts of a MigrateError that say where and what
 */
export function describeSqlError(
  error: DatabaseError | Error,
  file: SentFile,
  failedIndex: number,
): { message: string; options: MigrateErrorOptions } {
  const database = error as Partial<DatabaseError>;
  const statement = file.statements?.[failedIndex];
  const offset = errorOffset(database, file) ?? statement?.start;
  const location: Location = {
    file: file.path,
    ...(offset === undefined ? {} : positionAt(file.text, offset)),
  };
  const total = file.statements === null ? '' : ` of ${file.statements.length}`;
  return {
    message: safeMessage(error.message, file.text, offset),
    options: {
      location,
      database: reportOf(database),
      statement: `statement ${failedIndex + 1}${total}`,
      ...(offset === undefined ? {} : { excerpt: excerpt(file.text, offset, statement) }),
      cause: error,
    },
  };
}

/**
 * A message as it may be shown: cut, and without a secret. A syntax error quotes the file from its place on (`at or
 * near "…"`), so what is a secret there is one in the message too.
 */
export function safeMessage(message: string, text: string, offset: number | undefined): string {
  const shown = limit(maskSqlSecrets(message));
  if (offset === undefined) return shown;
  const masked = maskAround(text, offset);
  const at = offset - masked.from;
  const isSecret = masked.text.slice(at, at + 20) !== text.slice(offset, offset + 20);
  return isSecret ? shown.replace(/( at or near ").*$/s, '$1***"') : shown;
}

/** The server counts characters from the start of the batch, 1-based. */
function errorOffset(error: Partial<DatabaseError>, file: SentFile): number | undefined {
  if (error.position === undefined) return undefined;
  const inFile = Number(error.position) - 1 - file.prefixLength;
  return inFile < 0 ? undefined : Math.min(codePointsToUnits(file.text, inFile), file.text.length);
}

function reportOf(error: Partial<DatabaseError>): DatabaseReport {
  const part = <Key extends keyof DatabaseReport>(key: Key, value: string | undefined) =>
    value === undefined || value === '' ? {} : { [key]: limit(maskSqlSecrets(value)) };
  const inner = error.internalQuery === undefined ? '' : `\nin: ${error.internalQuery}`;
  return {
    ...part('sqlState', error.code),
    ...part('detail', error.detail),
    ...part('hint', error.hint),
    ...part('context', error.where === undefined ? undefined : error.where + inner),
  };
}

function limit(text: string): string {
  return text.length <= longestMessage
    ? text
    : `${text.slice(0, longestMessage)} … (${text.length - longestMessage} more characters)`;
}

/** At most three lines, cut to a width, with line numbers and a caret under the place. */
export function excerpt(text: string, offset: number, statement?: Statement): string {
  const { line, column } = positionAt(text, offset);
  const masked = maskAround(text, offset, statement);
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const shown = cutLine(masked.text, lineStart - masked.from, offset - masked.from);
  const rows = previousLines(masked.text, lineStart - masked.from, line);
  const width = String(line).length;
  const pad = (n: number) => String(n).padStart(width);
  return [
    ...rows.map(([number, content]) => `${pad(number)} | ${content}`),
    `${pad(line)} | ${shown.content}`,
    `${' '.repeat(width)} | ${caretPadding(shown.content, shown.caret)}^${column > widestLine ? ` (column ${column})` : ''}`,
  ].join('\n');
}

/** The neighbourhood of a place with secrets masked; the whole statement is masked where it is not too long. */
function maskAround(text: string, offset: number, statement?: Statement): { text: string; from: number } {
  const from = Math.max(0, Math.min(statement?.start ?? offset, offset - window));
  const start = offset - from > 100 * window ? offset - window : from;
  return { text: maskSqlSecrets(text.slice(start, offset + window)), from: start };
}

function cutLine(text: string, lineStart: number, at: number): { content: string; caret: number } {
  const start = Math.max(0, lineStart);
  const end = text.indexOf('\n', at);
  const line = text.slice(start, end === -1 ? text.length : end).trimEnd();
  const caret = at - start;
  if (line.length <= widestLine) return { content: line, caret };
  const from = Math.max(0, caret - widestLine / 2);
  const head = from > 0 ? '…' : '';
  const tail = from + widestLine < line.length ? '…' : '';
  return { content: head + line.slice(from, from + widestLine) + tail, caret: caret - from + head.length };
}

function previousLines(text: string, lineStart: number, line: number): [number, string][] {
  if (lineStart <= 0) return [];
  const before = text
    .slice(Math.max(0, lineStart - window), lineStart - 1)
    .split('\n')
    .slice(-2);
  return before
    .map((content, i): [number, string] => [line - before.length + i, content.trimEnd().slice(0, widestLine)])
    .filter(([number]) => number > 0);
}

/** Spaces as wide as the text before the caret on a terminal: tabs stay tabs, wide characters take two cells. */
function caretPadding(content: string, caret: number): string {
  const wide =
    /\p{Extended_Pictographic}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/u;
  return [...content.slice(0, caret)].map((c) => (c === '\t' ? '\t' : wide.test(c) ? '  ' : ' ')).join('');
}
