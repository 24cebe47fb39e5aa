// What a transition is gathered in, difference by difference, before it is put in order. It knows no SQL but of what the
// render room writes.

import { sqlComment } from '../../base/foreign-text.ts';
import type { Item, Model } from '../render/model.ts';
import type { Dependency, Piece } from '../render/order.ts';
import { isWithTable } from '../render/tables.ts';
import { indexOutside } from '../sql.ts';
import type { Change, Phase, Undecided } from './change.ts';
import { type Difference, describeDifference } from './diff.ts';

/** What must be out of the way: its name, and the columns that go or change their type; all of it, where there are none. */
export interface Moving {
  readonly identity: string;
  readonly columns: readonly string[];
  /** True where the columns are dropped: then what PostgreSQL would carry along goes too, such as indexes. */
  readonly anew?: boolean;
  /** True for a type that makes room for another one of its name. */
  readonly type?: boolean;
}

export interface Drop {
  readonly rank: number;
  readonly sql: string;
  /** Of what is dropped, with its class: `relation public.v`. */
  readonly key: string;
}

export interface ChangePlan {
  readonly from: Model;
  readonly to: Model;
  readonly differences: readonly Difference[];
  /** True for a down. */
  readonly takesBack: boolean;
  /** The role that runs the SQL, quoted where SQL needs it. */
  readonly reader: string;
  readonly undecided: Undecided[];
  /** Keys of the pieces to write. */
  readonly wanted: Set<string>;
  /** Views that get a new query in place. */
  readonly replaced: Set<string>;
  /** Identities of what is dropped and made anew: its comments go with it. */
  readonly remade: Set<string>;
  /** Types that make room for others of their name. */
  readonly moving: Moving[];
  readonly drops: Drop[];
  /** Calls of Citus, and which of them need which others. */
  readonly distributions: Piece[];
  readonly distributionNeeds: Dependency[];
  readonly alters: { phase: Phase; sql: string }[];
  /** What comes last: comments, settings of views' columns and of the database. */
  readonly closing: string[];
  /** Default privileges and settings of roles. */
  readonly rights: string[];
  /** When the statements fail although they are right. */
  readonly fails: string[];
}

/** Notes the statements, and what a person has to know; `difference` is what they settle. */
export function take(plan: ChangePlan, difference: Difference, change: Change): void {
  const { statements, undecided, fails = [], phase, later } = change;
  if (undecided === undefined) plan.fails.push(...fails);
  else markIncomplete(plan, difference, undecided, phase);
  plan.alters.push(...statements.map((sql) => ({ phase, sql })));
  if (later !== undefined) plan.alters.push(...later.statements.map((sql) => ({ phase: later.phase, sql })));
}

/** Leaves the difference to a person; what is said stands where the statements for it stand. */
export function markIncomplete(
  plan: ChangePlan,
  difference: Difference,
  why: string,
  phase: Phase = 'table',
): void {
  plan.undecided.push({ difference, why });
  const sql = sqlComment(`INCOMPLETE: ${describeDifference(difference)}: ${why}`);
  plan.alters.push({ phase, sql });
}

/** Notes a constraint or unique index on a table that may have rows: existing rows may break it. */
export function noteWhatFails(plan: ChangePlan, item: Item): void {
  if (plan.from.find('relation', item.table ?? '') === undefined) return;
  const definition = item.parts.get('definition') ?? '';
  const checked = item.class === 'constraint' && !definition.endsWith('NOT VALID');
  const unique =
    item.class === 'index' && definition.startsWith('CREATE UNIQUE') && !item.parts.has('constraint');
  if (checked || unique) plan.fails.push(`where rows of ${item.table} break ${item.name}`);
}

/** Has the item written as the render room writes it. */
export function want(plan: ChangePlan, item: Item): void {
  if (item.class === 'constraint' && standsAlone(plan, item)) {
    const kind = item.parts.has('domain') ? 'DOMAIN' : 'TABLE';
    const sql = `ALTER ${kind} ${item.table} ADD CONSTRAINT ${item.name} ${item.parts.get('definition')};`;
    const isComputed = plan.to
      .partsOf(item.table ?? '', 'column')
      .some(({ parts }) => parts.has('generated'));
    plan.alters.push({ phase: isComputed ? 'compute' : 'table', sql });
    return;
  }
  plan.wanted.add(`${item.class} ${item.identity}`);
  if (item.class === 'relation')
    for (const kind of ['late', 'settings']) plan.wanted.add(`${kind} ${item.identity}`);
  if (item.class === 'constraint') plan.wanted.add(`reserved ${item.table}`);
  if (item.class === 'sequence') plan.wanted.add(`ownership ${item.identity}`);
}

/** A check that CREATE would have brought, for a table or domain that is there already. */
function standsAlone({ from, to }: ChangePlan, item: Item): boolean {
  const owner = item.table ?? '';
  if (item.parts.get('inherited') === 'only') return false;
  if (item.parts.has('domain')) return from.find('type', owner) !== undefined;
  return from.find('relation', owner) !== undefined && isWithTable(to, item);
}

/** Whether a text of the server's names something: names in it are qualified. */
export function mentions(text: string, identity: string): boolean {
  const name = identity.slice(0, indexOutside(identity, '(') + 1) || identity;
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const next = text[at + name.length] ?? ' ';
    const previous = text[at - 1] ?? ' ';
    if (!/[\w$"]/.test(previous) && (name.endsWith('(') || !/[\w$"]/.test(next))) return true;
  }
  return false;
}

/** Whether a table changes its place in a hierarchy: what its columns and keys inherit follows from that. */
export function changesPlace({ from, to }: ChangePlan, table: string | undefined): boolean {
  const [before, after] = [from, to].map((model) => model.find('relation', table ?? ''));
  if (before === undefined || after === undefined) return false;
  return ['inherits', 'partition_of', 'bound'].some((key) => before.parts.get(key) !== after.parts.get(key));
}
