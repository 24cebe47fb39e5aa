// Takes a statement that no rule has anything against; gives what takes it back, where its text alone tells. Pure.
import type { Statement } from '../../base/types.ts';
import { child, isNode, list, nameOf, rangeName, strings, text } from '../statement/ast.ts';
import { quoteIdentifier, sqlName } from '../statement/names.ts';

/** Statements in the order in which to run them; null where something else is needed to know. */
export function inverseOf({ kind, node }: Statement): readonly string[] | null {
  if (node.if_not_exists === true) return null;
  switch (kind) {
    case 'CreateStmt':
      return [`DROP TABLE ${sqlName(rangeName(child(node, 'relation')))}`];
    case 'CreateSeqStmt':
      return [`DROP SEQUENCE ${sqlName(rangeName(child(node, 'sequence')))}`];
    case 'CreateEnumStmt':
      return [`DROP TYPE ${sqlName(nameOf(strings(node, 'typeName')))}`];
    case 'CreateDomainStmt':
      return [`DROP DOMAIN ${sqlName(nameOf(strings(node, 'domainname')))}`];
    case 'CreateSchemaStmt':
      return isNode(node.schemaElts) || list(node, 'schemaElts').length > 0
        ? null
        : [`DROP SCHEMA ${quoteIdentifier(text(node, 'schemaname') ?? '')}`];
    case 'ViewStmt':
      return node.replace === true ? null : [`DROP VIEW ${sqlName(rangeName(child(node, 'view')))}`];
    case 'AlterTableStmt':
      return alteredBack(node);
    default:
      return null;
  }
}

function alteredBack(node: Statement['node']): readonly string[] | null {
  if (node.objtype !== 'OBJECT_TABLE') return null;
  const table = sqlName(rangeName(child(node, 'relation')));
  const commands = list(node, 'cmds').map((item) => {
    const command = child(item, 'AlterTableCmd');
    const column = text(child(child(command, 'def'), 'ColumnDef'), 'colname');
    const constraint = text(child(child(command, 'def'), 'Constraint'), 'conname');
    if (command.missing_ok === true) return null;
    if (command.subtype === 'AT_AddColumn' && column !== undefined)
      return `DROP COLUMN ${quoteIdentifier(column)}`;
    if (command.subtype === 'AT_AddConstraint' && constraint !== undefined)
      return `DROP CONSTRAINT ${quoteIdentifier(constraint)}`;
    return null;
  });
  return commands.includes(null) ? null : [`ALTER TABLE ${table} ${[...commands].reverse().join(', ')}`];
}
