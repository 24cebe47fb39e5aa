// Takes a no-transaction step; gives the SQL that keeps, with the journal, what its statements have set in the session, and
// brings it back in another session. What cannot be brought back is named, with the way out.

import pg, { type DatabaseError } from 'pg';
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

/** ALTER ROLE or ALTER DATABASE … SET or RESET, and the setting's name. */
const storing =
  /\balter\s+(?:role|user|database)\s[^;]{0,300}?\b(?:re)?set\s+"?(time\s+zone\b|[a-z_][\w.]*)/gi;

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
  // What the file stores for role or database counts from the next login on: not before it has ended.
  const stored = [...text.matchAll(storing)].map(([, name = '']) =>
    quoteLiteral(name.toLowerCase().replace(/\s+/, '')),
  );
  const isStored = stored.length === 0 ? '' : ` OR pg_catalog.lower(name) IN (${stored.join(', ')})`;
  const named = `pg_catalog.unnest(ARRAY[${custom.map((name) => quoteLiteral(name)).join(', ')}]::pg_catalog.text[]) AS n(name)`;
  const join = (a: string, b: string) => `${a} OPERATOR(pg_catalog.||) ${b}`;
  const key = ['classid', 'objid', 'objsubid', 'mode']
    .map((column) => `${column}::pg_catalog.text`)
    .reduce((whole, part) => join(join(whole, "'/'"), part));
  const runLock = `(${quoteLiteral(String(BigInt(runLockKey) >> 32n))}, ${quoteLiteral(String(BigInt(runLockKey) & 0xffffffffn))})`;
  const lost = [
    `SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind, relname::pg_catalog.text AS name FROM pg_catalog.pg_class WHERE ${is('relnamespace', 'pg_catalog.pg_my_temp_schema()')} AND relkind IN ('r', 'p', 'v', 'f', 'S')
      AND NOT (relkind IN ('S') AND EXISTS (SELECT 1 AS one FROM pg_catalog.pg_depend WHERE ${is('objid', 'pg_class.oid')} AND deptype IN ('a', 'i')))`,
    `SELECT 'type', typname::pg_catalog.text FROM pg_catalog.pg_type LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) typrelid
      WHERE ${is('typnamespace', 'pg_catalog.pg_my_temp_schema()')} AND (typtype IN ('d', 'e', 'r') OR relkind IN ('c'))`,
    `SELECT 'collation', collname::pg_catalog.text FROM pg_catalog.pg_collation WHERE ${is('collnamespace', 'pg_catalog.pg_my_temp_schema()')}`,
    `SELECT 'operator', oprname::pg_catalog.text FROM pg_catalog.pg_operator WHERE ${is('oprnamespace', 'pg_catalog.pg_my_temp_schema()')}`,
    `SELECT 'function', proname::pg_catalog.text FROM pg_catalog.pg_proc WHERE ${is('pronamespace', 'pg_catalog.pg_my_temp_schema()')}`,
    `SELECT 'prepared statement', name FROM pg_catalog.pg_prepared_statements WHERE from_sql`,
    "SELECT 'cursor', name FROM pg_catalog.pg_cursors WHERE is_holdable",
    `SELECT 'channel', c FROM pg_catalog.pg_listening_channels() c`,
    `SELECT 'advisory lock', ${key} FROM pg_catalog.pg_locks WHERE ${is('locktype', "'advisory'")} AND ${is('pid', 'pg_catalog.pg_backend_pid()')} AND (classid::pg_catalog.text, objid::pg_catalog.text) NOT IN (${runLock})`,
  ].join(' UNION ALL ');
  return `SELECT pg_catalog.json_build_object(
    'settings', (SELECT pg_catalog.json_object_agg(name, setting) FROM (
      SELECT name, CASE name WHEN 'search_path' THEN pg_catalog.current_setting('${rememberedPath}') ELSE setting END AS setting FROM pg_catalog.pg_settings WHERE (${is('source', "'session'")}${isStored}) AND NOT (${skipped})
      UNION ALL SELECT name, pg_catalog.current_setting(name, true) FROM ${named}
       WHERE pg_catalog.current_setting(name, true) IS NOT NULL AND name NOT IN (SELECT name FROM pg_catalog.pg_settings)) s),
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

type Lost = NonNullable<SessionMemory['lost']>[number];

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

/** What ended with the session of the attempt before, as that one had it after `done` statements. */
function lostAfter(done: number, journal: readonly JournalRow[]): Lost[] {
  return (memoryAfter(done, journal)?.session.lost ?? []).filter(({ kind }) => kind in makers);
}

const nameOf = ({ kind, name }: Lost) =>
  `${kind.includes(' ') || kind === 'cursor' ? kind : `temporary ${kind}`} ${name}`;

/** A query of the names of lost relations that mean another one now; null where there is none to ask about. */
export function shadowedSql(done: number, journal: readonly JournalRow[]): string | null {
  const names = lostAfter(done, journal).filter(({ kind }) => ['table', 'view', 'sequence'].includes(kind));
  if (names.length === 0) return null;
  const list = names.map(({ name }) => quoteLiteral(name)).join(', ');
  return `SELECT name FROM pg_catalog.unnest(ARRAY[${list}]::pg_catalog.text[]) AS name
    WHERE pg_catalog.to_regclass(pg_catalog.quote_ident(name)) IS NOT NULL`;
}

/**
 * What ended with the session of the attempt before and is needed by what is left of the file.
 * @param shadowed names that mean a lasting relation now: functions may need what no statement names
 * @throws MigrateError `history` naming it, and how to go on
 */
export function refuseLostObjects(
  step: ReadyStep,
  statements: readonly Statement[],
  done: number,
  journal: readonly JournalRow[],
  shadowed: ReadonlySet<string>,
): void {
  const left = statements.slice(done);
  for (const lost of lostAfter(done, journal)) {
    const isShadowed = shadowed.has(lost.name);
    const first = left.find(({ text }) => mentions(text, lost.name)) ?? (isShadowed ? left[0] : undefined);
    if (first === undefined || makesAgain(lost.kind, first, !isShadowed)) continue;
    const another = isShadowed ? ` (another ${lost.name} would be used instead)` : '';
    throw new MigrateError(
      'history',
      `${step.path} cannot go on: statement ${first.index} needs the ${nameOf(lost)}, which ended with the session that made it${another}`,
      {
        location: { file: step.path, line: first.line, column: first.column },
        state: `${step.id} is half done: ${done} of ${statements.length} statements ran. Nothing was changed now.`,
        hint: `Make it again in ${step.path}: put the statement in once more, below the first ${done}, which ran; then run again. Or settle it by hand and say so: ${resolveHint(step.id)}`,
      },
    );
  }
}

/**
 * What a failure of a resumed step may come from: what ended with the session before, or null.
 * @param done how many statements had run when this run began
 */
export function lostHint(done: number, journal: readonly JournalRow[], error: Error): string | null {
  if (done === 0) return null;
  const { routine } = error as Partial<DatabaseError>;
  if (routine === 'currval_oid' || routine === 'lastval')
    return `currval() and lastval() end with the session that took the number, and that was the one before: put SELECT setval('…', last_value) FROM … below what ran, and write currval('…').`;
  const other = `It went on in another session than the first ${done} ${done === 1 ? 'statement' : 'statements'}`;
  if (routine === 'find_option')
    return `${other}: a setting whose name they put together ended with that one, so set it again below them.`;
  const lost = lostAfter(done, journal).map(nameOf);
  if (lost.length === 0) return null;
  return `${other}, which had the ${lost.slice(0, 5).join(', ')}: where this needs it, make it again below them.`;
}

/** By kind of what is lost: the statements that make such a thing. */
const makers: Readonly<Record<string, readonly string[]>> = {
  table: ['CreateStmt', 'CreateTableAsStmt', 'CreateForeignTableStmt', 'SelectStmt'],
  view: ['ViewStmt'],
  sequence: ['CreateSeqStmt', 'CreateStmt'],
  function: ['CreateFunctionStmt', 'DefineStmt'],
  'prepared statement': ['PrepareStmt'],
  cursor: ['DeclareCursorStmt'],
  type: ['CreateDomainStmt', 'CreateEnumStmt', 'CreateRangeStmt', 'CompositeTypeStmt', 'DefineStmt'],
  collation: ['DefineStmt'],
  operator: ['DefineStmt'],
};

/** @param mayDrop where nothing else has the name, so that IF EXISTS finds nothing */
function makesAgain(kind: string, { kind: statement, node, text }: Statement, mayDrop: boolean): boolean {
  if (statement === 'DropStmt') return mayDrop && node.missing_ok === true;
  if (statement === 'SelectStmt') return /\binto\s+(?:local\s+|global\s+)?temp/i.test(text);
  return makers[kind]?.includes(statement) ?? false;
}

function mentions(text: string, name: string): boolean {
  const at = text.toLowerCase().split(name.toLowerCase());
  return at.some((part, i) => i < at.length - 1 && !/[\w$]$/.test(part) && !/^[\w$]/.test(at[i + 1] ?? ''));
}
