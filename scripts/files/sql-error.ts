// Takes what PostgreSQL refused and the file it stands in; gives the error a person needs: where, what, which statement.
// It knows nothing of transactions or of what happens next.
import type { DatabaseError } from 'pg';
import type { DatabaseReport, Location, MigrateErrorOptions } from '../base/errors.ts';
import { codePointsToUnits, positionAt } from '../base/positions.ts';
import { hidingSecretsOf } from '../base/redact.ts';
import { mayHoldSecrets, namesSecret } from '../base/secret-words.ts';
import { redact } from '../base/secrets.ts';
import type { Statement } from '../base/types.ts';

/** A text that was sent, and how: `prefixLength` is what stood before it in the batch, in characters. */
export interface SentFile {
  readonly path: string;
  readonly text: string;
  readonly statements: readonly Statement[] | null;
  readonly prefixLength: number;
  /** The file where `text` is not to be shown: what it holds of secrets may be in the answer. */
  readonly sent?: string;
  /** It ran on a scratch database, whose rows are those of other files: none of them is shown. */
  readonly isScratch?: boolean;
  /** Names of the columns of the table whose row the server quotes, where they were asked for. */
  readonly columns?: readonly string[];
}

/** How much of a file is looked at around a place, in characters: a line may be megabytes long. */
const window = 2000;
/** How far back it is read for what may be a secret there, in characters; beyond that, nothing is shown where one may be. */
const furthest = 4_000_000;
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
  const statement = file.statements?.[failedIndex];
  const database = withoutSecretsOf(
    withoutValues(error, statement?.text ?? file.text, file),
    file.sent ?? file.text,
  );
  const offset = errorOffset(database, file) ?? statement?.start;
  const location: Location = {
    file: file.path,
    ...(offset === undefined ? {} : positionAt(file.text, offset)),
  };
  const total = file.statements === null ? '' : ` of ${file.statements.length}`;
  return {
    message: safeMessage(database.message ?? '', file.text, offset),
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
 * What a scratch database says of SQL, as it may be shown: cut, without a secret, and without the row that a constraint
 * refuses, for nobody asks there which columns its table has.
 */
export function describeScratchError(
  error: unknown,
  sql: string,
): { message: string; database: DatabaseReport } {
  const sent = { path: '', text: sql, statements: null, prefixLength: 0, isScratch: true } as const;
  const database = withoutSecretsOf(withoutValues(error as DatabaseError, sql, sent), sql);
  return { message: limit(redact(database.message ?? '')), database: reportOf(database) };
}

/**
 * A message as it may be shown: cut, and without a secret. A syntax error quotes the file from its place on (`at or
 * near "…"`), so what is a secret there is one in the message too.
 */
export function safeMessage(message: string, text: string, offset: number | undefined): string {
  const shown = limit(redact(message));
  if (offset === undefined) return shown;
  const masked = maskAround(text, offset);
  const at = offset - masked.from;
  const isSecret = masked.text.slice(at, at + 20) !== text.slice(offset, offset + 20);
  return isSecret ? shown.replace(/( at or near ").*$/s, '$1***"') : shown;
}

/**
 * The error without the values of rows that it quotes, where the statement or the table has to do with a secret: such a
 * value stands beside no name. https://www.postgresql.org/docs/16/errcodes-appendix.html
 */
function withoutValues(
  error: DatabaseError | Error,
  sql: string,
  { text, isScratch = false, columns = [] }: SentFile,
): Partial<DatabaseError> {
  const {
    code = '',
    message,
    detail,
    hint,
    where,
    table,
    column,
    constraint,
    ...rest
  } = error as Partial<DatabaseError>;
  const whole = { ...rest, code, message, detail, hint, where } as Partial<DatabaseError>;
  // users_api_key_check is named after its column.
  const parts = [table, column, constraint].flatMap((name = '') =>
    name.split('_').map((_, i, all) => all.slice(0, i + 1).join('_')),
  );
  const isValue = code.startsWith('22');
  const isRow = quotesRow(error) || (isScratch && code.startsWith('23'));
  // A table that the file itself makes is not there any more.
  const names = [...parts, ...(isRow ? [...columns, text] : [sql])].join(' ');
  const isNamed = namesSecret(names);
  if ((!isValue && !isRow) || !(isNamed || isScratch)) return whole;
  // What the file itself holds is no row of another.
  const isShown = (quoted: string) => !isNamed && text.includes(quoted.slice(1, -1));
  const unquoted = (said: string | undefined) =>
    said?.replace(/"[^"]*"/g, (quoted) => (isShown(quoted) ? quoted : '"***"'));
  const unlisted = detail === undefined ? undefined : withoutList(detail);
  return {
    ...whole,
    ...(isValue && { message: unquoted(message), detail: unquoted(detail) }),
    ...(isValue && where !== undefined && { where: where.replace(/^JSON data.*$/m, 'JSON data: ***') }),
    ...(!isValue && unlisted !== undefined && { detail: unlisted }),
  } as Partial<DatabaseError>;
}

/** The error without what is a secret in that SQL, wherever it stands: a trigger or a key may quote it bare. */
function withoutSecretsOf(error: Partial<DatabaseError>, sql: string): Partial<DatabaseError> {
  if (sql.length > furthest) return error;
  const hide = hidingSecretsOf(sql);
  const { message, detail, hint, where, internalQuery } = error;
  const hidden = Object.entries({ message, detail, hint, where, internalQuery }).map(([name, text]) => [
    name,
    text && hide(text),
  ]);
  return { ...error, ...Object.fromEntries(hidden) } as Partial<DatabaseError>;
}

function withoutList(detail: string): string {
  const key = detail.indexOf(')=(');
  const [from, to] = [key === -1 ? detail.indexOf('(') : key + 2, detail.lastIndexOf(')')];
  return from === -1 || to < from ? detail : `${detail.slice(0, from)}(***)${detail.slice(to + 1)}`;
}

/** Whether its DETAIL is a whole row: NOT NULL and CHECK. */
export function quotesRow(error: unknown): boolean {
  return ['23502', '23514'].includes((error as Partial<DatabaseError>).code ?? '');
}

/** The server counts characters from the start of the batch, 1-based. */
function errorOffset(error: Partial<DatabaseError>, file: SentFile): number | undefined {
  if (error.position === undefined) return undefined;
  const inFile = Number(error.position) - 1 - file.prefixLength;
  return inFile < 0 ? undefined : Math.min(codePointsToUnits(file.text, inFile), file.text.length);
}

function reportOf(error: Partial<DatabaseError>): DatabaseReport {
  const part = <Key extends keyof DatabaseReport>(key: Key, value: string | undefined) =>
    value === undefined || value === '' ? {} : { [key]: limit(redact(value)) };
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

/** The neighbourhood of a place with secrets masked: what is one may depend on the statement's beginning, and on its end. */
function maskAround(text: string, offset: number, statement?: Statement): { text: string; from: number } {
  const from = Math.max(0, Math.min(statement?.start ?? 0, offset - window));
  if (offset - from > furthest) {
    const near = text.slice(offset - window, offset + window);
    return { text: mayHoldSecrets(text) ? near.replace(/\S/g, '*') : redact(near), from: offset - window };
  }
  const end =
    statement === undefined ? 0 : Math.min(statement.start + statement.text.length, from + furthest);
  return { text: redact(text.slice(from, Math.max(end, offset + window))), from };
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
