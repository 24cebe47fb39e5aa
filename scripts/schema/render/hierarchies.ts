// Takes tables that INHERIT from each other and must be made together; gives their SQL as one piece, with what stands apart
// from it. Pure; which tables those are, and in which steps they are made, `heirs` and `heir-steps` tell.

import { stepsOf } from './heir-steps.ts';
import { isOwn, joinedParents } from './heirs.ts';
import type { Item, Model } from './model.ts';
import { inheritedNotNull, lateNotNull, waitsForHeirs } from './not-null.ts';
import type { Dependency, Piece } from './order.ts';
import { columnSettings, hasHeirs, heirsOf, parentsOf } from './storage.ts';
import {
  checkPiece,
  columnClause,
  createTable,
  defaultPiece,
  inlineChecks,
  keyOf,
  nullability,
  ranks,
  settingPieces,
} from './tables.ts';

/** @param apart whether defaults and checks stand apart from the piece of the tables */
export function hierarchyPieces(model: Model, tables: readonly Item[], apart: boolean): Piece[] {
  const steps = stepsOf(model, tables).map((step) => {
    const isLate = hasHeirs(model, step.table);
    const clause = (column: Item) => columnClause(model, column, false, false, !isLate);
    if (step.kind === 'add') return `ALTER TABLE ${step.table.identity} ADD COLUMN ${clause(step.column)};`;
    return createTable(step.table, step.columns.map(clause), joinedParents(model, step.table).early);
  });
  const columns = tables.flatMap((table) => model.partsOf(table.identity, 'column'));
  const defaults = columns.filter(({ parts }) => parts.has('default')).map(defaultPiece);
  // Of checks that several of them declare, those of heirs come first: a parent's merges with them, not the other way round.
  const checks = tables.toReversed().flatMap((table) => inlineChecks(model, table).map(checkPiece));
  const settings = tables.flatMap((table) => settingsOf(model, table));
  const inside = apart ? [] : [...defaults, ...checks];
  const [first] = tables;
  const whole: Piece = {
    key: first === undefined ? '' : keyOf(first),
    rank: ranks.table,
    sql: [...steps, ...settings, ...inside.map(({ sql }) => sql)].join('\n'),
    inlined: [
      ...tables.slice(1).map(keyOf),
      ...columns.filter(({ parts }) => parts.has('generated')).map(({ identity }) => `default ${identity}`),
      ...inside.map(({ key }) => key),
    ],
  };
  const late = tables.flatMap((table) => settingPieces(model, table));
  return [whole, ...(apart ? [...defaults, ...checks] : []), ...late];
}

/** What follows once all of them are there. */
function settingsOf(model: Model, table: Item): string[] {
  const columns = model.partsOf(table.identity, 'column');
  const { early, late } = joinedParents(model, table);
  return [
    ...(early.length === 0 ? [] : columns.flatMap((column) => nullability(model, table, column))),
    ...columns.flatMap((column) => columnSettings(table, column, isOwn(column), hasHeirs(model, table))),
    ...columns
      .filter((column) => !isOwn(column))
      .flatMap(inheritedNotNull)
      .map((constraint) => `ALTER TABLE ${table.identity} ADD ${constraint};`),
    ...columns
      .filter((column) => !waitsForHeirs(model, column))
      .flatMap((column) => lateNotNull(table, column)),
    ...late.map((parent) => `ALTER TABLE ${table.identity} INHERIT ${parent};`),
  ];
}

/**
 * What is set on a table that has heirs waits for all of them, theirs too. A check that an heir declares too is made there first, where its
 * parent's stands apart from the table.
 */
export function heirDependencies(model: Model, isApart: (table: Item) => boolean): Dependency[] {
  const parents = new Set(model.of('relation').flatMap(parentsOf));
  return [
    ...[...parents].flatMap((parent) =>
      heirsOf(model, parent).map((heir) => ({ from: `settings ${parent}`, to: `relation ${heir}` })),
    ),
    ...model
      .of('relation')
      .flatMap((heir) => parentsOf(heir).flatMap((parent) => sharedChecks(model, heir, parent, isApart))),
  ];
}

function sharedChecks(
  model: Model,
  heir: Item,
  parent: string,
  isApart: (table: Item) => boolean,
): Dependency[] {
  return model.partsOf(heir.identity, 'constraint').flatMap((check) => {
    const above = model.find('constraint', `${parent}.${check.name}`);
    const table = model.find('relation', parent);
    if (above === undefined || table === undefined) return [];
    if (check.parts.has('validated')) return [{ from: keyOf(check), to: keyOf(above) }];
    if (check.parts.get('inherited') !== 'and local') return [];
    const isInside = inlineChecks(model, table).includes(above) && !isApart(table);
    return isInside ? [] : [{ from: keyOf(above), to: keyOf(check) }];
  });
}
