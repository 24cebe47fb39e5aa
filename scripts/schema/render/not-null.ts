// Takes columns of the model; gives the SQL of their NOT NULL. Up to PostgreSQL 17 that is a property of the column; from
// 18 on it is a constraint with a name, which may be NOT VALID, NO INHERIT, or a child's copy of its parent's. Pure.

import { bareName, inQuotes } from '../sql.ts';
import { lastPart } from './definitions.ts';
import type { Item, Model } from './model.ts';
import { heirsOf, tablesAbove } from './storage.ts';

interface NotNull {
  /** Null where the server chooses the name itself. */
  readonly name: string | null;
  readonly noInherit: boolean;
  readonly notValid: boolean;
  /** How a child that INHERITS has it; null for one that is its own alone. */
  readonly inherited: 'only' | 'and local' | null;
}

/** Null where the column may be NULL. */
export function notNullOf({ parts }: Item): NotNull | null {
  if (parts.get('nullable') !== 'no') return null;
  const written = parts.get('not_null_name') ?? null;
  const text = parts.get('not_null');
  if (text === undefined) return { name: written, noInherit: false, notValid: false, inherited: null };
  const [, name = '', ...flags] = notNullForm.exec(text) ?? [];
  return {
    name: name === '' ? written : name,
    noInherit: flags[0] !== undefined,
    notValid: flags[1] !== undefined,
    inherited: flags[2] === 'INHERITED' ? 'only' : flags[2] === undefined ? null : 'and local',
  };
}

/** As the catalog query writes it: a name where it is not the server's choice, then how the constraint differs. */
const notNullForm = /^(.*?) ?(NO INHERIT)? ?(NOT VALID)? ?(INHERITED|AND LOCAL)?$/s;

/** As `notNullForm` reads it, with another name. */
export function notNullText(column: Item, name: string): string {
  const [, , ...flags] = notNullForm.exec(column.parts.get('not_null') ?? '') ?? [];
  return [name, ...flags].filter((flag) => flag !== undefined).join(' ');
}

const named = ({ name }: NotNull) => (name === null ? '' : `CONSTRAINT ${name} `);

/** What stands behind a column in CREATE TABLE and ADD COLUMN. NOT VALID cannot stand there; a parent's comes with it. */
export function notNullClause(column: Item): string[] {
  const notNull = notNullOf(column);
  if (notNull === null || notNull.notValid || notNull.inherited === 'only') return [];
  return [`${named(notNull)}NOT NULL${notNull.noInherit ? ' NO INHERIT' : ''}`];
}

/** What a column that a table only inherits says in CREATE TABLE, as a constraint of the table. */
export function inheritedNotNull(column: Item): string[] {
  const notNull = notNullOf(column);
  const { name = null, notValid = false, inherited = null } = notNull ?? {};
  if (notNull === null || name === null || notValid || inherited === 'only') return [];
  return [constraintText(column, notNull)];
}

/** What follows the table: a NOT NULL that its rows were not checked for. */
export function lateNotNull(table: Item, column: Item): string[] {
  const notNull = notNullOf(column);
  if (notNull === null || !notNull.notValid || notNull.inherited === 'only') return [];
  return [`ALTER TABLE ${table.identity} ADD ${constraintText(column, notNull)};`];
}

interface Copy {
  readonly table: Item;
  readonly notNull: NotNull;
}

/** The NOT NULLs of that column in the tables below: of heirs, and of partitions. */
function copiesOf(model: Model, { table = '', name }: Item): Copy[] {
  return heirsOf(model, table, tablesAbove).flatMap((identity) => {
    const [below, copy] = [model.find('relation', identity), model.find('column', `${identity}.${name}`)];
    const notNull = copy === undefined ? null : notNullOf(copy);
    return below === undefined || notNull === null ? [] : [{ table: below, notNull }];
  });
}

/** True for a NOT NULL that heirs hold unchecked as well: it came when they were there already. */
export function waitsForHeirs(model: Model, column: Item): boolean {
  if (notNullOf(column)?.notValid !== true) return false;
  return copiesOf(model, column).some(
    ({ table, notNull }) => table.parts.has('inherits') && notNull.notValid,
  );
}

/**
 * Adding a NOT NULL that is NOT VALID leaves the copies of heirs and partitions unchecked: this checks those that are not
 * to be.
 * @param before the schema in which it is added; a table that has a NOT NULL there keeps that
 */
export function checkedCopies(model: Model, column: Item, before?: Model): string[] {
  const parent = notNullOf(column);
  if (parent?.notValid !== true) return [];
  const isNew = ({ identity }: Item) => {
    const old = before?.find('column', `${identity}.${column.name}`);
    return old === undefined || notNullOf(old) === null;
  };
  return copiesOf(model, column)
    .filter(
      ({ table, notNull }) =>
        !notNull.notValid && (table.parts.has('partition_of') ? isNew(table) : notNull.inherited === 'only'),
    )
    .map(
      ({ table }) =>
        `ALTER TABLE ${table.identity} VALIDATE CONSTRAINT ${parent.name ?? defaultName(column)};`,
    );
}

function constraintText(column: Item, notNull: NotNull): string {
  const inherit = notNull.noInherit ? ' NO INHERIT' : '';
  return `${named(notNull)}NOT NULL ${column.name}${inherit}${notNull.notValid ? ' NOT VALID' : ''}`;
}

/**
 * From one NOT NULL to another in place; undefined where a person must decide.
 * @param models the schemas that the two are of
 */
export function alterNotNull(
  [old, model]: readonly [Model, Model],
  from: Item,
  to: Item,
): string[] | undefined {
  const [before, after] = [notNullOf(from), notNullOf(to)];
  const alter = `ALTER TABLE ${to.table}`;
  if (after === null) return before === null ? [] : [`${alter} ALTER COLUMN ${to.name} DROP NOT NULL;`];
  if (before === null ? after.inherited === 'only' : after.inherited !== before.inherited) return undefined;
  if (before === null)
    return [
      after.name === null && !after.noInherit && !after.notValid
        ? `${alter} ALTER COLUMN ${to.name} SET NOT NULL;`
        : `${alter} ADD ${constraintText(to, after)};`,
      ...checkedCopies(model, to, old),
    ];
  // What was checked cannot be unchecked: the constraint is made anew, and reads no row.
  const inherits = before.noInherit && !after.noInherit && waitsForHeirs(model, to);
  const name = after.name ?? defaultName(to);
  const nameBefore = before.name ?? defaultName(to);
  // Nothing of a typed table can be renamed.
  const isTyped =
    name !== nameBefore && model.find('relation', to.table ?? '')?.parts.has('of_type') === true;
  if (isTyped || (after.notValid && (!before.notValid || inherits)))
    return [
      `${alter} ALTER COLUMN ${to.name} DROP NOT NULL;`,
      `${alter} ADD ${constraintText(to, after)};`,
      ...checkedCopies(model, to, old),
    ];
  return [
    ...(name === nameBefore ? [] : [`${alter} RENAME CONSTRAINT ${nameBefore} TO ${name};`]),
    ...(after.noInherit === before.noInherit
      ? []
      : [
          `${alter} ALTER CONSTRAINT ${name} ${after.noInherit ? 'NO INHERIT' : 'INHERIT'};`,
          ...(after.noInherit ? [] : checkedCopies(model, to, old)),
        ]),
    ...(before.notValid && !after.notValid ? [`${alter} VALIDATE CONSTRAINT ${name};`] : []),
  ];
}

/** The name of the NOT NULL of a column or a domain; null where there is none. */
export function notNullName(item: Item): string | null {
  if (item.class === 'type') return item.parts.has('not_null') ? domainNotNullName(item) : null;
  const notNull = item.class === 'column' ? notNullOf(item) : null;
  return notNull === null ? null : (notNull.name ?? defaultName(item));
}

/** The name that the server chooses for a column's, where it need not cut it. */
const defaultName = ({ table = '', name }: Item) => chosenName(lastPart(table), name);

const domainNotNullName = ({ parts, identity }: Item) =>
  parts.get('not_null_name') ?? chosenName(lastPart(identity));

/** `table_column_not_null`, of a domain `domain_not_null`. @param names quoted where SQL needs it; so is the result */
function chosenName(...names: readonly string[]): string {
  const chosen = [...names.map(bareName), 'not_null'].join('_');
  return /^[a-z_][a-z0-9_]*$/.test(chosen) ? chosen : inQuotes(chosen);
}

/** What leads from a domain that may be NULL to one that may not, back, or to another name of that. */
export function alterDomainNotNull(from: Item, to: Item): string[] {
  const alter = `ALTER DOMAIN ${to.identity}`;
  if (!to.parts.has('not_null')) return from.parts.has('not_null') ? [`${alter} DROP NOT NULL;`] : [];
  if (from.parts.has('not_null'))
    return domainNotNullName(from) === domainNotNullName(to)
      ? []
      : [`${alter} RENAME CONSTRAINT ${domainNotNullName(from)} TO ${domainNotNullName(to)};`];
  const name = to.parts.get('not_null_name');
  return [`${alter} ${name === undefined ? 'SET' : `ADD CONSTRAINT ${name}`} NOT NULL;`];
}
