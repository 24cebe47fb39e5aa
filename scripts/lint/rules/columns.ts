// The rules on adding columns.
import { child, list, listOf, type Node, rangeName, text } from '../statement/ast.ts';
import { isBuiltin } from '../statement/columns.ts';
import { sameName, sqlName } from '../statement/names.ts';
import type { ActionOf, ColumnFacts } from '../statement/types.ts';
import type { CatalogRelation } from '../trace/traced.ts';
import { alteredColumns } from './altered-columns.ts';
import { type Context, defineRule, defineStepRule, existed, type Rule, rewritten, scanned } from './rule.ts';

type AddColumn = ActionOf<'add-column'>;

const rewriteEffect = (table: string) =>
  `AccessExclusiveLock on ${table} while the whole table is rewritten: reads and writes wait`;
const rewriteWhy = 'Every row is written anew, with all indexes, while nobody can read or write the table.';
const rewriteSeen = (trace: Parameters<typeof rewritten>[0], { table }: AddColumn, context: Context) =>
  rewritten(trace, table, context);
const isSerial = ({ type }: ColumnFacts) => /^(big|small)?serial[248]?$/i.test(type);

const volatileDefault = defineRule({
  id: 'add-column-volatile-default',
  severity: 'error',
  summary: 'ADD COLUMN with a default that differs from row to row',
  why: rewriteWhy,
  on: 'add-column',
  when: ({ column }, { trace }) =>
    !isSerial(column) &&
    !column.identity &&
    column.generated === undefined &&
    (column.volatile || (trace?.watched === true && /\(/.test(column.default ?? ''))),
  seen: rewriteSeen,
  effect: rewriteEffect,
  words: (_table, { column }) =>
    `Add column ${column.name} without the default; set the default in the next statement, for new rows; fill the old rows with a batch (-- migrate: batch); then make it NOT NULL as the rule set-not-null says.`,
});

const numberedColumn = ({ name }: ColumnFacts) =>
  `Add column ${name} without a default; make its sequence and set the default for new rows; fill the old rows with a batch (-- migrate: batch); then make it NOT NULL as the rule set-not-null says.`;

const serialColumn = defineRule({
  id: 'add-column-serial',
  severity: 'error',
  summary: 'ADD COLUMN of type serial',
  why: rewriteWhy,
  on: 'add-column',
  when: ({ column }) => isSerial(column),
  seen: rewriteSeen,
  effect: rewriteEffect,
  words: (_table, { column }) => numberedColumn(column),
});

const identityColumn = defineRule({
  id: 'add-column-identity',
  severity: 'error',
  summary: 'ADD COLUMN … GENERATED AS IDENTITY',
  why: rewriteWhy,
  on: 'add-column',
  when: ({ column }) => column.identity,
  seen: rewriteSeen,
  effect: rewriteEffect,
  words: (_table, { column }) => numberedColumn(column),
});

const storedColumn = defineRule({
  id: 'add-column-stored',
  severity: 'error',
  summary: 'ADD COLUMN … GENERATED ALWAYS AS (…) STORED',
  why: rewriteWhy,
  on: 'add-column',
  when: ({ column }) => column.generated !== undefined,
  seen: rewriteSeen,
  effect: rewriteEffect,
  words: (_table, { column }) =>
    `Add column ${column.name} as an ordinary one; let a trigger (or the application) keep it right for new rows, and a batch (-- migrate: batch) fill the old ones. A stored expression cannot be added without writing every row; from PostgreSQL 18 on a VIRTUAL column, which is computed when it is read, can.`,
});

const domainColumn = defineRule({
  id: 'add-column-constrained-domain',
  severity: 'error',
  summary: 'ADD COLUMN of a domain that has constraints',
  why: 'PostgreSQL checks the value in every row by rewriting the whole table, also when the default is a constant or NULL.',
  on: 'add-column',
  when: ({ column }, context) =>
    !column.volatile && !column.identity && column.generated === undefined && isDomain(column, context),
  seen: rewriteSeen,
  effect: rewriteEffect,
  words: (_table, { column }) =>
    `Give column ${column.name} the base type of ${column.type}, and the domain's condition as a CHECK of the table: NOT VALID first, validated in the next migration.`,
});

/** Without a database: the file itself makes a domain of that name. With one: what is no built-in type and rewrites. */
function isDomain({ typeName, default: fallback }: ColumnFacts, { before, trace }: Context): boolean {
  if (trace?.watched === true)
    return !isBuiltin(typeName) && (fallback === undefined || fallback === null || !/\(/.test(fallback));
  return before.some(({ actions }) =>
    actions.some(
      (action) =>
        action.kind === 'create' && action.object === 'domain' && action.table.name === typeName.name,
    ),
  );
}

const checkedColumn = defineRule({
  id: 'add-column-check',
  severity: 'error',
  summary: 'ADD COLUMN … CHECK (…)',
  why: 'The check is validated against every row under a lock that stops all reads and writes.',
  on: 'add-column',
  when: ({ column }) => column.checks.length > 0 && !column.volatile && !column.identity,
  seen: (trace, { table }, context) => scanned(trace, table, context) && !rewritten(trace, table, context),
  effect: (table) => `AccessExclusiveLock on ${table} while the whole table is read: reads and writes wait`,
  words: 'Add the column without its CHECK, then the CHECK NOT VALID, and validate it in the next migration.',
});

const referencingColumn = defineRule({
  id: 'add-column-references',
  severity: 'info',
  summary: 'ADD COLUMN … REFERENCES',
  why: 'No row is read, since all are null, but both tables are locked for a moment.',
  on: 'add-column',
  when: ({ column }) => column.references !== undefined && column.default === undefined,
  effect: (table) =>
    `AccessExclusiveLock on ${table} and ShareRowExclusiveLock on the referenced table, briefly`,
  words:
    'Nothing to do in most cases. Where the tables are busy: add the column first, then the foreign key NOT VALID, and validate it in the next migration.',
});

/** ADD GENERATED ALWAYS, or SET GENERATED ALWAYS. */
function makesAlways({ subtype, def }: Node): boolean {
  if (subtype === 'AT_AddIdentity') return child(child({ def }, 'def'), 'Constraint').generated_when === 'a';
  const options = listOf(child(child({ def }, 'def'), 'List'), 'items', 'DefElem');
  return (
    subtype === 'AT_SetIdentity' &&
    options.some(({ defname, arg }) => defname === 'generated' && JSON.stringify(arg).includes('97'))
  );
}

const identityAlways = defineStepRule({
  id: 'identity-always',
  breaksRelease: true,
  severity: 'warning',
  summary: 'GENERATED ALWAYS AS IDENTITY for a column that exists',
  why: 'Where the release that is running writes a value into the column, its INSERTs and UPDATEs fail with 428C9.',
  findInStep: (context) => {
    const { step, before, catalog } = context;
    const { kind, node } = step.statement;
    const known = alteredColumns(context, makesAlways).flatMap(({ before: was, after, columns }) => {
      const isAlways = (relation: CatalogRelation, name: string) =>
        relation.columns.some((column) => column.name === name && column.always);
      return columns
        .filter(
          (name) =>
            was.columns.some((column) => column.name === name) &&
            !isAlways(was, name) &&
            isAlways(after, name),
        )
        .map((column) => ({ table: { schema: was.schema, name: was.name }, column }));
    });
    const table = rangeName(child(node, 'relation'));
    const isNew = (column: string) =>
      before.some(({ actions }) =>
        actions.some(
          (one) => one.kind === 'add-column' && sameName(one.table, table) && one.column.name === column,
        ),
      );
    const written =
      kind !== 'AlterTableStmt' || catalog !== undefined || !existed(table, context)
        ? []
        : list(node, 'cmds')
            .map((item) => child(item, 'AlterTableCmd'))
            .filter(makesAlways)
            .map((command) => ({ table, column: text(command, 'name') ?? '' }))
            .filter(({ column }) => !isNew(column));
    const [first] = [...known, ...written];
    return first === undefined
      ? null
      : {
          table: first.table,
          effect: `no value can be written into ${first.column} of ${sqlName(first.table)} any more`,
          words:
            'Write GENERATED BY DEFAULT, which numbers rows as well and takes values too. Then SET GENERATED ALWAYS in a later migration with "-- migrate: after-deploy", when no release writes the column.',
        };
  },
});

export const columnRules: readonly Rule[] = [
  volatileDefault,
  serialColumn,
  identityColumn,
  storedColumn,
  domainColumn,
  checkedColumn,
  referencingColumn,
  identityAlways,
];
