// Takes a table and what is known at a statement; gives how the table is spread over a Citus cluster there: by the calls
// of this file, else by the catalog. It knows no rules. Pure.
import { type CitusCall, citusCalls, readName } from '../statement/citus-calls.ts';
import { sameName } from '../statement/names.ts';
import type { Action, Name } from '../statement/types.ts';
import { type Catalog, type CatalogDistribution, type CatalogRelation, lookUp } from '../trace/traced.ts';
import { allActions } from './foreign-keys.ts';
import { type Context, isCreatedBefore, type Step } from './rule.ts';

/** `plain` is a table of the coordinator alone. */
export type Distribution =
  | CatalogDistribution
  | { readonly kind: 'plain'; readonly column: null; readonly group: null };

const plain: Distribution = { kind: 'plain', column: null, group: null };

/**
 * How it is after the given steps; undefined where nothing tells.
 * @param steps of this file, in order
 */
export function distributionOf(
  table: Name,
  steps: readonly Step[],
  catalog: Catalog | undefined,
): Distribution | undefined {
  let found = fromCatalog(table, catalog);
  for (const [i, { statement, actions }] of steps.entries()) {
    for (const action of actions) {
      if (!sameName(action.table, table)) continue;
      if (action.kind === 'create' && action.object === 'table')
        found =
          action.partitionOf === undefined
            ? plain
            : distributionOf(action.partitionOf, steps.slice(0, i), catalog);
      if (action.kind === 'rename' && action.object === 'column' && found?.column === action.from)
        found = { ...found, column: action.to } as Distribution;
    }
    for (const call of citusCalls(statement)) {
      if (isOfSchema(call)) {
        if (call.table.name === (table.schema ?? 'public')) found = ofSchema(call);
      } else if (sameName(call.table, table)) found = afterCall(call, found, steps.slice(0, i), catalog);
    }
  }
  return found;
}

function fromCatalog(table: Name, catalog: Catalog | undefined): Distribution | undefined {
  let relation = catalog === undefined ? undefined : lookUp(table, catalog);
  if (relation === undefined || catalog === undefined) return undefined;
  // Partitions follow their table.
  while (relation.distribution === null && relation.parent !== null) {
    const parent = catalog.get(Number(relation.parent));
    if (parent === undefined) break;
    relation = parent;
  }
  return relation.distribution ?? plain;
}

const isOfSchema = (call: CitusCall) => call.function.startsWith('citus_schema_');

function ofSchema({ function: name, table }: CitusCall): Distribution {
  return name === 'citus_schema_distribute'
    ? { kind: 'schema', column: null, group: `schema ${table.name}` }
    : plain;
}

function afterCall(
  call: CitusCall,
  before: Distribution | undefined,
  steps: readonly Step[],
  catalog: Catalog | undefined,
): Distribution | undefined {
  const column = call.given.distribution_column ?? null;
  switch (call.function) {
    case 'create_reference_table':
      return { kind: 'reference', column: null, group: 'reference' };
    case 'citus_add_local_table_to_metadata':
      return { kind: 'local', column: null, group: 'local' };
    case 'undistribute_table':
      return plain;
    case 'create_distributed_table':
    case 'create_distributed_table_concurrently':
      return {
        kind: column === null ? 'single-shard' : 'distributed',
        column: column === null ? null : column,
        group: groupOf(call, column, steps, catalog),
      };
    default: {
      if (before === undefined || before.kind === 'plain') return before;
      const kept = column ?? before.column;
      const isMoved = call.given.colocate_with != null;
      return { ...before, column: kept, group: isMoved ? groupOf(call, kept, steps, catalog) : before.group };
    }
  }
}

/** Who is together with whom: a text that two tables share, or null where nothing tells. */
function groupOf(
  { table, given }: CitusCall,
  column: string | null,
  steps: readonly Step[],
  catalog: Catalog | undefined,
): string | null {
  const together = given.colocate_with ?? 'default';
  if (together === 'none') return `alone ${table.name}`;
  if (together !== 'default') return distributionOf(readName(together), steps, catalog)?.group ?? null;
  if (column === null) return null;
  const type = typeOf(table, column, steps, catalog);
  return type === undefined
    ? null
    : `default ${type}${given.shard_count == null ? '' : `/${given.shard_count}`}`;
}

const typeNames: Readonly<Record<string, string>> = {
  int: 'integer',
  int4: 'integer',
  serial: 'integer',
  serial4: 'integer',
  int8: 'bigint',
  bigserial: 'bigint',
  serial8: 'bigint',
  int2: 'smallint',
  smallserial: 'smallint',
  varchar: 'character varying',
  timestamptz: 'timestamp with time zone',
};

/** The type of a column as the catalog spells it, without its length. */
function typeOf(
  table: Name,
  column: string,
  steps: readonly Step[],
  catalog: Catalog | undefined,
): string | undefined {
  const made = steps
    .flatMap(({ actions }) => actions)
    .flatMap((action) => {
      if (!sameName(action.table, table)) return [];
      return action.kind === 'create' ? action.columns : action.kind === 'add-column' ? [action.column] : [];
    })
    .find(({ name }) => name === column)?.type;
  const known =
    catalog === undefined
      ? undefined
      : lookUp(table, catalog)?.columns.find(({ name }) => name === column)?.type;
  const type = (made ?? known)?.toLowerCase().replace(/ ?\([^()]*\)/, '');
  return type === undefined ? undefined : (typeNames[type] ?? type);
}

/** Whether the shards of two tables are surely not side by side; ids of a cluster and our own texts cannot be compared. */
export function isApart(one: Distribution, other: Distribution): boolean {
  const [a, b] = [one.group, other.group];
  if (a === null || b === null || /^\d+$/.test(a) !== /^\d+$/.test(b)) return false;
  return a !== b;
}

/** Each table that the statement spreads over shards, with what it is behind it. */
export function spreadBy(context: Context): readonly { call: CitusCall; table: Name; now: Distribution }[] {
  const { step, before, catalog } = context;
  return citusCalls(step.statement).flatMap((call) => {
    const now = distributionOf(call.table, [...before, step], catalog);
    const isMade = call.function.startsWith('create_') || call.given.distribution_column != null;
    return isMade && now !== undefined ? [{ call, table: call.table, now }] : [];
  });
}

/** How Citus had distributed the table before this statement; undefined where it is not known. */
export function distributionBefore(table: Name, { before, catalog }: Context): Distribution | undefined {
  return distributionOf(table, before, catalog);
}

/** Actions of the file before this statement, and what the catalog has of the table besides. */
export function madeOf(
  table: Name,
  context: Context,
): { actions: readonly Action[]; relation: CatalogRelation | undefined } {
  const actions = context.before.flatMap(allActions).filter((action) => sameName(action.table, table));
  const isNew = isCreatedBefore(table, context);
  const relation = isNew || context.catalog === undefined ? undefined : lookUp(table, context.catalog);
  return { actions, relation };
}
