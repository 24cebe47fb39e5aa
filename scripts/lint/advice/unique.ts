// Programs for keys: the index is built beside traffic, then the constraint takes it over.
import { child, list, type Node, strings, text } from '../statement/ast.ts';
import { quoteIdentifier, sqlName } from '../statement/names.ts';
import type { ActionOf, Name } from '../statement/types.ts';
import { freeName, joinColumns } from './chosen-names.ts';
import { alter, isOnly, isPartitioned, type Occasion, relationOf, uncheckedNotNull } from './occasion.ts';
import { type Advice, inTransaction, outsideTransaction, type Phase, refuse, sideBySide } from './series.ts';
import { notNullPhases, onlyRefused } from './validated-later.ts';

/** ADD UNIQUE, ADD PRIMARY KEY. */
export function usingIndex(occasion: Occasion<ActionOf<'add-constraint'>>): Advice {
  const { action, command } = occasion;
  const node = child(child(command?.node ?? {}, 'def'), 'Constraint');
  if (isOnly(occasion)) return refuse(onlyRefused);
  if (isPartitioned(action.table, occasion))
    return refuse('the index of a partitioned table cannot be built CONCURRENTLY');
  if (hasStorage(node)) return refuse(storageRefused);
  const isPrimary = action.constraint.type === 'primary';
  const relation = relationOf(action.table, occasion);
  if (isPrimary && relation === undefined)
    return refuse('without a scratch database nobody knows which of its columns may be null');
  const nullable = isPrimary ? nullableOf(strings(node, 'keys'), occasion) : [];
  const first = sideBySide(nullable.map((column) => notNullPhases(occasion, action.table, column)));
  return { phases: [...first, ...keyPhases(occasion, action.table, node)] };
}

export const storageRefused = 'the constraint has storage options';

/** WITH (…) or USING INDEX TABLESPACE of a key. */
export function hasStorage(node: Node): boolean {
  return list(node, 'options').length > 0 || text(node, 'indexspace') !== undefined;
}

function nullableOf(columns: readonly string[], occasion: Occasion): readonly string[] {
  const relation = relationOf(occasion.action.table, occasion);
  return columns.filter(
    (name) =>
      uncheckedNotNull(relation, name) !== undefined ||
      relation?.columns.some((column) => column.name === name && !column.notNull) === true,
  );
}

/** PRIMARY KEY USING INDEX of columns that may be null. */
export function notNullFirst(occasion: Occasion<ActionOf<'add-constraint'>>): Advice {
  const { action, command } = occasion;
  const relation = relationOf(action.table, occasion);
  const index = relation?.indexes.find(({ name }) => name === action.constraint.usingIndex);
  if (relation === undefined || index === undefined || command === undefined)
    return refuse('the index is not known before this migration');
  if (isOnly(occasion)) return refuse(onlyRefused);
  const name = action.constraint.name ?? index.name;
  const phases = nullableOf(index.columns, occasion).map((column) =>
    notNullPhases(occasion, action.table, column),
  );
  const down = [alter(occasion, `DROP CONSTRAINT ${quoteIdentifier(name)}`), index.definition];
  return { phases: [...sideBySide(phases), inTransaction([alter(occasion, command.text)], down)] };
}

/** The index, then the constraint, for a Constraint node of a table or a column. */
export function keyPhases(occasion: Occasion, table: Name, node: Node, column?: string): readonly Phase[] {
  const columns = column === undefined ? strings(node, 'keys') : [column];
  const isPrimary = node.contype === 'CONSTR_PRIMARY';
  const schema = relationOf(table, occasion)?.schema ?? 'public';
  const named = isPrimary ? null : joinColumns([...columns, ...strings(node, 'including')]);
  const free = () => freeName(occasion, schema, [table.name, named, isPrimary ? 'pkey' : 'key']);
  const name = quoteIdentifier(text(node, 'conname') ?? free());
  const spec = `${sqlName(table)} (${columns.map(quoteIdentifier).join(', ')})${optionsOf(node)}`;
  const inSchema = table.schema === undefined ? name : `${quoteIdentifier(table.schema)}.${name}`;
  const word = isPrimary ? 'PRIMARY KEY' : 'UNIQUE';
  const add = `ADD CONSTRAINT ${name} ${word} USING INDEX ${name}${deferral(node)}`;
  return [
    outsideTransaction(
      [`CREATE UNIQUE INDEX CONCURRENTLY ${name} ON ${spec}`],
      [`DROP INDEX CONCURRENTLY ${inSchema}`],
    ),
    inTransaction(
      [alter(occasion, add)],
      [alter(occasion, `DROP CONSTRAINT ${name}`), `CREATE UNIQUE INDEX ${name} ON ${spec}`],
    ),
  ];
}

function optionsOf(node: Node): string {
  const including = strings(node, 'including').map(quoteIdentifier);
  return [
    including.length === 0 ? '' : ` INCLUDE (${including.join(', ')})`,
    node.nulls_not_distinct === true ? ' NULLS NOT DISTINCT' : '',
  ].join('');
}

function deferral(node: Node): string {
  if (node.deferrable !== true) return '';
  return node.initdeferred === true ? ' DEFERRABLE INITIALLY DEFERRED' : ' DEFERRABLE';
}
