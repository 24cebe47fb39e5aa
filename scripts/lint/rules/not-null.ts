// The rules on columns that must not be null.
import { uncheckedNotNull } from '../advice/occasion.ts';
import { child, listOf, text } from '../statement/ast.ts';
import { quoteIdentifier } from '../statement/names.ts';
import type { Name } from '../statement/types.ts';
import { type Catalog, lookUp } from '../trace/traced.ts';
import { type Context, defineRule, type Rule, scanned } from './rule.ts';

const notNullColumn = defineRule({
  id: 'add-column-not-null',
  severity: 'error',
  summary: 'ADD COLUMN … NOT NULL without a default',
  why: 'It fails with 23502 as soon as the table holds one row; on an empty test database nobody notices.',
  failsWith: '23502',
  on: 'add-column',
  when: ({ column }) =>
    (column.notNull || column.primary) &&
    typeof column.default !== 'string' &&
    !/^(big|small)?serial[248]?$/i.test(column.type) &&
    !column.identity &&
    column.generated === undefined,
  effect: (table, { column }) => `column ${column.name} of the existing rows of ${table} would be null`,
  words: (_table, { column }) =>
    `Give column ${column.name} a constant default in the same statement. Where no constant is right: add it nullable, fill it with a batch (-- migrate: batch), then make it NOT NULL as the rule set-not-null says.`,
});

const setNotNullRule = defineRule({
  id: 'set-not-null',
  severity: 'error',
  summary: 'SET NOT NULL without a valid CHECK (… IS NOT NULL)',
  why: 'Every row is read under a lock that stops all reads and writes.',
  on: 'set-not-null',
  when: ({ table, column }, context) =>
    !isImplied(table, column, context.catalog) && !isStrict(table, column, context),
  seen: (trace, { table }, context) => scanned(trace, table, context),
  effect: (table) => `AccessExclusiveLock on ${table} while the whole table is read: reads and writes wait`,
  words:
    'For each column: a CHECK (… IS NOT NULL) NOT VALID, validated in the next migration; with it SET NOT NULL reads nothing; then drop the CHECK. From PostgreSQL 18 on: ADD CONSTRAINT … NOT NULL … NOT VALID, and VALIDATE CONSTRAINT in the next migration.',
});

/** A valid CHECK says so already: then no row is read. */
function isImplied(table: Name, column: string, catalog: Catalog | undefined): boolean {
  const relation = catalog === undefined ? undefined : lookUp(table, catalog);
  return (relation?.constraints ?? []).some(
    ({ type, valid, definition }) =>
      type === 'c' && valid && definition.includes(`(${quoteIdentifier(column)} IS NOT NULL)`),
  );
}

/** It was NOT NULL before this file, for all of its rows, and no statement of the file has touched that since. */
function isStrict(table: Name, column: string, { catalog, before }: Context): boolean {
  const relation = catalog === undefined ? undefined : lookUp(table, catalog);
  const touched = before.some(({ statement: { node } }) =>
    listOf(node, 'cmds', 'AlterTableCmd').some(
      (command) =>
        (text(command, 'name') ?? text(child(child(command, 'def'), 'ColumnDef'), 'colname')) === column,
    ),
  );
  const isChecked = uncheckedNotNull(relation, column) === undefined;
  return (
    !touched && isChecked && relation?.columns.some((each) => each.name === column && each.notNull) === true
  );
}

export const notNullRules: readonly Rule[] = [notNullColumn, setNotNullRule];
