// Takes a plan whose changes are known; lets partitions give up their bounds before others take them. Pure.
import type { Model } from '../render/model.ts';
import type { Piece } from '../render/order.ts';
import { ancestorsOf } from './heirs.ts';
import type { Plan } from './plan.ts';

/**
 * Of two partitions none may hold what the other one is to hold: those that go, or get another bound, are detached before a new
 * one comes. One that stays gets the columns that its parent gets only while it is attached: then its turn comes later.
 */
export function makeRoom(plan: Plan): void {
  const { from, to, differences } = plan;
  const relations = differences.filter(({ kind }) => kind === 'relation');
  const filled = new Set(
    relations.flatMap(({ identity }) => to.find('relation', identity)?.parts.get('partition_of') ?? []),
  );
  const boundIn = (model: Model, identity: string) => model.find('relation', identity)?.parts.get('bound');
  const early = relations.flatMap(({ identity }) => {
    const parent = from.find('relation', identity)?.parts.get('partition_of');
    if (parent === undefined || !filled.has(parent)) return [];
    const moves = boundIn(from, identity) !== boundIn(to, identity);
    const stays = to.find('relation', identity) !== undefined;
    return moves && !(stays && changesColumns(plan, parent))
      ? [`ALTER TABLE ${parent} DETACH PARTITION ${identity};`]
      : [];
  });
  const others = plan.alters.filter(({ sql }) => !early.includes(sql));
  const room = early.map((sql) => ({ phase: 'type' as const, sql }));
  plan.alters.splice(0, plan.alters.length, ...room, ...others);
}

const changesColumns = ({ differences }: Plan, table: string) =>
  differences.some(({ kind, identity }) => kind === 'column' && identity.startsWith(`${table}.`));

/** Whether the piece makes an heir or a partition of a table that is there, and gets or loses columns first. */
export function waitsForParent(plan: Plan, { key }: Piece): boolean {
  if (!key.startsWith('relation ')) return false;
  const above = ancestorsOf(plan.to, key.slice('relation '.length));
  return above.some(
    (table) => plan.from.find('relation', table) !== undefined && changesColumns(plan, table),
  );
}
