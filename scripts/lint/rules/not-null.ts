// The rules on columns that must not be null.
import { joinedName, quoteIdentifier } from '../statement/names.ts';
import { defineRule, type Rule, scanned } from './rule.ts';

/** SET NOT NULL that needs no scan under AccessExclusiveLock. */
export function setNotNull(table: string, column: string): string {
  const name = joinedName(table.replace(/^.*\./, '').replaceAll('"', ''), column, 'not_null');
  const quoted = quoteIdentifier(column);
  return [
    `ALTER TABLE ${table} ADD CONSTRAINT ${name} CHECK (${quoted} IS NOT NULL) NOT VALID;`,
    '-- in the next migration:',
    `ALTER TABLE ${table} VALIDATE CONSTRAINT ${name};`,
    '-- in the one after it:',
    `ALTER TABLE ${table} ALTER COLUMN ${quoted} SET NOT NULL;`,
    `ALTER TABLE ${table} DROP CONSTRAINT ${name};`,
  ].join('\n');
}

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
  rewrite: (_table, { column }) =>
    `Give column ${column.name} a constant default in the same statement. Where no constant is right: add it nullable, fill it with a batch (-- migrate: batch), then make it NOT NULL as the rule set-not-null says.`,
});

const setNotNullRule = defineRule({
  id: 'set-not-null',
  severity: 'error',
  summary: 'SET NOT NULL without a valid CHECK (… IS NOT NULL)',
  why: 'Every row is read under a lock that stops all reads and writes.',
  on: 'set-not-null',
  seen: (trace, { table }) => scanned(trace, table),
  effect: (table) => `AccessExclusiveLock on ${table} while the whole table is read: reads and writes wait`,
  rewrite: (table, { column }, { step }) =>
    step.actions.length === 1
      ? setNotNull(table, column)
      : 'For each column: a CHECK (… IS NOT NULL) NOT VALID, validated in the next migration; with it SET NOT NULL reads nothing; then drop the CHECK.',
});

export const notNullRules: readonly Rule[] = [notNullColumn, setNotNullRule];
