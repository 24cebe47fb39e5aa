// Takes a no-transaction step; gives the SQL that keeps, with the journal, what its statements have set in the session, and
// brings it back in another session. What cannot be brought back is named, with the way out.

import pg from 'pg';
import { MigrateError } from '../base/errors.ts';
import { withoutSecrets } from '../base/redact.ts';
import { isSecretName } from '../base/secret-words.ts';
import type { Statement } from '../base/types.ts';
import { runLockKey } from '../connection/session-settings.ts';
import { resolveHint } from '../ledger/half-done.ts';
import type { JournalRow, SessionMemory } from '../ledger/journal.ts';
import type { ReadyStep } from '../plan/steps.ts';
import { quoteLiteral } from '../schema/sql.ts';

/** Values (ms) that are ours, not the file's, by the setting's name. */
export type OwnTimeouts = Readonly<Record<'lock_timeout' | 'statement_timeout', readonly number[]>>;

/** The setting that holds the search path of the file while ours is set. */
export const rememberedPath = 'migrate.search_path';

/** Settings that belong to a transaction, or that the tool restores by itself. */
const notKept = [
  'transaction_isolation',
  'transaction_read_only',
  'transaction_deferrable',
  'client_encoding',
];

/**
 * A query of one JSON text, to be run with the file's role and our search path; the file's is in `rememberedPath`.
 * Settings whose names say that they are secrets are not kept: the file sets them again.
 * @param text of the file: of settings with a dot in their name PostgreSQL has no list, so they are looked for there
 */
export function memorySql(text: string, own: OwnTimeouts): string {
  const is = (a: string, b: string) => `${a} OPERATOR(pg_catalog.=) ${b}`;
  const isOwn = Object.entries(own).flatMap(([name, values]) =>
    values.map(
      (value) => `(${is('name', quoteLiteral(name))} AND ${is('setting', quoteLiteral(String(value)))})`,
    ),
  );
  const skipped = [...notKept.map((name) => is('name', quoteLiteral(name))), ...isOwn].join(' OR ');
  const custom = [...new Set(text.match(/(?<![\w$])[a-z_][\w$]*(?:\.[a-z_][\w$]*)+/gi) ?? [])]
    .filter((name) => !/^migrate\./i.test(name) && !isSecretName(name))
    .slice(0, 500);
  const named = `pg_catalog.unnest(ARRAY[${custom.map((name) => quoteLiteral(name)).join(', ')}]::pg_catalog.text[]) AS n(name)`;
  const join = (a: string, b: string) => `${a} OPERATOR(pg_catalog.||) ${b}`;
  const key = ['classid', 'objid', 'objsubid', 'mode']
    .map((column) => `${column}::pg_catalog.text`)
    .reduce((whole, part) => join(join(whole, "'/'"), part));
  const runLock = `(${quoteLiteral(String(BigInt(runLockKey) >> 32n))}, ${quoteLiteral(String(BigInt(runLockKey) & 0xffffffffn))})`;
  const lost = [
    `SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind, relname::pg_catalog.text AS name FROM pg_catalog.pg_class WHERE ${is('relnamespace', 'pg_catalog.pg_my_temp_schema()')} AND relkind IN ('r', 'p', 'v', 'S')`,
    `SELECT 'function', proname::pg_catalog.text FROM pg_catalog.pg_proc WHERE ${is('pronamespace', 'pg_catalog.pg_my_temp_schema()')}`,
    `SELECT 'prepared statement', name FROM pg_catalog.pg_prepared_statements WHERE from_sql`,
    "SELECT 'cursor', name FROM pg_catalog.pg_cursors WHERE is_holdable",
    `SELECT 'channel', c FROM pg_catalog.pg_listening_channels() c`,
    `SELECT 'advisory lock', ${key} FROM pg_catalog.pg_locks WHERE ${is('locktype', "'advisory'")} AND ${is('pid', 'pg_catalog.pg_backend_pid()')} AND (classid::pg_catalog.text, objid::pg_catalog.text) NOT IN (${runLock})`,
  ].join(' UNION ALL ');
  return `SELECT pg_catalog.json_build_object(
    'settings', (SELECT pg_catalog.json_object_agg(name, setting) FROM (
      SELECT name, CASE name WHEN 'search_path' THEN pg_catalog.current_setting('${rememberedPath}') ELSE setting END AS setting FROM pg_catalog.pg_settings WHERE ${is('source', "'session'")} AND NOT (${skipped})
      UNION ALL SELECT name, pg_catalog.current_setting(name, true) FROM ${named}
       WHERE pg_catalog.current_setting(name, true) OPERATOR(pg_catalog.<>) '' AND name NOT IN (SELECT name FROM pg_catalog.pg_settings)) s),
    'login', session_user, 'role', pg_catalog.current_setting('role'),
    'lost', (SELECT pg_catalog.json_agg(l) FROM (${lost}) l))::pg_catalog.text`;
}

/** Statements that make the session again what it was after `done` statements of the file. */
export function restoreStatements(done: readonly Statement[], journal: readonly JournalRow[]): string[] {
  const memory = memoryAfter(done.length, journal);
  // A statement that ended when the server was cut off may not have been looked after; SET is known by its text.
  const since = done.slice(memory?.statement ?? 0).filter(({ kind }) => kind === 'VariableSetStmt');
  const repeated = since.map(({ text }) => text);
  if (memory === null) return repeated;
  const { settings, login, role, lost } = memory.session;
  const sets = Object.entries(settings ?? {}).map(
    ([name, value]) => `SELECT pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, false)`,
  );
  const secret = done
    .slice(0, memory.statement)
    .filter(setsSecret)
    .map(({ text }) => text);
  const channels = (lost ?? []).filter(({ kind }) => kind === 'channel');
  const locks = (lost ?? []).filter(({ kind }) => kind === 'advisory lock');
  return [
    ...channels.map(({ name }) => `LISTEN ${pg.escapeIdentifier(name)}`),
    ...sets,
    ...secret,
    `SELECT pg_catalog.set_config('session_authorization', ${quoteLiteral(login)}, false) WHERE session_user OPERATOR(pg_catalog.<>) ${quoteLiteral(login)}`,
    `SELECT pg_catalog.set_config('role', ${quoteLiteral(role)}, false) WHERE pg_catalog.current_setting('role') OPERATOR(pg_catalog.<>) ${quoteLiteral(role)}`,
    ...repeated,
    // Taken last, with the time-out that the file waits with.
    ...locks.flatMap(({ name }) => advisoryLock(name)),
  ];
}

/** The call that takes a session lock again; ledgers of earlier versions kept two numbers, which do not tell which call. */
function advisoryLock(name: string): string[] {
  const [, first = '', second = '', parts, mode] = /^(\d+)\/(\d+)\/([12])\/(\w+)$/.exec(name) ?? [];
  if (parts === undefined) return [];
  const signed = (text: string) => BigInt.asIntN(32, BigInt(text));
  const key =
    parts === '2'
      ? `${signed(first)}::pg_catalog.int4, ${signed(second)}::pg_catalog.int4`
      : `'${BigInt.asIntN(64, (BigInt(first) << 32n) | BigInt(second))}'::pg_catalog.int8`;
  return [`SELECT pg_catalog.pg_advisory_lock${mode === 'ShareLock' ? '_shared' : ''}(${key})`];
}

/** SET my.password = …, or SELECT set_config('my.password', …) and nothing else. */
function setsSecret({ kind, text }: Statement): boolean {
  const isSet =
    kind === 'VariableSetStmt' || /^select\s+(?:pg_catalog\.)?set_config\s*\([^()]*\)$/i.test(text.trim());
  return isSet && withoutSecrets(text) !== text;
}

interface Remembered {
  /** 1-based: the statement after which the session was so. */
  readonly statement: number;
  readonly session: SessionMemory;
}

function memoryAfter(done: number, journal: readonly JournalRow[]): Remembered | null {
  const kept = journal.filter((row) => row.done && row.statement <= done && row.session != null);
  const last = kept.at(-1);
  return last?.session == null ? null : { statement: last.statement, session: last.session };
}

/**
 * What ended with the session of the attempt before and is needed by what is left of the file.
 * @throws MigrateError `history` naming it, and how to go on
 */
export function refuseLostObjects(
  step: ReadyStep,
  statements: readonly Statement[],
  done: number,
  journal: readonly JournalRow[],
): void {
  const lost = memoryAfter(done, journal)?.session.lost ?? [];
  const left = statements.slice(done);
  for (const { kind, name } of lost.filter((each) => each.kind in makers)) {
    const first = left.find(({ text }) => mentions(text, name));
    if (first === undefined || makesAgain(kind, first)) continue;
    const what = kind.includes(' ') || kind === 'cursor' ? kind : `temporary ${kind}`;
    throw new MigrateError(
      'history',
      `${step.path} cannot go on: statement ${first.index} needs the ${what} ${name}, which ended with the session that made it`,
      {
        location: { file: step.path, line: first.line, column: first.column },
        state: `${step.id} is half done: ${done} of ${statements.length} statements ran. Nothing was changed now.`,
        hint: `Make it again in ${step.path}: put the statement in once more, below the first ${done}, which ran; then run again. Or settle it by hand and say so: ${resolveHint(step.id)}`,
      },
    );
  }
}

/** By kind of what is lost: the statements that make such a thing. */
const makers: Readonly<Record<string, readonly string[]>> = {
  table: ['CreateStmt', 'CreateTableAsStmt', 'SelectStmt'],
  view: ['ViewStmt'],
  sequence: ['CreateSeqStmt', 'CreateStmt'],
  function: ['CreateFunctionStmt'],
  'prepared statement': ['PrepareStmt'],
  cursor: ['DeclareCursorStmt'],
};

function makesAgain(kind: string, { kind: statement, node, text }: Statement): boolean {
  if (statement === 'DropStmt') return node.missing_ok === true;
  if (statement === 'SelectStmt') return /\binto\s+(?:local\s+|global\s+)?temp/i.test(text);
  return makers[kind]?.includes(statement) ?? false;
}

function mentions(text: string, name: string): boolean {
  const at = text.toLowerCase().split(name.toLowerCase());
  return at.some((part, i) => i < at.length - 1 && !/[\w$]$/.test(part) && !/^[\w$]/.test(at[i + 1] ?? ''));
}
