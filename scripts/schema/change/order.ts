// Takes what a transition consists of; gives its statements in an order in which they can run. Pure.

import { attachedPieces } from '../render/attached.ts';
import type { Model } from '../render/model.ts';
import { type Dependency, orderPieces, type Piece } from '../render/order.ts';
import { addedDependencies, simplePieces } from '../render/pieces.ts';
import { routineSql } from '../render/programs.ts';
import { relationPieces } from '../render/relations.ts';
import { ranks } from '../render/tables.ts';
import type { Difference } from './diff.ts';

/** Filled difference by difference. */
export interface Plan {
  readonly from: Model;
  readonly to: Model;
  readonly unfinished: Difference[];
  /** Keys of the pieces to write. */
  readonly wanted: Set<string>;
  readonly drops: { rank: number; sql: string }[];
  readonly alters: string[];
  readonly comments: string[];
}

/** Drops of what stands on tables, what tables need, changes, what stands on tables, drops of the rest, comments. */
export function assemble(plan: Plan): string[] {
  const texts = new Map(plan.to.of('routine').map((item) => [item.identity, routineSql(item)]));
  const all = [
    ...relationPieces(plan.to, new Set()),
    ...simplePieces(plan.to, texts),
    ...attachedPieces(plan.to),
  ];
  const pieces = all.flatMap((piece): Piece[] => {
    const view = piece.key.replace('relation ', 'replace ');
    if (plan.wanted.has(view) && view !== piece.key)
      return [{ ...piece, sql: piece.sql.replace('CREATE VIEW', 'CREATE OR REPLACE VIEW') }];
    return plan.wanted.has(piece.key) ? [piece] : [];
  });
  const { ordered, stuck } = orderPieces(pieces, [...addedDependencies(plan.to), ...mentions(pieces)]);
  const waiting = pieces.filter(({ key }) => stuck.includes(key)).sort((a, b) => a.rank - b.rank);
  const creates = [...ordered, ...waiting];
  const early = creates.filter(({ rank }) => rank <= ranks.table).map(({ sql }) => sql);
  const late = creates.filter(({ rank }) => rank > ranks.table).map(({ sql }) => sql);
  const types = plan.alters.filter((sql) => /^ALTER (TYPE|DOMAIN)|^CREATE TYPE|^DROP TYPE/.test(sql));
  const enumRemade = types.some((sql) => sql.startsWith('CREATE TYPE'));
  const alters = enumRemade ? plan.alters : plan.alters.filter((sql) => !types.includes(sql));
  const drops = orderDrops(plan);
  const bodies = early.some((sql) => /^CREATE OR REPLACE (FUNCTION|PROCEDURE)/.test(sql));
  return [
    ...(bodies ? ['SET LOCAL check_function_bodies = off;'] : []),
    ...drops.filter(({ rank }) => rank > ranks.table).map(({ sql }) => sql),
    ...(enumRemade ? [] : types),
    ...early,
    ...alters,
    ...late,
    ...drops.filter(({ rank }) => rank <= ranks.table).map(({ sql }) => sql),
    ...new Set(plan.comments),
  ];
}

/** Highest rank first; among equals, what mentions another goes before it. */
function orderDrops(plan: Plan): Plan['drops'] {
  const definition = (sql: string) => {
    const identity = /^DROP (?:MATERIALIZED VIEW|[A-Z]+) (.+?);$/.exec(sql)?.[1] ?? '';
    const item = plan.from.items.find((other) => other.identity === identity);
    return { identity, text: item === undefined ? '' : [...item.parts.values()].join('\n') };
  };
  const pieces = plan.drops.map(({ rank, sql }): Piece & { text: string; identity: string } => ({
    key: sql,
    rank: -rank,
    sql,
    inlined: [],
    ...definition(sql),
  }));
  const needs = pieces.flatMap((piece) =>
    pieces
      .filter((other) => other !== piece && piece.identity !== '' && other.text.includes(piece.identity))
      .map((other): Dependency => ({ from: piece.key, to: other.key })),
  );
  const { ordered, stuck } = orderPieces(pieces, needs);
  const rest = pieces.filter(({ key }) => stuck.includes(key)).sort((a, b) => a.rank - b.rank);
  return [...ordered, ...rest].map(({ rank, sql }) => ({ rank: -rank, sql }));
}

/** Which piece names which: stored snapshots know no dependencies. */
function mentions(pieces: readonly Piece[]): Dependency[] {
  const named = pieces
    .map(({ key }) => ({ key, identity: key.slice(key.indexOf(' ') + 1).replace(/\(.*$/s, '') }))
    .filter(({ key }) => /^(relation|type|routine|aggregate|sequence) /.test(key));
  return pieces.flatMap((piece) =>
    named
      .filter(({ key, identity }) => key !== piece.key && piece.sql.includes(identity))
      .map(({ key }) => ({ from: piece.key, to: key })),
  );
}
