// The rules on adding and validating constraints.
import { joinedName, quoteIdentifier, sameName } from '../statement/names.ts';
import type { ActionOf, ConstraintFacts, Name } from '../statement/types.ts';
import { lookUp } from '../trace/traced.ts';
import { concurrentlyFile } from './indexes.ts';
import { setNotNull } from './not-null.ts';
import { type Context, defineRule, isCreatedBefore, isNullable, type Rule, scanned } from './rule.ts';

type AddConstraint = ActionOf<'add-constraint'>;

/** The name that is written, or the one that PostgreSQL would make up. */
export function constraintName(table: Name, { name, columns, type }: ConstraintFacts): string {
  if (name !== undefined) return quoteIdentifier(name);
  const endings = { check: 'check', foreign: 'fkey', primary: 'pkey', unique: 'key', exclude: 'excl' };
  return joinedName(table.name, ...(type === 'primary' ? [] : columns), endings[type]);
}

function validatedLater(table: string, action: AddConstraint, context: Context): string {
  if (isShared(action, context))
    return 'Add each constraint NOT VALID in a statement of its own, and validate it in the next migration. A partitioned table takes no foreign key that is NOT VALID: give it to each partition so, validate it there, then add it to the partitioned table.';
  const name = constraintName(action.table, action.constraint);
  return [
    `ALTER TABLE ${table} ADD CONSTRAINT ${name} ${action.constraint.definition} NOT VALID;`,
    '-- in the next migration:',
    `ALTER TABLE ${table} VALIDATE CONSTRAINT ${name};`,
  ].join('\n');
}

const checkValidating = defineRule({
  id: 'add-check-validating',
  severity: 'error',
  summary: 'ADD CHECK without NOT VALID',
  why: 'Every row is read under a lock that stops all reads and writes. Validating apart needs only ShareUpdateExclusiveLock.',
  on: 'add-constraint',
  when: ({ constraint }) => constraint.type === 'check' && !constraint.notValid,
  seen: (trace, { table }) => scanned(trace, table),
  effect: (table) => `AccessExclusiveLock on ${table} while the whole table is read: reads and writes wait`,
  rewrite: validatedLater,
});

const foreignKeyValidating = defineRule({
  id: 'add-foreign-key-validating',
  severity: 'error',
  summary: 'ADD FOREIGN KEY without NOT VALID',
  why: 'Writes to both tables wait while every row is compared. Validating apart lets them go on.',
  on: 'add-constraint',
  when: ({ constraint }) => constraint.type === 'foreign' && !constraint.notValid,
  effect: (table) =>
    `ShareRowExclusiveLock on ${table} and on the referenced table while every row is compared: writes wait`,
  rewrite: validatedLater,
});

const foreignColumnValidating = defineRule({
  id: 'add-column-references-default',
  severity: 'error',
  summary: 'ADD COLUMN … REFERENCES with a default',
  why: 'All rows get the default at once and are compared with the referenced table under a lock that stops reads and writes.',
  on: 'add-column',
  // DEFAULT NULL counts: PostgreSQL skips the comparison only where no default is written.
  when: ({ column }) => column.references !== undefined && column.default !== undefined,
  effect: (table) => `AccessExclusiveLock on ${table} while every row is compared: reads and writes wait`,
  rewrite: (table, { column, table: name }) => {
    const constraint = joinedName(name.name, column.name, 'fkey');
    return [
      `ALTER TABLE ${table} ADD COLUMN ${quoteIdentifier(column.name)} ${column.type}${typeof column.default === 'string' ? ` DEFAULT ${column.default}` : ''};`,
      `ALTER TABLE ${table} ADD CONSTRAINT ${constraint} FOREIGN KEY (${quoteIdentifier(column.name)}) ${column.references?.clause ?? ''} NOT VALID;`,
      '-- in the next migration:',
      `ALTER TABLE ${table} VALIDATE CONSTRAINT ${constraint};`,
    ].join('\n');
  },
});

const validateTogether = defineRule({
  id: 'validate-in-same-transaction',
  severity: 'error',
  summary: 'NOT VALID and VALIDATE CONSTRAINT in one transaction',
  why: 'The strong lock of adding the constraint is held until the transaction ends, so over the scan too: NOT VALID gained nothing.',
  on: 'validate-constraint',
  when: ({ table, name }, { file, before }) =>
    !file.directives.noTransaction &&
    before.some(({ actions }) =>
      actions.some(
        (action) =>
          action.kind === 'add-constraint' &&
          sameName(action.table, table) &&
          constraintName(action.table, action.constraint) === quoteIdentifier(name),
      ),
    ),
  effect: (table) => `the lock taken to add the constraint is held while all of ${table} is read`,
  rewrite: (_table, _action, { step }) => `-- move this into the next migration:\n${step.statement.text};`,
});

/** The statement does more than this, or is about a partitioned table: then no ready-made SQL is right. */
function isShared({ table, constraint }: AddConstraint, { catalog, step }: Context): boolean {
  const kind = catalog === undefined ? undefined : lookUp(table, catalog)?.kind;
  const added = step.actions.filter((action) => action.kind === 'add-constraint');
  return added.length > 1 || (kind === 'p' && constraint.type !== 'check');
}

/** A unique index built aside, then taken over. */
function usingIndex(table: string, action: AddConstraint, context: Context): string {
  const { table: name, constraint } = action;
  if (isShared(action, context) || !/^\w+( key)? ?\([^()]*\)$/i.test(constraint.definition))
    return 'Build a unique index with the same columns and options CONCURRENTLY in a migration without a transaction, and let the constraint take it over with USING INDEX in the next one. Of a partitioned table, do so for each partition first.';
  const word = constraint.type === 'primary' ? 'PRIMARY KEY' : 'UNIQUE';
  const own = constraintName(name, constraint);
  const columns = constraint.columns.map(quoteIdentifier).join(', ');
  return [
    concurrentlyFile,
    `CREATE UNIQUE INDEX CONCURRENTLY ${own} ON ${table} (${columns});`,
    ...(constraint.type === 'primary' ? constraint.columns : [])
      .filter((column) => isNullable(name, column, context))
      .map((column) => `-- before it, since ${column} may be null:\n${setNotNull(table, column)}`),
    '-- in the next migration:',
    `ALTER TABLE ${table} ADD CONSTRAINT ${own} ${word} USING INDEX ${own};`,
  ].join('\n');
}

const buildEffect = (table: string) =>
  `AccessExclusiveLock on ${table} while its index is built: reads and writes wait`;

const primaryKey = defineRule({
  id: 'add-primary-key',
  severity: 'error',
  summary: 'ADD PRIMARY KEY that builds its index',
  why: 'The index is built, and every row read for nulls, under a lock that stops all reads and writes.',
  on: 'add-constraint',
  when: ({ constraint }) => constraint.type === 'primary' && constraint.usingIndex === undefined,
  effect: buildEffect,
  rewrite: usingIndex,
});

const primaryKeyUsingIndex = defineRule({
  id: 'primary-key-nullable-column',
  severity: 'error',
  summary: 'PRIMARY KEY USING INDEX on a column that may be null',
  why: 'It sets the column NOT NULL, which reads every row under a lock that stops all reads and writes.',
  on: 'add-constraint',
  when: ({ constraint }, { trace }) =>
    constraint.type === 'primary' && constraint.usingIndex !== undefined && trace?.watched === true,
  seen: (trace, { table }) => scanned(trace, table),
  effect: (table) => `AccessExclusiveLock on ${table} while the whole table is read: reads and writes wait`,
  rewrite: (table, { table: name, constraint }, context) =>
    [
      '-- before it, for each column of the key that may be null:',
      setNotNull(table, indexColumn(name, constraint, context)),
      `-- then:\n${context.step.statement.text};`,
    ].join('\n'),
});

function indexColumn(table: Name, { usingIndex: index }: ConstraintFacts, { catalog }: Context): string {
  const relation = catalog === undefined ? undefined : lookUp(table, catalog);
  const columns = relation?.indexes.find(({ name }) => name === index)?.columns ?? [];
  return (
    columns.find((name) => relation?.columns.some((column) => column.name === name && !column.notNull)) ??
    'id'
  );
}

const uniqueConstraint = defineRule({
  id: 'add-unique',
  severity: 'error',
  summary: 'ADD UNIQUE that builds its index',
  why: 'The index is built under a lock that stops all reads and writes.',
  on: 'add-constraint',
  when: ({ constraint }) => constraint.type === 'unique' && constraint.usingIndex === undefined,
  effect: buildEffect,
  rewrite: usingIndex,
});

const uniqueColumn = defineRule({
  id: 'add-column-unique',
  severity: 'error',
  summary: 'ADD COLUMN … UNIQUE or PRIMARY KEY',
  why: 'The index is built under a lock that stops all reads and writes.',
  on: 'add-column',
  when: ({ column }) => (column.unique || column.primary) && !column.identity && !column.volatile,
  effect: buildEffect,
  rewrite: (table, { table: name, column }) => {
    const own = joinedName(name.name, column.name, 'key');
    return [
      `ALTER TABLE ${table} ADD COLUMN ${quoteIdentifier(column.name)} ${column.type};`,
      '-- in the next migration:',
      concurrentlyFile,
      `CREATE UNIQUE INDEX CONCURRENTLY ${own} ON ${table} (${quoteIdentifier(column.name)});`,
      `ALTER TABLE ${table} ADD CONSTRAINT ${own} UNIQUE USING INDEX ${own};`,
    ].join('\n');
  },
});

const exclusion = defineRule({
  id: 'add-exclude',
  severity: 'error',
  summary: 'ADD … EXCLUDE on a table that exists',
  why: 'Its index cannot be built concurrently, nor can it be NOT VALID: the table is closed while it is built.',
  on: 'add-constraint',
  when: ({ constraint }) => constraint.type === 'exclude',
  effect: buildEffect,
  rewrite: (table, { constraint }) =>
    [
      `CREATE TABLE ${table}_new (LIKE ${table} INCLUDING ALL);`,
      `ALTER TABLE ${table}_new ADD ${constraint.definition};`,
      '-- copy the rows in batches, keep both in step with a trigger, then swap the names in a quiet minute',
    ].join('\n'),
});

const domainCheck = defineRule({
  id: 'domain-add-check',
  severity: 'error',
  summary: 'ALTER DOMAIN … ADD CHECK without NOT VALID',
  why: 'Every table that uses the domain is locked against writes and read from end to end.',
  on: 'domain-check',
  when: ({ constraint, table }, context) => !constraint.notValid && !isCreatedBefore(table, context),
  seen: (trace) => trace.scans.length > 0,
  effect: (table) => `ShareLock on all tables that use ${table} while they are read: writes wait`,
  rewrite: (table) =>
    `Add it NOT VALID: every new value is checked from then on, and no row is read. Validating a domain always stops writes to the tables that use ${table}; where old rows must be checked beside traffic, add the condition to each of those tables as a CHECK, NOT VALID first, and validate it there.`,
});

export const constraintRules: readonly Rule[] = [
  checkValidating,
  foreignKeyValidating,
  foreignColumnValidating,
  validateTogether,
  primaryKey,
  primaryKeyUsingIndex,
  uniqueConstraint,
  uniqueColumn,
  exclusion,
  domainCheck,
];
