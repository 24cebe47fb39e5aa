// Takes a migration and a scratch database that has all earlier ones; gives which locks each statement takes, what it rewrites and scans.
// It knows no rules and no target: it runs the statements for real, on empty tables. One round trip per statement.

import type { Statement } from '../../base/types.ts';
import { cannotRunInTransaction } from '../../files/transaction-block.ts';
import { runsOneByOne } from '../../scratch/citus-stand-ins.ts';
import { resetAfter, resetSql, type ScratchClient } from '../../scratch/client.ts';
import { isLeftOut } from '../../scratch/server-wide.ts';
import { isOpaque, readActions } from '../statement/actions.ts';
import { withoutParameters } from '../statement/tokens.ts';
import type { Action } from '../statement/types.ts';
import { withCascades } from './cascades.ts';
import { type Baseline, baselineSql, type Probed, probeSql, queryJson, readCatalog } from './catalog.ts';
import { documentedEffects } from './documented.ts';
import { seeFromOutside } from './from-outside.ts';
import { lookBefore } from './look-into.ts';
import { observeChanges } from './observed.ts';
import { inRuns } from './plain-inserts.ts';
import { compare, type Effects, heldLocks, hiddenActions, type TraceSession, toTraceError } from './probe.ts';
import type { Catalog, TracedStatement } from './traced.ts';
import { newlyUnreplicable, readUnreplicable, stillUnreplicable } from './unreplicable.ts';

export interface TraceOptions {
  /** As the file's directive: each statement is then its own transaction. */
  readonly noTransaction: boolean;
  /** The schema before the migration, when the caller has read it; saves reading it again. */
  readonly catalog?: Catalog;
  /** Relations that count as having been there before; those of the catalog where absent. */
  readonly old?: ReadonlySet<number>;
}

export interface MigrationTrace {
  readonly statements: readonly TracedStatement[];
  /** The schema after it; before it, when a statement failed in a transaction. */
  readonly catalog: Catalog;
  /** The schema before it. */
  readonly before: Catalog;
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
  const old = options.old ?? new Set(before.keys());
  const session: TraceSession = {
    client,
    before,
    old,
    storage: new Map(),
    current: before,
    held: new Map(),
    publishes: false,
    unreplicable: null,
  };
  const traced = options.noTransaction
    ? await traceSeparately(session, statements)
    : await traceTogether(session, statements);
  return {
    statements: traced.map((one) => stillUnreplicable(session, one)),
    before,
    catalog: session.current,
  };
}

async function traceTogether(
  session: TraceSession,
  statements: readonly Statement[],
): Promise<readonly TracedStatement[]> {
  await begin(session);
  const traced: TracedStatement[] = [];
  for (const run of inRuns(statements)) {
    traced.push(...(await watchRun(session, run)));
    if (traced.at(-1)?.error !== undefined) {
      await session.client.query(`ROLLBACK; ${resetSql}`);
      session.current = session.before;
      return traced;
    }
  }
  if (traced.some(({ statement }) => changesRights(statement)))
    session.current = await readCatalog(session.client);
  else await refreshCatalog(session);
  await commit(session, traced);
  return traced;
}

/** Rights change without a lock that would tell of it. */
function changesRights(statement: Statement): boolean {
  return (
    statement.kind === 'GrantStmt' ||
    (isOpaque(statement) && /\b(grant|revoke|execute)\b/i.test(statement.text))
  );
}

/** Plain rows of one table are sent together; where one is refused each is sent alone, up to that one. */
async function watchRun(
  session: TraceSession,
  run: readonly Statement[],
): Promise<readonly TracedStatement[]> {
  const [first] = run;
  if (first !== undefined && run.length > 1) {
    const together = { ...first, text: run.map(({ text }) => text).join('\n;') };
    await session.client.query('SAVEPOINT plain_rows');
    const { error, ...effects } = await watch(session, together);
    if (error === undefined) {
      await session.client.query('RELEASE SAVEPOINT plain_rows');
      const quiet = { watched: true, locks: [], held: effects.held, rewrites: [], scans: [], observed: [] };
      return run.map((statement, i) => (i === 0 ? { ...effects, statement } : { ...quiet, statement }));
    }
    await session.client.query('ROLLBACK TO SAVEPOINT plain_rows; RELEASE SAVEPOINT plain_rows');
  }
  const traced: TracedStatement[] = [];
  for (const statement of run) {
    traced.push(
      isLeftOut(statement) ? nothingSeen(statement, heldLocks(session)) : await watch(session, statement),
    );
    if (traced.at(-1)?.error !== undefined) break;
  }
  return traced;
}

function resetOf(traced: readonly TracedStatement[]): string {
  return resetAfter(traced.some(({ statement }) => statement.kind === 'PrepareStmt') ? 'PREPARE' : '');
}

/** Deferred constraints and constraint triggers speak at COMMIT: their error belongs to the last statement. */
async function commit(session: TraceSession, traced: TracedStatement[]): Promise<void> {
  try {
    await session.client.query(`COMMIT; ${resetOf(traced)}`);
  } catch (error) {
    const last = traced.pop();
    if (last === undefined) throw error;
    traced.push({ ...last, error: toTraceError(error, last.statement.text) });
    await session.client.query(`ROLLBACK; ${resetSql}`);
    session.current = session.before;
  }
}

async function traceSeparately(
  session: TraceSession,
  statements: readonly Statement[],
): Promise<readonly TracedStatement[]> {
  const traced: TracedStatement[] = [];
  for (const statement of statements) {
    const result = isLeftOut(statement) ? nothingSeen(statement, []) : await traceAlone(session, statement);
    traced.push(result);
    if (result.error !== undefined) break;
  }
  await session.client.query(resetOf(traced));
  session.current = await readCatalog(session.client);
  return traced;
}

async function traceAlone(session: TraceSession, statement: Statement): Promise<TracedStatement> {
  if (!cannotRunInTransaction(statement)) {
    await begin(session);
    const watched = await watch(session, statement);
    // A block that commits on its own, or a statement that only some tables let into a transaction: watched by nobody.
    const ended = watched.error === undefined ? 'COMMIT' : 'ROLLBACK';
    await session.client.query(ended);
    if (!['2D000', '25001'].includes(watched.error?.sqlState ?? '')) return watched;
  }
  const effects = documentedEffects(readActions(statement), session.before, session.old);
  const unwatched = { statement, watched: false, held: effects.locks, observed: [], ...effects };
  try {
    const run = () => session.client.query(withoutParameters(statement.text));
    const seen = isOpaque(statement) ? await seeFromOutside(session, statement, run) : void (await run());
    return { ...unwatched, ...seen, ...(await newlyUnreplicable(session, statement)) };
  } catch (error) {
    return { ...unwatched, error: toTraceError(error, statement.text) };
  }
}

/** Of a statement that is left out, for it would change more than the scratch database, or that is refused. */
function nothingSeen(statement: Statement, held: TracedStatement['held']): TracedStatement {
  return { statement, watched: false, locks: [], held, rewrites: [], scans: [], observed: [] };
}

async function begin(session: TraceSession): Promise<void> {
  const { storage, publishes } = await queryJson<Baseline>(session.client, `BEGIN; ${baselineSql}`);
  session.storage.clear();
  session.held = new Map();
  for (const [oid, filenode, scans] of storage) session.storage.set(oid, { filenode, scans });
  session.publishes ||= publishes;
  if (publishes) session.unreplicable ??= new Set(await readUnreplicable(session.client));
}

/** The statement first, so that positions in errors are its own; the probe in the same round trip. */
async function watch(session: TraceSession, statement: Statement): Promise<TracedStatement> {
  try {
    const opaque = isOpaque(statement);
    if (opaque) await refreshCatalog(session);
    const lookAfter = await lookBefore(session.client, statement);
    const [probed, cascades] = await withCascades(session, statement, () =>
      runAndProbe(session.client, withoutParameters(statement.text)),
    );
    const effects = compare(session, probed);
    const observed = opaque ? await observe(session, statement, effects) : [];
    const bare = await newlyUnreplicable(session, statement);
    return { statement, watched: true, ...effects, observed, cascades, ...bare, ...(await lookAfter()) };
  } catch (cause) {
    const error = toTraceError(cause, statement.text);
    return { ...nothingSeen(statement, heldLocks(session)), watched: true, error };
  }
}

async function runAndProbe(client: ScratchClient, text: string): Promise<readonly Probed[]> {
  if (!runsOneByOne()) return queryJson<readonly Probed[]>(client, `${text}\n;${probeSql}`);
  await client.query(text);
  return queryJson<readonly Probed[]>(client, probeSql);
}

/** Brings `current` up to the relations that this transaction has touched. */
async function refreshCatalog(session: TraceSession): Promise<void> {
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

async function observe(
  session: TraceSession,
  statement: Statement,
  effects: Effects,
): Promise<readonly Action[]> {
  const former = session.current;
  await refreshCatalog(session);
  const touched = [...session.held.keys()].filter((oid) => session.before.has(oid));
  const changes = observeChanges(former, session.current, touched, effects.rewrites);
  return [...changes, ...hiddenActions(statement, effects)];
}
