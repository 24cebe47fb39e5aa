// Takes a column that gets, changes or gives up its identity; gives the SQL for it, and how the position of a sequence goes over
// to another one. Pure.
import type { Item, Model } from '../render/model.ts';
import { columnClause } from '../render/tables.ts';
import { parentOf, quoteLiteral } from '../sql.ts';
import { type Change, onTables } from './change.ts';
import { lastName } from './likeness-shape.ts';

export interface HandOver {
  /** The sequence that the column has afterwards. */
  readonly to: Item;
  /** What makes room for it where the one before has its name. */
  readonly rename: readonly string[];
  /** Gives it the position of the one before, while both are there. */
  readonly carry: string;
  /** Drops the one before where it was renamed and nothing else drops it. */
  readonly drop: readonly string[];
}

/** Undefined where one of the sequences is not the column's alone, or was there before: then a person must tell. */
export function handOver([before, after]: readonly [Model, Model], column: string): HandOver | undefined {
  const [from, to] = [sequenceOf(before, column), sequenceOf(after, column)];
  if (from === undefined || to === undefined) return undefined;
  const isSame = from.identity === to.identity;
  if (from.parts.has('identity_of') === to.parts.has('identity_of')) return undefined;
  if (!isSame && before.find('sequence', to.identity) !== undefined) return undefined;
  // A name is cut at 63 bytes.
  const old = `"${lastName(from.identity).replaceAll('"', '').slice(0, 14)}_before"`;
  const source = isSame ? `${parentOf(from.identity)}.${old}` : from.identity;
  return {
    to,
    rename: isSame ? [`ALTER SEQUENCE ${from.identity} RENAME TO ${old};`] : [],
    carry: `SELECT setval(${quoteLiteral(to.identity)}, last_value, is_called) FROM ${source};`,
    drop: isSame && !from.parts.has('identity_of') ? [`DROP SEQUENCE ${source};`] : [],
  };
}

/** The sequence of an identity, or the one that belongs to the column and is its default. */
function sequenceOf(model: Model, column: string): Item | undefined {
  const value = model.find('column', column)?.parts.get('default');
  return model
    .of('sequence')
    .find(
      ({ identity, parts }) =>
        parts.get('identity_of') === column ||
        (parts.get('owned_by') === column && value === `nextval(${quoteLiteral(identity)}::regclass)`),
    );
}

/** What gives a column its identity, changes it or takes it; undecided where the position would begin anew. */
export function identityChange(models: readonly [Model, Model], alter: string, from: Item, to: Item): Change {
  const model = models[1];
  const [before, after] = [from.parts.get('identity'), to.parts.get('identity')];
  const carried = handOver(models, to.identity);
  if (after === undefined && carried !== undefined)
    return onTables([carried.carry, `${alter} DROP IDENTITY;`]);
  if (after === undefined) return onTables([`${alter} DROP IDENTITY;`]);
  if (before !== undefined) return onTables([`${alter} SET GENERATED ${after.toUpperCase()};`]);
  const sequence = model.of('sequence').find((item) => item.parts.get('identity_of') === to.identity);
  const clause = columnClause(model, to, false, false).slice(to.name.length);
  const [, generated = ''] =
    / (GENERATED (?:ALWAYS|BY DEFAULT) AS IDENTITY(?: \((?:"[^"]*"|[^()"])*\))?)/.exec(clause) ?? [];
  const add = `${alter} ADD ${generated};`;
  if (carried !== undefined) return onTables([add, carried.carry, ...carried.drop]);
  const value = from.parts.get('default') ?? '';
  if (/nextval\(/.test(value) || sequence === undefined)
    return onTables([add], {
      undecided: `the new sequence of ${to.identity} begins anew: give it the position of the one before (setval)`,
    });
  const step = sequence.parts.get('increment')?.startsWith('-') ? 'min' : 'max';
  return onTables([
    add,
    `SELECT setval('${sequence.identity.replaceAll("'", "''")}', ${step}(${to.name})) FROM ${to.table} HAVING count(*) > 0;`,
  ]);
}
