// Program for ADD COLUMN: the column first, then what must not be done to all rows under its lock.
import { child, listOf, type Node, text } from '../statement/ast.ts';
import { unitsOf } from '../statement/clauses.ts';
import { isBuiltin } from '../statement/columns.ts';
import { quoteIdentifier, sqlName } from '../statement/names.ts';
import { slice, type Token } from '../statement/tokens.ts';
import type { ActionOf } from '../statement/types.ts';
import { freeName } from './chosen-names.ts';
import {
  alter,
  batchDirective,
  batchKey,
  isOnly,
  isPartitioned,
  type Occasion,
  relationOf,
} from './occasion.ts';
import { proven } from './same-tree.ts';
import { type Advice, inTransaction, type Phase, refuse } from './series.ts';
import { hasStorage, keyPhases, storageRefused } from './unique.ts';
import { constraintName, cutRefused, laterPhases, notNullPhases, onlyRefused } from './validated-later.ts';

type AddColumn = Occasion<ActionOf<'add-column'>>;

/** A constraint of the column with the attributes that belong to it (DEFERRABLE …). */
interface Part {
  readonly node: Node;
  readonly attributes: readonly Node[];
  /** As written, without `CONSTRAINT name`. */
  readonly text: string;
}

const later = new Set(['CONSTR_CHECK', 'CONSTR_FOREIGN', 'CONSTR_UNIQUE']);
const isSerial = (type: string) => /^(big|small)?serial[248]?$/i.test(type);

/** Advice for ADD COLUMN: the column first, then its default, its rows in batches, its constraints. */
export function addedColumn(occasion: AddColumn): Advice {
  const { action, command } = occasion;
  const { column, table, ifNotExists } = action;
  if (command === undefined) return refuse(cutRefused);
  if (isOnly(occasion)) return refuse(onlyRefused);
  if (ifNotExists === true)
    return refuse('with IF NOT EXISTS the column may be there already, as something else');
  if (column.identity) return refuse('an identity column numbers every row that is there when it is added');
  if (column.generated !== undefined) return refuse('a stored expression is written into every row');
  if (column.primary) return refuse('a primary key needs its values before it is added');
  const definition = child(child(command.node, 'def'), 'ColumnDef');
  const parts = partsOf(occasion, definition);
  if (parts.some(({ node }) => node.contype === 'CONSTR_FOREIGN') && isPartitioned(table, occasion))
    return refuse('a partitioned table takes no foreign key that is NOT VALID');
  if (parts.some(({ node }) => node.contype === 'CONSTR_UNIQUE') && isPartitioned(table, occasion))
    return refuse('the index of a partitioned table cannot be built CONCURRENTLY');
  if (parts.some(({ node }) => node.contype === 'CONSTR_UNIQUE' && hasStorage(node)))
    return refuse(storageRefused);
  const volatile = occasion.rules.has('add-column-volatile-default');
  if (volatile && !isBuiltin(column.typeName))
    return refuse('its type may be a domain, whose conditions the empty column would not meet');
  const filled = volatile || isSerial(column.type) ? filledPhases(occasion, definition, parts) : null;
  if (filled !== null && 'refused' in filled) return filled;
  const first = filled ?? plainColumn(occasion, definition, parts);
  if ('refused' in first) return first;
  return withConstraints(occasion, first.phases, parts);
}

/** The column's constraints in order; their texts end where the next one begins. */
function partsOf({ statement: { text: sql }, command }: AddColumn, definition: Node): readonly Part[] {
  const nodes = listOf(definition, 'constraints', 'Constraint');
  const tokens = command?.tokens ?? [];
  const starts = nodes.map((node) => unitsOf(sql, Number(node.location ?? 0)));
  const isAttribute = (node: Node | undefined) => /^CONSTR_ATTR_/.test(text(node ?? {}, 'contype') ?? '');
  return nodes.flatMap((node, i): readonly Part[] => {
    if (isAttribute(node)) return [];
    let end = i + 1;
    while (end < nodes.length && isAttribute(nodes[end])) end += 1;
    const until = starts[end] ?? Number.POSITIVE_INFINITY;
    const own = tokens.filter(({ start }) => start >= (starts[i] ?? 0) && start < until);
    return [{ node, attributes: nodes.slice(i + 1, end), text: slice(sql, unnamed(own)) }];
  });
}

function unnamed(tokens: readonly Token[]): readonly Token[] {
  return tokens[0]?.text === 'constraint' ? tokens.slice(2) : tokens;
}

type Built = { readonly phases: readonly Phase[] } | { readonly refused: string };

/** ADD COLUMN with what may stay in it; `without` names the constraint types that come later or not at all. */
function plainColumn(
  occasion: AddColumn,
  definition: Node,
  parts: readonly Part[],
  without: ReadonlySet<string> = later,
  typeText?: string,
): Built {
  const { statement, command, action } = occasion;
  const nodes = listOf(definition, 'constraints', 'Constraint');
  const first =
    nodes[0] === undefined
      ? Number.POSITIVE_INFINITY
      : unitsOf(statement.text, Number(nodes[0].location ?? 0));
  const base = slice(
    statement.text,
    (command?.tokens ?? []).filter(({ start }) => start < first),
  );
  const kept = parts.filter(({ node }) => !without.has(text(node, 'contype') ?? ''));
  const name = (node: Node) =>
    text(node, 'conname') === undefined ? '' : `CONSTRAINT ${quoteIdentifier(text(node, 'conname') ?? '')} `;
  const head =
    typeText === undefined ? base : `ADD COLUMN ${quoteIdentifier(action.column.name)} ${typeText}`;
  const sql = alter(occasion, [head, ...kept.map((part) => `${name(part.node)}${part.text}`)].join(' '));
  if (typeText === undefined) {
    const constraints = kept
      .flatMap(({ node, attributes }) => [node, ...attributes])
      .map((Constraint) => ({ Constraint }));
    const { constraints: _all, ...rest } = definition;
    const ColumnDef = constraints.length === 0 ? rest : { ...rest, constraints };
    const cmd = { ...command?.node, def: { ColumnDef } };
    const expected = { ...statement.node, cmds: [{ AlterTableCmd: cmd }] };
    if (proven(occasion.parse, sql, 'AlterTableStmt', expected) === null) return { refused: cutRefused };
  }
  const drop = alter(occasion, `DROP COLUMN ${quoteIdentifier(action.column.name)}`);
  return { phases: [inTransaction([sql], [drop])] };
}

const filledLater = new Set([...later, 'CONSTR_DEFAULT', 'CONSTR_NOTNULL', 'CONSTR_NULL']);

/** Without a default, then with it for new rows, then a batch for the old ones, then NOT NULL. */
function filledPhases(occasion: AddColumn, definition: Node, parts: readonly Part[]): Built {
  const { action } = occasion;
  const { column, table } = action;
  const relation = relationOf(table, occasion);
  const key = batchKey(relation);
  if (relation === undefined) return { refused: 'the key of the table is not known before this migration' };
  if (key === undefined) return { refused: 'the table has no key of one column that a batch could walk' };
  if (relation.updateTriggers + relation.rewriteRules > 0)
    return { refused: 'the table has triggers or rules on UPDATE, which filling its rows would set off' };
  const serial = isSerial(column.type) ? serialOf(occasion) : null;
  const built = plainColumn(occasion, definition, parts, filledLater, serial?.type);
  if ('refused' in built) return built;
  const name = quoteIdentifier(column.name);
  const value = serial?.value ?? column.default ?? 'NULL';
  const setDefault = alter(occasion, `ALTER COLUMN ${name} SET DEFAULT ${value}`);
  const add = built.phases[0];
  const statements = [
    ...(serial?.before ?? []),
    ...(add?.statements ?? []),
    setDefault,
    ...(serial?.after ?? []),
  ];
  // The sequence belongs to the column and goes with it.
  const down = add?.down ?? null;
  const range = `${quoteIdentifier(key)} BETWEEN $1 AND $2`;
  const fill: Phase = {
    directives: [batchDirective(relation, key)],
    statements: [`UPDATE ${sqlName(table)} SET ${name} = ${value} WHERE ${range} AND ${name} IS NULL`],
    down: [],
  };
  const notNull = column.notNull || serial !== null ? notNullPhases(occasion, table, column.name) : [];
  return { phases: [inTransaction(statements, down), fill, ...notNull] };
}

function serialOf(occasion: AddColumn): { type: string; value: string; before: string[]; after: string[] } {
  const { table, column } = occasion.action;
  const relation = relationOf(table, occasion);
  const schema = relation?.schema ?? 'public';
  const name = freeName(occasion, schema, [table.name, column.name, 'seq']);
  const sequence = sqlName({ schema, name });
  const size = /^big|8$/i.test(column.type)
    ? 'bigint'
    : /^small|2$/i.test(column.type)
      ? 'smallint'
      : 'integer';
  return {
    type: size,
    value: `nextval('${sequence.replaceAll("'", "''")}')`,
    before: [`CREATE SEQUENCE ${sequence} AS ${size}`],
    after: [`ALTER SEQUENCE ${sequence} OWNED BY ${sqlName(table)}.${quoteIdentifier(column.name)}`],
  };
}

/** CHECKs, foreign keys and UNIQUE, each added and validated behind the column. */
function withConstraints(occasion: AddColumn, first: readonly Phase[], parts: readonly Part[]): Advice {
  const { column, table } = occasion.action;
  const phases = [...first];
  for (const { node, attributes, text: written } of parts.filter(({ node }) =>
    later.has(text(node, 'contype') ?? ''),
  )) {
    const own = { ...node, ...attributesOf(attributes) };
    if (node.contype === 'CONSTR_UNIQUE') {
      phases.push(...keyPhases(occasion, table, own, column.name));
      continue;
    }
    const isForeign = node.contype === 'CONSTR_FOREIGN';
    const like = isForeign ? { ...own, fk_attrs: [{ String: { sval: column.name } }] } : own;
    const name = text(node, 'conname') ?? constraintName(table, like, occasion);
    const definition = isForeign ? `FOREIGN KEY (${quoteIdentifier(column.name)}) ${written}` : written;
    const added = laterPhases(occasion, name, definition, like);
    if ('refused' in added) return added;
    phases.push(...added.phases);
  }
  return { phases };
}

function attributesOf(attributes: readonly Node[]): Node {
  const types = attributes.map((node) => node.contype);
  return {
    ...(types.includes('CONSTR_ATTR_DEFERRABLE') || types.includes('CONSTR_ATTR_DEFERRED')
      ? { deferrable: true }
      : {}),
    ...(types.includes('CONSTR_ATTR_DEFERRED') ? { initdeferred: true } : {}),
  };
}
