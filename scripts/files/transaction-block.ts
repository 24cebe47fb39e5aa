// Takes a statement as PostgreSQL's parser reads it; tells whether the server runs it only inside of a transaction block, or
// only outside of one. Pure.
import type { Statement } from '../base/types.ts';

type Node = Readonly<Record<string, unknown>>;

/** CURSOR_OPT_HOLD */
const withHold = 0x20;

/** Statements that PostgreSQL refuses outside of a transaction block (RequireTransactionBlock in its source). */
export function needsBlock({ kind, node }: Statement): boolean {
  if (kind === 'DeclareCursorStmt') return (Number(node.options ?? 0) & withHold) === 0;
  return kind === 'LockStmt' || (kind === 'TransactionStmt' && /SAVEPOINT|RELEASE/.test(String(node.kind)));
}

/** Statements that PostgreSQL refuses in a transaction block (PreventInTransactionBlock in its source). */
const outsideTransactionOnly: Readonly<Record<string, (node: Node) => boolean>> = {
  IndexStmt: (node) => node.concurrent === true,
  DropStmt: (node) => node.concurrent === true,
  ReindexStmt: (node) =>
    hasOption(node.params, 'concurrently') ||
    ['REINDEX_OBJECT_SCHEMA', 'REINDEX_OBJECT_SYSTEM', 'REINDEX_OBJECT_DATABASE'].includes(String(node.kind)),
  VacuumStmt: (node) => node.is_vacuumcmd === true,
  ClusterStmt: (node) => node.relation === undefined,
  AlterTableStmt: (node) => JSON.stringify(node.cmds ?? []).includes('"concurrent":true'),
  CreatedbStmt: () => true,
  DropdbStmt: () => true,
  AlterDatabaseStmt: (node) => hasOption(node.options, 'tablespace'),
  CreateTableSpaceStmt: () => true,
  DropTableSpaceStmt: () => true,
  AlterSystemStmt: () => true,
  DiscardStmt: (node) => node.target === 'DISCARD_ALL',
  TransactionStmt: (node) =>
    ['TRANS_STMT_COMMIT_PREPARED', 'TRANS_STMT_ROLLBACK_PREPARED'].includes(String(node.kind)),
  CreateSubscriptionStmt: (node) =>
    !optionIsOff(node.options, 'connect') && !optionIsOff(node.options, 'create_slot'),
  // Citus': https://docs.citusdata.com/en/stable/develop/api_udf.html#create-distributed-table-concurrently
  SelectStmt: (node) => calledFirst(node) === 'create_distributed_table_concurrently',
};

/** The function that a query calls as its first column. */
function calledFirst({ targetList }: Node): string | undefined {
  const [target] = (targetList ?? []) as {
    ResTarget?: { val?: { FuncCall?: { funcname?: readonly Node[] } } };
  }[];
  const last = target?.ResTarget?.val?.FuncCall?.funcname?.at(-1);
  return (last as { String?: { sval?: string } } | undefined)?.String?.sval;
}

/** True for statements that PostgreSQL refuses inside of a transaction block. */
export function cannotRunInTransaction({ kind, node }: Statement): boolean {
  return outsideTransactionOnly[kind]?.(node) ?? false;
}

function findOption(options: unknown, name: string): Node | undefined {
  if (!Array.isArray(options)) return undefined;
  return options
    .map((option) => (option as { DefElem?: Node }).DefElem)
    .find((element) => element?.defname === name);
}

function hasOption(options: unknown, name: string): boolean {
  return findOption(options, name) !== undefined;
}

function optionIsOff(options: unknown, name: string): boolean {
  return /false|off|"ival":\{\}/.test(JSON.stringify(findOption(options, name)?.arg ?? null));
}
