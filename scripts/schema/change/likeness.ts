// Takes how two schemas differ; gives what may have been renamed or moved instead of dropped and made anew, with the SQL
// that renames it. Pure. Whether a renaming explains the difference is for a scratch database to say.
import type { Item, Model } from '../render/model.ts';
import { splitNames } from '../render/model.ts';
import type { Difference } from './diff.ts';
import {
  definitionsAlike,
  labelsOf,
  lastName,
  schemaOf,
  tableLikeness,
  withoutName,
} from './likeness-shape.ts';

/** Something that went and something of a like shape that came. */
export interface Likeness {
  /** As people say them: `column public.users.note`. */
  readonly gone: string;
  readonly came: string;
  /** What hangs on the answer: rows and positions of sequences are lost where a renaming is taken for something else. */
  readonly holdsRows: boolean;
  /** Renames what went to what came; empty where nothing can be renamed: its rows were moved by hand. */
  readonly rename: readonly string[];
  readonly renameBack: readonly string[];
}

interface Compared {
  readonly from: Model;
  readonly to: Model;
  readonly gone: readonly Item[];
  readonly came: readonly Item[];
  readonly differences: readonly Difference[];
}

/** Those that must be settled before the others can be seen: a renamed schema moves all that is in it. */
const stages: readonly ((compared: Compared) => Likeness[])[] = [
  schemas,
  relations,
  types,
  columns,
  sequences,
  routines,
  constraints,
  indexes,
  values,
];

/**
 * The first kind of likeness that is there, empty where nothing that went is like something that came.
 * @param differences between the two, as of `diffObjects`
 */
export function findLikeness(differences: readonly Difference[], from: Model, to: Model): Likeness[] {
  const pick = (change: Difference['change'], model: Model) =>
    differences
      .filter((difference) => difference.change === change)
      .flatMap(({ kind, identity }) => model.find(kind, identity) ?? []);
  const compared = { from, to, gone: pick('removed', from), came: pick('added', to), differences };
  for (const stage of stages) {
    const found = stage(compared);
    if (found.length > 0) return found;
  }
  return moved(compared);
}

const ofClass = (items: readonly Item[], name: Item['class']) => items.filter((item) => item.class === name);

/** Each of the first with the best of the second, none twice; `score` 0 keeps two apart. */
function pairUp(
  gone: readonly Item[],
  came: readonly Item[],
  score: (a: Item, b: Item) => number,
): [Item, Item][] {
  const all = gone
    .flatMap((a) => came.map((b) => ({ a, b, score: score(a, b) })))
    .filter((pair) => pair.score > 0)
    .sort((x, y) => y.score - x.score);
  const used = new Set<Item>();
  return all.flatMap(({ a, b }): [Item, Item][] => {
    if (used.has(a) || used.has(b)) return [];
    used.add(a).add(b);
    return [[a, b]];
  });
}

function likeness(
  [gone, came]: [Item, Item],
  word: string,
  holdsRows: boolean,
  sql: (a: Item, b: Item) => string[],
): Likeness {
  return {
    gone: `${word} ${gone.identity}`,
    came: `${word} ${came.identity}`,
    holdsRows,
    rename: sql(gone, came),
    renameBack: sql(came, gone),
  };
}

/** Into the other schema first, where that differs. */
function renameQualified(kind: string, a: Item, b: Item): string[] {
  const [from, to] = [schemaOf(a.identity), schemaOf(b.identity)];
  const name = lastName(a.identity);
  const rest = a.identity.slice(from.length + 1 + name.length);
  return [
    ...(from === to ? [] : [`ALTER ${kind} ${a.identity} SET SCHEMA ${to};`]),
    ...(name === lastName(b.identity)
      ? []
      : [`ALTER ${kind} ${to}.${name}${rest} RENAME TO ${lastName(b.identity)};`]),
  ];
}

function schemas({ gone, came, from, to }: Compared): Likeness[] {
  const inside = (model: Model, schema: Item) =>
    model.items
      .filter(({ class: name, identity }) => name !== 'column' && identity.startsWith(`${schema.identity}.`))
      .map((item) => `${item.class} ${item.identity.slice(schema.identity.length)}`);
  const pairs = pairUp(ofClass(gone, 'schema'), ofClass(came, 'schema'), (a, b) => {
    const [before, after] = [inside(from, a), inside(to, b)];
    return before.filter((name) => after.includes(name)).length;
  });
  return pairs.map((pair) =>
    likeness(pair, 'schema', true, (a, b) => [`ALTER SCHEMA ${a.identity} RENAME TO ${b.identity};`]),
  );
}

function relations({ gone, came, from, to }: Compared): Likeness[] {
  const kindOf = (item: Item) => (item.parts.get('kind') ?? '').replace('partitioned ', '');
  const pairs = pairUp(ofClass(gone, 'relation'), ofClass(came, 'relation'), (a, b) => {
    if (kindOf(a) !== kindOf(b)) return 0;
    if (kindOf(a).endsWith('view')) return definitionsAlike(a, b) ? 1 : 0;
    // An old partition goes, a new one comes: a renamed one keeps its bounds.
    const bounds = [a, b].map(({ parts }) => parts.get('bound'));
    if (!bounds.includes(undefined) && bounds[0] !== bounds[1]) return 0;
    return tableLikeness(from.partsOf(a.identity, 'column'), to.partsOf(b.identity, 'column'));
  });
  return pairs.map((pair) => {
    const kind = kindOf(pair[0]);
    return likeness(pair, kind, kind.endsWith('table'), (a, b) => renameQualified(kind.toUpperCase(), a, b));
  });
}

function types({ gone, came }: Compared): Likeness[] {
  const pairs = pairUp(ofClass(gone, 'type'), ofClass(came, 'type'), (a, b) => {
    if (a.parts.get('kind') !== b.parts.get('kind')) return 0;
    if ([...a.parts].every(([key, value]) => key === 'multirange' || b.parts.get(key) === value)) return 2;
    const [before, after] = [labelsOf(a), labelsOf(b)];
    const common = before.filter((label) => after.includes(label)).length;
    return before.length > 0 && common * 2 >= Math.min(before.length, after.length) ? 1 : 0;
  });
  return pairs.map((pair) => {
    const kind = pair[0].parts.get('kind') === 'domain' ? 'DOMAIN' : 'TYPE';
    return likeness(pair, kind.toLowerCase(), false, (a, b) => renameQualified(kind, a, b));
  });
}

/** In the same table any column may be another renamed: one of the same type rather, or at the same place. */
function columns({ gone, came, from, to }: Compared): Likeness[] {
  const isIn = (model: Model, { table, parts }: Item) =>
    /table$/.test(model.find('relation', table ?? '')?.parts.get('kind') ?? '') &&
    parts.get('inherited') !== 'only';
  const place = (model: Model, item: Item) =>
    splitNames(model.find('column-order', item.table ?? '')?.parts.get('columns') ?? '').indexOf(item.name);
  const pairs = pairUp(
    ofClass(gone, 'column').filter((item) => isIn(from, item)),
    ofClass(came, 'column').filter((item) => isIn(to, item)),
    (a, b) => {
      if (a.table !== b.table) return 0;
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

/** One that goes or comes with its table or column is their business. */
function sequences({ gone, came }: Compared): Likeness[] {
  const owner = ({ parts }: Item) => parts.get('owned_by') ?? parts.get('identity_of');
  const apart = (items: readonly Item[]) =>
    ofClass(items, 'sequence').filter((item) => {
      const column = owner(item);
      return !items.some((other) => other.identity === column || other.identity === item.table);
    });
  const pairs = pairUp(apart(gone), apart(came), (a, b) => (owner(a) === owner(b) ? 2 : 1));
  return pairs.map((pair) => {
    const same = owner(pair[0]) !== undefined && owner(pair[0]) === owner(pair[1]);
    return likeness(pair, 'sequence', !same, (a, b) => renameQualified('SEQUENCE', a, b));
  });
}

function routines({ gone, came }: Compared): Likeness[] {
  const pairs = pairUp(ofClass(gone, 'routine'), ofClass(came, 'routine'), (a, b) =>
    [...a.parts].every(([key, value]) => b.parts.get(key) === value) ? 1 : 0,
  );
  return pairs.map((pair) => {
    const kind = pair[0].parts.get('kind') === 'procedure' ? 'PROCEDURE' : 'FUNCTION';
    return likeness(pair, kind.toLowerCase(), false, (a, b) => renameQualified(kind, a, b));
  });
}

function constraints({ gone, came }: Compared): Likeness[] {
  const declared = (items: readonly Item[]) =>
    ofClass(items, 'constraint').filter(({ parts }) => parts.get('inherited') !== 'only');
  const pairs = pairUp(declared(gone), declared(came), (a, b) =>
    a.table === b.table && a.parts.get('definition') === b.parts.get('definition') ? 1 : 0,
  );
  return pairs.map((pair) => {
    const kind = pair[0].parts.has('domain') ? 'DOMAIN' : 'TABLE';
    return likeness(pair, 'constraint', false, (a, b) => [
      `ALTER ${kind} ${a.table} RENAME CONSTRAINT ${a.name} TO ${b.name};`,
    ]);
  });
}

function indexes({ gone, came }: Compared): Likeness[] {
  const loose = (items: readonly Item[]) =>
    ofClass(items, 'index').filter(({ parts }) => !parts.has('constraint'));
  const pairs = pairUp(loose(gone), loose(came), (a, b) =>
    a.table === b.table && withoutName(a) === withoutName(b) ? 1 : 0,
  );
  return pairs.map((pair) =>
    likeness(pair, 'index', false, (a, b) => [
      `ALTER INDEX ${a.identity} RENAME TO ${lastName(b.identity)};`,
    ]),
  );
}

/** Values of an enum, attributes of a composite type: where one stands in the other's place. */
function values({ differences, from, to }: Compared): Likeness[] {
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
function moved({ gone, came, from }: Compared): Likeness[] {
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
