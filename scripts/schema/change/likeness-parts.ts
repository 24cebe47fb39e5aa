// Which columns, constraints, indexes, enum values and attributes may be one another under a new name, or may have been
// moved to another table. Pure.

import type { Item, Model } from '../render/model.ts';
import { splitNames } from '../render/model.ts';
import { type Compared, type Likeness, likeness, ofClass, pairUp } from './likeness-pairs.ts';
import { labelsOf, lastName, withoutName } from './likeness-shape.ts';

/** In the same table any column may be another renamed: one of the same type rather, or at the same place. */
export function columns({ gone, came, from, to, decide }: Compared): Likeness[] {
  const isIn = (model: Model, { table, parts }: Item) =>
    /table$/.test(model.find('relation', table ?? '')?.parts.get('kind') ?? '') &&
    parts.get('inherited') !== 'only';
  const place = (model: Model, item: Item) =>
    splitNames(model.find('column-order', item.table ?? '')?.parts.get('columns') ?? '').indexOf(item.name);
  const pairs = pairUp(
    ofClass(gone, 'column').filter((item) => isIn(from, item)),
    ofClass(came, 'column').filter((item) => isIn(to, item)),
    decide,
    (a, b) => {
      if (a.table !== b.table) return null;
      const sameType = a.parts.get('type') === b.parts.get('type') ? 4 : 0;
      return 1 + sameType + (place(from, a) === place(to, b) ? 2 : 0);
    },
  );
  return pairs.map((pair) =>
    likeness(pair, 'column', true, (a, b) => [
      `ALTER TABLE ${a.table} RENAME COLUMN ${a.name} TO ${b.name};`,
    ]),
  );
}

/** Constraints of a table with the same definition. */
export function constraints({ gone, came, decide }: Compared): Likeness[] {
  const declared = (items: readonly Item[]) =>
    ofClass(items, 'constraint').filter(({ parts }) => parts.get('inherited') !== 'only');
  const pairs = pairUp(declared(gone), declared(came), decide, (a, b) =>
    a.table !== b.table ? null : a.parts.get('definition') === b.parts.get('definition') ? 1 : 0,
  );
  return pairs.map((pair) => {
    const kind = pair[0].parts.has('domain') ? 'DOMAIN' : 'TABLE';
    return likeness(pair, 'constraint', false, (a, b) => [
      `ALTER ${kind} ${a.table} RENAME CONSTRAINT ${a.name} TO ${b.name};`,
    ]);
  });
}

/** Indexes of a table that are the same but for the name. */
export function indexes({ gone, came, decide }: Compared): Likeness[] {
  const loose = (items: readonly Item[]) =>
    ofClass(items, 'index').filter(({ parts }) => !parts.has('constraint'));
  const pairs = pairUp(loose(gone), loose(came), decide, (a, b) =>
    a.table !== b.table ? null : withoutName(a) === withoutName(b) ? 1 : 0,
  );
  return pairs.map((pair) =>
    likeness(pair, 'index', false, (a, b) => [
      `ALTER INDEX ${a.identity} RENAME TO ${lastName(b.identity)};`,
    ]),
  );
}

/** Values of an enum, attributes of a composite type: where one stands in the other's place. */
export function values({ differences, from, to }: Compared): Likeness[] {
  return differences.flatMap(({ kind, identity, change }) => {
    const [before, after] = [from.find(kind, identity), to.find(kind, identity)];
    if (change !== 'changed' || kind !== 'type' || before === undefined || after === undefined) return [];
    const [old, now] = [labelsOf(before), labelsOf(after)];
    const gone = old.filter((label) => !now.includes(label));
    const came = now.filter((label) => !old.includes(label));
    const isAttribute = before.parts.get('kind') === 'composite';
    const word = isAttribute ? 'attribute' : 'value';
    return gone.slice(0, came.length).map((label, i): Likeness => {
      const other = came[i] ?? label;
      const inPlace = old.length === now.length && old.indexOf(label) === now.indexOf(other);
      const sql = (a: string, b: string) =>
        inPlace ? [`ALTER TYPE ${identity} RENAME ${word.toUpperCase()} ${a} TO ${b};`] : [];
      return {
        gone: `${word} ${label} of ${identity}`,
        came: `${word} ${other} of ${identity}`,
        holdsRows: isAttribute || !inPlace,
        rename: sql(label, other),
        renameBack: sql(other, label),
      };
    });
  });
}

/** A column of the same name and type in another table: what it held may have been carried over by hand. */
export function moved({ gone, came, from }: Compared): Likeness[] {
  return ofClass(gone, 'column').flatMap((a) => {
    const isTable = /table$/.test(from.find('relation', a.table ?? '')?.parts.get('kind') ?? '');
    const goesAlong = gone.some(({ class: name, identity }) => name === 'relation' && identity === a.table);
    const b = ofClass(came, 'column').find(
      (other) =>
        other.name === a.name &&
        other.parts.get('type') === a.parts.get('type') &&
        (!goesAlong || from.find('relation', other.table ?? '') !== undefined),
    );
    if (!isTable || b === undefined) return [];
    return [
      {
        ...{ gone: `column ${a.identity}`, came: `column ${b.identity}`, holdsRows: true },
        ...{ rename: [], renameBack: [] },
      },
    ];
  });
}
