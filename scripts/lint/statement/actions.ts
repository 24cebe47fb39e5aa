// Takes one parsed statement; gives what it does, object by object.
// It knows the parse tree, nothing of rules or of databases. Text inside blocks and functions is not looked into.
import type { Statement } from '../../base/types.ts';
import { tableActions } from './alter-table.ts';
import {
  child,
  isNode,
  isOn,
  list,
  listOf,
  type Node,
  nameOf,
  number,
  rangeName,
  strings,
  text,
} from './ast.ts';
import { readColumn, readConstraint } from './columns.ts';
import { callsFunction } from './expressions.ts';
import { everyTable } from './names.ts';
import { changeRows, insertedRows, mergedRows, rowsInWith, withClause } from './row-changes.ts';
import type { Action, Name } from './types.ts';

type Reader = (node: Node, sql: string) => readonly Action[];

/** What the statement does; positions in its tree must count from its own text (parse it alone). */
export function readActions({ kind, node, text: sql }: Statement): readonly Action[] {
  return [...(readers[kind]?.(node, sql) ?? []), ...(withClause.has(kind) ? rowsInWith(node, sql) : [])];
}

/** A block, a call, or a query that calls functions: what it does is only known by running it. */
export function isOpaque({ kind, node }: Statement): boolean {
  return (
    kind === 'DoStmt' ||
    kind === 'CallStmt' ||
    kind === 'ExecuteStmt' ||
    (kind === 'SelectStmt' && callsFunction(node))
  );
}

const readers: Readonly<Record<string, Reader>> = {
  IndexStmt: (node, sql) => [
    {
      kind: 'create-index',
      table: rangeName(child(node, 'relation')),
      ...optional('index', text(node, 'idxname')),
      columns: listOf(node, 'indexParams', 'IndexElem').map((element) => text(element, 'name') ?? ''),
      concurrent: node.concurrent === true,
      unique: node.unique === true,
      only: child(node, 'relation').inh !== true,
      partial: node.whereClause !== undefined,
      sql,
    },
  ],
  AlterTableStmt: tableActions,
  CreateStmt: (node, sql) => [createTable(node, sql)],
  CreateTableAsStmt: (node) => [
    created(
      rangeName(child(child(node, 'into'), 'rel')),
      node.objtype === 'OBJECT_MATVIEW' ? 'view' : 'table',
    ),
  ],
  ViewStmt: (node) => [created(rangeName(child(node, 'view')), 'view')],
  CreateEnumStmt: (node) => [created(nameOf(strings(node, 'typeName')), 'type')],
  CreateDomainStmt: (node) => {
    const checks = listOf(node, 'constraints', 'Constraint').map((constraint) => text(constraint, 'contype'));
    const isChecked = checks.some((type) => type === 'CONSTR_CHECK' || type === 'CONSTR_NOTNULL');
    return [created(nameOf(strings(node, 'domainname')), isChecked ? 'domain' : 'type')];
  },
  CompositeTypeStmt: (node) => [created(rangeName(child(node, 'typevar')), 'type')],
  DropStmt: dropActions,
  RenameStmt: renameActions,
  AlterObjectSchemaStmt: (node) =>
    isNode(node.relation) && node.objectType !== 'OBJECT_SEQUENCE'
      ? [{ kind: 'set-schema', table: rangeName(child(node, 'relation')), to: text(node, 'newschema') ?? '' }]
      : [],
  ReindexStmt: (node, sql) => [
    {
      kind: 'reindex',
      what: (text(node, 'kind') ?? '').replace('REINDEX_OBJECT_', ''),
      table: isNode(node.relation) ? rangeName(child(node, 'relation')) : everyTable,
      concurrent: isOn(node, 'params', 'concurrently'),
      sql,
    },
  ],
  AlterEnumStmt: enumActions,
  AlterDomainStmt: (node, sql) =>
    node.subtype === 'C'
      ? [
          {
            kind: 'domain-check',
            table: nameOf(strings(node, 'typeName')),
            constraint: readConstraint(child(child(node, 'def'), 'Constraint'), sql),
          },
        ]
      : [],
  VacuumStmt: (node) => (isOn(node, 'options', 'full') ? vacuumed(node) : []),
  ClusterStmt: (node) => [
    { kind: 'cluster', table: isNode(node.relation) ? rangeName(child(node, 'relation')) : everyTable },
  ],
  TruncateStmt: (node) =>
    listOf(node, 'relations', 'RangeVar').map((relation) => ({
      kind: 'truncate' as const,
      table: rangeName(relation),
    })),
  RefreshMatViewStmt: (node) => [
    {
      kind: 'refresh',
      table: rangeName(child(node, 'relation')),
      concurrent: node.concurrent === true,
      withData: node.skipData !== true,
    },
  ],
  LockStmt: (node) =>
    listOf(node, 'relations', 'RangeVar').map((relation) => ({
      kind: 'lock' as const,
      table: rangeName(relation),
      mode: number(node, 'mode') ?? 8,
    })),
  UpdateStmt: (node, sql) => changeRows('UPDATE', node, sql),
  DeleteStmt: (node, sql) => changeRows('DELETE', node, sql),
  MergeStmt: (node, sql) =>
    JSON.stringify(node.mergeWhenClauses ?? []).match(/CMD_(UPDATE|DELETE)/) === null
      ? mergedRows(node)
      : changeRows(
          'UPDATE',
          { sourceRelation: node.sourceRelation, whereClause: node.joinCondition },
          sql,
          child(node, 'relation'),
        ),
  InsertStmt: (node, sql) => insertedRows(node, sql),
  ExplainStmt: (node, sql) => {
    const [kind = '', query] = Object.entries(child(node, 'query'))[0] ?? [];
    return isOn(node, 'options', 'analyze') && isNode(query) ? (readers[kind]?.(query, sql) ?? []) : [];
  },
  CreateExtensionStmt: (node) => [{ kind: 'create-extension', table: { name: text(node, 'extname') ?? '' } }],
};

function optional<K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]: V });
}

function created(table: Name, object: 'table' | 'view' | 'type' | 'domain'): Action {
  return { kind: 'create', table, object, partitioned: false, columns: [], constraints: [] };
}

/** VACUUM and CLUSTER without a table mean all of them. */
function vacuumed(node: Node): readonly Action[] {
  const tables = listOf(node, 'rels', 'VacuumRelation').map((relation) =>
    rangeName(child(relation, 'relation')),
  );
  return (tables.length === 0 ? [everyTable] : tables).map((table) => ({ kind: 'vacuum-full', table }));
}

function createTable(node: Node, sql: string): Action {
  const parent = listOf(node, 'inhRelations', 'RangeVar')[0];
  return {
    kind: 'create',
    table: rangeName(child(node, 'relation')),
    object: 'table',
    partitioned: node.partspec !== undefined,
    ...optional(
      'partitionOf',
      node.partbound !== undefined && parent !== undefined ? rangeName(parent) : undefined,
    ),
    columns: listOf(node, 'tableElts', 'ColumnDef').map((column) => readColumn(column, sql)),
    constraints: listOf(node, 'tableElts', 'Constraint').map((constraint) => readConstraint(constraint, sql)),
  };
}

const droppedObjects = {
  OBJECT_TABLE: 'table',
  OBJECT_FOREIGN_TABLE: 'table',
  OBJECT_VIEW: 'view',
  OBJECT_MATVIEW: 'materialized view',
  OBJECT_SCHEMA: 'schema',
  OBJECT_TYPE: 'type',
  OBJECT_DOMAIN: 'type',
} as const;

function dropActions(node: Node, sql: string): readonly Action[] {
  const type = text(node, 'removeType') ?? '';
  const names = list(node, 'objects').map(droppedName);
  if (type === 'OBJECT_INDEX') {
    return names.map((table) => ({ kind: 'drop-index', table, concurrent: node.concurrent === true, sql }));
  }
  const object = droppedObjects[type as keyof typeof droppedObjects] ?? 'other';
  const word = type.replace('OBJECT_', '').replace('MATVIEW', 'MATERIALIZED VIEW').replaceAll('_', ' ');
  return names.map((table) => ({
    kind: 'drop',
    table,
    object,
    word,
    cascade: node.behavior === 'DROP_CASCADE',
  }));
}

function droppedName(object: Node): Name {
  if (isNode(object.TypeName)) return nameOf(strings(object.TypeName, 'names'));
  if (isNode(object.ObjectWithArgs)) return nameOf(strings(object.ObjectWithArgs, 'objname'));
  if (isNode(object.String)) return { name: text(object.String, 'sval') ?? '' };
  return nameOf(strings(child(object, 'List'), 'items'));
}

const renamedObjects = {
  OBJECT_TABLE: 'table',
  OBJECT_FOREIGN_TABLE: 'table',
  OBJECT_VIEW: 'view',
  OBJECT_MATVIEW: 'view',
  OBJECT_COLUMN: 'column',
  OBJECT_SCHEMA: 'schema',
} as const;

function renameActions(node: Node): readonly Action[] {
  const object = renamedObjects[node.renameType as keyof typeof renamedObjects] ?? 'other';
  const to = text(node, 'newname') ?? '';
  const subname = text(node, 'subname') ?? '';
  if (object === 'schema') return [{ kind: 'rename', table: { name: subname }, object, from: subname, to }];
  // Of an index it stops nobody.
  if (!isNode(node.relation) || node.renameType === 'OBJECT_INDEX') return [];
  const table = rangeName(child(node, 'relation'));
  return [{ kind: 'rename', table, object, from: object === 'column' ? subname : table.name, to }];
}

function enumActions(node: Node): readonly Action[] {
  const table = nameOf(strings(node, 'typeName'));
  const to = text(node, 'newVal') ?? '';
  const from = text(node, 'oldVal');
  return [
    from === undefined ? { kind: 'enum-add', table, value: to } : { kind: 'enum-rename', table, from, to },
  ];
}
