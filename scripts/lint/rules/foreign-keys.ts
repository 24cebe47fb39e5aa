// Takes all files under review; gives the foreign keys whose columns have no index in the end.
// The index may come in the same file or a later one: that is how it is built CONCURRENTLY.
import { sameName, sqlName } from '../statement/names.ts';
import type { Action, Name } from '../statement/types.ts';
import { type Catalog, lookUp } from '../trace/traced.ts';
import type { Hit, Step } from './rule.ts';

export interface ForeignKeyHit {
  readonly hit: Hit;
  readonly step: Step;
}

interface ForeignKey {
  readonly table: Name;
  readonly columns: readonly string[];
}

/**
 * @param steps of one file
 * @param actions of every file under review, whose indexes count
 * @param catalog the schema after all of them; without it, or where a table is not in it, their text decides
 */
export function unindexedForeignKeys(
  steps: readonly Step[],
  actions: readonly Action[],
  catalog: Catalog | undefined,
): readonly ForeignKeyHit[] {
  return steps.flatMap((step) =>
    allActions(step)
      .flatMap(foreignKeys)
      .filter((key) => !isIndexed(key, actions, catalog))
      .map((key) => toHit(key, step, steps)),
  );
}

/** What a statement does, by its text and as seen. */
export function allActions({ actions, trace }: Step): readonly Action[] {
  return [...actions, ...(trace?.observed ?? [])];
}

function foreignKeys(action: Action): readonly ForeignKey[] {
  const { table } = action;
  if (action.kind === 'add-constraint' && action.constraint.type === 'foreign') {
    return [{ table, columns: action.constraint.columns }];
  }
  const columns =
    action.kind === 'create' ? action.columns : action.kind === 'add-column' ? [action.column] : [];
  const constraints = action.kind === 'create' ? action.constraints : [];
  return [
    ...columns
      .filter(({ references }) => references !== undefined)
      .map(({ name }) => ({ table, columns: [name] })),
    ...constraints
      .filter(({ type }) => type === 'foreign')
      .map((constraint) => ({ table, columns: constraint.columns })),
  ];
}

function isIndexed(
  { table, columns }: ForeignKey,
  actions: readonly Action[],
  catalog: Catalog | undefined,
): boolean {
  const leads = (index: readonly string[]) =>
    columns.every((column) => index.slice(0, columns.length).includes(column));
  const relation = catalog === undefined ? undefined : lookUp(table, catalog);
  if (relation !== undefined) return relation.indexes.some((index) => !index.partial && leads(index.columns));
  if (
    catalog !== undefined &&
    actions.some((action) => action.kind === 'drop' && sameName(action.table, table))
  )
    return true;
  return actions.some((action) => sameName(action.table, table) && indexes(action).some(leads));
}

/** The column lists that an action indexes. */
function indexes(action: Action): readonly (readonly string[])[] {
  if (action.kind === 'create-index') return action.partial ? [] : [action.columns];
  if (action.kind === 'add-constraint') return keys([action.constraint]);
  if (action.kind === 'add-column') return own([action.column]);
  return action.kind === 'create' ? [...keys(action.constraints), ...own(action.columns)] : [];
}

function keys(
  constraints: readonly { type: string; columns: readonly string[] }[],
): readonly (readonly string[])[] {
  return constraints
    .filter(({ type }) => type === 'primary' || type === 'unique')
    .map(({ columns }) => columns);
}

function own(
  columns: readonly { name: string; unique: boolean; primary: boolean }[],
): readonly (readonly string[])[] {
  return columns.filter(({ unique, primary }) => unique || primary).map(({ name }) => [name]);
}

function toHit({ table, columns }: ForeignKey, step: Step, steps: readonly Step[]): ForeignKeyHit {
  const isNew = steps.some(({ actions }) =>
    actions.some((action) => action.kind === 'create' && sameName(action.table, table)),
  );
  return {
    step,
    hit: {
      table,
      effect: `no index on ${sqlName(table)} (${columns.join(', ')}), which is a foreign key`,
      words: isNew
        ? 'Create an index over these columns in the same migration.'
        : 'Build an index over these columns CONCURRENTLY in the next migration.',
      ...(isNew ? {} : { index: columns }),
    },
  };
}
