// The rules on keys and names: uniqueness that goes, foreign keys of another type, names that PostgreSQL cuts.
import { bareName } from '../../schema/sql.ts';
import { sqlName } from '../statement/names.ts';
import { tokenize } from '../statement/tokens.ts';
import type { Action, Name } from '../statement/types.ts';
import { type Catalog, type CatalogIndex, type CatalogRelation, lookUp } from '../trace/traced.ts';
import { allActions } from './foreign-keys.ts';
import { type Context, defineRule, defineStepRule, type Rule } from './rule.ts';

const dropUnique = defineRule({
  id: 'drop-unique',
  breaksRelease: true,
  severity: 'warning',
  summary: 'dropping a unique constraint or index',
  why: 'ON CONFLICT over these columns fails with 42P10 in the release that is running, and duplicates may come in that no later constraint accepts.',
  on: ['drop-constraint', 'drop-index'],
  when: (action, context) => lostKey(action, context) !== undefined,
  anywhere: true,
  effect: (name, action) =>
    action.kind === 'drop-index'
      ? `index ${name} no longer keeps its columns unique`
      : `${name} is no longer unique by ${action.name}`,
  words:
    'Ship a release that no longer relies on it first. Then, in a later migration with "-- migrate: after-deploy", take it away.',
});

/** The unique index that goes, unless another one over the same columns stays or comes. */
function lostKey(action: Action, { catalog, before, step, after }: Context): CatalogIndex | undefined {
  if (catalog === undefined || (action.kind !== 'drop-constraint' && action.kind !== 'drop-index'))
    return undefined;
  const found = indexOf(
    action.kind === 'drop-index' ? action.table : { ...action.table, name: action.name },
    catalog,
  );
  if (found === undefined || !found.index.unique) return undefined;
  const isLate = (definition: string | undefined) =>
    /(?<!\bNOT\s{1,9})\bDEFERRABLE\b/i.test(definition ?? '');
  const { relation, index } = found;
  const wasLate = isLate(relation.constraints.find(({ name }) => name === index.name)?.definition);
  const same = (columns: readonly string[]) =>
    [...columns].sort().join() === [...index.columns].sort().join();
  const stays = relation.indexes.some(
    (other) => other !== index && other.unique && !other.partial && same(other.columns),
  );
  const comes = [...before, step, ...after].flatMap(allActions).some(
    (other) =>
      (other.kind === 'create-index' && other.unique && !other.partial && same(other.columns)) ||
      (other.kind === 'add-constraint' &&
        ['unique', 'primary'].includes(other.constraint.type) &&
        // ON CONFLICT does not take a key that is checked late.
        (wasLate || !isLate(other.constraint.definition)) &&
        (other.constraint.usingIndex !== undefined || same(other.constraint.columns))),
  );
  return stays || comes ? undefined : index;
}

function indexOf(
  { schema, name }: Name,
  catalog: Catalog,
): { index: CatalogIndex; relation: CatalogRelation } | undefined {
  for (const relation of catalog.values()) {
    if (schema !== undefined && relation.schema !== schema) continue;
    const index = relation.indexes.find((one) => one.name === name);
    if (index !== undefined) return { index, relation };
  }
  return undefined;
}

const families: readonly (readonly [RegExp, string])[] = [
  [/^(bigint|int8|bigserial|serial8)$/i, 'bigint'],
  [/^(integer|int|int4|serial|serial4)$/i, 'integer'],
  [/^(smallint|int2|smallserial|serial2)$/i, 'smallint'],
  [/^(text|varchar|character varying)/i, 'text'],
  [/^(numeric|decimal)/i, 'numeric'],
  [/^uuid$/i, 'uuid'],
];

/** The kind of a type that matters for comparing keys; undefined where it is none of the usual ones. */
function familyOf(type: string | undefined): string | undefined {
  return families.find(([pattern]) => pattern.test(type ?? ''))?.[1];
}

const foreignKeyType = defineRule({
  id: 'foreign-key-type',
  severity: 'warning',
  summary: 'a foreign key column of another type than the one it refers to',
  why: 'Values that fit one of them do not fit the other: an integer that refers to a bigint ends at 2,147,483,647, on a day when nobody thinks of it.',
  on: ['add-constraint', 'add-column', 'create'],
  when: (action, context) => mismatches(action, context).length > 0,
  anywhere: true,
  effect: (table, action) =>
    `a key of ${table} is not of the type that it refers to${action.kind === 'add-column' ? ` (${action.column.name} ${action.column.type})` : ''}`,
  words: (_table, action, context) => `${mismatches(action, context).join('; ')}. Give both the same type.`,
});

interface Link {
  readonly column: string;
  readonly type: string | undefined;
  readonly target: Name;
  readonly targetColumn: string | undefined;
}

function mismatches(action: Action, context: Context): readonly string[] {
  return linksOf(action, context).flatMap(({ column, type, target, targetColumn }) => {
    const [own, other] = [familyOf(type), familyOf(typeIn(target, targetColumn, context))];
    return own === undefined || other === undefined || own === other
      ? []
      : [
          `${column} is ${own}, ${sqlName(target)}${targetColumn === undefined ? '' : ` (${targetColumn})`} is ${other}`,
        ];
  });
}

function linksOf(action: Action, context: Context): readonly Link[] {
  if (action.kind === 'add-constraint')
    return tableLinks(action.constraint, (column) => typeIn(action.table, column, context));
  const columns =
    action.kind === 'create' ? action.columns : action.kind === 'add-column' ? [action.column] : [];
  const own = columns.flatMap(({ name, type, references }): readonly Link[] =>
    references === undefined
      ? []
      : [{ column: name, type, target: references.table, targetColumn: references.columns[0] }],
  );
  const typed = (column: string) => columns.find(({ name }) => name === column)?.type;
  const constraints = action.kind === 'create' ? action.constraints : [];
  return [...own, ...constraints.flatMap((constraint) => tableLinks(constraint, typed))];
}

function tableLinks(
  {
    columns,
    references,
    referenced = [],
  }: { columns: readonly string[]; references?: Name; referenced?: readonly string[] },
  typeOf: (column: string) => string | undefined,
): readonly Link[] {
  if (references === undefined || (referenced.length === 0 && columns.length > 1)) return [];
  return columns.map((column, i) => ({
    column,
    type: typeOf(column),
    target: references,
    targetColumn: referenced[i],
  }));
}

/** The type of a column, or of the one primary key column where none is named: by this file, else by the catalog. */
function typeIn(
  table: Name,
  column: string | undefined,
  { catalog, before, step }: Context,
): string | undefined {
  for (const action of [...before, step].flatMap(({ actions }) => actions)) {
    if (action.table.name !== table.name) continue;
    const columns =
      action.kind === 'create' ? action.columns : action.kind === 'add-column' ? [action.column] : [];
    const found = columns.find(({ name, primary }) => (column === undefined ? primary : name === column));
    if (found !== undefined) return found.type;
  }
  const relation = catalog === undefined ? undefined : lookUp(table, catalog);
  const key = relation?.constraints.find(({ type, columns }) => type === 'p' && columns.length === 1)
    ?.columns[0];
  return relation?.columns.find(({ name }) => name === (column ?? key))?.type;
}

const longName = /[A-Za-z_\u0080-\uffff"][^\s;,()']{31,}/;

const nameTruncated = defineStepRule({
  id: 'name-truncated',
  severity: 'warning',
  summary: 'a name of more than 63 bytes, which PostgreSQL cuts',
  why: 'The object gets another name than the one that is written; two long names may become the same, and a later statement that cuts differently misses it.',
  findInStep: ({ step: { statement } }) => {
    if (!longName.test(statement.text) || statement.text.length > 64 * 1024) return null;
    const name = tokenize(statement.text)
      .map(({ text }) => text)
      .filter((text) => /^["A-Za-z_\u0080-\uffff]/.test(text) && !text.endsWith("'"))
      .map(bareName)
      .find((text) => Buffer.byteLength(text) > 63);
    if (name === undefined) return null;
    const cut = Buffer.from(name)
      .subarray(0, 63)
      .toString()
      .replace(/\ufffd$/, '');
    return {
      table: { name },
      effect: `the name ${name} has ${Buffer.byteLength(name)} bytes: PostgreSQL makes it ${cut}`,
      words: 'Choose a name of at most 63 bytes.',
    };
  },
});

export const keyRules: readonly Rule[] = [dropUnique, foreignKeyType, nameTruncated];
