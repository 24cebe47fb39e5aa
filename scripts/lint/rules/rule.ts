// What a rule is, and how one is written down: a kind of action, a condition, why it hurts, and the safe way.
// It knows nothing of single rules, nor of how actions are found.
import type { Finding, SqlFile, Statement } from '../../base/types.ts';
import type { Meanings } from '../../files/batch-meanings.ts';
import { everyTable, means, sameName, sqlName } from '../statement/names.ts';
import type { Action, ActionKind, ActionOf, Name } from '../statement/types.ts';
import { type Catalog, familyOf, lookUp, type TracedStatement } from '../trace/traced.ts';

/** What the scratch database says of a batch. */
export interface BatchReview {
  readonly meanings: Meanings;
  /** Why its result by ranges is another than at once; null where it is the same. */
  readonly problem: string | null;
}

export type Severity = Finding['severity'];

/** A statement with what it does and, where there was a scratch database, what was seen. */
export interface Step {
  readonly statement: Statement;
  readonly actions: readonly Action[];
  readonly trace?: TracedStatement;
}

/** What is known of the place where the migrations will run. */
export interface Around {
  /** Relations of the catalog that were there before all that runs; absent where each file stands for itself. */
  readonly old?: ReadonlySet<number>;
  /** Partitioned tables (`schema.name`) that have no partition there either: they hold no row to read or rewrite. */
  readonly emptyParents?: ReadonlySet<string>;
  /** The schema after the migration; absent where it was not watched to its end. */
  readonly resulting?: Catalog;
  /** Of a batch, where there was a scratch database. */
  readonly batch?: BatchReview;
}

/** All that a rule may look at. */
export interface Context extends Around {
  readonly file: SqlFile;
  readonly step: Step;
  readonly before: readonly Step[];
  readonly after: readonly Step[];
  /** The schema before this migration; absent without a scratch database. */
  readonly catalog?: Catalog;
  /** What was watched, when it was and the statement did not fail. */
  readonly trace?: TracedStatement;
}

export interface Rule {
  readonly id: string;
  readonly severity: Severity;
  /** One line, for lists and for code scanning. */
  readonly summary: string;
  readonly why: string;
  /** SQLSTATE that the statement fails with; the failure is then this rule's finding. */
  readonly failsWith?: string;
  /** Not asked about a migration that runs after the deployment: what it takes away nobody uses any more. */
  readonly breaksRelease?: boolean;
  /** Also asked about down files. */
  readonly downToo?: boolean;
  /** @returns what the rule has against this action, or null. */
  readonly find: (action: Action, context: Context) => Hit | null;
  /** Asked once per statement, after all rules about its actions; `found` is what errors and warnings those had. */
  readonly findInStep?: (context: Context, found: readonly Hit[]) => Hit | null;
}

export interface Hit {
  readonly table: Name;
  /** "ShareLock on public.orders: writes wait …" */
  readonly effect: string;
  /** The safe way in words; SQL is the business of a program (lint/advice). */
  readonly words: string;
  /** Where this one is less, or more, than the rule's own. */
  readonly severity?: Severity;
  /** Columns that an index is missing for. */
  readonly index?: readonly string[];
}

/** Writes down a rule that is no matter of a single action: found by step, or by the review itself. */
export function defineStepRule(rule: Omit<Rule, 'find'>): Rule {
  return { ...rule, find: () => null };
}

interface Spec<K extends ActionKind> extends Omit<Rule, 'find' | 'findInStep'> {
  readonly on: K | readonly K[];
  /** What it is that hurts in this action's own terms; absent means always. */
  readonly when?: (action: ActionOf<K>, context: Context) => boolean;
  /**
   * What must have been seen for the hit to stand; asked only when the statement was watched.
   * Absent means: the relation existed before the migration. It is the last word.
   */
  readonly seen?: (trace: TracedStatement, action: ActionOf<K>, context: Context) => boolean;
  /** Also on relations that this migration makes. */
  readonly anywhere?: boolean;
  readonly effect: (table: string, action: ActionOf<K>) => string;
  /** The safe way in words, complete without SQL. */
  readonly words: string | ((table: string, action: ActionOf<K>, context: Context) => string);
}

/** Writes down a rule about one kind of action. */
export function defineRule<K extends ActionKind>(spec: Spec<K>): Rule {
  const { on, when, seen, anywhere, effect, words, ...data } = spec;
  const kinds: readonly string[] = typeof on === 'string' ? [on] : on;
  const isMine = (action: Action): action is ActionOf<K> => kinds.includes(action.kind);
  return {
    ...data,
    find: (action, context) => {
      if (!isMine(action) || changesNothing(action, context)) return null;
      const asked = isWithoutPartitions(action.table, context) ? withoutTrace(context) : context;
      if (!(when?.(action, asked) ?? true)) return null;
      const table = action.table;
      const stands = anywhere === true || isSeen(seen, action, asked, context);
      if (!stands) return null;
      const shown = sqlName(table);
      const said = typeof words === 'string' ? words : words(shown, action, context);
      return { table, effect: effect(shown, action), words: said };
    },
  };
}

/** ADD COLUMN IF NOT EXISTS of one that exists; DROP or RENAME of one that this migration added itself, or that never was. */
function changesNothing(action: Action, context: Context): boolean {
  const relation = context.catalog === undefined ? undefined : lookUp(action.table, context.catalog);
  if (relation === undefined) return false;
  const has = (column: string) => relation.columns.some(({ name }) => name === column);
  switch (action.kind) {
    case 'add-column':
      return (
        action.ifNotExists === true && has(action.column.name) && !isColumnGone(action.column.name, context)
      );
    case 'drop-column':
      return !has(action.column);
    default:
      return action.kind === 'rename' && action.object === 'column' && !has(action.from);
  }
}

/** Whether an earlier statement of this file dropped or renamed a column of that name. */
function isColumnGone(column: string, { before }: Context): boolean {
  return before.some(({ actions, trace }) =>
    [...actions, ...(trace?.observed ?? [])].some(
      (action) =>
        (action.kind === 'drop-column' && action.column === column) ||
        (action.kind === 'rename' && action.object === 'column' && action.from === column),
    ),
  );
}

/** A partitioned table whose partitions others make: here is nothing to be seen, so the text decides. */
function isWithoutPartitions(table: Name, { catalog, emptyParents }: Context): boolean {
  const relation = catalog === undefined ? undefined : lookUp(table, catalog);
  if (catalog === undefined || relation?.kind !== 'p') return false;
  if (emptyParents?.has(`${relation.schema}.${relation.name}`) === true) return false;
  return ![...catalog.values()].some(({ parent }) => parent === String(relation.oid));
}

function withoutTrace({ trace: _trace, ...context }: Context): Context {
  return context;
}

/** @param asked the context that decides; `context` still tells what existed */
function isSeen<K extends ActionKind>(
  seen: Spec<K>['seen'],
  action: ActionOf<K>,
  asked: Context,
  context: Context,
): boolean {
  return asked.trace?.watched === true && seen !== undefined
    ? seen(asked.trace, action, asked)
    : existed(action.table, context);
}

/** Whether the relation was there before this migration: as watched, else by the catalog, else by the file's text. */
export function existed(table: Name, context: Context): boolean {
  if (table.name === everyTable.name) return true;
  const seen = context.trace?.held.filter(({ relation }) => means(table, relation)) ?? [];
  if (seen.length > 0) return seen.some(({ existedBefore }) => existedBefore);
  if (context.trace?.watched === true) return false;
  const known = context.catalog === undefined ? undefined : lookUp(table, context.catalog);
  if (context.catalog !== undefined && known === undefined) return false;
  if (known !== undefined && context.old?.has(known.oid) === false) return false;
  return !isCreatedBefore(table, context);
}

/** Whether an earlier statement of this file makes it. */
export function isCreatedBefore(name: Name, { before }: Context): boolean {
  return before.some(({ actions }) =>
    actions.some((action) => action.kind === 'create' && sameName(action.table, name)),
  );
}

/** The table, or a partition of it, was read from end to end. */
export function scanned(trace: TracedStatement, table: Name, context: Context): boolean {
  return isAmong(trace.scans, table, context);
}

/** The table, or a partition of it, got new storage. */
export function rewritten(trace: TracedStatement, table: Name, context: Context): boolean {
  return isAmong(trace.rewrites, table, context);
}

function isAmong(relations: readonly string[], table: Name, { catalog }: Context): boolean {
  if (relations.some((relation) => means(table, relation))) return true;
  const family = relations.length === 0 || catalog === undefined ? [] : familyOf(table, catalog);
  return family.some((relation) => relations.includes(relation));
}
