// The rules on data types: changing a column's type, enums, json.

import { quoteLiteral } from '../../schema/sql.ts';
import { holdsLiteral } from '../statement/expressions.ts';
import { sameName } from '../statement/names.ts';
import { defineRule, type Rule } from './rule.ts';

const changeType = defineRule({
  id: 'change-column-type',
  severity: 'error',
  summary: 'ALTER COLUMN … TYPE that rewrites the table',
  why: 'Every row is written anew, with all indexes, while nobody can read or write the table. Widening varchar or numeric, and varchar to text, does not.',
  on: 'alter-type',
  when: ({ type, using }, { trace }) =>
    trace?.watched === true || using !== undefined || !/^(text|varchar|character varying)$/i.test(type),
  seen: (trace) => trace.rewrites.length > 0 || trace.scans.length > 0,
  effect: (table) =>
    `AccessExclusiveLock on ${table} while the whole table is rewritten or read: reads and writes wait`,
  words: (_table, { column, type }) =>
    `Expand and contract: add a column of type ${type} beside ${column}; let a trigger fill it for new writes and a batch (-- migrate: batch) for old rows; when every release reads it, drop ${column} in a later migration.`,
});

const enumAddUsed = defineRule({
  id: 'enum-add-used',
  severity: 'error',
  summary: 'an enum value added and used in one transaction',
  why: 'PostgreSQL refuses it with 55P04: a new value can be used only after the transaction that adds it.',
  failsWith: '55P04',
  on: 'enum-add',
  when: ({ table, value }, { file, before, after }) =>
    !file.directives.noTransaction &&
    !before.some(({ actions }) =>
      actions.some((action) => action.kind === 'create' && sameName(action.table, table)),
    ) &&
    after.some(
      ({ statement, trace }) =>
        holdsLiteral(statement.node, value) && (trace === undefined || trace.error !== undefined),
    ),
  anywhere: true,
  effect: (table, { value }) => `value ${quoteLiteral(value)} of ${table} is used before it is committed`,
  words: 'Add the value in a migration of its own, and use it in the next one.',
});

const jsonColumn = defineRule({
  id: 'json-column',
  severity: 'warning',
  summary: 'a column of type json',
  why: 'json has no equality operator: SELECT DISTINCT, GROUP BY and UNION over the table fail, and it cannot be indexed.',
  on: ['add-column', 'create'],
  when: (action) => jsonColumns(action).length > 0,
  anywhere: true,
  effect: (table, action) => `column ${jsonColumns(action).join(', ')} of ${table} is json`,
  words: 'Take jsonb: it keeps the same values, can be compared and indexed.',
});

function jsonColumns(action: Parameters<Rule['find']>[0]): readonly string[] {
  const columns =
    action.kind === 'create' ? action.columns : action.kind === 'add-column' ? [action.column] : [];
  return columns.filter(({ typeName }) => typeName.name === 'json').map(({ name }) => name);
}

export const typeRules: readonly Rule[] = [changeType, enumAddUsed, jsonColumn];
