// Takes how the tables of two schemas are spread over a Citus cluster; notes in the plan the calls that lead from the first
// to the second. Pure. Citus moves the rows itself: no call loses one.
import { foreignKeyOf } from '../render/definitions.ts';
import { distributionSql } from '../render/distribution.ts';
import type { Item, Model } from '../render/model.ts';
import type { Dependency, Piece } from '../render/order.ts';
import { ranks } from '../render/tables.ts';
import { bareName, quoteLiteral } from '../sql.ts';
import { onTables } from './change.ts';
import type { Difference } from './diff.ts';
import { type ChangePlan, take } from './plan.ts';

const keyOf = ({ identity }: Item) => `distribution ${identity}`;
const part = (item: Item | undefined, name: string) => item?.parts.get(name);
const isSchema = (item: Item) => part(item, 'kind') === 'schema';

/** A table that is in both schemas, or in the second alone. */
interface Table {
  readonly difference: Difference | undefined;
  readonly before: Item | undefined;
  readonly after: Item;
}

/** Notes what settles the differences of this class. */
export function writeDistribution(plan: ChangePlan): void {
  const differences = plan.differences.filter(({ kind }) => kind === 'distribution');
  if (differences.length === 0) return;
  for (const difference of differences) {
    const before = plan.from.find('distribution', difference.identity);
    if (difference.change === 'removed' && before !== undefined) writeUndistributed(plan, before, difference);
  }
  const spread = plan.to.of('distribution');
  for (const schema of spread.filter(isSchema))
    if (plan.from.find('distribution', schema.identity) === undefined)
      addPiece(plan, schema, distributionSql(schema));
  const tables = spread
    .filter((item) => !isSchema(item))
    .map((after): Table => {
      const stays = plan.from.find('relation', after.identity) !== undefined;
      const before = stays ? plan.from.find('distribution', after.identity) : undefined;
      return { before, after, difference: differences.find(({ identity }) => identity === after.identity) };
    });
  for (const group of groupsOf(tables)) writeGroup(plan, group);
}

function writeUndistributed(plan: ChangePlan, before: Item, difference: Difference): void {
  const { identity } = before;
  const [model, name] = isSchema(before)
    ? (['schema', identity.replace(/^schema /, '')] as const)
    : (['relation', identity] as const);
  if (plan.to.find(model, name) === undefined) return;
  const sql = undistributed(before);
  if (isTied(plan, identity)) leave(plan, difference, [sql]);
  else plan.drops.push({ rank: ranks.distribution, sql, key: keyOf(before) });
}

function undistributed(item: Item): string {
  const name = item.identity.replace(/^schema /, '');
  return isSchema(item)
    ? `SELECT citus_schema_undistribute(${quoteLiteral(name)});`
    : `SELECT undistribute_table(${quoteLiteral(name)});`;
}

/** Citus undistributes no table alone that a foreign key ties to another. */
function isTied({ from, to }: ChangePlan, table: string): boolean {
  const isKept = ({ identity }: Item) => to.find('constraint', identity) !== undefined;
  return from.of('constraint').some((item) => {
    const target = foreignKeyOf(part(item, 'definition') ?? '')?.target;
    return target !== undefined && isKept(item) && (item.table === table || target === table);
  });
}

function leave(plan: ChangePlan, difference: Difference, statements: readonly string[]): void {
  const why =
    'foreign keys tie the table to others: Citus changes it only together with them (cascade_via_foreign_keys => true), or without the keys';
  take(plan, difference, onTables(statements, { undecided: why }));
}

/** Tables that are together in the second schema, with the table that the others are put beside. */
interface Group {
  readonly tables: readonly Table[];
  /** Those that are where they shall be. */
  readonly settled: ReadonlySet<Table>;
}

const groupName = (item: Item) =>
  ['distributed', 'single-shard'].includes(part(item, 'kind') ?? '')
    ? (part(item, 'colocated_with') ?? item.identity)
    : `kind ${part(item, 'kind')}`;

/**
 * Who is named first of a group says nothing of where it is. So each group of the second schema takes over that of the first
 * which most of its tables come from; what comes from elsewhere must move.
 */
function groupsOf(tables: readonly Table[]): readonly Group[] {
  const groups = new Map<string, Table[]>();
  for (const table of tables) {
    const name = groupName(table.after);
    groups.set(name, [...(groups.get(name) ?? []), table]);
  }
  const overlaps = [...groups].flatMap(([name, members]) => {
    const comeFrom = new Map<string, Table[]>();
    for (const table of members) {
      const { before, after } = table;
      const same =
        before !== undefined && ['kind', 'column'].every((key) => part(before, key) === part(after, key));
      if (same) comeFrom.set(groupName(before), [...(comeFrom.get(groupName(before)) ?? []), table]);
    }
    return [...comeFrom].map(([former, stay]) => ({ name, former, stay }));
  });
  overlaps.sort((a, b) => b.stay.length - a.stay.length || (a.name < b.name ? -1 : 1));
  const settled = new Map<string, ReadonlySet<Table>>();
  const taken = new Set<string>();
  for (const { name, former, stay } of overlaps) {
    if (settled.has(name) || taken.has(former)) continue;
    settled.set(name, new Set(stay));
    taken.add(former);
  }
  return [...groups].map(([name, members]) => ({ tables: members, settled: settled.get(name) ?? new Set() }));
}

function writeGroup(plan: ChangePlan, { tables, settled }: Group): void {
  const anchor = [...settled][0] ?? tables[0];
  for (const table of tables) {
    if (settled.has(table)) continue;
    const beside = anchor === undefined || anchor === table ? undefined : anchor.after.identity;
    writeTable(plan, table, beside);
  }
}

/** @param beside the table that it is put together with */
function writeTable(
  plan: ChangePlan,
  { before, after, difference }: Table,
  beside: string | undefined,
): void {
  const parts = new Map(after.parts);
  parts.delete('colocated_with');
  if (beside !== undefined) parts.set('colocated_with', beside);
  const make = distributionSql({ ...after, parts });
  const [was, is] = [part(before, 'kind'), part(after, 'kind')];
  if (before === undefined || was === 'local') {
    addPiece(plan, after, make, beside);
    return;
  }
  const isAltered = was === 'distributed' && is === 'distributed';
  const statements = isAltered ? [altered(before, after, beside)] : [undistributed(before), make];
  if (difference !== undefined && isTied(plan, after.identity)) leave(plan, difference, statements);
  else addPiece(plan, after, statements.join('\n'), beside);
}

function altered(before: Item, after: Item, beside: string | undefined): string {
  const column = part(after, 'column');
  return `SELECT alter_distributed_table(${[
    quoteLiteral(after.identity),
    ...(column === part(before, 'column')
      ? []
      : [`distribution_column => ${quoteLiteral(bareName(column ?? ''))}`]),
    `colocate_with => ${quoteLiteral(beside ?? 'none')}`,
  ].join(', ')});`;
}

function addPiece(plan: ChangePlan, item: Item, sql: string, beside?: string): void {
  const key = keyOf(item);
  plan.distributions.push({ key, rank: ranks.distribution, sql, inlined: [] });
  if (beside !== undefined) plan.distributionNeeds.push({ from: key, to: `distribution ${beside}` });
}

/** What a key refers to is distributed before what refers to it. */
export function referencedFirst(pieces: readonly Piece[], model: Model): Dependency[] {
  const tables = pieces
    .map(({ key }) => key)
    .filter((key) => key.startsWith('distribution '))
    .map((key) => key.slice('distribution '.length));
  return tables.flatMap((table) =>
    model.partsOf(table, 'constraint').flatMap((item) => {
      const target = foreignKeyOf(part(item, 'definition') ?? '')?.target;
      return target === undefined || target === table || !tables.includes(target)
        ? []
        : [{ from: `distribution ${table}`, to: `distribution ${target}` }];
    }),
  );
}
