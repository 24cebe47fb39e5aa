// The rules on adding columns.
import { joinedName, quoteIdentifier } from '../statement/names.ts';
import type { ActionOf, ColumnFacts } from '../statement/types.ts';
import { setNotNull } from './not-null.ts';
import { type Context, defineRule, type Rule, rewritten, scanned } from './rule.ts';

type AddColumn = ActionOf<'add-column'>;

const batches = (table: string, assignment: string, condition: string) =>
  [
    '-- 3. fill the old rows in batches, in a migration with "-- migrate: no-transaction":',
    `UPDATE ${table} SET ${assignment}`,
    `WHERE ctid = ANY (ARRAY (SELECT ctid FROM ${table} WHERE ${condition} LIMIT 10000)); -- repeat until UPDATE 0`,
  ].join('\n');

function notNullSteps(table: string, column: ColumnFacts): string {
  return column.notNull || column.primary
    ? `\n-- 4. then NOT NULL without a long lock:\n${setNotNull(table, column.name)}`
    : '';
}

const rewriteEffect = (table: string) =>
  `AccessExclusiveLock on ${table} while the whole table is rewritten: reads and writes wait`;
const rewriteWhy = 'Every row is written anew, with all indexes, while nobody can read or write the table.';
const rewriteSeen = (trace: Parameters<typeof rewritten>[0], { table }: AddColumn) => rewritten(trace, table);
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
  rewrite: (table, { column }) => {
    const name = quoteIdentifier(column.name);
    return [
      `ALTER TABLE ${table} ADD COLUMN ${name} ${column.type};`,
      '-- 2. new rows get the value from now on:',
      `ALTER TABLE ${table} ALTER COLUMN ${name} SET DEFAULT ${column.default ?? '…'};`,
      batches(table, `${name} = ${column.default ?? '…'}`, `${name} IS NULL`) + notNullSteps(table, column),
    ].join('\n');
  },
});

function numberedColumn(table: string, column: ColumnFacts): string {
  const name = quoteIdentifier(column.name);
  const sequence = joinedName(table.replace(/^.*\./, '').replaceAll('"', ''), column.name, 'seq');
  const type = /^big|8$|int8|bigint/i.test(column.type)
    ? 'bigint'
    : /^small|2$|smallint/i.test(column.type)
      ? 'smallint'
      : 'integer';
  return [
    `CREATE SEQUENCE ${sequence} AS ${type};`,
    `ALTER TABLE ${table} ADD COLUMN ${name} ${type};`,
    `ALTER TABLE ${table} ALTER COLUMN ${name} SET DEFAULT nextval('${sequence}');`,
    `ALTER SEQUENCE ${sequence} OWNED BY ${table}.${name};`,
    batches(table, `${name} = nextval('${sequence}')`, `${name} IS NULL`),
    '-- 4. then NOT NULL without a long lock:',
    setNotNull(table, column.name),
  ].join('\n');
}

const serialColumn = defineRule({
  id: 'add-column-serial',
  severity: 'error',
  summary: 'ADD COLUMN of type serial',
  why: rewriteWhy,
  on: 'add-column',
  when: ({ column }) => isSerial(column),
  seen: rewriteSeen,
  effect: rewriteEffect,
  rewrite: (table, { column }) => numberedColumn(table, column),
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
  rewrite: (table, { column }) => numberedColumn(table, column),
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
  rewrite: (table, { column }) => {
    const name = quoteIdentifier(column.name);
    const trigger = joinedName(table.replace(/^.*\./, '').replaceAll('"', ''), column.name);
    return [
      `ALTER TABLE ${table} ADD COLUMN ${name} ${column.type};`,
      '-- 2. a trigger keeps it right for rows written from now on:',
      `CREATE FUNCTION ${trigger}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN SELECT ${column.generated ?? '…'} INTO NEW.${name} FROM (SELECT NEW.*) AS new_row; RETURN NEW; END $$;`,
      `CREATE TRIGGER ${trigger} BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION ${trigger}();`,
      batches(
        table,
        `${name} = ${column.generated ?? '…'}`,
        `${name} IS DISTINCT FROM (${column.generated ?? '…'})`,
      ),
    ].join('\n');
  },
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
  rewrite: (table, { column }) => {
    const name = quoteIdentifier(column.name);
    return [
      '-- the base type of the domain, and its CHECK as a constraint of the table:',
      `ALTER TABLE ${table} ADD COLUMN ${name} <base type of ${column.type}>${typeof column.default === 'string' ? ` DEFAULT ${column.default}` : ''};`,
      `ALTER TABLE ${table} ADD CONSTRAINT ${joinedName(column.name, 'check')} CHECK (<the domain's condition on ${name}>) NOT VALID;`,
      '-- in the next migration:',
      `ALTER TABLE ${table} VALIDATE CONSTRAINT ${joinedName(column.name, 'check')};`,
    ].join('\n');
  },
});

/** Without a database: the file itself makes a domain of that name. With one: what is no built-in type and rewrites. */
function isDomain({ typeName, default: fallback }: ColumnFacts, { before, trace }: Context): boolean {
  if (trace?.watched === true)
    return (
      typeName.schema !== 'pg_catalog' &&
      (fallback === undefined || fallback === null || !/\(/.test(fallback))
    );
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
  seen: (trace, { table }) => scanned(trace, table) && !rewritten(trace, table),
  effect: (table) => `AccessExclusiveLock on ${table} while the whole table is read: reads and writes wait`,
  rewrite: (table, { column }) => {
    const name = quoteIdentifier(column.name);
    const fallback = typeof column.default === 'string' ? ` DEFAULT ${column.default}` : '';
    const checks = column.checks.map((check, i) => ({
      name:
        check.name ??
        joinedName(table.replace(/^.*\./, '').replaceAll('"', ''), column.name, `check${i === 0 ? '' : i}`),
      expression: check.expression,
    }));
    return [
      `ALTER TABLE ${table} ADD COLUMN ${name} ${column.type}${column.notNull ? ' NOT NULL' : ''}${fallback};`,
      ...checks.map(
        (check) => `ALTER TABLE ${table} ADD CONSTRAINT ${check.name} CHECK (${check.expression}) NOT VALID;`,
      ),
      '-- in the next migration:',
      ...checks.map((check) => `ALTER TABLE ${table} VALIDATE CONSTRAINT ${check.name};`),
    ].join('\n');
  },
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
  rewrite: (table, { column }) => {
    const name = quoteIdentifier(column.name);
    return [
      `ALTER TABLE ${table} ADD COLUMN ${name} ${column.type};`,
      `ALTER TABLE ${table} ADD FOREIGN KEY (${name}) ${column.references?.clause ?? ''} NOT VALID;`,
      '-- in the next migration:',
      `ALTER TABLE ${table} VALIDATE CONSTRAINT ${joinedName(table.replace(/^.*\./, '').replaceAll('"', ''), column.name, 'fkey')};`,
    ].join('\n');
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
];
