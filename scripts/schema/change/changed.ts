// Takes an object in the forms that it has in two schemas; notes in the plan how it is brought from the first to the
// second: altered, replaced in place, or dropped and made anew. Pure.
import { switchSql } from '../render/attached.ts';
import type { Item, Model } from '../render/model.ts';
import { notNullOf } from '../render/not-null.ts';
import { ranks } from '../render/tables.ts';
import { alterIndex, alterSequence, alterTable, alterType, keysThatDiffer } from './alter.ts';
import { alterForeign, alterTextSearch } from './alter-outside.ts';
import { onTables, unwritten } from './change.ts';
import { canWrite, remadeClasses } from './classes.ts';
import { alterColumn, viewColumnSql } from './columns.ts';
import { remake } from './dependents.ts';
import type { Difference } from './diff.ts';
import { dropSql, holdsColumns, isTable } from './drop.ts';
import { afterParents, noteAnew, parentsOf } from './heirs.ts';
import { indexOf, takenIndex } from './keys.ts';
import { type ChangePlan, changesPlace, noteWhatFails, take, want } from './plan.ts';
import { handOver } from './positions.ts';

/** Notes what leads from one form to the other; false where a person must write it. */
export function writeChanged(plan: ChangePlan, before: Item, after: Item, difference: Difference): boolean {
  const keys = keysThatDiffer(before, after);
  // From 18 on the NOT NULL of a table that leaves its parent shows the name that it had all along.
  const follows = ['inherited', 'partition_of', ...(isCopy(plan, before) ? ['not_null'] : [])];
  if (keys.every((key) => follows.includes(key)) && changesPlace(plan, after.table)) return true;
  if (after.parts.get('inherited') === 'only' && followsParent(plan, after)) {
    plan.alters.push(...withoutOwnNotNull(before, after).map((sql) => ({ phase: 'free' as const, sql })));
    const left = after.class === 'column' ? afterParents(plan, before, after) : after;
    return keysThatDiffer(left, after).length === 0 || changeColumn(plan, left, after, difference);
  }
  if (after.class === 'type') changeType(plan, before, after, difference);
  else if (after.class === 'index') return changeIndex(plan, before, after, difference);
  else if (after.class === 'sequence') changeSequence(plan, before, after, difference);
  else if (after.class === 'column') return changeColumn(plan, before, after, difference);
  else if (
    after.class === 'relation' &&
    isTable(plan.to, after.identity) &&
    isTable(plan.from, after.identity)
  )
    take(plan, difference, alterTable(before, after));
  else if (isForeign(before) && isForeign(after)) take(plan, difference, alterForeign(before, after));
  else if (after.class === 'text-search') return changeTextSearch(plan, before, after, difference);
  else if (after.class === 'relation') return replaceView(plan, before, after, difference);
  else if (after.class === 'routine') return replaceRoutine(plan, before, after);
  else if (isSwitched(after, keys)) take(plan, difference, onTables([switchSql(after)]));
  else return makeAnew(plan, before, after);
  return true;
}

/** Only turned on or off: on a partition that is all that a trigger of the whole can be. */
const isSwitched = ({ class: name }: Item, keys: readonly string[]) =>
  (name === 'trigger' || name === 'rule') && keys.every((key) => key === 'enabled');

const isForeign = ({ class: name, parts }: Item) =>
  name === 'foreign-server' ||
  name === 'foreign-data-wrapper' ||
  (name === 'relation' && parts.get('kind') === 'foreign table');

function changeTextSearch(plan: ChangePlan, before: Item, after: Item, difference: Difference): boolean {
  const change = alterTextSearch(before, after);
  if (change === undefined) return makeAnew(plan, before, after);
  take(plan, difference, change);
  return true;
}

/** Whether the NOT NULL is that of a parent. */
function isCopy({ from }: ChangePlan, column: Item): boolean {
  const notNull = column.class === 'column' ? notNullOf(column) : null;
  const isPartition = from.find('relation', column.table ?? '')?.parts.has('partition_of') === true;
  return notNull !== null && (isPartition || notNull.inherited !== null);
}

/** Whether the column loses a NOT NULL that a parent has too. */
const isFreed = (before: Item, after: Item) =>
  (notNullOf(before)?.inherited ?? null) !== null && notNullOf(after) === null;

/** A NOT NULL of the heir's own would stay beside the one that it gets from its parent. */
function withoutOwnNotNull(before: Item, after: Item): string[] {
  if (after.class !== 'column') return [];
  const isOwn = notNullOf(before)?.inherited === null && notNullOf(after)?.inherited === 'only';
  return isOwn ? [`ALTER TABLE ${after.table} ALTER COLUMN ${after.name} DROP NOT NULL;`] : [];
}

/** What a partition or heir has from its parent, which changes there too. */
function followsParent({ to, differences }: ChangePlan, item: Item): boolean {
  const above = parentsOf(to, item.table);
  const index = indexOf(to, item);
  return differences.some(
    ({ kind, identity, change }) =>
      change === 'changed' &&
      ((kind === item.class && above.some((parent) => identity === `${parent}.${item.name}`)) ||
        (kind === 'index' && identity === index?.parts.get('partition_of'))),
  );
}

function changeColumn(plan: ChangePlan, before: Item, after: Item, difference: Difference): boolean {
  if (holdsColumns(plan.to, after.table)) {
    const change = alterColumn([plan.from, plan.to], before, after, plan.takesBack);
    const follows = changesPlace(plan, after.table) && change.statements.length === 0;
    // A NOT NULL that the parent has too can only go once the table has left it.
    const isLate = changesPlace(plan, after.table) && isFreed(before, after);
    if (!follows) take(plan, difference, isLate ? { ...change, phase: 'drop' } : change);
    if (change.anew === true) noteAnew(plan, before);
    return true;
  }
  const kind = kindOf(plan.to, after.table);
  if (!/view$/.test(kind)) return isTable(plan.from, after.table);
  // The columns of a view are what its query, and the tables that it reads, make of them; settings are its own.
  plan.closing.push(...viewColumnSql(kind, before, after));
  return true;
}

const kindOf = (model: Model, relation: string | undefined) =>
  model.find('relation', relation ?? '')?.parts.get('kind') ?? '';

function changeType(plan: ChangePlan, before: Item, after: Item, difference: Difference): void {
  const change = alterType([plan.from, plan.to], before, after);
  take(plan, difference, change);
  if (change.replacesType === true) plan.moving.push({ identity: after.identity, columns: [], type: true });
}

/** One that is of a serial column before and of its identity after, or the reverse, is another one of its name. */
function changeSequence(plan: ChangePlan, before: Item, after: Item, difference: Difference): void {
  const column = before.parts.get('identity_of') ?? before.parts.get('owned_by') ?? '';
  const carried = handOver([plan.from, plan.to], column);
  if (carried?.to !== after) {
    take(plan, difference, alterSequence(before, after));
    return;
  }
  plan.alters.push(...carried.rename.map((sql) => ({ phase: 'type' as const, sql })));
  if (!after.parts.has('identity_of')) want(plan, after);
}

function changeIndex(plan: ChangePlan, before: Item, after: Item, difference: Difference): boolean {
  if (changesPlace(plan, after.table) || !isOnlyAttached(before, after))
    return makeIndex(plan, before, after, difference);
  const [old, now] = [before, after].map(({ parts }) => parts.get('partition_of'));
  if (old === undefined && now !== undefined) {
    // One that is made takes what is there.
    const isThere = plan.from.find('index', now) !== undefined;
    if (isThere)
      plan.alters.push({ phase: 'compute', sql: `ALTER INDEX ${now} ATTACH PARTITION ${after.identity};` });
    return true;
  }
  if (old === now) return !after.parts.has('invalid');
  if (plan.to.find('index', old ?? '') === undefined) return makeAnew(plan, before, after);
  take(plan, difference, unwritten('no statement detaches an index from that of its parent'));
  return true;
}

/** Whether an index only becomes one of its parent's, with what follows from that; or the reverse. */
function isOnlyAttached(before: Item, after: Item): boolean {
  const keys = keysThatDiffer(before, after);
  return (
    keys.some((key) => key === 'partition_of' || key === 'invalid') &&
    keys.every((key) => ['partition_of', 'invalid', 'constraint'].includes(key))
  );
}

function makeIndex(plan: ChangePlan, before: Item, after: Item, difference: Difference): boolean {
  const change = alterIndex(before, after);
  if (change === undefined) return makeAnew(plan, before, after);
  take(plan, difference, change);
  return true;
}

function makeAnew(plan: ChangePlan, before: Item, after: Item): boolean {
  if (!remadeClasses.has(after.class) || after.parts.get('inherited') === 'only') return false;
  if (after.class === 'index' && after.parts.has('constraint')) {
    makeRoomForName(plan, before);
    const constraint = plan.to.find('constraint', `${after.table}.${after.parts.get('constraint')}`);
    const stays =
      constraint === undefined ||
      plan.to.find('relation', before.table ?? '') === undefined ||
      takenIndex(plan, constraint) !== undefined;
    if (!stays) dropBeforeMaking(plan, before, ranks.index);
    return true;
  }
  if (!canWrite(after)) return false;
  noteWhatFails(plan, after);
  if (after.class !== 'aggregate') remake(plan, before, after);
  else {
    want(plan, after);
    dropBeforeMaking(plan, before);
  }
  return true;
}

/** An index that goes with its table has its name until then. */
function makeRoomForName(plan: ChangePlan, index: Item): void {
  if (plan.to.find('relation', index.table ?? '') !== undefined) return;
  const sql = `ALTER INDEX ${index.identity} RENAME TO going_${plan.drops.length + 1};`;
  plan.drops.push({ rank: ranks.index, sql, key: `index ${index.identity}` });
}

/** Routines else go last: what uses them goes first. One of the same name must make room earlier. */
function dropBeforeMaking(plan: ChangePlan, item: Item, rank: number = ranks.ownership): void {
  const sql = dropSql(plan.from, item, () => false) ?? [];
  plan.remade.add(item.identity);
  const key = `${item.class} ${item.identity}`;
  plan.drops.push(...sql.map((each) => ({ rank, sql: each, key })));
}

/** CREATE OR REPLACE where columns are only added at the end, else dropped and made anew with all that stands on it. */
function replaceView(plan: ChangePlan, before: Item, after: Item, difference: Difference): boolean {
  const kind = after.parts.get('kind') ?? '';
  if (![before, after].every(({ parts }) => /view$/.test(parts.get('kind') ?? ''))) {
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
  const stays = kind === before.parts.get('kind');
  if (kind === 'view' && stays && sameStart && !changed) plan.replaced.add(after.identity);
  else remake(plan, before, after);
  return true;
}

/** The server prints a view with one output column a line, its name last; of an expression of several lines also theirs. */
function outputNames(view: Item): string[] {
  const [list = ''] = (view.parts.get('definition') ?? '').split(/\n +FROM /);
  return list.split('\n').map(lastWord);
}

/** The last name of a line, a comma or semicolon behind it aside; empty where the line ends otherwise. */
function lastWord(line: string): string {
  const text = line.trimEnd().replace(/[,;]$/, '');
  const last = text.match(/"(?:[^"]|"")*"|[^\s."]+/g)?.at(-1) ?? '';
  return text.endsWith(last) ? last : '';
}

function replaceRoutine(plan: ChangePlan, before: Item, after: Item): boolean {
  if (!canWrite(after)) return false;
  const replaceable = ['kind', 'arguments', 'returns'].every(
    (key) => before.parts.get(key) === after.parts.get(key),
  );
  want(plan, after);
  if (!replaceable) dropBeforeMaking(plan, before);
  return true;
}
