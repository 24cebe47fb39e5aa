// Takes what two lock probes read, one before a statement and one behind it; gives its locks, rewrites and scans.
// It knows the state of one migration under trace, nothing of how statements are run.
import { codePointsToUnits } from '../../base/positions.ts';
import type { Statement } from '../../base/types.ts';
import { describeScratchError } from '../../files/sql-error.ts';
import type { ScratchClient } from '../../scratch/client.ts';
import { relationName } from '../statement/names.ts';
import type { Action } from '../statement/types.ts';
import type { Probed } from './catalog.ts';
import { stopsWrites, strengthOf } from './locks.ts';
import type { Catalog, TracedLock, TracedStatement, TraceError } from './traced.ts';

/** State of a migration under trace. */
export interface TraceSession {
  readonly client: ScratchClient;
  readonly before: Catalog;
  /** Relations that were there before. */
  readonly old: ReadonlySet<number>;
  readonly storage: Map<number, { filenode: number | null; scans: number }>;
  /** The catalog as of the last statement; kept current only as far as opaque statements need it. */
  current: Catalog;
  held: Map<number, Probed>;
  /** Whether there is a publication, or a statement has named one. */
  publishes: boolean;
  /** Published tables that refuse UPDATE or DELETE; null as long as nobody has asked. */
  unreplicable: ReadonlySet<string> | null;
}

export type Effects = Pick<TracedStatement, 'locks' | 'held' | 'rewrites' | 'scans'>;

/** Compares with the probe before, and keeps this one for the next. */
export function compare(session: TraceSession, probed: readonly Probed[]): Effects {
  const locks: TracedLock[] = [];
  const rewrites: string[] = [];
  const scans: string[] = [];
  for (const probe of probed) {
    const relation = relationLabel(session, probe);
    const existedBefore = session.old.has(probe.oid);
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
function relationLabel({ before }: TraceSession, probe: Probed): string {
  const known = before.get(probe.oid);
  return known === undefined
    ? `${probe.schema ?? '?'}.${probe.name ?? probe.oid}`
    : `${known.schema}.${known.name}`;
}

function isIndex({ before }: TraceSession, probe: Probed): boolean {
  const kind = before.get(probe.oid)?.kind ?? probe.kind;
  return kind === 'i' || kind === 'I';
}

/** A rewritten table takes its indexes along: they are no news of their own. */
function withoutIndexesOf({ before }: TraceSession, rewrites: readonly string[]): readonly string[] {
  const tables = new Set(rewrites);
  return rewrites.filter((name) => {
    const index = [...before.values()].find((relation) => `${relation.schema}.${relation.name}` === name);
    const table = index?.table == null ? undefined : before.get(index.table);
    return table === undefined || !tables.has(`${table.schema}.${table.name}`);
  });
}

/** The locks that the session has been seen to hold so far. */
export function heldLocks(session: TraceSession): readonly TracedLock[] {
  return [...session.held.values()].flatMap((probe) =>
    probe.modes.map((mode) => ({
      relation: relationLabel(session, probe),
      mode,
      existedBefore: session.old.has(probe.oid),
    })),
  );
}

/**
 * What the catalog does not show of a block: rows changed after reading a whole table (RowExclusiveLock or the word, and
 * a scan), explicit locks (the word, and a strong lock that was taken), extensions and enum values (the words).
 */
export function hiddenActions({ text }: Statement, effects: Effects): readonly Action[] {
  return [...changedRows(text, effects), ...explicitLocks(text, effects), ...spelledOut(text)];
}

function changedRows(text: string, { held, scans }: Effects): readonly Action[] {
  if (/\bcommit\b/i.test(text)) return [];
  const verb = /\bdelete\b/i.test(text) && !/\bupdate\b/i.test(text) ? 'DELETE' : 'UPDATE';
  const names = new Set(
    [...text.matchAll(/\b(?:update|delete\s+from)\s+(?:only\s+)?(?:\w+\.)?"?(\w+)"?/gi)].map(([, name]) =>
      name?.toLowerCase(),
    ),
  );
  return scans
    .filter(
      (relation) =>
        names.has(relationName(relation).name) ||
        held.some((lock) => lock.relation === relation && lock.mode === 'RowExclusiveLock'),
    )
    .map((relation) => {
      const where = { whole: false, equals: [], limited: false };
      return { kind: 'change-rows', table: relationName(relation), verb, where, sql: text };
    });
}

function explicitLocks(text: string, { locks }: Effects): readonly Action[] {
  if (!/\block\s/i.test(text)) return [];
  return locks
    .filter(({ mode, existedBefore }) => existedBefore && stopsWrites(mode))
    .map(({ relation, mode }) => {
      return { kind: 'lock', table: relationName(relation), mode: strengthOf(mode) };
    });
}

function spelledOut(text: string): readonly Action[] {
  const extensions = text.matchAll(/\bcreate\s+extension\s+(?:if\s+not\s+exists\s+)?"?([\w-]+)"?/gi);
  const values = text.matchAll(
    /\balter\s+type\s+(?:(\w+)\.)?(\w+)\s+rename\s+value\s+'+([^']+)'+\s+to\s+'+([^']+)'/gi,
  );
  return [
    ...[...extensions].map(([, name = '']): Action => ({ kind: 'create-extension', table: { name } })),
    ...[...values].map(([, schema, name = '', from = '', to = '']): Action => {
      return { kind: 'enum-rename', table: schema === undefined ? { name } : { schema, name }, from, to };
    }),
  ];
}

interface PostgresError {
  readonly code?: string;
  readonly position?: string;
}

/**
 * PostgreSQL's words about a statement; what is no error of the server is thrown on.
 * @throws the error itself, where it is none of a statement
 */
export function toTraceError(error: unknown, text: string): TraceError {
  const { code, position } = error as PostgresError;
  if (code === undefined || !/^[0-9A-Z]{5}$/.test(code)) throw error;
  const offset = position === undefined ? undefined : codePointsToUnits(text, Number(position) - 1);
  const { message, database } = describeScratchError(error, text);
  const { detail, hint } = database;
  return {
    sqlState: code,
    message,
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
    ...(offset === undefined ? {} : { offset }),
  };
}
