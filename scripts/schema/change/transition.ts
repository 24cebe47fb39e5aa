// Takes two lists of schema objects; gives the SQL that leads from the first to the second, and what it cannot write.
// Pure. Whether the SQL is right, and whether rows survive it, is for a scratch database to say.

import { commentSql } from '../render/comments.ts';
import { buildModel, type Item } from '../render/model.ts';
import type { SchemaObject } from '../types.ts';
import { writeAdded } from './added.ts';
import { carriedRights } from './carried-rights.ts';
import type { Undecided } from './change.ts';
import { writeChanged } from './changed.ts';
import { remakeDependents } from './dependents.ts';
import { type Difference, differenceKey, diffObjects, foldDifferences } from './diff.ts';
import { writeDistribution } from './distribution.ts';
import { dropSql, isTable } from './drop.ts';
import { inOrderOfHeirs } from './heirs.ts';
import { missedKeys } from './keys.ts';
import { leftByNotNull, nameNotNulls, notNullComments } from './not-null-names.ts';
import { assemble } from './order.ts';
import { dropKept, makeRoom } from './partitions.ts';
import { type ChangePlan, type Moving, markIncomplete } from './plan.ts';
import { writeRemoved } from './removed.ts';
import { defaultPrivilegesChange, isRight, rightsSql, settingChange } from './rights.ts';

export interface Transition {
  readonly statements: readonly string[];
  /** What concerns roles, as `isRight` says: it comes last, and is no scratch database's business. */
  readonly rights: readonly string[];
  /** What a person must settle, of what `diffObjects` lists; a comment marks it among the statements. */
  readonly unfinished: readonly Undecided[];
  /** When the statements fail, changing nothing, although they are right: `where public.users.note is NULL`. */
  readonly fails: readonly string[];
}

/**
 * From one schema to another. What went and what came are two things to it: `findLikeness` tells where they may be one.
 * The order of columns is not kept: no statement moves a column.
 * @param takesBack true for a down: what its up has made may go with the positions it has reached since
 * @param reader the role that runs the SQL, quoted where SQL needs it: it owns what it makes
 */
export function transition(
  from: readonly SchemaObject[],
  to: readonly SchemaObject[],
  takesBack = false,
  reader = '',
): Transition {
  const differences = diffObjects(from, to).filter(({ severity }) => severity === 'drift');
  const before = buildModel(from);
  const named = nameNotNulls(before, to);
  const plan: ChangePlan = {
    ...{ from: before, to: named.to, differences, takesBack, reader },
    ...{ undecided: [], wanted: new Set(), replaced: new Set(), remade: new Set() },
    ...{ moving: [], drops: [], alters: [], closing: [], rights: [], fails: [] },
    ...{ distributions: [], distributionNeeds: [] },
  };
  const listed = new Set(foldDifferences(differences).map(differenceKey));
  for (const difference of inOrderOfHeirs(plan, differences)) {
    if (write(plan, difference, listed.has(differenceKey(difference)))) continue;
    const why = 'there is no statement of ours for this';
    markIncomplete(plan, difference, why);
  }
  makeRoom(plan);
  dropKept(plan);
  writeDistribution(plan);
  remakeDependents(plan, moving(plan));
  writeCommentsAnew(plan);
  plan.closing.push(...notNullComments(before, buildModel(to)));
  plan.alters.push(...named.renames.map((sql) => ({ phase: 'compute' as const, sql })));
  const carried = carriedRights(madeAnew(plan), (view) => columnsThatStay(plan, view));
  return {
    statements: [...carried.before, ...assemble(plan), ...carried.after],
    rights: [...rightsSql(plan, differences), ...plan.rights],
    unfinished: plan.undecided,
    fails: [...new Set(plan.fails)],
  };
}

/** Notes in the plan what settles the difference; false where a person must write it. */
function write(plan: ChangePlan, difference: Difference, listed: boolean): boolean {
  const { kind, identity, change } = difference;
  const before = plan.from.find(kind, identity);
  const after = plan.to.find(kind, identity);
  // All of them together: who is beside whom is no matter of one table.
  if (kind === 'distribution') return true;
  if (kind === 'owner' || kind === 'grant') return true;
  if (kind === 'default-privileges' || kind === 'setting') return writeOfDatabase(plan, difference);
  if (kind === 'comment') return writeComment(plan, change === 'removed' ? before : after, change, listed);
  if (change === 'removed') return before !== undefined && writeRemoved(plan, before);
  if (after === undefined) return false;
  if (change === 'added') return writeAdded(plan, after, difference);
  return before !== undefined && writeChanged(plan, before, after, difference);
}

function writeOfDatabase(plan: ChangePlan, { kind, identity }: Difference): boolean {
  const sql = kind === 'setting' ? settingChange(plan.to, identity) : defaultPrivilegesChange(plan, identity);
  (isRight({ class: kind, identity }) ? plan.rights : plan.closing).push(...sql);
  return sql.length > 0;
}

function writeComment(plan: ChangePlan, item: Item | undefined, change: string, listed: boolean): boolean {
  if (item === undefined) return false;
  // The comment of what goes goes along.
  if (change === 'removed' && !listed) return true;
  if (change === 'removed' && leftByNotNull(plan.from, plan.to, item)) return true;
  const sql = change === 'removed' ? dropSql(plan.from, item, () => false) : [commentSql(item)];
  plan.closing.push(...(sql ?? []).flatMap((each) => each ?? []));
  return sql !== undefined && !sql.includes(undefined);
}

function writeCommentsAnew(plan: ChangePlan): void {
  for (const item of plan.to.of('comment')) {
    const name = item.identity.slice(item.identity.indexOf(' ') + 1);
    const anew = [...plan.remade].some(
      (identity) => item.identity.endsWith(` ${identity}`) || name.startsWith(`${identity}.`),
    );
    if (anew) plan.closing.push(...[commentSql(item)].flatMap((sql) => sql ?? []));
  }
}

/** Of the kinds that have privileges, with the kind that they will have. */
function madeAnew({ from, to, remade, moving: types }: ChangePlan): Item[] {
  const names = new Set([...remade, ...types.filter(({ type }) => type).map(({ identity }) => identity)]);
  const kinds: readonly Item['class'][] = ['relation', 'routine', 'aggregate', 'type'];
  return to.items.filter(
    (item) => kinds.includes(item.class) && names.has(item.identity) && from.find(item.class, item.identity),
  );
}

function columnsThatStay({ from, to }: ChangePlan, { identity }: Item): string[] {
  return to
    .partsOf(identity, 'column')
    .filter((column) => from.find('column', column.identity) !== undefined)
    .map(({ name }) => name);
}

/**
 * Columns that go or change their type, views with other columns, routines, types and keys that are made anew, keys that
 * something misses.
 */
function moving(plan: ChangePlan): Moving[] {
  const { differences, from, remade, moving: types } = plan;
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
    ...[...remade].map((identity): Moving => {
      const column = from.find('column', identity);
      if (column?.table === undefined) return { identity, columns: [] };
      return { identity: column.table, columns: [column.name], anew: true };
    }),
    ...missedKeys(plan).map((identity) => ({ identity, columns: [] })),
    ...types,
  ];
}

const typeIn = (definition: string | null) => /^type=(.*)$/m.exec(definition ?? '')?.[1];
