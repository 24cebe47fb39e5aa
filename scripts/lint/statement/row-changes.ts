// Takes statements that change rows; gives whose rows, how many their condition can meet, and what they copy from where.
// It knows the parse tree, nothing of rules or of databases.
import { child, isNode, list, listOf, type Node, rangeName, text, walk } from './ast.ts';
import { readWhere } from './expressions.ts';
import type { Action, Name } from './types.ts';

/** Statements that may begin with WITH. */
export const withClause = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

/** `WITH gone AS (DELETE …)`. */
export function rowsInWith(node: Node, sql: string): readonly Action[] {
  const actions: Action[] = [];
  walk(child(node, 'withClause'), (kind, inner) => {
    if (kind === 'UpdateStmt') actions.push(...changeRows('UPDATE', inner, sql));
    if (kind === 'DeleteStmt') actions.push(...changeRows('DELETE', inner, sql));
    if (kind === 'InsertStmt') actions.push(...insertedRows(inner, sql));
  });
  return actions;
}

/** INSERT … SELECT: rows of other tables, and with ON CONFLICT DO UPDATE of the table itself, are read or changed. */
export function insertedRows(node: Node, sql: string): readonly Action[] {
  const select = child(child(node, 'selectStmt'), 'SelectStmt');
  const from = wholeTables(select, commonTables(node, new Map()));
  const table = rangeName(child(node, 'relation'));
  if (from.length === 0) return [];
  const isUpsert = child(node, 'onConflictClause').action === 'ONCONFLICT_UPDATE';
  return isUpsert && from.some(({ name }) => name === table.name)
    ? [{ kind: 'change-rows', table, verb: 'UPDATE', where: readWhere(select), sql }]
    : [{ kind: 'copy-rows', table, from }];
}

/** MERGE that only inserts. */
export function mergedRows(node: Node): readonly Action[] {
  const source = child(node, 'sourceRelation');
  const from = wholeTables({ fromClause: [source] }, commonTables(node, new Map()));
  return from.length === 0 ? [] : [{ kind: 'copy-rows', table: rangeName(child(node, 'relation')), from }];
}

type CommonTables = ReadonlyMap<string, readonly Name[]>;

function commonTables(node: Node, outer: CommonTables): CommonTables {
  const tables = new Map(outer);
  for (const table of listOf(child(node, 'withClause'), 'ctes', 'CommonTableExpr'))
    tables.set(
      text(table, 'ctename') ?? '',
      wholeTables(child(child(table, 'ctequery'), 'SelectStmt'), tables),
    );
  return tables;
}

/** The tables that a query reads without a bound: in joins, sub-selects, common tables and unions too. */
function wholeTables(select: Node, outer: CommonTables): readonly Name[] {
  const tables = commonTables(select, outer);
  const where = readWhere(select);
  if (select.limitCount !== undefined || where.limited || where.equals.length > 0) return [];
  const sides = [select.larg, select.rarg].filter(isNode).flatMap((side) => wholeTables(side, tables));
  return [...sides, ...list(select, 'fromClause').flatMap((item) => tablesIn(item, tables))];
}

function tablesIn(
  { RangeVar: table, RangeSubselect: inner, JoinExpr: join }: Node,
  tables: CommonTables,
): readonly Name[] {
  if (isNode(table)) {
    const name = rangeName(table);
    return (name.schema === undefined ? tables.get(name.name) : undefined) ?? [name];
  }
  if (isNode(inner)) return wholeTables(child(child(inner, 'subquery'), 'SelectStmt'), tables);
  return isNode(join) ? [join.larg, join.rarg].filter(isNode).flatMap((side) => tablesIn(side, tables)) : [];
}

/** UPDATE, DELETE, and MERGE as an UPDATE. */
export function changeRows(
  verb: 'UPDATE' | 'DELETE',
  node: Node,
  sql: string,
  target = child(node, 'relation'),
): readonly Action[] {
  return [{ kind: 'change-rows', table: rangeName(target), verb, where: readWhere(node), sql }];
}
