// Programs for what is checked against every row: added without looking, validated in the next migration.
import { child, type Node, strings, text, walk } from '../statement/ast.ts';
import { quoteIdentifier } from '../statement/names.ts';
import { slice } from '../statement/tokens.ts';
import type { ActionOf, Name } from '../statement/types.ts';
import { freeName, joinColumns } from './chosen-names.ts';
import { alter, isOnly, isPartitioned, type Occasion, relationOf, uncheckedNotNull } from './occasion.ts';
import { parseOne, proven } from './same-tree.ts';
import { type Advice, inTransaction, type Phase, refuse } from './series.ts';

export const onlyRefused = 'the statement says ONLY, and the table may have children';
export const cutRefused = 'the statement could not be taken apart with certainty';

/** ADD CHECK, ADD FOREIGN KEY. */
export function validatedLater(occasion: Occasion<ActionOf<'add-constraint'>>): Advice {
  const { action, command } = occasion;
  const node = child(child(command?.node ?? {}, 'def'), 'Constraint');
  if (command === undefined || isOnly(occasion)) return refuse(onlyRefused);
  if (action.constraint.type === 'foreign' && isPartitioned(action.table, occasion))
    return refuse('a partitioned table takes no foreign key that is NOT VALID');
  const name = text(node, 'conname') ?? constraintName(action.table, node, occasion);
  const rest = text(node, 'conname') === undefined ? command.tokens.slice(1) : command.tokens.slice(3);
  const written = slice(occasion.statement.text, rest);
  return laterPhases(occasion, name, written, node);
}

/** The constraint as `definition`, NOT VALID and then validated; `like` is the tree that it must have. */
export function laterPhases(occasion: Occasion, name: string, definition: string, like: Node): Advice {
  const quoted = quoteIdentifier(name);
  const add = alter(occasion, `ADD CONSTRAINT ${quoted} ${definition} NOT VALID`);
  const { initially_valid: _valid, ...rest } = like;
  const expected = { ...rest, conname: name, skip_validation: true };
  if (proven(occasion.parse, add, 'AlterTableStmt', withCommand(occasion, expected)) === null)
    return refuse(cutRefused);
  const drop = alter(occasion, `DROP CONSTRAINT ${quoted}`);
  return {
    phases: [
      inTransaction([add], [drop]),
      inTransaction([alter(occasion, `VALIDATE CONSTRAINT ${quoted}`)], [drop, add]),
    ],
  };
}

/** The statement's tree with only one command: to add this constraint. */
function withCommand({ statement }: Occasion, constraint: Node): Node {
  const command = {
    subtype: 'AT_AddConstraint',
    def: { Constraint: constraint },
    behavior: 'DROP_RESTRICT',
  };
  return { ...statement.node, cmds: [{ AlterTableCmd: command }] };
}

/** The name that PostgreSQL would give to an unnamed CHECK or FOREIGN KEY. */
export function constraintName(
  table: Name,
  node: Node,
  occasion: Pick<Occasion, 'catalog' | 'chosen'>,
): string {
  const relation = relationOf(table, occasion);
  const free = (second: string | null, label: string) =>
    freeName(occasion, relation?.schema ?? 'public', [table.name, second, label]);
  if (node.contype === 'CONSTR_FOREIGN') return free(joinColumns(strings(node, 'fk_attrs')), 'fkey');
  const columns = new Set<string>();
  // The row as a whole is no column of that name.
  const isRow = (name: string) => name === table.name && relation?.columns.every((one) => one.name !== name);
  walk(node.raw_expr, (kind, inner) => {
    const name = kind === 'ColumnRef' ? strings(inner, 'fields').at(-1) : undefined;
    if (name !== undefined && !isRow(name)) columns.add(name);
  });
  const [only] = columns;
  return free(columns.size === 1 && only !== undefined ? only : null, 'check');
}

/** SET NOT NULL so that no row is read under the lock: with a CHECK that has been validated before, or as a constraint. */
export function setNotNull(occasion: Occasion<ActionOf<'set-not-null'>>): Advice {
  if (isOnly(occasion)) return refuse(onlyRefused);
  const { action } = occasion;
  return { phases: notNullPhases(occasion, action.table, action.column) };
}

/** NOT NULL without a long lock: a check that is validated later stands in for it. */
export function notNullPhases(occasion: Occasion, table: Name, column: string): readonly Phase[] {
  const schema = relationOf(table, occasion)?.schema ?? 'public';
  const quoted = quoteIdentifier(column);
  const unchecked = uncheckedNotNull(relationOf(table, occasion), column);
  if (unchecked !== undefined) {
    const constraint = quoteIdentifier(unchecked);
    const anew = [
      `ALTER COLUMN ${quoted} DROP NOT NULL`,
      `ADD CONSTRAINT ${constraint} NOT NULL ${quoted} NOT VALID`,
    ];
    const down = anew.map((command) => alter(occasion, command));
    return [inTransaction([alter(occasion, `VALIDATE CONSTRAINT ${constraint}`)], down)];
  }
  const name = quoteIdentifier(freeName(occasion, schema, [table.name, column, 'not_null']));
  const add = alter(occasion, `ADD CONSTRAINT ${name} CHECK (${quoted} IS NOT NULL) NOT VALID`);
  const drop = alter(occasion, `DROP CONSTRAINT ${name}`);
  const validate = alter(occasion, `VALIDATE CONSTRAINT ${name}`);
  // From PostgreSQL 18 on NOT NULL itself can be added first and validated later; the grammar tells.
  const direct = alter(occasion, `ADD CONSTRAINT ${name} NOT NULL ${quoted} NOT VALID`);
  if (parseOne(occasion.parse, direct) !== undefined) {
    const dropped = alter(occasion, `ALTER COLUMN ${quoted} DROP NOT NULL`);
    return [inTransaction([direct], [dropped]), inTransaction([validate], [dropped, direct])];
  }
  return [
    inTransaction([add], [drop]),
    inTransaction([validate], [drop, add]),
    inTransaction(
      [alter(occasion, `ALTER COLUMN ${quoted} SET NOT NULL`), drop],
      [alter(occasion, `ALTER COLUMN ${quoted} DROP NOT NULL`), add, validate],
    ),
  ];
}
