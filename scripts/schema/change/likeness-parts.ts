// Which columns, constraints, indexes, enum values and attributes may be one another under a new name, or may have been
// moved to another table. Pure.

import type { Item, Model } from '../render/model.ts';
import { groupBy, splitNames } from '../render/model.ts';
import { type Compared, type Likeness, likeness, ofClass, pairUp } from './likeness-pairs.ts';
import { labelsOf, lastName, withoutName } from './likeness-shape.ts';

const isOwn = (model: Model, { table, parts }: Item) =>
  /table$/.test(model.find('relation', table ?? '')?.parts.get('kind') ?? '') &&
  parts.get('inherited') !== 'only';

const orderIn = (model: Model, table: string | undefined) =>
  splitNames(model.find('column-order', table ?? '')?.parts.get('columns') ?? '');

/** In the same table any column may be another renamed: one of the same type rather, or at the same place. */
export function columns({ gone, came, from, to, decide }: Compared): Likeness[] {
  const place = (model: Model, { table, name }: Item) => orderIn(model, table).indexOf(name);
  const pairs = pairUp(
    ofClass(gone, 'column').filter((item) => isOwn(from, item)),
    ofClass(came, 'column').filter((item) => isOwn(to, item)),
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

/**
 * Columns that changed and stand at each other's place, each place with the type that it had: they may have changed names. More
 * than two only where their types tell so, for what is dropped and made anew moves all that stood behind it.
 */
export function swapped({ differences, from, to }: Compared): Likeness[] {
  const changed = differences.filter(({ kind, change }) => kind === 'column' && change === 'changed');
  const byTable = groupBy(changed, ({ identity }) => from.find('column', identity)?.table ?? '');
  return [...byTable].flatMap(([table, own]): Likeness[] => {
    const [before, after] = [orderIn(from, table), orderIn(to, table)];
    const stay = before.filter((name) => after.includes(name));
    const now = after.filter((name) => before.includes(name));
    const places = stay.flatMap((name, i) => {
      const [a, b] = [from.find('column', `${table}.${name}`), to.find('column', `${table}.${now[i]}`)];
      return a === undefined || b === undefined || name === now[i] ? [] : [[a, b] as const];
    });
    const [first] = places;
    const concerns = own.filter(({ identity }) => places.some(([a]) => a.identity === identity));
    const typeIn = (model: Model, identity: string) => model.find('column', identity)?.parts.get('type');
    const retyped = concerns.some(({ identity }) => typeIn(from, identity) !== typeIn(to, identity));
    const fits = places.every(([a, b]) => isOwn(from, a) && isOwn(to, b) && isOfOneMake(a, b));
    if (first === undefined || !fits || concerns.length === 0 || !(retyped || places.length === 2)) return [];
    const [a, b] = first;
    return [
      {
        ...{ gone: `column ${a.identity}`, came: `column ${b.identity}`, holdsRows: true },
        rename: exchange(table, places),
        renameBack: exchange(
          table,
          places.map(([was, is]) => [is, was]),
        ),
      },
    ];
  });
}

/** What a new name leaves as it is. */
const isOfOneMake = (a: Item, b: Item) =>
  a.parts.get('type') === b.parts.get('type') &&
  a.parts.get('identity') === b.parts.get('identity') &&
  a.parts.has('generated') === b.parts.has('generated');

/** By names in between, for each is taken until its column has another. */
function exchange(table: string, places: readonly (readonly [Item, Item])[]): string[] {
  const rename = (from: string, to: string) => `ALTER TABLE ${table} RENAME COLUMN ${from} TO ${to};`;
  return [
    ...places.map(([{ name }], i) => rename(name, `renamed_${i + 1}`)),
    ...places.map(([, { name }], i) => rename(`renamed_${i + 1}`, name)),
  ];
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
    const said = (name: string) =>
      isAttribute ? `attribute ${identity}.${name}` : `value ${name} of ${identity}`;
    return gone.slice(0, came.length).map((label, i): Likeness => {
      const other = came[i] ?? label;
      const inPlace = old.length === now.length && old.indexOf(label) === now.indexOf(other);
      const sql = (a: string, b: string) =>
        inPlace ? [`ALTER TYPE ${identity} RENAME ${word.toUpperCase()} ${a} TO ${b};`] : [];
      return {
        gone: said(label),
        came: said(other),
        holdsRows: isAttribute || !inPlace,
        rename: sql(label, other),
        renameBack: sql(other, label),
      };
    });
  });
}

/** A column of the same name and type in another table: what it held may have been carried over by hand. */
export function moved({ gone, came, from }: Compared): Likeness[] {
  const relationsGone = new Set(ofClass(gone, 'relation').map(({ identity }) => identity));
  const shape = ({ name, parts }: Item) => `${parts.get('type')} ${name}`;
  const byShape = groupBy(ofClass(came, 'column'), shape);
  return ofClass(gone, 'column').flatMap((a) => {
    const isTable = /table$/.test(from.find('relation', a.table ?? '')?.parts.get('kind') ?? '');
    const goesAlong = relationsGone.has(a.table ?? '');
    const b = byShape
      .get(shape(a))
      ?.find((other) => !goesAlong || from.find('relation', other.table ?? '') !== undefined);
    if (!isTable || b === undefined) return [];
    return [
      {
        ...{ gone: `column ${a.identity}`, came: `column ${b.identity}`, holdsRows: true },
        ...{ rename: [], renameBack: [] },
      },
    ];
  });
}
