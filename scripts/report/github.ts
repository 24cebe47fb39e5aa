// Takes how a command ended; gives what GitHub Actions understands: annotations, log groups and a Markdown summary. Pure.
// It must not know streams, files or whether it runs on GitHub at all.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
import { formatDuration } from '../base/duration.ts';
import { MigrateError } from '../base/errors.ts';
import { markdownCell, markdownFence, markdownText, visible, visibleLines } from '../base/foreign-text.ts';
import { redact } from '../base/secrets.ts';
import type { Finding } from '../base/types.ts';
import type { Failure } from './command.ts';
import { formatError, plainStyle } from './human.ts';

/** Everything that is worth a line on the page of a run. */
export interface RunReport {
  readonly command: string;
  readonly environment: string | null;
  readonly exitCode: number;
  readonly durationMs: number;
  readonly error: unknown;
  /** Of a run over many databases. */
  readonly failures?: readonly Failure[];
  /** The command's own fields of the JSON document. */
  readonly document: Readonly<Record<string, unknown>>;
  /** The last lines of the human form. */
  readonly lines: readonly string[];
  /** Sessions that were waited for, one line each. */
  readonly blockedBy: readonly string[];
}

type Level = 'error' | 'warning' | 'notice';

interface AnnotationPlace {
  readonly file?: string;
  readonly line?: number;
  readonly col?: number;
  readonly title?: string;
}

const escapeData = (text: string) =>
  visibleLines(redact(text)).replaceAll('%', '%25').replaceAll('\n', '%0A');
const escapeProperty = (text: string) =>
  escapeData(visible(text)).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** `::error file=…,line=…::message`; an absent property is left out. */
export function annotation(level: Level, place: AnnotationPlace, message: string): string {
  const properties = (['file', 'line', 'col', 'title'] as const).flatMap((name) =>
    place[name] === undefined ? [] : [`${name}=${escapeProperty(String(place[name]))}`],
  );
  return `::${level}${properties.length === 0 ? '' : ` ${properties.join(',')}`}::${escapeData(message)}`;
}

/** Opens a foldable part of the log; `endGroup` closes it. */
export function group(title: string): string {
  return `::group::${escapeData(title.trim())}`;
}

export const endGroup = '::endgroup::';

/** Keeps text of others (a NOTICE, an error) from being taken for a workflow command by the runner. */
export function defuse(text: string): string {
  return visibleLines(text)
    .replaceAll(/^([^\S\n\r\u2028\u2029]*)::/gm, '$1\u200d::')
    .replaceAll('##[', '##\u200d[');
}

/**
 * One annotation per error and per finding.
 * @param folder the project's folder below the repository's, with a slash at the end, or empty
 */
export function annotations({ command, error, failures = [], document }: RunReport, folder = ''): string[] {
  const all = error === null ? [] : [{ name: '', error, more: 0 }];
  return [
    ...[...all, ...failures].flatMap((failure) =>
      errorAnnotations(failureTitle(command, failure), failure.error, folder),
    ),
    ...findingsOf(document).map((finding) => findingAnnotation(finding, folder)),
  ];
}

/** `migrate up: shop_001 and 12 more` */
function failureTitle(command: string, { name, more }: Failure): string {
  const where = name === '' ? '' : `: ${name}${more === 0 ? '' : ` and ${more} more`}`;
  return `migrate ${command}`.trim() + where;
}

const findingLevels = { error: 'error', warning: 'warning', info: 'notice' } as const;

function findingAnnotation(finding: Finding, folder: string): string {
  const { rule, severity, file, line, column, message, help } = finding;
  const place = { file: folder + file, line, col: column, title: rule };
  return annotation(findingLevels[severity], place, help === '' ? message : `${message}\n${help}`);
}

const problemPattern = /^([^\s:]+\.(?:sql|json|ts))(?::(\d+))?(?::(\d+))?: (.+)$/s;

function errorAnnotations(title: string, error: unknown, folder: string): string[] {
  if (!(error instanceof MigrateError)) {
    return [annotation('error', { title }, error instanceof Error ? error.message : String(error))];
  }
  const { location, database, problems = [], state, hint } = error.options;
  const placed = problems.flatMap((problem) => placedProblem(problem, title, folder));
  if (placed.length > 0 && placed.length === problems.length) return placed;
  const sqlState = database?.sqlState === undefined ? '' : ` (SQLSTATE ${database.sqlState})`;
  const message = [
    error.message + sqlState,
    ...(database?.detail === undefined ? [] : [`DETAIL: ${database.detail}`]),
    ...(database?.hint === undefined ? [] : [`HINT: ${database.hint}`]),
    ...problems.map((problem) => `- ${problem}`),
    ...(state === undefined ? [] : [`State: ${state}`]),
    ...(hint === undefined ? [] : [`Next: ${hint}`]),
  ].join('\n');
  const place = {
    ...(location === undefined ? {} : { file: folder + location.file }),
    ...(location?.line === undefined ? {} : { line: location.line }),
    ...(location?.column === undefined ? {} : { col: location.column }),
    title,
  };
  return [annotation('error', place, message)];
}

function placedProblem(problem: string, title: string, folder: string): string[] {
  const [, file, line, col, message] = problemPattern.exec(problem) ?? [];
  if (file === undefined || message === undefined) return [];
  const place = {
    file: folder + file,
    ...(line === undefined ? {} : { line: Number(line) }),
    ...(col === undefined ? {} : { col: Number(col) }),
    title,
  };
  return [annotation('error', place, message)];
}

/** The Markdown of one command for the run's page. */
export function summaryMarkdown(report: RunReport): string {
  const { command, environment, exitCode, durationMs, document, lines, blockedBy } = report;
  const where = environment === null ? '' : ` · ${environment}`;
  const verdict = lines.at(-1) ?? '';
  const facts: [string, string][] = [
    ['Result', `${exitCode === 0 ? 'ok' : `exit code ${exitCode}`}${verdict === '' ? '' : `: ${verdict}`}`],
    ['Duration', formatDuration(Math.round(durationMs))],
    ...(typeof document.fingerprint === 'string'
      ? [['Fingerprint', document.fingerprint] as [string, string]]
      : []),
    ...blockedBy.map((who): [string, string] => ['Blocked by', who]),
  ];
  return [
    `### ${exitCode === 0 ? '✅' : '❌'} migrate ${markdownText(command)}${markdownText(where)}`,
    '',
    table(['', ''], facts),
    ...targetTable(document),
    ...migrationTable(document),
    ...findingTable(document),
    ...differenceTable(document),
    ...errorBlock(report.error),
    ...(command === 'plan' && lines.length > 1 ? ['', markdownFence(lines.join('\n'), 'text')] : []),
    '',
    '',
  ].join('\n');
}

const mostRows = 100;

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]) => `| ${cells.map(markdownCell).join(' | ')} |`;
  const more = rows.length - mostRows;
  return [
    row(header),
    `|${header.map(() => ' --- |').join('')}`,
    ...rows.slice(0, mostRows).map(row),
    ...(more > 0 ? [row([`… and ${more} more`, ...header.slice(1).map(() => '')])] : []),
  ].join('\n');
}

/** Of many databases those that are not fine; the result above counts the rest. */
function targetTable(document: RunReport['document']): string[] {
  const rows = recordsOf(document.targets)
    .filter(({ begun, exitCode }) => begun === true && exitCode !== 0)
    .map(({ name, exitCode, error, verdict }) => [
      text(name),
      `exit ${text(exitCode)}`,
      text((error as { message?: unknown } | null | undefined)?.message ?? verdict),
    ]);
  return rows.length === 0 ? [] : ['', table(['database', 'result', 'what happened'], rows)];
}

function migrationTable(document: RunReport['document']): string[] {
  const rows = recordsOf(document.migrations).map((migration) => [
    `${text(migration.version)}_${text(migration.name)}`,
    text(migration.direction),
    text(migration.outcome ?? migration.state),
    typeof migration.durationMs === 'number' ? formatDuration(migration.durationMs) : '',
  ]);
  return rows.length === 0 ? [] : ['', table(['migration', 'direction', 'result', 'duration'], rows)];
}

function findingTable(document: RunReport['document']): string[] {
  const rows = findingsOf(document).map(({ severity, rule, file, line, message }) => [
    severity,
    rule,
    `${file}:${line}`,
    message,
  ]);
  return rows.length === 0 ? [] : ['', table(['severity', 'rule', 'where', 'finding'], rows)];
}

function differenceTable(document: RunReport['document']): string[] {
  const drift = document.drift as { differences?: unknown } | null | undefined;
  const rows = recordsOf(drift?.differences).map(({ kind, identity, change }) => [
    text(kind),
    text(identity),
    text(change),
  ]);
  return rows.length === 0 ? [] : ['', table(['object', 'name', 'difference'], rows)];
}

function errorBlock(error: unknown): string[] {
  if (error === null) return [];
  const told = error instanceof Error ? error.message : String(error);
  const lines = error instanceof MigrateError ? formatError(error, plainStyle) : told;
  return ['', markdownFence(lines, 'text')];
}

function recordsOf(value: unknown): Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? (value as Readonly<Record<string, unknown>>[]) : [];
}

function findingsOf(document: RunReport['document']): readonly Finding[] {
  return recordsOf(document.findings) as unknown as readonly Finding[];
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}
