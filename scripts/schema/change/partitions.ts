// Takes a plan whose changes are known; lets partitions give up their bounds before others take them. Pure.
import { spreads } from '../render/attached.ts';
import { pieceOf } from '../render/equal-keys.ts';
import type { Item, Model } from '../render/model.ts';
import type { Dependency, Piece } from '../render/order.ts';
import { ranks } from '../render/tables.ts';
import { ancestorsOf } from './heirs.ts';
import { isForeignKey } from './keys.ts';
import type { ChangePlan } from './plan.ts';

/**
 * Of two partitions none may hold what the other one is to hold: those that go, or get another bound, are detached before a new
 * one comes. One that stays gets the columns that its parent gets only while it is attached: then its turn comes later.
 */
export function makeRoom(plan: ChangePlan): void {
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
  const detached = new Set(plan.drops.map(({ sql }) => sql));
  const others = plan.alters.filter(({ sql }) => !early.includes(sql));
  const room = early.filter((sql) => !detached.has(sql)).map((sql) => ({ phase: 'type' as const, sql }));
  plan.alters.splice(0, plan.alters.length, ...room, ...others);
}

/** Foreign keys that stay with the tables above a partition: it has them too, and keeps them when it leaves. */
function keysKept({ from, to }: ChangePlan, table: string): Item[] {
  if (!from.find('relation', table)?.parts.has('partition_of')) return [];
  if (to.find('relation', table)?.parts.has('partition_of') !== false) return [];
  return ancestorsOf(from, table)
    .flatMap((parent) => from.partsOf(parent, 'constraint').filter(isForeignKey))
    .filter(({ identity }) => to.find('constraint', identity) !== undefined);
}

/** Whether a foreign key of a table comes by its leaving the whole. */
export const comesByLeaving = (plan: ChangePlan, { table = '', name, parts }: Item): boolean =>
  keysKept(plan, table).some(
    (key) => key.name === name && key.parts.get('definition') === parts.get('definition'),
  );

/** Drops the foreign keys that a partition keeps when it leaves, where it is to have none of them. */
export function dropKept(plan: ChangePlan): void {
  for (const { kind, identity } of plan.differences) {
    const kept = kind === 'relation' ? keysKept(plan, identity) : [];
    for (const { name } of kept)
      if (plan.to.find('constraint', `${identity}.${name}`) === undefined)
        plan.alters.push({ phase: 'drop', sql: `ALTER TABLE ${identity} DROP CONSTRAINT ${name};` });
  }
}

/** Indexes of a new partition that those of its parent take, which were there before: attaching makes some where there are none. */
function indexesToTake({ from, to }: ChangePlan, { identity }: Item): Item[] {
  if (from.find('relation', identity) !== undefined) return [];
  return to.partsOf(identity, 'index').filter(({ parts }) => {
    const above = to.find('index', parts.get('partition_of') ?? '');
    return above !== undefined && from.find('index', above.identity) !== undefined && !spreads(to, above);
  });
}

/** Whether a key or index of a new partition is written, although its parent had one before. */
export const isTaken = (plan: ChangePlan, table: Item, index: Item): boolean =>
  indexesToTake(plan, table).includes(index);

/** Attaches new partitions behind the indexes that their parents' take, so that these keep their names. */
export function attachOnceIndexed(
  plan: ChangePlan,
  pieces: readonly Piece[],
): { pieces: Piece[]; needs: Dependency[] } {
  const needs: Dependency[] = [];
  const split = pieces.flatMap((piece): Piece[] => {
    const name = /^relation (.*)$/s.exec(piece.key)?.[1];
    const table = plan.to.find('relation', name ?? '');
    const indexes = table === undefined ? [] : indexesToTake(plan, table);
    if (table === undefined || indexes.length === 0) return [piece];
    const attach = `ALTER TABLE ONLY ${table.parts.get('partition_of')} ATTACH PARTITION ${table.identity} ${table.parts.get('bound')};`;
    const key = `attach ${table.identity}`;
    needs.push(...indexes.map((index) => ({ from: key, to: pieceOf(index) })));
    return [
      { ...piece, sql: piece.sql.replace(`\n${attach}`, () => '') },
      { key, rank: ranks.index, sql: attach, inlined: [] },
    ];
  });
  return { pieces: split, needs };
}

const changesColumns = ({ differences }: ChangePlan, table: string) =>
  differences.some(({ kind, identity }) => kind === 'column' && identity.startsWith(`${table}.`));

/** Whether the piece makes an heir or a partition of a table that is there, and gets or loses columns first. */
export function waitsForParent(plan: ChangePlan, { key }: Piece): boolean {
  if (!key.startsWith('relation ')) return false;
  const above = ancestorsOf(plan.to, key.slice('relation '.length));
  return above.some(
    (table) => plan.from.find('relation', table) !== undefined && changesColumns(plan, table),
  );
}
