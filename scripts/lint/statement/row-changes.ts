// Takes statements that change rows; gives whose rows, how many their condition can meet, and what they copy from where.
// It knows the parse tree, nothing of rules or of databases.
import { child, listOf, type Node, rangeName, walk } from './ast.ts';
import { readWhere } from './expressions.ts';
import type { Action } from './types.ts';

/** Statements that may begin with WITH. */
export const withClause = new Set(['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

/** `WITH gone AS (DELETE …)`. */
export function rowsInWith(node: Node, sql: string): readonly Action[] {
  const actions: Action[] = [];
  walk(child(node, 'withClause'), (kind, inner) => {
    if (kind === 'UpdateStmt') actions.push(...changeRows('UPDATE', inner, sql));
    if (kind === 'DeleteStmt') actions.push(...changeRows('DELETE', inner, sql));
  });
  return actions;
}

/** INSERT … SELECT: rows of other tables, and with ON CONFLICT DO UPDATE of the table itself, are read or changed. */
export function insertedRows(node: Node, sql: string): readonly Action[] {
  const select = child(child(node, 'selectStmt'), 'SelectStmt');
  const from = listOf(select, 'fromClause', 'RangeVar').map(rangeName);
  const table = rangeName(child(node, 'relation'));
  const where = readWhere(select);
  const isWhole =
    from.length > 0 && select.limitCount === undefined && !where.limited && where.equals.length === 0;
  if (!isWhole) return [];
  const isUpsert = child(node, 'onConflictClause').action === 'ONCONFLICT_UPDATE';
  return isUpsert && from.some(({ name }) => name === table.name)
    ? [{ kind: 'change-rows', table, verb: 'UPDATE', where, sql }]
    : [{ kind: 'copy-rows', table, from }];
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
