// The rules on what breaks the release that still runs: dropping and renaming what it reads.
import { quoteLiteral } from '../../schema/sql.ts';
import { sameName, sqlName } from '../statement/names.ts';
import type { Name } from '../statement/types.ts';
import type { CatalogRelation } from '../trace/traced.ts';
import { alteredColumns } from './altered-columns.ts';
import { type Context, defineRule, defineStepRule, type Rule } from './rule.ts';

const brokenWhy =
  'The release that is running reads and writes the old name until the last instance is replaced: its queries fail.';
const afterDeploy =
  'Ship a release that no longer uses it first. Then, in a later migration with "-- migrate: after-deploy", take it away.';

function isMadeAgain(name: Name, { after }: Context): boolean {
  return after.some(({ actions }) =>
    actions.some((action) => action.kind === 'create' && sameName(action.table, name)),
  );
}

const dropTable = defineRule({
  id: 'drop-table',
  breaksRelease: true,
  severity: 'warning',
  summary: 'DROP TABLE',
  why: `${brokenWhy} The rows are gone for good.`,
  on: 'drop',
  when: ({ object }) => object === 'table',
  effect: (table) => `${table} and its rows are gone; AccessExclusiveLock on it`,
  words: afterDeploy,
});

const dropView = defineRule({
  id: 'drop-view',
  breaksRelease: true,
  severity: 'warning',
  summary: 'DROP VIEW that is not made again',
  why: brokenWhy,
  on: 'drop',
  when: ({ object, table }, context) =>
    (object === 'view' || object === 'materialized view') && !isMadeAgain(table, context),
  effect: (table) => `${table} is gone for the release that is running`,
  words: afterDeploy,
});

const dropColumn = defineRule({
  id: 'drop-column',
  breaksRelease: true,
  severity: 'warning',
  summary: 'DROP COLUMN',
  why: `${brokenWhy} The values are gone for good.`,
  on: 'drop-column',
  effect: (table, { column }) => `column ${column} of ${table} is gone; AccessExclusiveLock on the table`,
  words: afterDeploy,
});

const dropDefault: Rule = defineStepRule({
  id: 'drop-default',
  breaksRelease: true,
  severity: 'warning',
  summary: 'dropping the default or identity of a column that takes no NULL',
  why: 'The release that is running leaves the column out of its INSERTs: they fail with 23502 until the last instance is replaced.',
  findInStep: (context) => {
    for (const { before, after, columns } of alteredColumns(
      context,
      (command) =>
        command.subtype === 'AT_DropIdentity' ||
        (command.subtype === 'AT_ColumnDefault' && command.def === undefined),
    )) {
      const gives = (relation: CatalogRelation, name: string) =>
        relation.columns.some(
          (column) => column.name === name && (column.default !== null || column.identity),
        );
      const lost = columns.filter(
        (name) =>
          gives(before, name) &&
          !gives(after, name) &&
          after.columns.some((column) => column.name === name && column.notNull),
      );
      if (lost.length === 0) continue;
      const table = { schema: before.schema, name: before.name };
      return {
        table,
        effect: `${lost.join(', ')} of ${sqlName(table)} has no value of its own any more, and takes no NULL`,
        words: `Ship a release that writes the column first. Then drop the default in a later migration with "-- migrate: after-deploy".`,
      };
    }
    return null;
  },
});

const dropSchema = defineRule({
  id: 'drop-schema',
  breaksRelease: true,
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
  words: `${afterDeploy} Drop by name what is in the schema, then the schema without CASCADE.`,
});

const cascadeWhy = 'It takes columns, defaults, triggers and views along that this migration does not name.';

const dropCascade: Rule = {
  ...defineRule({
    id: 'drop-cascade',
    severity: 'warning',
    summary: 'DROP … CASCADE that takes other objects along',
    why: cascadeWhy,
    on: 'drop',
    when: ({ object, cascade }, { trace }) =>
      cascade && trace?.watched !== true && (object === 'type' || object === 'other'),
    effect: (table, { word }) => `whatever depends on ${word.toLowerCase()} ${table} is dropped too`,
    words: 'Drop by name what depends on it, then the object itself without CASCADE.',
  }),
  findInStep: ({ trace, step }) => {
    const gone = trace?.cascades ?? [];
    const table = step.actions[0]?.table ?? { name: '' };
    return gone.length === 0
      ? null
      : {
          table,
          effect: `CASCADE also drops ${gone.join(', ')}`,
          words: 'Drop by name what is to go with it, and write the statement without CASCADE.',
        };
  },
};

const renameTable = defineRule({
  id: 'rename-table',
  breaksRelease: true,
  severity: 'error',
  summary: 'renaming a table or view',
  why: brokenWhy,
  on: 'rename',
  // A view of the old name keeps the running release alive.
  when: ({ object, table }, context) =>
    (object === 'table' || object === 'view') && !isMadeAgain(table, context),
  effect: (table, { to }) => `${table} is called ${to} from now on`,
  words:
    'Rename it, and make a view of the old name in the same transaction; drop the view when no release uses the old name any more.',
});

const renameColumn = defineRule({
  id: 'rename-column',
  breaksRelease: true,
  severity: 'error',
  summary: 'renaming a column',
  why: brokenWhy,
  on: 'rename',
  when: ({ object }) => object === 'column',
  effect: (table, { from, to }) => `column ${from} of ${table} is called ${to} from now on`,
  words: (_table, { from, to }) =>
    `Add a column ${to}, kept in step by a trigger and filled with a batch (-- migrate: batch); when no release uses ${from} any more, drop it in a migration with "-- migrate: after-deploy".`,
});

const renameSchema = defineRule({
  id: 'rename-schema',
  breaksRelease: true,
  severity: 'error',
  summary: 'renaming a schema',
  why: brokenWhy,
  on: 'rename',
  when: ({ object }) => object === 'schema',
  anywhere: true,
  effect: (table, { to }) => `everything in schema ${table} is in ${to} from now on`,
  words:
    'Make a schema of the new name with a view for each table; move the tables when no release uses the old name any more.',
});

const moveSchema = defineRule({
  id: 'set-schema',
  breaksRelease: true,
  severity: 'error',
  summary: 'moving a table into another schema',
  why: brokenWhy,
  on: 'set-schema',
  when: ({ table }, context) => !isMadeAgain(table, context),
  effect: (table, { to }) => `${table} is in schema ${to} from now on`,
  words:
    'Move it, and make a view of the old name in the same transaction; drop the view when no release uses the old name any more.',
});

const renameEnumValue = defineRule({
  id: 'rename-enum-value',
  breaksRelease: true,
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
  words: (_table, { from, to }) =>
    `Add ${quoteLiteral(to)} as a further value; ship a release that reads both and writes the new one; then change the rows in batches and leave ${quoteLiteral(from)} unused.`,
});

export const breakingRules: readonly Rule[] = [
  dropTable,
  dropView,
  dropColumn,
  dropDefault,
  dropSchema,
  dropCascade,
  renameTable,
  renameColumn,
  renameSchema,
  moveSchema,
  renameEnumValue,
];
