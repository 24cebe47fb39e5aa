// Takes what a transition consists of; gives its statements in an order in which they can run. Pure.

import { attachedPieces, spreads } from '../render/attached.ts';
import { eventTriggerSql } from '../render/database.ts';
import { onPartitionsToo } from '../render/definitions.ts';
import { pieceOf } from '../render/equal-keys.ts';
import { groupBy, type Item, type Model } from '../render/model.ts';
import { type Dependency, orderPieces, type Piece } from '../render/order.ts';
import { addedDependencies, simplePieces } from '../render/pieces.ts';
import { routineSql } from '../render/programs.ts';
import { relationPieces } from '../render/relations.ts';
import { ranks } from '../render/tables.ts';
import { indexOutside } from '../sql.ts';
import { type Phase, phasesOfTables } from './change.ts';
import { referencedFirst } from './distribution.ts';
import { parentsOf } from './heirs.ts';
import { referencesAbove } from './keys.ts';
import { namesIn } from './named.ts';
import { goesWithViews, madeLate } from './over-views.ts';
import { attachOnceIndexed } from './partitions.ts';
import type { ChangePlan, Drop } from './plan.ts';

/** Drops of what stands on tables, what tables need, changes, what stands on tables, drops of the rest, comments. */
export function assemble(plan: ChangePlan): string[] {
  const creates = orderCreates(plan);
  const after = madeLate(plan, creates);
  const early = creates.filter(({ key }) => !after.has(key));
  const late = creates.filter(({ key }) => after.has(key));
  const drops = orderDrops(plan);
  const phase = (name: Phase) => plan.alters.filter((each) => each.phase === name).map(({ sql }) => sql);
  const bodies = early.some(({ rank }) => rank === ranks.routine);
  return [
    // A body may name what comes later.
    ...(bodies ? ['SET LOCAL check_function_bodies = off;'] : []),
    ...drops.filter(({ rank }) => rank > ranks.table).map(({ sql }) => sql),
    ...phase('type'),
    ...early.map(({ sql }) => sql),
    ...phasesOfTables.flatMap(phase),
    ...late.map(({ sql }) => sql),
    ...drops.filter(({ rank }) => rank <= ranks.table).map(({ sql }) => sql),
    ...refreshes(plan, creates),
    ...new Set(plan.closing),
  ];
}

function orderCreates(plan: ChangePlan): readonly Piece[] {
  const texts = new Map(plan.to.of('routine').map((item) => [item.identity, routineSql(item)]));
  const all = [
    ...relationPieces(plan.to, new Set()),
    ...simplePieces(plan.to, texts),
    ...attachedPieces(plan.to, ({ class: name, identity }) => plan.wanted.has(`${name} ${identity}`)),
    ...plan.to.of('event-trigger').map(
      (item): Piece => ({
        ...{ key: `event-trigger ${item.identity}`, rank: ranks.state },
        ...{ sql: eventTriggerSql(item), inlined: [] },
      }),
    ),
  ];
  const replaced = new Set([...plan.replaced].map((identity) => `relation ${identity}`));
  const own = all.flatMap((piece): Piece[] => {
    if (replaced.has(piece.key))
      return [{ ...piece, sql: piece.sql.replace('CREATE VIEW', 'CREATE OR REPLACE VIEW') }];
    return plan.wanted.has(piece.key) ? [onAllPartitions(plan.to, piece)] : [];
  });
  const { pieces, needs: indexed } = attachOnceIndexed(plan, [...own, ...plan.distributions]);
  const needs = [
    ...indexed,
    ...addedDependencies(plan.to).filter(
      ({ from, to }) => !to.startsWith('distribution ') || !from.startsWith('distribution '),
    ),
    ...familiesFirst(plan.to),
    ...mentioned(pieces),
    ...partitionsFirst(plan.to),
    ...plan.distributionNeeds,
    ...referencedFirst(plan.distributions, plan.to),
  ];
  const { ordered, stuck } = orderPieces(pieces, needs);
  const waiting = pieces.filter(({ key }) => stuck.includes(key)).sort((a, b) => a.rank - b.rank);
  return [...ordered, ...waiting];
}

function familiesFirst(model: Model): Dependency[] {
  return model.of('operator-class').flatMap((item) => {
    const method = item.identity.slice(indexOutside(item.identity, ' USING '));
    const to = `operator-family ${item.parts.get('family')}${method}`;
    return [{ from: `operator-class ${item.identity}`, to }];
  });
}

/** Another environment may have more partitions: the parent's index is built on all, and takes those that are there. */
function onAllPartitions(model: Model, piece: Piece): Piece {
  const index = indexOf(model, piece.key);
  if (index === undefined) return piece;
  const kind = model.find('relation', index.table ?? '')?.parts.get('kind');
  const whole =
    kind !== 'partitioned table'
      ? piece.sql
      : onPartitionsToo(piece.sql).replace(/^ALTER TABLE ONLY /, 'ALTER TABLE ');
  const parent = index.parts.get('partition_of');
  return { ...piece, sql: whole.replace(`\nALTER INDEX ${parent} ATTACH PARTITION ${index.identity};`, '') };
}

/** The index that a piece makes, also as a constraint. */
function indexOf(model: Model, key: string): Item | undefined {
  const own = key.startsWith('index ') ? model.find('index', key.slice('index '.length)) : undefined;
  const constraint = key.startsWith('constraint ')
    ? model.find('constraint', key.slice('constraint '.length))
    : undefined;
  if (constraint === undefined) return own;
  return model
    .partsOf(constraint.table ?? '', 'index')
    .find(({ parts }) => parts.get('constraint') === constraint.name);
}

/** An index of a partitioned table takes those of its partitions; what spreads makes them, and they get their names. */
function partitionsFirst(model: Model): Dependency[] {
  return model.of('index').flatMap((index) => {
    const above = model.find('index', index.parts.get('partition_of') ?? '');
    if (above === undefined) return [];
    const [parent, own] = [pieceOf(above), pieceOf(index)];
    return [spreads(model, above) ? { from: own, to: parent } : { from: parent, to: own }];
  });
}

/** A materialized view is made without rows; it is filled once all that it reads from is there. */
function refreshes({ to }: ChangePlan, creates: readonly Piece[]): string[] {
  return creates
    .map(({ key }) => key.slice(key.indexOf(' ') + 1))
    .filter((identity) => to.find('relation', identity)?.parts.get('kind') === 'materialized view')
    .filter((identity, i, all) => all.indexOf(identity) === i)
    .map((identity) => `REFRESH MATERIALIZED VIEW ${identity};`);
}

/** Highest rank first; among equals, what mentions another goes before it. */
function orderDrops(plan: ChangePlan): Drop[] {
  const items = new Map(plan.from.items.map((item) => [`${item.class} ${item.identity}`, item]));
  const named = plan.drops.map((drop) => {
    const item = items.get(drop.key);
    return { drop, item, text: item === undefined ? '' : textOf(plan.from, item) };
  });
  const pieces = named.map(
    ({ drop }): Piece => ({ key: drop.sql, rank: -drop.rank, sql: drop.sql, inlined: [] }),
  );
  const byName = groupBy(named, ({ item }) => item?.identity ?? '');
  const found = namesIn([...byName.keys()].filter((name) => name !== ''));
  const needs = named.flatMap(({ drop, text }) =>
    found(text)
      .flatMap((name) => byName.get(name) ?? [])
      .filter(({ drop: other }) => other !== drop)
      .map(({ drop: other }): Dependency => ({ from: other.sql, to: drop.sql })),
  );
  const inherited = named.flatMap(({ item, drop }) =>
    item?.class !== 'constraint'
      ? []
      : parentsOf(plan.from, item.table)
          .flatMap((parent) => byName.get(`${parent}.${item.name}`) ?? [])
          .map((other): Dependency => ({ from: drop.sql, to: other.drop.sql })),
  );
  // A foreign key to a partitioned table holds its partitions too.
  const held = named.flatMap(({ item, drop }) =>
    item?.class !== 'relation'
      ? []
      : referencesAbove(plan.from, item)
          .filter(({ target }) => !byName.has(target))
          .flatMap(({ owner }) => byName.get(owner) ?? [])
          .filter(({ drop: other }) => other !== drop)
          .map((other): Dependency => ({ from: drop.sql, to: other.drop.sql })),
  );
  const { ordered, stuck } = orderPieces(pieces, [...needs, ...inherited, ...held]);
  const rest = pieces.filter(({ key }) => stuck.includes(key)).sort((a, b) => a.rank - b.rank);
  const bySql = new Map(plan.drops.map((drop) => [drop.sql, drop]));
  const all = [...ordered, ...rest].flatMap(({ key }) => bySql.get(key) ?? []);
  return all.map((drop) => ({ ...drop, rank: goesWithViews(plan, drop) ? ranks.view : drop.rank }));
}

/** All that the server would print of it: of a domain its checks, of a table what its columns are computed from. */
function textOf(model: Model, item: Item): string {
  const checks = model
    .partsOf(item.identity, 'constraint')
    .filter(({ parts }) => !parts.get('definition')?.startsWith('FOREIGN KEY'));
  const parts = [...checks, ...model.partsOf(item.identity, 'column')];
  return [item, ...parts].flatMap((each) => [...each.parts.values()]).join('\n');
}

/** Which piece names which: stored snapshots know no dependencies. */
function mentioned(pieces: readonly Piece[]): Dependency[] {
  const named = pieces
    .map(({ key }) => ({ key, identity: key.slice(key.indexOf(' ') + 1) }))
    .filter(({ key }) => /^(relation|type|routine|aggregate|sequence) /.test(key));
  const byName = groupBy(named, ({ identity }) => identity);
  const found = namesIn([...byName.keys()]);
  return pieces.flatMap((piece) =>
    found(piece.sql)
      .flatMap((identity) => byName.get(identity) ?? [])
      .filter(({ key }) => key !== piece.key)
      .map(({ key }) => ({ from: piece.key, to: key })),
  );
}
