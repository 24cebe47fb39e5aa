// The rules on what breaks the release that still runs: dropping and renaming what it reads.
import { quoteIdentifier, quoteLiteral, sameName, sqlName } from '../statement/names.ts';
import type { Name } from '../statement/types.ts';
import { type Context, columnType, defineRule, type Rule } from './rule.ts';

const brokenWhy =
  'The release that is running reads and writes the old name until the last instance is replaced: its queries fail.';
const contract = (sql: string) =>
  `-- first ship a release that no longer uses it; then, in a later migration:\n-- migrate: allow RULE no release uses it any more\n${sql}`;

const allowed = (rule: string, sql: string) => contract(sql).replace('RULE', rule);

function isMadeAgain(name: Name, { after }: Context): boolean {
  return after.some(({ actions }) =>
    actions.some((action) => action.kind === 'create' && sameName(action.table, name)),
  );
}

const dropTable = defineRule({
  id: 'drop-table',
  severity: 'warning',
  summary: 'DROP TABLE',
  why: `${brokenWhy} The rows are gone for good.`,
  on: 'drop',
  when: ({ object }) => object === 'table',
  effect: (table) => `${table} and its rows are gone; AccessExclusiveLock on it`,
  rewrite: (table, { word }) => allowed('drop-table', `DROP ${word} ${table};`),
});

const dropView = defineRule({
  id: 'drop-view',
  severity: 'warning',
  summary: 'DROP VIEW that is not made again',
  why: brokenWhy,
  on: 'drop',
  when: ({ object, table }, context) =>
    (object === 'view' || object === 'materialized view') && !isMadeAgain(table, context),
  effect: (table) => `${table} is gone for the release that is running`,
  rewrite: (table, { word }) => allowed('drop-view', `DROP ${word} ${table};`),
});

const dropColumn = defineRule({
  id: 'drop-column',
  severity: 'warning',
  summary: 'DROP COLUMN',
  why: `${brokenWhy} The values are gone for good.`,
  on: 'drop-column',
  effect: (table, { column }) => `column ${column} of ${table} is gone; AccessExclusiveLock on the table`,
  rewrite: (table, { column }) =>
    allowed('drop-column', `ALTER TABLE ${table} DROP COLUMN ${quoteIdentifier(column)};`),
});

const dropSchema = defineRule({
  id: 'drop-schema',
  severity: 'warning',
  summary: 'DROP SCHEMA',
  why: `${brokenWhy} With CASCADE everything in it goes, unnamed.`,
  on: 'drop',
  // An empty schema may go: nothing reads it.
  when: ({ object, table }, { catalog }) =>
    object === 'schema' &&
    (catalog === undefined || [...catalog.values()].some(({ schema }) => schema === table.name)),
  anywhere: true,
  effect: (table) => `schema ${table} is gone, with all that is in it`,
  rewrite: (table) =>
    allowed('drop-schema', `DROP SCHEMA ${table}; -- without CASCADE, after dropping by name what is in it`),
});

const dropCascade = defineRule({
  id: 'drop-cascade',
  severity: 'warning',
  summary: 'DROP … CASCADE that reaches tables or views',
  why: 'It takes columns, defaults, triggers and views along that this migration does not name.',
  on: 'drop',
  when: ({ object, cascade }) => cascade && (object === 'type' || object === 'other'),
  seen: (trace) =>
    trace.locks.some(({ existedBefore, mode }) => existedBefore && mode === 'AccessExclusiveLock'),
  effect: (table, { word }) => `whatever depends on ${word.toLowerCase()} ${table} is dropped too`,
  rewrite: (table, { word }) => `-- drop by name what depends on it, then\nDROP ${word} ${table};`,
});

const renameTable = defineRule({
  id: 'rename-table',
  severity: 'error',
  summary: 'renaming a table or view',
  why: brokenWhy,
  on: 'rename',
  // A view of the old name keeps the running release alive.
  when: ({ object, table }, context) =>
    (object === 'table' || object === 'view') && !isMadeAgain(table, context),
  effect: (table, { to }) => `${table} is called ${to} from now on`,
  rewrite: (table, { to, object }) =>
    [
      `ALTER ${object.toUpperCase()} ${table} RENAME TO ${quoteIdentifier(to)};`,
      `CREATE VIEW ${table} AS SELECT * FROM ${quoteIdentifier(to)}; -- in the same transaction; drop it when no release uses the old name`,
    ].join('\n'),
});

const renameColumn = defineRule({
  id: 'rename-column',
  severity: 'error',
  summary: 'renaming a column',
  why: brokenWhy,
  on: 'rename',
  when: ({ object }) => object === 'column',
  effect: (table, { from, to }) => `column ${from} of ${table} is called ${to} from now on`,
  rewrite: (table, { from, to, table: name }, context) =>
    [
      '-- expand: the new column, kept in step by a trigger, filled in batches',
      `ALTER TABLE ${table} ADD COLUMN ${quoteIdentifier(to)} ${columnType(name, from, context) ?? `<type of ${from}>`};`,
      '-- contract, when no release uses the old one:',
      `ALTER TABLE ${table} DROP COLUMN ${quoteIdentifier(from)};`,
    ].join('\n'),
});

const renameSchema = defineRule({
  id: 'rename-schema',
  severity: 'error',
  summary: 'renaming a schema',
  why: brokenWhy,
  on: 'rename',
  when: ({ object }) => object === 'schema',
  anywhere: true,
  effect: (table, { to }) => `everything in schema ${table} is in ${to} from now on`,
  rewrite: (table, { to }) =>
    [
      `CREATE SCHEMA ${quoteIdentifier(to)};`,
      `-- for each table: a view in the new schema, such as`,
      `CREATE VIEW ${quoteIdentifier(to)}.<table> AS SELECT * FROM ${table}.<table>;`,
    ].join('\n'),
});

const moveSchema = defineRule({
  id: 'set-schema',
  severity: 'error',
  summary: 'moving a table into another schema',
  why: brokenWhy,
  on: 'set-schema',
  when: ({ table }, context) => !isMadeAgain(table, context),
  effect: (table, { to }) => `${table} is in schema ${to} from now on`,
  rewrite: (table, { to, table: name }) =>
    [
      `ALTER TABLE ${table} SET SCHEMA ${quoteIdentifier(to)};`,
      `CREATE VIEW ${table} AS SELECT * FROM ${sqlName({ schema: to, name: name.name })}; -- in the same transaction; drop it when no release uses the old name`,
    ].join('\n'),
});

const renameEnumValue = defineRule({
  id: 'rename-enum-value',
  severity: 'error',
  summary: 'renaming an enum value',
  why: brokenWhy,
  on: 'enum-rename',
  when: ({ table }, { before }) =>
    !before.some(({ actions }) =>
      actions.some((action) => action.kind === 'create' && sameName(action.table, table)),
    ),
  anywhere: true,
  effect: (table, { from, to }) =>
    `value ${quoteLiteral(from)} of ${table} is called ${quoteLiteral(to)} from now on`,
  rewrite: (table, { from, to }) =>
    [
      `ALTER TYPE ${table} ADD VALUE ${quoteLiteral(to)};`,
      `-- ship a release that reads both and writes ${quoteLiteral(to)}; then change the rows in batches and leave ${quoteLiteral(from)} unused`,
    ].join('\n'),
});

export const breakingRules: readonly Rule[] = [
  dropTable,
  dropView,
  dropColumn,
  dropSchema,
  dropCascade,
  renameTable,
  renameColumn,
  renameSchema,
  moveSchema,
  renameEnumValue,
];
