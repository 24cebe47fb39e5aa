// Takes a migration and a scratch database that has all earlier ones; gives which locks each statement takes, what it rewrites and scans.
// It knows no rules and no target: it runs the statements for real, on empty tables. One round trip per statement.
import { cannotRunInTransaction } from '../check.ts';
import { codePointsToUnits } from '../statements.ts';
import type { Statement } from '../types.ts';
import { isOpaque, readActions } from './actions.ts';
import {
  baselineSql,
  type Probed,
  probeSql,
  queryJson,
  readCatalog,
  resetSql,
  type ScratchClient,
} from './catalog.ts';
import { documentedEffects } from './documented.ts';
import { observeChanges } from './observed.ts';
import type { Catalog, TracedLock, TracedStatement, TraceError } from './traced.ts';
import type { Action } from './types.ts';

export interface TraceOptions {
  /** As the file's directive: each statement is then its own transaction. */
  readonly noTransaction: boolean;
  /** The schema before the migration, when the caller has read it; saves reading it again. */
  readonly catalog?: Catalog;
}

export interface MigrationTrace {
  readonly statements: readonly TracedStatement[];
  /** The schema after it; before it, when a statement failed in a transaction. */
  readonly catalog: Catalog;
  /** The schema before it. */
  readonly before: Catalog;
}

/** State of a migration under trace. */
interface Session {
  readonly client: ScratchClient;
  readonly before: Catalog;
  readonly storage: Map<number, { filenode: number | null; scans: number }>;
  /** The catalog as of the last statement; kept current only as far as opaque statements need it. */
  current: Catalog;
  held: Map<number, Probed>;
}

/**
 * Runs each statement of a migration and reads, around it, what our session locked, rewrote and scanned.
 * Stops at the first statement that fails; its entry carries the error. Commits when none failed.
 * The cost: one reading of the catalog (unless given), then one round trip per statement.
 */
export async function traceMigration(
  client: ScratchClient,
  statements: readonly Statement[],
  options: TraceOptions,
): Promise<MigrationTrace> {
  const before = options.catalog ?? (await readCatalog(client));
  const session: Session = { client, before, storage: new Map(), current: before, held: new Map() };
  const traced = options.noTransaction
    ? await traceSeparately(session, statements)
    : await traceTogether(session, statements);
  return { statements: traced, before, catalog: session.current };
}

async function traceTogether(
  session: Session,
  statements: readonly Statement[],
): Promise<readonly TracedStatement[]> {
  await begin(session);
  const traced: TracedStatement[] = [];
  for (const statement of statements) {
    const result = await watch(session, statement);
    traced.push(result);
    if (result.error !== undefined) {
      await session.client.query(`ROLLBACK; ${resetSql}`);
      session.current = session.before;
      return traced;
    }
  }
  await refreshCatalog(session);
  return (await commit(session, traced)) ? traced : traced;
}

/** Deferred constraints and constraint triggers speak at COMMIT: their error belongs to the last statement. */
async function commit(session: Session, traced: TracedStatement[]): Promise<boolean> {
  try {
    await session.client.query(`COMMIT; ${resetSql}`);
    return true;
  } catch (error) {
    const last = traced.pop();
    if (last === undefined) throw error;
    traced.push({ ...last, error: toTraceError(error, last.statement.text) });
    await session.client.query(`ROLLBACK; ${resetSql}`);
    session.current = session.before;
    return false;
  }
}

async function traceSeparately(
  session: Session,
  statements: readonly Statement[],
): Promise<readonly TracedStatement[]> {
  const traced: TracedStatement[] = [];
  for (const statement of statements) {
    const result = await traceAlone(session, statement);
    traced.push(result);
    if (result.error !== undefined) break;
  }
  await session.client.query(resetSql);
  session.current = await readCatalog(session.client);
  return traced;
}

async function traceAlone(session: Session, statement: Statement): Promise<TracedStatement> {
  if (!cannotRunInTransaction(statement)) {
    await begin(session);
    const watched = await watch(session, statement);
    // Invalid transaction termination: a block that commits on its own cannot be watched from outside.
    const ended = watched.error === undefined ? 'COMMIT' : 'ROLLBACK';
    await session.client.query(ended);
    if (watched.error?.sqlState !== '2D000') return watched;
  }
  const effects = documentedEffects(readActions(statement), session.before);
  const unwatched = { statement, watched: false, held: effects.locks, observed: [], ...effects };
  try {
    await session.client.query(statement.text);
    return unwatched;
  } catch (error) {
    return { ...unwatched, error: toTraceError(error, statement.text) };
  }
}

async function begin(session: Session): Promise<void> {
  const rows = await queryJson<readonly [number, number | null, number][]>(
    session.client,
    `BEGIN; ${baselineSql}`,
  );
  session.storage.clear();
  session.held = new Map();
  for (const [oid, filenode, scans] of rows) session.storage.set(oid, { filenode, scans });
}

/** The statement first, so that positions in errors are its own; the probe in the same round trip. */
async function watch(session: Session, statement: Statement): Promise<TracedStatement> {
  try {
    const opaque = isOpaque(statement);
    if (opaque) await refreshCatalog(session);
    const probed = await queryJson<readonly Probed[]>(session.client, `${statement.text}\n;${probeSql}`);
    const effects = compare(session, probed);
    const observed = opaque ? await observe(session, statement, effects) : [];
    return { statement, watched: true, ...effects, observed };
  } catch (error) {
    const held = heldLocks(session);
    return {
      statement,
      watched: true,
      locks: [],
      held,
      rewrites: [],
      scans: [],
      observed: [],
      error: toTraceError(error, statement.text),
    };
  }
}

type Effects = Pick<TracedStatement, 'locks' | 'held' | 'rewrites' | 'scans'>;

function compare(session: Session, probed: readonly Probed[]): Effects {
  const locks: TracedLock[] = [];
  const rewrites: string[] = [];
  const scans: string[] = [];
  for (const probe of probed) {
    const relation = relationLabel(session, probe);
    const existedBefore = session.before.has(probe.oid);
    const former = session.held.get(probe.oid);
    for (const mode of probe.modes) {
      if (former?.modes.includes(mode) !== true) locks.push({ relation, mode, existedBefore });
    }
    const known = session.storage.get(probe.oid) ?? {
      filenode: probe.filenode,
      scans: existedBefore ? 0 : probe.scans,
    };
    const isStored = probe.filenode !== null && known.filenode !== null;
    if (existedBefore && isStored && probe.filenode !== known.filenode) rewrites.push(relation);
    if (existedBefore && probe.scans > known.scans && !isIndex(session, probe)) scans.push(relation);
    session.storage.set(probe.oid, { filenode: probe.filenode, scans: probe.scans });
    session.held.set(probe.oid, probe);
  }
  return { locks, held: heldLocks(session), rewrites: withoutIndexesOf(session, rewrites), scans };
}

/** Names are those from before the migration: what production calls them, also after a rename or a drop. */
function relationLabel({ before }: Session, probe: Probed): string {
  const known = before.get(probe.oid);
  return known === undefined
    ? `${probe.schema ?? '?'}.${probe.name ?? probe.oid}`
    : `${known.schema}.${known.name}`;
}

function isIndex({ before }: Session, probe: Probed): boolean {
  const kind = before.get(probe.oid)?.kind ?? probe.kind;
  return kind === 'i' || kind === 'I';
}

/** A rewritten table takes its indexes along: they are no news of their own. */
function withoutIndexesOf({ before }: Session, rewrites: readonly string[]): readonly string[] {
  const tables = new Set(rewrites);
  return rewrites.filter((name) => {
    const index = [...before.values()].find((relation) => `${relation.schema}.${relation.name}` === name);
    const table = index?.table == null ? undefined : before.get(index.table);
    return table === undefined || !tables.has(`${table.schema}.${table.name}`);
  });
}

function heldLocks(session: Session): readonly TracedLock[] {
  return [...session.held.values()].flatMap((probe) =>
    probe.modes.map((mode) => ({
      relation: relationLabel(session, probe),
      mode,
      existedBefore: session.before.has(probe.oid),
    })),
  );
}

/** Brings `current` up to the relations that this transaction has touched. */
async function refreshCatalog(session: Session): Promise<void> {
  const touched = [...session.held.keys()];
  const fresh = await readCatalog(session.client, touched);
  const current = new Map(session.current);
  for (const oid of touched) {
    const relation = fresh.get(oid);
    if (relation === undefined) current.delete(oid);
    else current.set(oid, relation);
  }
  session.current = current;
}

async function observe(session: Session, statement: Statement, effects: Effects): Promise<readonly Action[]> {
  const former = session.current;
  await refreshCatalog(session);
  const touched = [...session.held.keys()].filter((oid) => session.before.has(oid));
  const changes = observeChanges(former, session.current, touched, effects.rewrites);
  return [...changes, ...changedRows(statement, effects)];
}

/** RowExclusiveLock and a scan of the same table: rows were changed by reading all of them. */
function changedRows(statement: Statement, { held, scans }: Effects): readonly Action[] {
  const commits = /\bcommit\b/i.test(statement.text);
  return scans
    .filter(
      (relation) =>
        !commits && held.some((lock) => lock.relation === relation && lock.mode === 'RowExclusiveLock'),
    )
    .map((relation) => {
      const [schema = '', name = ''] = relation.split('.');
      const where = { whole: false, equals: [], limited: false };
      return { kind: 'change-rows', table: { schema, name }, verb: 'UPDATE', where, sql: statement.text };
    });
}

interface PostgresError {
  readonly code?: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly position?: string;
}

function toTraceError(error: unknown, text: string): TraceError {
  const { code, message, detail, hint, position } = error as PostgresError;
  if (code === undefined || !/^[0-9A-Z]{5}$/.test(code)) throw error;
  const offset = position === undefined ? undefined : codePointsToUnits(text, Number(position) - 1);
  return {
    sqlState: code,
    message,
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
    ...(offset === undefined ? {} : { offset }),
  };
}
