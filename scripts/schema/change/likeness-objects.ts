// Which schemas, relations, types, sequences and routines may be one another under a new name. Pure.

import { groupBy, type Item, type Model } from '../render/model.ts';
import {
  type Compared,
  type Likeness,
  likeness,
  ofClass,
  pairUp,
  renameQualified,
} from './likeness-pairs.ts';
import { definitionsAlike, labelsOf, lastName, schemaOf, tableLikeness } from './likeness-shape.ts';

/** Schemas that hold things of the same names. */
export function schemas({ gone, came, from, to, decide }: Compared): Likeness[] {
  const inside = (model: Model, schema: Item) =>
    model.items
      .filter(({ class: name, identity }) => name !== 'column' && identity.startsWith(`${schema.identity}.`))
      .map((item) => `${item.class} ${item.identity.slice(schema.identity.length)}`);
  const pairs = pairUp(ofClass(gone, 'schema'), ofClass(came, 'schema'), decide, (a, b) => {
    const [before, after] = [inside(from, a), inside(to, b)];
    return before.filter((name) => after.includes(name)).length;
  });
  return pairs.map((pair) =>
    likeness(pair, 'schema', true, (a, b) => [`ALTER SCHEMA ${a.identity} RENAME TO ${b.identity};`]),
  );
}

/** Tables with like columns, views with the same query. */
export function relations({ gone, came, from, to, decide }: Compared): Likeness[] {
  const kindOf = (item: Item) => (item.parts.get('kind') ?? '').replace('partitioned ', '');
  const pairs = pairUp(ofClass(gone, 'relation'), ofClass(came, 'relation'), decide, (a, b) => {
    if (kindOf(a) !== kindOf(b)) return null;
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

/**
 * Tables that have each the columns and bounds that the other one had: they may have changed names, and with them the indexes
 * and sequences changed their tables. One that stayed with its table tells that they did not; a single column may have moved.
 */
export function exchanged(compared: Compared): Likeness[] {
  const { from, to } = compared;
  const some = tablesConcerned(compared);
  const shapes = new Map(
    some.map((table) => [table, [from, to].map((model) => shapeOf(model, table.identity))]),
  );
  const shapesOf = (table: Item) => shapes.get(table) ?? [[], []];
  const keyOf = (lists: readonly (readonly string[])[]) => JSON.stringify(lists);
  const byShapes = groupBy(some, (table) => keyOf(shapesOf(table)));
  const places = new Set(
    [...from.of('index'), ...from.of('sequence')].map(
      ({ class: name, identity, table }) => `${table} ${to.find(name, identity)?.table}`,
    ),
  );
  const isTold = ({ identity: a }: Item, { identity: b }: Item) => {
    const [one = [], other = []] = [a, b].map((identity) => shapeOf(from, identity));
    const apart = [...one, ...other].filter((line) => !one.includes(line) || !other.includes(line));
    if (places.has(`${a} ${b}`) || places.has(`${b} ${a}`)) return true;
    return apart.length > 1 && !places.has(`${a} ${a}`) && !places.has(`${b} ${b}`);
  };
  return some.flatMap((a): Likeness[] => {
    const b = byShapes
      .get(keyOf(shapesOf(a).toReversed()))
      ?.find(
        (other) =>
          other.identity > a.identity &&
          schemaOf(other.identity) === schemaOf(a.identity) &&
          isTold(a, other),
      );
    return b === undefined ? [] : [exchange(a.identity, b.identity)];
  });
}

function exchange(a: string, b: string): Likeness {
  const sql = [
    [a, 'renamed_1'],
    [b, lastName(a)],
    [`${schemaOf(a)}.renamed_1`, lastName(b)],
  ].map(([old, name]) => `ALTER TABLE ${old} RENAME TO ${name};`);
  return { gone: `table ${a}`, came: `table ${b}`, holdsRows: true, rename: sql, renameBack: sql };
}

/** Those that are there before and after, and differ in anything. */
function tablesConcerned({ from, to, differences }: Compared): Item[] {
  const concerned = new Set(
    differences.flatMap(({ kind, identity }) => [
      kind === 'relation' ? identity : '',
      ...[from, to].map((model) => model.find(kind, identity)?.table ?? ''),
    ]),
  );
  return from
    .of('relation')
    .filter(
      ({ identity, parts }) =>
        parts.get('kind')?.endsWith('table') &&
        concerned.has(identity) &&
        to.find('relation', identity) !== undefined,
    );
}

/** What a table keeps under another name: its columns, what it is, a line each. */
function shapeOf(model: Model, identity: string): string[] {
  const columns = model.partsOf(identity, 'column').map(({ name, parts }) => {
    const own = [...parts].filter(([key]) => key !== 'table' && key !== 'not_null');
    return `${name} ${own.flat().join(' ')}`;
  });
  const table = [...(model.find('relation', identity)?.parts ?? [])].map((part) => part.join(' '));
  return [...columns.sort(), ...table];
}

/** Types that are the same but for the name, or share half of their labels. */
export function types({ gone, came, decide }: Compared): Likeness[] {
  const pairs = pairUp(ofClass(gone, 'type'), ofClass(came, 'type'), decide, (a, b) => {
    if (a.parts.get('kind') !== b.parts.get('kind')) return null;
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

/** One that goes or comes with its table or column is their business. */
export function sequences({ gone, came, decide }: Compared): Likeness[] {
  const owner = ({ parts }: Item) => parts.get('owned_by') ?? parts.get('identity_of');
  const apart = (items: readonly Item[]) =>
    ofClass(items, 'sequence').filter((item) => {
      const column = owner(item);
      return !items.some((other) => other.identity === column || other.identity === item.table);
    });
  const pairs = pairUp(apart(gone), apart(came), decide, (a, b) => (owner(a) === owner(b) ? 2 : 1));
  return pairs.map((pair) => {
    const same = owner(pair[0]) !== undefined && owner(pair[0]) === owner(pair[1]);
    return likeness(pair, 'sequence', !same, (a, b) => renameQualified('SEQUENCE', a, b));
  });
}

/** Functions and procedures that are the same but for the name. */
export function routines({ gone, came, decide }: Compared): Likeness[] {
  const pairs = pairUp(ofClass(gone, 'routine'), ofClass(came, 'routine'), decide, (a, b) =>
    [...a.parts].every(([key, value]) => b.parts.get(key) === value) ? 1 : 0,
  );
  return pairs.map((pair) => {
    const kind = pair[0].parts.get('kind') === 'procedure' ? 'PROCEDURE' : 'FUNCTION';
    return likeness(pair, kind.toLowerCase(), false, (a, b) => renameQualified(kind, a, b));
  });
}
