// Takes a plan whose changes are known; adds what stands on them and must go before and come back after: views over views,
// what uses a function that is made anew, triggers and policies on a column that changes its type. Pure. Stored snapshots
// know no dependencies: what names a thing counts as standing on it, and a scratch database tells what was overlooked.
import { groupBy, type Item, type Model } from '../render/model.ts';
import { ranks } from '../render/tables.ts';
import type { ObjectClass } from '../types.ts';
import { addColumn } from './columns.ts';
import { dropSql } from './drop.ts';
import { noteAnew } from './heirs.ts';
import { isAttachedTo, isForeignKey, leadsTo } from './keys.ts';
import { type ChangePlan, type Moving, mentions, want } from './plan.ts';

const textOf = (item: Item) => [...item.parts.values()].join('\n');
const isView = ({ class: name, parts }: Item) => name === 'relation' && /view$/.test(parts.get('kind') ?? '');

/**
 * Drops and makes anew every dependent that is there before and after.
 * @param moving seeds: relations with the columns in question, routines that are dropped, types that are replaced
 */
export function remakeDependents(plan: ChangePlan, moving: readonly Moving[]): void {
  const queue = [...moving];
  for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) {
    for (const item of candidates(plan.from, seed)) {
      if (plan.remade.has(item.identity) || !standsOn(plan.from, item, seed)) continue;
      const after = plan.to.find(item.class, item.identity);
      if (
        after !== undefined &&
        item.class === 'constraint' &&
        isAttachedTo(plan.from, item, seed.identity)
      ) {
        plan.remade.add(item.identity);
        want(plan, after);
        continue;
      }
      if (after === undefined) {
        if (seed.type === true) dropEarly(plan, item);
        continue;
      }
      if (item.class === 'column' && item.parts.has('generated')) {
        if (after.parts.has('generated')) queue.push(...remakeColumn(plan, item, after));
      } else if (item.class === 'column') resetDefault(plan, item, after);
      else {
        remake(plan, item, after);
        if (isView(item) || isRoutine(item)) queue.push({ identity: item.identity, columns: [] });
      }
    }
  }
  withoutOvertaken(plan);
}

interface Places {
  readonly position: ReadonlyMap<Item, number>;
  readonly views: readonly Item[];
  readonly byTable: ReadonlyMap<string | undefined, readonly Item[]>;
}

const placesOf = new WeakMap<Model, Places>();

function places(model: Model): Places {
  const known = placesOf.get(model);
  if (known !== undefined) return known;
  const found = {
    position: new Map(model.items.map((item, i) => [item, i])),
    views: model.items.filter(isView),
    byTable: groupBy(model.items, ({ table }) => table),
  };
  placesOf.set(model, found);
  return found;
}

/** All that may stand on the seed, in the model's order: of thousands of tables each has few. */
function candidates(model: Model, { identity, type }: Moving): readonly Item[] {
  if (type === true || identity.includes('(')) return model.items;
  const { position, views, byTable } = places(model);
  const isKey = (['constraint', 'index'] as const).some((name) => model.find(name, identity) !== undefined);
  const found = [...views, ...(byTable.get(identity) ?? []), ...(isKey ? model.of('constraint') : [])];
  return [...new Set(found)].sort((a, b) => (position.get(a) ?? 0) - (position.get(b) ?? 0));
}

/** Routines and casts else go last. */
function dropEarly(plan: ChangePlan, { class: name, identity }: Item): void {
  for (const [i, drop] of plan.drops.entries())
    if (drop.key === `${name} ${identity}`)
      plan.drops[i] = { ...drop, rank: Math.max(drop.rank, ranks.ownership) };
}

const isRoutine = ({ class: name }: Item) => name === 'routine' || name === 'aggregate';
const onTables: ReadonlySet<ObjectClass> = new Set(['trigger', 'policy', 'rule']);
const onColumns: ReadonlySet<ObjectClass> = new Set(['index', 'constraint', 'statistics']);
const onRoutines: ReadonlySet<ObjectClass> = new Set([
  ...(['trigger', 'policy', 'rule', 'constraint', 'index', 'column', 'cast', 'aggregate'] as const),
  ...(['operator', 'event-trigger'] as const),
]);
const onTypes: ReadonlySet<ObjectClass> = new Set([
  ...(['routine', 'aggregate', 'cast', 'operator', 'index', 'constraint', 'trigger'] as const),
  ...(['policy', 'rule', 'statistics'] as const),
]);

function standsOn(model: Model, item: Item, seed: Moving): boolean {
  const { identity, columns, anew = false } = seed;
  if (item.identity === identity || item.parts.get('inherited') === 'only') return false;
  if (item.class === 'constraint' && (leadsTo(model, item, identity) || isAttachedTo(model, item, identity)))
    return true;
  if (seed.type === true) return isOfType(model, item, identity);
  const named = (text: string) => columns.length === 0 || columns.some((column) => mentions(text, column));
  if (isView(item)) return mentions(textOf(item), identity) && named(item.parts.get('definition') ?? '');
  if (identity.includes('(')) {
    if (!onRoutines.has(item.class) || item.parts.has('constraint')) return false;
    const text =
      item.class === 'column'
        ? (item.parts.get('default') ?? item.parts.get('generated') ?? '')
        : textOf(item);
    return mentions(text, identity);
  }
  if (item.table !== identity || columns.length === 0) return false;
  if (item.class === 'column') return item.parts.has('generated') && named(item.parts.get('generated') ?? '');
  if (item.parts.has('constraint')) return false;
  return (onTables.has(item.class) || (anew && onColumns.has(item.class))) && named(textOf(item));
}

/** Takes it, gives it, or names it; a column that is of the type is converted in place, with its defaults. */
function isOfType(model: Model, item: Item, type: string): boolean {
  if (isView(item)) {
    const shown = model.partsOf(item.identity, 'column').some(({ parts }) => parts.get('type') === type);
    return shown || mentions(textOf(item), type);
  }
  if (item.parts.has('constraint')) return false;
  const signature = isRoutine(item) || item.class === 'cast' ? `${item.identity}\n` : '';
  if (item.class === 'column')
    return item.parts.has('generated') && mentions(item.parts.get('generated') ?? '', type);
  return onTypes.has(item.class) && mentions(`${signature}${textOf(item)}`, type);
}

/** A computed column holds nothing that is not computed again. */
function remakeColumn(plan: ChangePlan, before: Item, after: Item): Moving[] {
  const sql = `ALTER TABLE ${before.table} DROP COLUMN ${before.name};`;
  // Behind all that stands on tables, before the functions that it calls.
  plan.drops.push({ rank: ranks.distribution, sql, key: `column ${before.identity}` });
  const table = plan.to.find('relation', after.table ?? '');
  if (table !== undefined) {
    const { phase, statements } = addColumn([plan.from, plan.to], table, after);
    plan.alters.push(...statements.map((each) => ({ phase, sql: each })));
  }
  return noteAnew(plan, before).map((column) => ({
    ...{ identity: column.table ?? '', columns: [column.name], anew: true },
  }));
}

/** What would change a column in place that is made anew finds nothing: its settings come with it. */
function withoutOvertaken({ alters, to, remade }: ChangePlan): void {
  const heads = to
    .of('column')
    .filter(({ identity, parts }) => parts.has('generated') && remade.has(identity))
    .flatMap(({ table, name }) =>
      ['', 'ONLY '].map((only) => `ALTER TABLE ${only}${table} ALTER COLUMN ${name} `),
    );
  const left = alters.filter(
    ({ phase, sql }) =>
      phase === 'free' || phase === 'compute' || !heads.some((head) => sql.startsWith(head)),
  );
  alters.splice(0, alters.length, ...left);
}

function resetDefault(plan: ChangePlan, before: Item, after: Item): void {
  const alter = `ALTER TABLE ${before.table} ALTER COLUMN ${before.name}`;
  plan.drops.push({ rank: ranks.comment, sql: `${alter} DROP DEFAULT;`, key: `default ${before.identity}` });
  const value = after.parts.get('default');
  if (value !== undefined && value === before.parts.get('default'))
    plan.alters.push({ phase: 'table', sql: `${alter} SET DEFAULT ${value};` });
}

/** Drops it as it was, makes it as it is to be, with all that hangs on it. */
export function remake(plan: ChangePlan, before: Item, after: Item): void {
  if (plan.remade.has(before.identity)) return;
  plan.remade.add(before.identity);
  plan.replaced.delete(before.identity);
  const sql = dropSql(plan.from, before, () => false) ?? [];
  // What takes or gives a type goes before the type does, behind all that stands on tables.
  const rank = isView(before)
    ? ranks.view
    : isRoutine(before)
      ? ranks.ownership
      : isForeignKey(before)
        ? ranks.foreignKey
        : (rankOf[before.class] ?? ranks.trigger);
  plan.drops.push(...sql.map((each) => ({ rank, sql: each, key: `${before.class} ${before.identity}` })));
  want(plan, after);
  if (isRoutine(after) || after.class !== 'relation') return;
  for (const item of plan.to.items) if (item.table === after.identity) want(plan, item);
}

const rankOf: Partial<Record<ObjectClass, number>> = {
  constraint: ranks.key,
  index: ranks.index,
  trigger: ranks.trigger,
  rule: ranks.rule,
  policy: ranks.policy,
  publication: ranks.publication,
  cast: ranks.comment,
  operator: ranks.comment,
  conversion: ranks.comment,
};
