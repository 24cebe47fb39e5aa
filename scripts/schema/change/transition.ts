// Takes two lists of schema objects; gives the SQL that leads from the first to the second, and what it cannot write.
// Pure. Whether the SQL is right, and whether rows survive it, is for a scratch database to say.

import { commentSql } from '../render/comments.ts';
import { buildModel, type Item, type Model } from '../render/model.ts';
import { ranks } from '../render/tables.ts';
import type { ObjectClass, SchemaObject } from '../types.ts';
import { alterIndex, alterSequence, alterTable, alterType, keysThatDiffer } from './alter.ts';
import { type Undecided, unwritten } from './change.ts';
import { addColumn, alterColumn } from './columns.ts';
import { remake, remakeDependents } from './dependents.ts';
import { type Difference, diffObjects, foldDifferences } from './diff.ts';
import { dropSql, isTable } from './drop.ts';
import { assemble } from './order.ts';
import { changesPlace, type Plan, take, want } from './plan.ts';

export interface Transition {
  readonly statements: readonly string[];
  /** What a person must settle, of what `diffObjects` lists; the statements leave it as it is. */
  readonly unfinished: readonly Undecided[];
  /** When the statements fail, changing nothing, although they are right: `where public.users.note is NULL`. */
  readonly fails: readonly string[];
}

const rankOf: Partial<Record<ObjectClass, number>> = {
  schema: ranks.schema,
  extension: ranks.extension,
  type: ranks.type,
  sequence: ranks.sequence,
  routine: ranks.routine,
  aggregate: ranks.aggregate,
  relation: ranks.table,
  constraint: ranks.key,
  index: ranks.index,
  statistics: ranks.statistics,
  trigger: ranks.trigger,
  rule: ranks.rule,
  policy: ranks.policy,
  comment: ranks.comment,
  collation: ranks.type,
  conversion: ranks.aggregate,
  cast: ranks.aggregate,
  operator: ranks.aggregate,
  'operator-class': ranks.aggregate,
  'operator-family': ranks.aggregate,
  'foreign-data-wrapper': ranks.aggregate,
  'foreign-server': ranks.aggregate,
  publication: ranks.publication,
};

/** Classes whose objects are dropped and made anew when they change: they hold no rows. */
const remadeClasses: ReadonlySet<ObjectClass> = new Set([
  ...(['constraint', 'index', 'trigger', 'rule', 'policy', 'statistics', 'aggregate'] as const),
  ...(['publication', 'cast', 'operator', 'conversion'] as const),
]);

/**
 * From one schema to another. What went and what came are two things to it: `findLikeness` tells where they may be one.
 * The order of columns is not kept: no statement moves a column.
 * @param takesBack true for a down: what its up has made may go with the positions it has reached since
 */
export function transition(
  from: readonly SchemaObject[],
  to: readonly SchemaObject[],
  takesBack = false,
): Transition {
  const differences = diffObjects(from, to).filter(({ severity }) => severity === 'drift');
  const plan: Plan = {
    ...{ from: buildModel(from), to: buildModel(to), differences, takesBack },
    ...{ undecided: [], wanted: new Set(), replaced: new Set(), remade: new Set() },
    ...{ drops: [], alters: [], comments: [], fails: [] },
  };
  const listed = new Set(foldDifferences(differences).map(keyOf));
  for (const difference of differences) {
    if (write(plan, difference, listed.has(keyOf(difference)))) continue;
    const why = 'there is no statement of ours for this';
    plan.undecided.push({ difference, why, statements: [] });
  }
  remakeDependents(plan, moving(plan));
  writeCommentsAnew(plan);
  return { statements: assemble(plan), unfinished: plan.undecided, fails: [...new Set(plan.fails)] };
}

const keyOf = ({ kind, identity }: Difference) => `${kind} ${identity}`;

/** False where a person must write it. */
function write(plan: Plan, difference: Difference, listed: boolean): boolean {
  const { kind, identity, change } = difference;
  const before = plan.from.find(kind, identity);
  const after = plan.to.find(kind, identity);
  if (kind === 'comment') return writeComment(plan, change === 'removed' ? before : after, change, listed);
  if (change === 'removed') return before !== undefined && drop(plan, before);
  if (after === undefined) return false;
  if (change === 'added') return add(plan, after, difference);
  return before !== undefined && alter(plan, before, after, difference);
}

function writeComment(plan: Plan, item: Item | undefined, change: string, listed: boolean): boolean {
  if (item === undefined) return false;
  // The comment of what goes goes along.
  if (change === 'removed' && !listed) return true;
  const sql = change === 'removed' ? dropSql(plan.from, item, () => false) : [commentSql(item)];
  plan.comments.push(...(sql ?? []).flatMap((each) => each ?? []));
  return sql !== undefined && !sql.includes(undefined);
}

function writeCommentsAnew(plan: Plan): void {
  for (const item of plan.to.of('comment')) {
    const name = item.identity.slice(item.identity.indexOf(' ') + 1);
    const anew = [...plan.remade].some(
      (identity) => item.identity.endsWith(` ${identity}`) || name.startsWith(`${identity}.`),
    );
    if (anew) plan.comments.push(...[commentSql(item)].flatMap((sql) => sql ?? []));
  }
}

/** Columns that go or change their type, views with other columns, routines that are made anew. */
function moving({ differences, from, remade }: Plan): { identity: string; columns: string[] }[] {
  const columns = differences.filter(
    ({ kind, change, expected, actual }) =>
      kind === 'column' && change !== 'added' && typeIn(expected) !== typeIn(actual),
  );
  const tables = new Map<string, string[]>();
  for (const { identity } of columns) {
    const column = from.find('column', identity);
    if (column?.table === undefined || !isTable(from, column.table)) continue;
    tables.set(column.table, [...(tables.get(column.table) ?? []), column.name]);
  }
  return [
    ...[...tables].map(([identity, names]) => ({ identity, columns: names })),
    ...[...remade].map((identity) => ({ identity, columns: [] })),
  ];
}

const typeIn = (definition: string | null) => /^type=(.*)$/m.exec(definition ?? '')?.[1];

function drop(plan: Plan, item: Item): boolean {
  const gone = (objectClass: ObjectClass, identity: string) =>
    plan.differences.some(
      (other) => other.change === 'removed' && other.kind === objectClass && other.identity === identity,
    );
  const sql = dropSql(plan.from, item, gone);
  if (sql === undefined) return false;
  const rank = /view$/.test(item.parts.get('kind') ?? '') ? ranks.view : rankOf[item.class];
  const key = `${item.class} ${item.identity}`;
  if (item.class === 'column')
    plan.alters.push(...sql.map((each) => ({ phase: 'table' as const, sql: each })));
  else plan.drops.push(...sql.map((each) => ({ rank: rankOfDrop(item, rank ?? 0), sql: each, key })));
  return true;
}

function rankOfDrop(item: Item, rank: number): number {
  const foreign = item.class === 'constraint' && item.parts.get('definition')?.startsWith('FOREIGN KEY');
  return foreign ? ranks.foreignKey : rank;
}

function add(plan: Plan, item: Item, difference: Difference): boolean {
  if (item.class === 'column') {
    const table = plan.to.find('relation', item.table ?? '');
    const isNew = plan.from.find('relation', item.table ?? '') === undefined;
    if (isNew || table === undefined || item.parts.get('inherited') === 'only') return table !== undefined;
    if (isTable(plan.to, item.table)) take(plan, difference, addColumn(plan.to, table, item));
    return true;
  }
  if (comesWithParent(plan, item)) return true;
  const owned = item.class === 'sequence' && item.parts.has('identity_of');
  const withConstraint = item.class === 'index' && item.parts.has('constraint');
  want(plan, item);
  noteWhatFails(plan, item);
  return owned || withConstraint || canWrite(plan.to, item);
}

/** A key or index of a partition that its parent had before: attaching makes it. */
function comesWithParent({ from, to, differences }: Plan, item: Item): boolean {
  const parent = to.find('relation', item.table ?? '')?.parts.get('partition_of');
  if (parent === undefined) return false;
  const attached = differences.some(({ kind, identity }) => kind === 'relation' && identity === item.table);
  const index =
    item.class === 'constraint' && item.parts.get('inherited') !== undefined
      ? to.partsOf(item.table ?? '', 'index').find(({ parts }) => parts.get('constraint') === item.name)
      : item;
  const above = index?.class === 'index' ? index.parts.get('partition_of') : undefined;
  return attached && above !== undefined && from.find('index', above) !== undefined;
}

/** Constraints and unique indexes on tables that may have rows. */
function noteWhatFails(plan: Plan, item: Item): void {
  if (plan.from.find('relation', item.table ?? '') === undefined) return;
  const definition = item.parts.get('definition') ?? '';
  const checked = item.class === 'constraint' && !definition.endsWith('NOT VALID');
  const unique =
    item.class === 'index' && definition.startsWith('CREATE UNIQUE') && !item.parts.has('constraint');
  if (checked || unique) plan.fails.push(`where rows of ${item.table} break ${item.name}`);
}

const written: ReadonlySet<ObjectClass> = new Set(Object.keys(rankOf) as ObjectClass[]);

function canWrite(model: Model, item: Item): boolean {
  if (!written.has(item.class)) return false;
  if (item.class === 'relation') return item.parts.get('kind') !== 'foreign table';
  if (item.class === 'index') return !item.parts.has('invalid');
  if (item.class === 'routine') return !item.parts.has('library');
  if (item.class === 'type') return item.parts.get('kind') !== 'base';
  return (
    item.table === undefined || model.find('relation', item.table)?.parts.get('kind') !== 'foreign table'
  );
}

function alter(plan: Plan, before: Item, after: Item, difference: Difference): boolean {
  const keys = keysThatDiffer(before, after);
  const follows = ['inherited', 'partition_of'];
  if (keys.every((key) => follows.includes(key)) && changesPlace(plan, after.table)) return true;
  if (after.class === 'type') take(plan, difference, alterType(plan.to, before, after));
  else if (after.class === 'index') return changeIndex(plan, before, after, difference);
  else if (after.class === 'sequence') take(plan, difference, alterSequence(before, after));
  else if (after.class === 'column') return changeColumn(plan, before, after, difference);
  else if (
    after.class === 'relation' &&
    isTable(plan.to, after.identity) &&
    isTable(plan.from, after.identity)
  )
    take(plan, difference, alterTable(before, after));
  else if (after.class === 'relation') return replaceView(plan, before, after, difference);
  else if (after.class === 'routine') return replaceRoutine(plan, before, after);
  else return makeAnew(plan, before, after);
  return true;
}

function changeColumn(plan: Plan, before: Item, after: Item, difference: Difference): boolean {
  if (isTable(plan.to, after.table)) {
    const change = alterColumn([plan.from, plan.to], before, after, plan.takesBack);
    const follows = changesPlace(plan, after.table) && change.statements.length === 0;
    if (!follows) take(plan, difference, change);
    return true;
  }
  // The columns of a view are what its query, and the tables that it reads, make of them.
  return isTable(plan.from, after.table) || /view$/.test(kindOf(plan.to, after.table));
}

const kindOf = (model: Model, relation: string | undefined) =>
  model.find('relation', relation ?? '')?.parts.get('kind') ?? '';

function changeIndex(plan: Plan, before: Item, after: Item, difference: Difference): boolean {
  const change = alterIndex(before, after);
  if (change === undefined) return makeAnew(plan, before, after);
  take(plan, difference, change);
  return true;
}

function makeAnew(plan: Plan, before: Item, after: Item): boolean {
  if (!remadeClasses.has(after.class) || after.parts.get('inherited') === 'only') return false;
  if (after.class === 'index' && after.parts.has('constraint')) return true;
  if (!canWrite(plan.to, after)) return false;
  noteWhatFails(plan, after);
  if (after.class !== 'aggregate') remake(plan, before, after);
  else {
    want(plan, after);
    dropBeforeMaking(plan, before);
  }
  return true;
}

/** Routines else go last: what uses them goes first. One of the same name must make room earlier. */
function dropBeforeMaking(plan: Plan, item: Item): void {
  const sql = dropSql(plan.from, item, () => false) ?? [];
  plan.remade.add(item.identity);
  const key = `${item.class} ${item.identity}`;
  plan.drops.push(...sql.map((each) => ({ rank: ranks.ownership, sql: each, key })));
}

/** CREATE OR REPLACE where columns are only added at the end, else dropped and made anew with all that stands on it. */
function replaceView(plan: Plan, before: Item, after: Item, difference: Difference): boolean {
  const kind = after.parts.get('kind') ?? '';
  if (!/view$/.test(kind) || kind !== before.parts.get('kind')) {
    const why = `it was a ${before.parts.get('kind')}: what it held is nowhere`;
    take(plan, difference, unwritten(why));
    return true;
  }
  const [old, now] = [outputNames(before), outputNames(after)];
  const sameStart = old.every((name, i) => name === now[i]);
  const changed = plan.differences.some(
    ({ kind: other, change, identity }) =>
      other === 'column' && change !== 'added' && identity.startsWith(`${after.identity}.`),
  );
  if (kind === 'view' && sameStart && !changed) plan.replaced.add(after.identity);
  else remake(plan, before, after);
  return true;
}

/** The server prints a view with one output column a line, its name last; of an expression of several lines also theirs. */
function outputNames(view: Item): string[] {
  const [list = ''] = (view.parts.get('definition') ?? '').split(/\n\s+FROM /);
  return list.split('\n').map((line) => /("(?:[^"]|"")*"|[^\s."]+?)[,;]?\s*$/.exec(line)?.[1] ?? '');
}

function replaceRoutine(plan: Plan, before: Item, after: Item): boolean {
  if (!canWrite(plan.to, after)) return false;
  const replaceable = ['kind', 'arguments', 'returns'].every(
    (key) => before.parts.get(key) === after.parts.get(key),
  );
  want(plan, after);
  if (!replaceable) dropBeforeMaking(plan, before);
  return true;
}
