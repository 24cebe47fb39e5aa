// Takes two lists of schema objects; gives the SQL that leads from the first to the second, and what it cannot write.
// Pure. Whether the SQL is right is for a scratch database to say.

import { parseDefinition } from '../definition.ts';
import { commentSql } from '../render/comments.ts';
import { buildModel, type Item, type Model } from '../render/model.ts';
import { isWithTable, ranks } from '../render/tables.ts';
import type { ObjectClass, SchemaObject } from '../types.ts';
import { addColumn, alterColumn, alterSequence, alterTable, alterType } from './alter.ts';
import { type Difference, diffObjects, foldDifferences } from './diff.ts';
import { dropSql, isTable } from './drop.ts';
import { assemble, type Plan } from './order.ts';

export interface Transition {
  readonly statements: readonly string[];
  /** What a person must write, as listed by `diffObjects`. */
  readonly unfinished: readonly Difference[];
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
};

/** Classes whose objects are dropped and made anew when they change. */
const remade: ReadonlySet<ObjectClass> = new Set([
  ...(['constraint', 'index', 'trigger', 'rule', 'policy', 'statistics', 'aggregate'] as const),
]);

/** From one schema to another. The order of columns is not kept: no statement moves a column. */
export function transition(from: readonly SchemaObject[], to: readonly SchemaObject[]): Transition {
  const differences = diffObjects(from, to).filter(({ severity }) => severity === 'drift');
  const plan: Plan = {
    from: buildModel(from),
    to: buildModel(to),
    unfinished: [...renames(differences, buildModel([...from, ...to]))],
    wanted: new Set(),
    drops: [],
    alters: [],
    comments: [],
  };
  const listed = new Set(foldDifferences(differences).map(keyOf));
  for (const difference of differences) {
    if (plan.unfinished.includes(difference)) continue;
    if (!write(plan, difference, differences, listed.has(keyOf(difference))))
      plan.unfinished.push(difference);
  }
  return { statements: assemble(plan), unfinished: plan.unfinished };
}

const keyOf = ({ kind, identity }: Difference) => `${kind} ${identity}`;

const tableOf = (definition: string | null) => parseDefinition(definition ?? '').get('table');

/** What looks like a renaming: written as dropping and adding, it would lose the rows. */
function renames(differences: readonly Difference[], both: Model): Difference[] {
  const shapeOf = (difference: Difference) => {
    const { kind, identity, expected, actual } = difference;
    if (kind === 'column') return `column ${expected ?? actual}`;
    const change = difference.change;
    const parts = differences.filter(
      (other) =>
        other.kind === 'column' && other.change === change && other.identity.startsWith(`${identity}.`),
    );
    const columns = parts.map((part) => part.identity.slice(identity.length)).sort();
    return columns.length === 0 ? `empty ${identity}` : `relation ${columns.join()}`;
  };
  const candidates = differences.filter(
    ({ kind, change, actual, expected }) =>
      change !== 'changed' &&
      ((kind === 'column' && isTable(both, tableOf(actual ?? expected))) ||
        (kind === 'relation' && /kind=(partitioned )?table/.test(actual ?? expected ?? ''))),
  );
  const removed = new Set(candidates.filter(({ change }) => change === 'removed').map(shapeOf));
  const added = new Set(candidates.filter(({ change }) => change === 'added').map(shapeOf));
  return candidates.filter(
    (difference) => removed.has(shapeOf(difference)) && added.has(shapeOf(difference)),
  );
}

/** False where a person must write it. */
function write(plan: Plan, difference: Difference, all: readonly Difference[], listed: boolean): boolean {
  const { kind, identity, change } = difference;
  const before = plan.from.find(kind, identity);
  const after = plan.to.find(kind, identity);
  if (kind === 'comment') return writeComment(plan, change === 'removed' ? before : after, change, listed);
  if (change === 'removed') return before !== undefined && drop(plan, before, all);
  if (after === undefined) return false;
  if (change === 'added') return add(plan, after);
  return before !== undefined && alter(plan, before, after, all);
}

function writeComment(plan: Plan, item: Item | undefined, change: string, listed: boolean): boolean {
  if (item === undefined) return false;
  if (change !== 'removed') {
    const sql = commentSql(item);
    if (sql !== undefined) plan.comments.push(sql);
    return sql !== undefined;
  }
  // The comment of what goes goes along.
  if (!listed) return true;
  const sql = dropSql(plan.from, item, () => false);
  plan.comments.push(...(sql ?? []));
  return sql !== undefined;
}

function drop(plan: Plan, item: Item, all: readonly Difference[]): boolean {
  const gone = (objectClass: ObjectClass, identity: string) =>
    all.some(
      (other) => other.change === 'removed' && other.kind === objectClass && other.identity === identity,
    );
  const sql = dropSql(plan.from, item, gone);
  if (sql === undefined) return false;
  const rank = /view$/.test(item.parts.get('kind') ?? '') ? ranks.view : rankOf[item.class];
  if (item.class === 'column') plan.alters.push(...sql);
  else for (const each of sql) plan.drops.push({ rank: rankOfDrop(item, rank ?? 0), sql: each });
  return true;
}

function rankOfDrop(item: Item, rank: number): number {
  const foreign = item.class === 'constraint' && item.parts.get('definition')?.startsWith('FOREIGN KEY');
  return foreign ? ranks.foreignKey : rank;
}

function add(plan: Plan, item: Item): boolean {
  if (item.class === 'column') {
    const table = plan.to.find('relation', item.table ?? '');
    const isNew = plan.from.find('relation', item.table ?? '') === undefined;
    if (isNew || table === undefined || item.parts.get('inherited') === 'only') return table !== undefined;
    if (isTable(plan.to, item.table)) plan.alters.push(...addColumn(plan.to, table, item));
    return true;
  }
  const owned = item.class === 'sequence' && item.parts.has('identity_of');
  const withConstraint = item.class === 'index' && item.parts.has('constraint');
  want(plan, item);
  return owned || withConstraint || canWrite(plan.to, item);
}

function want(plan: Plan, item: Item): void {
  if (item.class === 'constraint' && standsAlone(plan, item)) {
    const kind = item.parts.has('domain') ? 'DOMAIN' : 'TABLE';
    plan.alters.push(
      `ALTER ${kind} ${item.table} ADD CONSTRAINT ${item.name} ${item.parts.get('definition')};`,
    );
    return;
  }
  plan.wanted.add(`${item.class} ${item.identity}`);
  if (item.class === 'relation') plan.wanted.add(`late ${item.identity}`);
  if (item.class === 'sequence') plan.wanted.add(`ownership ${item.identity}`);
}

/** A check that CREATE would have brought, for a table or domain that is there already. */
function standsAlone({ from, to }: Plan, item: Item): boolean {
  const owner = item.table ?? '';
  if (item.parts.get('inherited') === 'only') return false;
  if (item.parts.has('domain')) return from.find('type', owner) !== undefined;
  return from.find('relation', owner) !== undefined && isWithTable(to, item);
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

function alter(plan: Plan, before: Item, after: Item, all: readonly Difference[]): boolean {
  const inPlace = alterInPlace(plan, before, after);
  if (inPlace !== null) {
    plan.alters.push(...(inPlace ?? []));
    return inPlace !== undefined;
  }
  if (after.class === 'relation') return replaceView(plan, before, after, all);
  if (after.class === 'routine') return replaceRoutine(plan, before, after);
  if (!remade.has(after.class) || after.parts.get('inherited') === 'only') return false;
  if (after.class === 'index' && after.parts.has('constraint')) return true;
  if (!canWrite(plan.to, after)) return false;
  want(plan, after);
  if (after.class !== 'aggregate') return drop(plan, before, []);
  dropBeforeMaking(plan, before);
  return true;
}

/** Routines else go last: what uses them goes first. One of the same name must make room earlier. */
function dropBeforeMaking(plan: Plan, item: Item): void {
  const sql = dropSql(plan.from, item, () => false) ?? [];
  plan.drops.push(...sql.map((each) => ({ rank: ranks.ownership, sql: each })));
}

/** Null for what is not altered in place. */
function alterInPlace(plan: Plan, before: Item, after: Item): string[] | undefined | null {
  if (after.class === 'column') {
    if (isTable(plan.to, after.table)) return alterColumn(before, after);
    // The columns of a view are what its query says.
    return plan.from.find('relation', after.table ?? '')?.parts.get('definition') ===
      plan.to.find('relation', after.table ?? '')?.parts.get('definition')
      ? undefined
      : [];
  }
  if (after.class === 'type') return alterType(plan.to, before, after);
  if (after.class === 'sequence') return alterSequence(before, after);
  if (after.class === 'relation' && isTable(plan.to, after.identity)) return alterTable(before, after);
  return null;
}

/** CREATE OR REPLACE where columns are only added at the end, else dropped and made anew with all that stands on it. */
function replaceView(plan: Plan, before: Item, after: Item, all: readonly Difference[]): boolean {
  const kind = after.parts.get('kind') ?? '';
  if (!/view$/.test(kind) || kind !== before.parts.get('kind')) return false;
  const columnsChange = all.some(
    (other) =>
      other.kind === 'column' && other.change !== 'added' && other.identity.startsWith(`${after.identity}.`),
  );
  if (kind === 'view' && !columnsChange) {
    plan.wanted.add(`replace ${after.identity}`);
    return true;
  }
  plan.drops.push({ rank: ranks.view, sql: `DROP ${kind.toUpperCase()} ${after.identity};` });
  want(plan, after);
  for (const item of plan.to.items) if (item.table === after.identity) want(plan, item);
  const comments = plan.to.of('comment').filter(({ identity }) => identity.includes(` ${after.identity}`));
  plan.comments.push(...comments.flatMap((item) => commentSql(item) ?? []));
  return true;
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
