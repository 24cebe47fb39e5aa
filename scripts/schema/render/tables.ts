// Takes the model of a schema; gives the SQL of tables, views and what hangs on them, as pieces to be put in order.
// Pure; where a table needs something that needs the table, its defaults and checks can be split off.

import { optionsClause } from './clauses.ts';
import { inheritedDefault, isOwn, joinedParents } from './heirs.ts';
import type { Item, Model } from './model.ts';
import {
  checkedCopies,
  inheritedNotNull,
  lateNotNull,
  notNullClause,
  notNullOf,
  waitsForHeirs,
} from './not-null.ts';
import type { Piece } from './order.ts';
import { sequenceOptions } from './programs.ts';
import { columnSettings, hasHeirs, storageOptions, storageSettings } from './storage.ts';

/** Ranks: what comes first where dependencies leave the choice. */
export const ranks = {
  schema: 0,
  extension: 1,
  type: 2,
  sequence: 3,
  routine: 4,
  aggregate: 5,
  table: 6,
  default: 7,
  ownership: 8,
  // Before foreign keys, which lead from one distributed table to another.
  distribution: 8.5,
  view: 9,
  key: 10,
  index: 11,
  foreignKey: 12,
  late: 13,
  statistics: 14,
  trigger: 15,
  rule: 16,
  policy: 17,
  publication: 18,
  state: 19,
  comment: 20,
} as const;

const inherited = (item: Item) => item.parts.get('inherited') === 'only';
/** The key of the piece that makes an item. */
export const keyOf = (item: Item) => `${item.class} ${item.identity}`;
const isCheck = (item: Item) => item.parts.get('definition')?.startsWith('CHECK') === true;
const isNotValid = (item: Item) => item.parts.get('definition')?.endsWith('NOT VALID') === true;

/**
 * From PostgreSQL 17 on partitions share their parent's identity, and its sequence: it comes with ATTACH PARTITION, which
 * takes no partition that has one already.
 */
function identityClause(model: Model, column: Item): string[] {
  if (!column.parts.has('identity')) return [];
  const sequence = model.of('sequence').find((item) => item.parts.get('identity_of') === column.identity);
  const isPartition = model.find('relation', column.table ?? '')?.parts.has('partition_of') ?? false;
  if (sequence === undefined && isPartition) return [];
  const options =
    sequence === undefined ? '' : ` (SEQUENCE NAME ${sequence.identity}${sequenceOptions(sequence)})`;
  return [`GENERATED ${column.parts.get('identity')?.toUpperCase()} AS IDENTITY${options}`];
}

/** A column as CREATE TABLE and ADD COLUMN want it. */
export function columnClause(
  model: Model,
  column: Item,
  typed: boolean,
  withDefault: boolean,
  withCompression = !typed,
): string {
  const { parts } = column;
  const clause = (key: string, text: (value: string) => string) => {
    const value = parts.get(key);
    return value === undefined ? [] : [text(value)];
  };
  const options = optionsClause(parts.get('foreign_options')).trimStart();
  return [
    column.name,
    ...(typed ? ['WITH OPTIONS'] : [parts.get('type')]),
    ...(withCompression ? clause('compression', (value) => `COMPRESSION ${value}`) : []),
    ...(options === '' ? [] : [options]),
    ...(typed ? [] : clause('collation', (value) => `COLLATE ${value}`)),
    ...clause(
      'generated',
      (value) => `GENERATED ALWAYS AS (${value}) ${parts.has('virtual') ? 'VIRTUAL' : 'STORED'}`,
    ),
    ...identityClause(model, column),
    ...(withDefault ? clause('default', (value) => `DEFAULT ${value}`) : []),
    ...notNullClause(column),
  ].join(' ');
}

/** What CREATE TABLE gives a column of an heir other than it has, of its default and its NOT NULL. */
function overrides(model: Model, table: Item, column: Item): string[] {
  const own = column.parts.get('default');
  const declared = isOwn(column) ? own : undefined;
  const given = column.parts.has('generated') ? own : (declared ?? inheritedDefault(model, table, column));
  const alter = `ALTER TABLE ONLY ${table.identity} ALTER COLUMN ${column.name}`;
  return [
    ...(own === given ? [] : [`${alter} ${own === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${own}`};`]),
    ...nullability(model, table, column),
  ];
}

/** SET or DROP NOT NULL, where the parents that CREATE TABLE names have it otherwise. */
export function nullability(model: Model, table: Item, column: Item): string[] {
  const above = joinedParents(model, table).early.flatMap(
    (parent) => model.find('column', `${parent}.${column.name}`) ?? [],
  );
  const isStrict = above.some((each) => notNullOf(each)?.noInherit === false);
  const alter = `ALTER TABLE ONLY ${table.identity} ALTER COLUMN ${column.name}`;
  const notNull = notNullOf(column);
  if (notNull === null) return isStrict ? [`${alter} DROP NOT NULL;`] : [];
  const isUnsaid = !isOwn(column) && notNull.name === null && notNull.inherited !== 'only';
  return isUnsaid && !isStrict ? [`${alter} SET NOT NULL;`] : [];
}

/** Checks that stand inside CREATE TABLE; a partition must have those of its parent before it is attached. */
export function inlineChecks(model: Model, table: Item): Item[] {
  const partition = table.parts.has('partition_of');
  return model
    .partsOf(table.identity, 'constraint')
    .filter((item) => isCheck(item) && !isNotValid(item) && (partition || !inherited(item)));
}

/** What must wait for the tables that inherit, beside what each column sets. */
export function settingPieces(model: Model, table: Item): Piece[] {
  if (!hasHeirs(model, table)) return [];
  const statements = model
    .partsOf(table.identity, 'column')
    .flatMap((column) => [
      ...storageSettings(table, column, false),
      ...(waitsForHeirs(model, column)
        ? [...lateNotNull(table, column), ...checkedCopies(model, column)]
        : []),
    ]);
  if (statements.length === 0) return [];
  return [
    { key: `settings ${table.identity}`, rank: ranks.default, sql: statements.join('\n'), inlined: [] },
  ];
}

/** CREATE TABLE with the clauses in `body`, as an heir of `parents`. */
export function createTable(table: Item, body: readonly string[], parents: readonly string[]): string {
  const { parts, identity } = table;
  const typed = parts.has('of_type');
  const foreign = parts.get('kind') === 'foreign table';
  const head = `CREATE ${parts.has('unlogged') ? 'UNLOGGED ' : ''}${foreign ? 'FOREIGN ' : ''}TABLE ${identity}${typed ? ` OF ${parts.get('of_type')}` : ''}`;
  const list = body.length > 0 ? ` (\n  ${body.join(',\n  ')}\n)` : typed ? '' : ' (\n)';
  return `${head}${list}${parents.length > 0 ? ` INHERITS (${parents.join(', ')})` : ''}${
    parts.has('partition_key') ? ` PARTITION BY ${parts.get('partition_key')}` : ''
  }${parts.has('access_method') ? ` USING ${parts.get('access_method')}` : ''}${storageOptions(table)}${
    foreign ? ` SERVER ${parts.get('server')}${optionsClause(parts.get('foreign_options'))}` : ''
  };`;
}

/** A default that stands apart from its table. */
export const defaultPiece = ({ table, name, identity, parts }: Item): Piece => ({
  key: `default ${identity}`,
  rank: ranks.default,
  sql: `ALTER TABLE ONLY ${table} ALTER COLUMN ${name} SET DEFAULT ${parts.get('default')};`,
  inlined: [],
});

/** A check that stands apart from its table. */
export const checkPiece = (item: Item): Piece => ({
  key: keyOf(item),
  rank: ranks.default,
  sql: `ALTER TABLE ${item.table} ADD CONSTRAINT ${item.name} ${item.parts.get('definition')};`,
  inlined: [],
});

/** A table with all that stands inside CREATE TABLE; `split` writes its defaults and checks apart. */
export function tablePieces(model: Model, table: Item, split: boolean): Piece[] {
  const { parts, identity } = table;
  const partition = parts.has('partition_of');
  const typed = parts.has('of_type');
  const columns = model.partsOf(identity, 'column');
  const declared = columns.filter((item) => partition || !inherited(item));
  const written = typed
    ? declared.filter((item) => item.parts.get('nullable') === 'no' || item.parts.has('default'))
    : declared;
  const checks = inlineChecks(model, table);
  const late = hasHeirs(model, table);
  const body = [
    ...written.map((item) => columnClause(model, item, typed, !split, !typed && !late)),
    ...columns.filter((item) => !declared.includes(item)).flatMap(inheritedNotNull),
    ...(split ? [] : checks.map((item) => `CONSTRAINT ${item.name} ${item.parts.get('definition')}`)),
  ];
  const { early, late: joined } = joinedParents(model, table);
  const statements = [
    createTable(table, body, early),
    ...(early.length === 0 ? [] : columns.flatMap((item) => overrides(model, table, item))),
    ...columns.flatMap((item) => columnSettings(table, item, !typed && declared.includes(item), late)),
    ...columns.filter((item) => !waitsForHeirs(model, item)).flatMap((item) => lateNotNull(table, item)),
    ...joined.map((parent) => `ALTER TABLE ${identity} INHERIT ${parent};`),
    ...(partition
      ? [`ALTER TABLE ONLY ${parts.get('partition_of')} ATTACH PARTITION ${identity} ${parts.get('bound')};`]
      : []),
  ];
  const splittable = [
    ...written.filter((item) => item.parts.has('default')).map(defaultPiece),
    ...checks.map(checkPiece),
  ];
  // A generated column's expression and an inherited column's default cannot leave the table.
  const fixed = columns.filter((item) => item.parts.has('generated') || !written.includes(item));
  const inlined = [
    ...fixed.map((item) => `default ${item.identity}`),
    ...(split ? [] : splittable.map((piece) => piece.key)),
  ];
  const main: Piece = { key: keyOf(table), rank: ranks.table, sql: statements.join('\n'), inlined };
  return [main, ...(split ? splittable : []), ...settingPieces(model, table)];
}

/** True for a check that CREATE TABLE (or the parent) already brings. */
export function isWithTable(model: Model, item: Item): boolean {
  const table = item.table === undefined ? undefined : model.find('relation', item.table);
  return (
    table !== undefined && isCheck(item) && (inherited(item) || inlineChecks(model, table).includes(item))
  );
}
