// Takes columns of the model; gives the SQL of their NOT NULL. Up to PostgreSQL 17 that is a property of the column; from
// 18 on it is a constraint with a name, which may be NOT VALID, NO INHERIT, or a child's copy of its parent's. Pure.

import { bareName } from '../sql.ts';
import { lastPart } from './definitions.ts';
import type { Item } from './model.ts';

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

function constraintText(column: Item, notNull: NotNull): string {
  const inherit = notNull.noInherit ? ' NO INHERIT' : '';
  return `${named(notNull)}NOT NULL ${column.name}${inherit}${notNull.notValid ? ' NOT VALID' : ''}`;
}

/** From one NOT NULL to another in place; undefined where a person must decide. */
export function alterNotNull(from: Item, to: Item): string[] | undefined {
  const [before, after] = [notNullOf(from), notNullOf(to)];
  const alter = `ALTER TABLE ${to.table}`;
  if (after === null) return before === null ? [] : [`${alter} ALTER COLUMN ${to.name} DROP NOT NULL;`];
  if (after.inherited !== (before?.inherited ?? null)) return undefined;
  if (before === null)
    return [
      after.name === null
        ? `${alter} ALTER COLUMN ${to.name} SET NOT NULL;`
        : `${alter} ADD ${constraintText(to, after)};`,
    ];
  // What was checked cannot be unchecked: the constraint is made anew, and reads no row.
  if (after.notValid && !before.notValid)
    return [`${alter} ALTER COLUMN ${to.name} DROP NOT NULL;`, `${alter} ADD ${constraintText(to, after)};`];
  const name = after.name ?? defaultName(to);
  const old = before.name ?? defaultName(to);
  return [
    ...(name === old ? [] : [`${alter} RENAME CONSTRAINT ${old} TO ${name};`]),
    ...(after.noInherit === before.noInherit
      ? []
      : [`${alter} ALTER CONSTRAINT ${name} ${after.noInherit ? 'NO INHERIT' : 'INHERIT'};`]),
    ...(before.notValid && !after.notValid ? [`${alter} VALIDATE CONSTRAINT ${name};`] : []),
  ];
}

/** The name that the server chooses: `table_column_not_null`, cut at 63 bytes as the catalog query cuts it. */
function defaultName({ table = '', name }: Item): string {
  const chosen = `${bareName(lastPart(table))}_${bareName(name)}_not_null`;
  return /^[a-z_][a-z0-9_]*$/.test(chosen) ? chosen : `"${chosen.replaceAll('"', '""')}"`;
}
