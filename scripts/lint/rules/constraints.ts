// The rules on adding and validating constraints.
import { joinedName, quoteIdentifier, sameName } from '../statement/names.ts';
import type { ConstraintFacts, Name } from '../statement/types.ts';
import { defineRule, isCreatedBefore, type Rule, scanned } from './rule.ts';

const endings = { check: 'check', foreign: 'fkey', primary: 'pkey', unique: 'key', exclude: 'excl' };

/** Whether it has this name: as written, or made up by PostgreSQL, for a CHECK of columns that are not read here. */
function isCalled(called: string, table: Name, { name, columns, type }: ConstraintFacts): boolean {
  if (name !== undefined) return name === called;
  const start = `${table.name}_`.slice(0, 30);
  return (
    joinedName(table.name, ...columns, endings[type]) === quoteIdentifier(called) ||
    (called.startsWith(start) && called.replace(/\d{0,9}$/, '').endsWith(`_${endings[type]}`))
  );
}

const checkValidating = defineRule({
  id: 'add-check-validating',
  severity: 'error',
  summary: 'ADD CHECK without NOT VALID',
  why: 'Every row is read under a lock that stops all reads and writes. Validating apart needs only ShareUpdateExclusiveLock.',
  on: 'add-constraint',
  when: ({ constraint }) => constraint.type === 'check' && !constraint.notValid,
  seen: (trace, { table }, context) => scanned(trace, table, context),
  effect: (table) => `AccessExclusiveLock on ${table} while the whole table is read: reads and writes wait`,
  words:
    'Add it NOT VALID, and validate it in the next migration: that reads the rows while reads and writes go on.',
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
  words:
    'Add it NOT VALID, and validate it in the next migration: that reads the rows while reads and writes go on. A partitioned table takes none that is NOT VALID: give it to each partition so, validate it there, then add it to the partitioned table.',
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
  words:
    'Add the column with its default but without the reference, then the foreign key NOT VALID, and validate it in the next migration.',
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
          isCalled(name, action.table, action.constraint),
      ),
    ),
  effect: (table) => `the lock taken to add the constraint is held while all of ${table} is read`,
  words: 'Move VALIDATE CONSTRAINT into the next migration.',
});

/** A key WITHOUT OVERLAPS is an exclusion too: no unique index does what its own does, and it takes over none. */
const keepsApart = ({ type, definition }: ConstraintFacts) =>
  type === 'exclude' || (['primary', 'unique'].includes(type) && /\bWITHOUT\s+OVERLAPS\b/i.test(definition));

const buildEffect = (table: string) =>
  `AccessExclusiveLock on ${table} while its index is built: reads and writes wait`;

const primaryKey = defineRule({
  id: 'add-primary-key',
  severity: 'error',
  summary: 'ADD PRIMARY KEY that builds its index',
  why: 'The index is built, and every row read for nulls, under a lock that stops all reads and writes.',
  on: 'add-constraint',
  when: ({ constraint }) =>
    constraint.type === 'primary' && constraint.usingIndex === undefined && !keepsApart(constraint),
  effect: buildEffect,
  words:
    'Build a unique index with the same columns and options CONCURRENTLY, and let the constraint take it over with USING INDEX in the next migration. Columns that may be null are made NOT NULL before, as the rule set-not-null says.',
});

const primaryKeyUsingIndex = defineRule({
  id: 'primary-key-nullable-column',
  severity: 'error',
  summary: 'PRIMARY KEY USING INDEX on a column that may be null',
  why: 'It sets the column NOT NULL, which reads every row under a lock that stops all reads and writes.',
  on: 'add-constraint',
  when: ({ constraint }, { trace }) =>
    constraint.type === 'primary' && constraint.usingIndex !== undefined && trace?.watched === true,
  seen: (trace, { table }, context) => scanned(trace, table, context),
  effect: (table) => `AccessExclusiveLock on ${table} while the whole table is read: reads and writes wait`,
  words: 'Before it, make each column of the key NOT NULL, as the rule set-not-null says.',
});

const uniqueConstraint = defineRule({
  id: 'add-unique',
  severity: 'error',
  summary: 'ADD UNIQUE that builds its index',
  why: 'The index is built under a lock that stops all reads and writes.',
  on: 'add-constraint',
  when: ({ constraint }) =>
    constraint.type === 'unique' && constraint.usingIndex === undefined && !keepsApart(constraint),
  effect: buildEffect,
  words:
    'Build a unique index with the same columns and options CONCURRENTLY, and let the constraint take it over with USING INDEX in the next migration. Of a partitioned table, do so for each partition first.',
});

const uniqueColumn = defineRule({
  id: 'add-column-unique',
  severity: 'error',
  summary: 'ADD COLUMN … UNIQUE or PRIMARY KEY',
  why: 'The index is built under a lock that stops all reads and writes.',
  on: 'add-column',
  when: ({ column }) => (column.unique || column.primary) && !column.identity && !column.volatile,
  effect: buildEffect,
  words:
    'Add the column without the constraint; then build the unique index CONCURRENTLY and let a constraint take it over with USING INDEX.',
});

const exclusion = defineRule({
  id: 'add-exclude',
  severity: 'error',
  summary: 'ADD … EXCLUDE, or a key WITHOUT OVERLAPS, on a table that exists',
  why: 'Its index cannot be built concurrently, nor can it be NOT VALID: the table is closed while it is built.',
  on: 'add-constraint',
  when: ({ constraint }) => keepsApart(constraint),
  effect: buildEffect,
  words: (table) =>
    `Make a new table like ${table} with the constraint; copy the rows in batches, keep both in step with a trigger, then swap the names in a quiet minute.`,
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
  words: (table) =>
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
