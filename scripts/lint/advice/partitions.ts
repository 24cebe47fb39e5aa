// Programs for attaching and detaching partitions beside traffic.
import { child, type Node, number } from '../statement/ast.ts';
import { quoteIdentifier, sqlName } from '../statement/names.ts';
import { slice, splitAtCommas, type Token, wordAt } from '../statement/tokens.ts';
import type { ActionOf } from '../statement/types.ts';
import type { Catalog, CatalogRelation } from '../trace/traced.ts';
import { chooseName, takenNames } from './chosen-names.ts';
import { alter, childrenOf, type Occasion, relationOf } from './occasion.ts';
import { parseOne, sameTree } from './same-tree.ts';
import { type Advice, inTransaction, outsideTransaction, type Phase, refuse } from './series.ts';
import { cutRefused } from './validated-later.ts';

type Attach = Occasion<ActionOf<'attach-partition'>>;

/** ATTACH PARTITION with CHECKs, and indexes, that were made before. */
export function attach(occasion: Attach): Advice {
  const { action, catalog, command, statement } = occasion;
  const parent = relationOf(action.parent, occasion);
  const table = relationOf(action.table, occasion);
  if (catalog === undefined || parent === undefined || table === undefined || command === undefined)
    return refuse('the tables are not known before this migration');
  if (table.kind !== 'r') return refuse('the new partition is itself partitioned or foreign');
  // From 18 on NOT NULL is a constraint too; the new partition has it, or cannot be attached at all.
  if (parent.constraints.some(({ type }) => type !== 'c' && type !== 'n'))
    return refuse('keys of the partitioned table have to be made on the new partition first');
  const condition = boundCondition(parent, command.tokens, statement.text);
  if (condition === null) return refuse('its bound is not one of constants over one column');
  if (!isCondition(occasion, condition)) return refuse(cutRefused);
  const rest = childrenOf(parent, catalog).find(({ isDefault }) => isDefault);
  if (rest !== undefined && rest.kind !== 'r')
    return refuse('the default partition is itself partitioned or foreign');
  const indexes = missingIndexes(parent, table, catalog);
  if (indexes === null)
    return refuse('an index of the partitioned table has expressions, a condition or options');
  const checks = [
    check(table, condition, 'bound', catalog),
    ...(rest === undefined ? [] : [check(rest, `NOT (${condition})`, 'rest', catalog)]),
  ];
  const name = sqlName(action.table);
  const detach = alter(occasion, `DETACH PARTITION ${name}`);
  return {
    phases: [
      ...indexes,
      ...checks.map(({ add, drop }) => inTransaction([add], [drop])),
      inTransaction(
        checks.map(({ validate }) => validate),
        checks.flatMap(({ drop, add }) => [drop, add]),
      ),
      inTransaction(
        [statement.text, ...checks.map(({ drop }) => drop)],
        [detach, ...checks.flatMap(({ add, validate }) => [add, validate])],
      ),
    ],
  };
}

function check(relation: CatalogRelation, condition: string, label: string, catalog: Catalog) {
  const { schema, name } = relation;
  const table = sqlName({ schema, name });
  const own = quoteIdentifier(chooseName(name, null, label, takenNames(schema, catalog)));
  return {
    add: `ALTER TABLE ${table} ADD CONSTRAINT ${own} CHECK (${condition}) NOT VALID`,
    validate: `ALTER TABLE ${table} VALIDATE CONSTRAINT ${own}`,
    drop: `ALTER TABLE ${table} DROP CONSTRAINT ${own}`,
  };
}

/** The bound as PostgreSQL itself would check it; null where it is not a plain one. */
function boundCondition(parent: CatalogRelation, tokens: readonly Token[], sql: string): string | null {
  const column = /^(?:RANGE|LIST) \(("(?:[^"]|"")+"|[a-z_][\w$]*)\)$/.exec(parent.partitionKey ?? '')?.[1];
  const values = wordAt(tokens, 'values');
  if (column === undefined || values === -1) return null;
  const bound = tokens.slice(values + 1);
  const isNotNull = `${column} IS NOT NULL`;
  if (bound[0]?.text === 'in') {
    const items = inParentheses(bound.slice(1), sql);
    if (items === null || items.some((item) => /^null$/i.test(item))) return null;
    return `${isNotNull} AND ${column} ${items.length === 1 ? `= ${items[0]}` : `IN (${items.join(', ')})`}`;
  }
  const to = wordAt(bound, 'to');
  if (bound[0]?.text !== 'from' || to === -1) return null;
  const lower = inParentheses(bound.slice(1, to), sql);
  const upper = inParentheses(bound.slice(to + 1), sql);
  if (lower?.length !== 1 || upper?.length !== 1) return null;
  const sides = [
    /^minvalue$/i.test(lower[0] ?? '') ? null : `${column} >= ${lower[0]}`,
    /^maxvalue$/i.test(upper[0] ?? '') ? null : `${column} < ${upper[0]}`,
  ];
  return [isNotNull, ...sides.filter((side) => side !== null)].join(' AND ');
}

/** The constants in `( … )`; null where something else than one literal stands between two commas. */
function inParentheses(tokens: readonly Token[], sql: string): readonly string[] | null {
  if (tokens[0]?.text !== '(' || tokens.at(-1)?.text !== ')') return null;
  const parts = splitAtCommas(tokens.slice(1, -1));
  const isPlain = (part: readonly Token[]) =>
    part.length === 1 || (part.length === 2 && part[0]?.text === '-');
  return parts.every(isPlain) ? parts.map((part) => slice(sql, part)) : null;
}

/** Nothing of a bound may get out of its place in the condition. */
function isCondition({ parse }: Attach, condition: string): boolean {
  const found = parseOne(parse, `SELECT 1 WHERE NOT (${condition})`);
  const where = child(child(found?.node ?? {}, 'whereClause'), 'BoolExpr');
  return (
    found?.kind === 'SelectStmt' && where.boolop === 'NOT_EXPR' && number(where, 'location') !== undefined
  );
}

/** Plain indexes of the parent that the new partition lacks, built beside traffic; null where one is not plain. */
function missingIndexes(
  parent: CatalogRelation,
  table: CatalogRelation,
  catalog: Catalog,
): readonly Phase[] | null {
  const taken = new Set(takenNames(table.schema, catalog));
  const phases: Phase[] = [];
  for (const index of parent.indexes) {
    const method = / USING (\w+) \(([^()]*)\)$/.exec(index.definition);
    if (method === null || index.partial || index.columns.includes('')) return null;
    const spec = `USING ${method[1]} (${method[2]})`;
    if (table.indexes.some(({ definition, unique }) => unique === index.unique && definition.endsWith(spec)))
      continue;
    const name = chooseName(table.name, index.columns.join('_'), 'idx', taken);
    taken.add(name);
    const unique = index.unique ? 'UNIQUE ' : '';
    const on = sqlName({ schema: table.schema, name: table.name });
    phases.push(
      outsideTransaction(
        [`CREATE ${unique}INDEX CONCURRENTLY ${quoteIdentifier(name)} ON ${on} ${spec}`],
        [`DROP INDEX CONCURRENTLY ${sqlName({ schema: table.schema, name })}`],
      ),
    );
  }
  return phases;
}

/** DETACH PARTITION … CONCURRENTLY, and without the CHECK that it leaves on the former partition. */
export function detach(occasion: Occasion<ActionOf<'detach-partition'>>): Advice {
  const { action, catalog, statement, command, parse } = occasion;
  const parent = relationOf(action.parent, occasion);
  if (command === undefined) return refuse(cutRefused);
  if (
    catalog !== undefined &&
    parent !== undefined &&
    childrenOf(parent, catalog).some(({ isDefault }) => isDefault)
  )
    return refuse('beside a default partition none can be detached CONCURRENTLY');
  const sql = `${statement.text} CONCURRENTLY`;
  const found = parseOne(parse, sql);
  const partition = (node: Node | undefined) => {
    const [first] = (node?.cmds ?? []) as readonly Node[];
    return child(child(child(first ?? {}, 'AlterTableCmd'), 'def'), 'PartitionCmd');
  };
  const { concurrent, ...rest } = partition(found?.node);
  if (concurrent !== true || !sameTree(rest, partition(statement.node))) return refuse(cutRefused);
  return {
    phases: [outsideTransaction([sql], null)],
    note: `It leaves a CHECK with the bound on ${sqlName(action.table)}; drop that in a later migration if it is in the way.`,
  };
}
