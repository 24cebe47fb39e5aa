// Takes a parsed ALTER TABLE (or ALTER INDEX, ALTER VIEW); gives one action per command that matters.
// It knows the parse tree, nothing of rules.
import { child, list, type Node, nameOf, number, rangeName, strings, text } from './ast.ts';
import { clauseAt, parenthesizedAt, unitsOf } from './clauses.ts';
import { readColumn, readConstraint, readType } from './columns.ts';
import type { Action, Name } from './types.ts';

type CommandReader = (command: Node, table: Name, sql: string) => Action | null;

/** What an ALTER TABLE does, command by command; those that no rule asks for are left out. */
export function tableActions(node: Node, sql: string): readonly Action[] {
  const isForeign = node.objtype === 'OBJECT_FOREIGN_TABLE';
  if (node.objtype !== 'OBJECT_TABLE' && node.objtype !== 'OBJECT_MATVIEW' && !isForeign) return [];
  const table = rangeName(child(node, 'relation'));
  return list(node, 'cmds').flatMap((item, i): readonly Action[] => {
    const command = child(item, 'AlterTableCmd');
    const action = commands[text(command, 'subtype') ?? '']?.(command, table, sql);
    // A foreign table has no rows here that would be read or written.
    if (isForeign && action?.kind !== 'drop-column') return [];
    return action == null ? [] : [{ ...action, command: i }];
  });
}

const commands: Readonly<Record<string, CommandReader>> = {
  AT_AddColumn: (command, table, sql) => ({
    kind: 'add-column',
    table,
    column: readColumn(child(child(command, 'def'), 'ColumnDef'), sql),
    ifNotExists: command.missing_ok === true,
  }),
  AT_DropColumn: (command, table) => ({ kind: 'drop-column', table, column: text(command, 'name') ?? '' }),
  AT_AlterColumnType: (command, table, sql) => alterType(command, table, sql),
  AT_SetNotNull: (command, table) => ({ kind: 'set-not-null', table, column: text(command, 'name') ?? '' }),
  AT_AddConstraint: (command, table, sql) => ({
    kind: 'add-constraint',
    table,
    constraint: readConstraint(child(child(command, 'def'), 'Constraint'), sql),
  }),
  AT_DropConstraint: (command, table) => ({
    kind: 'drop-constraint',
    table,
    name: text(command, 'name') ?? '',
  }),
  AT_ValidateConstraint: (command, table) => ({
    kind: 'validate-constraint',
    table,
    name: text(command, 'name') ?? '',
  }),
  AT_AttachPartition: (command, parent, sql) => {
    const partition = child(child(command, 'def'), 'PartitionCmd');
    return {
      kind: 'attach-partition',
      table: rangeName(child(partition, 'name')),
      parent,
      bound: boundText(child(partition, 'bound'), sql),
    };
  },
  AT_DetachPartition: (command, parent) => {
    const partition = child(child(command, 'def'), 'PartitionCmd');
    return {
      kind: 'detach-partition',
      table: rangeName(child(partition, 'name')),
      parent,
      concurrent: partition.concurrent === true,
    };
  },
  AT_SetLogged: (_command, table) => ({ kind: 'rewrite', table, by: 'logged', clause: 'SET LOGGED' }),
  AT_SetUnLogged: (_command, table) => ({ kind: 'rewrite', table, by: 'logged', clause: 'SET UNLOGGED' }),
  AT_SetTableSpace: (command, table) => ({
    kind: 'rewrite',
    table,
    by: 'tablespace',
    clause: `SET TABLESPACE ${text(command, 'name') ?? ''}`,
  }),
  AT_SetAccessMethod: (command, table) => ({
    kind: 'rewrite',
    table,
    by: 'access-method',
    clause: `SET ACCESS METHOD ${text(command, 'name') ?? 'DEFAULT'}`,
  }),
};

function alterType(command: Node, table: Name, sql: string): Action {
  const definition = child(child(command, 'def'), 'ColumnDef');
  const typeName = child(definition, 'typeName');
  const clause = clauseAt(sql, number(typeName, 'location') ?? 0);
  const using = /\susing\s+([\s\S]+)$/i.exec(clause)?.[1];
  return {
    kind: 'alter-type',
    table,
    column: text(command, 'name') ?? '',
    type: readType(typeName, sql),
    typeName: nameOf(strings(typeName, 'names')),
    ...(definition.raw_default === undefined || using === undefined ? {} : { using }),
  };
}

/** `FOR VALUES …` as written, or DEFAULT. */
function boundText(bound: Node, sql: string): string {
  if (bound.is_default === true) return 'DEFAULT';
  const location = unitsOf(sql, number(bound, 'location') ?? 0);
  const start = [...sql.matchAll(/\bfor\s+values\b/gi)].findLast(({ index }) => index <= location);
  return (
    start === undefined ? `FOR VALUES (${parenthesizedAt(sql, location)})` : sql.slice(start.index)
  ).trim();
}
