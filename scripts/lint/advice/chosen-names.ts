// Takes what an unnamed index or constraint is on; gives the name that PostgreSQL would choose for it, as its source says
// (makeObjectName, ChooseRelationName, ChooseConstraintName, ChooseIndexColumnNames). Pure.
import { child, type Node, strings } from '../statement/ast.ts';
import type { Catalog } from '../trace/traced.ts';

const longest = 63; // bytes, NAMEDATALEN - 1

function cut(text: string, bytes: number): string {
  let length = Math.min(bytes, Buffer.byteLength(text));
  const buffer = Buffer.from(text);
  // Never through the middle of a character.
  while (length > 0 && length < buffer.length && ((buffer[length] ?? 0) & 0xc0) === 0x80) length -= 1;
  return buffer.toString('utf8', 0, length);
}

/** `table_column_label`, the longer of the first two cut until all fits into 63 bytes. */
function objectName(first: string, second: string | null, label: string): string {
  const overhead = Buffer.byteLength(label) + 1 + (second === null ? 0 : 1);
  let firstLength = Buffer.byteLength(first);
  let secondLength = second === null ? 0 : Buffer.byteLength(second);
  while (firstLength + secondLength > longest - overhead) {
    if (firstLength > secondLength) firstLength -= 1;
    else secondLength -= 1;
  }
  return [cut(first, firstLength), ...(second === null ? [] : [cut(second, secondLength)]), label].join('_');
}

/** The first of `name`, `name1`, `name2` … that is not taken. */
export function chooseName(
  first: string,
  second: string | null,
  label: string,
  taken: ReadonlySet<string>,
): string {
  for (let n = 0; ; n += 1) {
    const name = objectName(first, second, `${label}${n === 0 ? '' : n}`);
    if (!taken.has(name)) return name;
  }
}

/** The name that PostgreSQL would choose in that schema, behind those that the statement's other commands have. */
export function freeName(
  { catalog, chosen }: { readonly catalog?: Catalog; readonly chosen?: Set<string> },
  schema: string,
  [first, second, label]: readonly [string, string | null, string],
): string {
  const name = chooseName(first, second, label, new Set([...takenNames(schema, catalog), ...(chosen ?? [])]));
  chosen?.add(name);
  return name;
}

/** Column names joined for a name; an expression is called `expr`, and what came before gets a number. */
export function joinColumns(columns: readonly (string | undefined)[]): string {
  const names: string[] = [];
  for (const column of columns) {
    const base = column ?? 'expr';
    let name = base;
    for (let n = 1; names.includes(name); n += 1) name = `${cut(base, longest - String(n).length)}${n}`;
    names.push(name);
  }
  return names.join('_');
}

/** Names of relations, constraints and indexes of a schema; nothing where the catalog is not known. */
export function takenNames(schema: string, catalog: Catalog | undefined): ReadonlySet<string> {
  const taken = new Set<string>();
  for (const relation of catalog?.values() ?? []) {
    if (relation.schema !== schema) continue;
    taken.add(relation.name);
    for (const { name } of relation.constraints) taken.add(name);
  }
  return taken;
}

/** What PostgreSQL calls an expression in the name of an index (FigureColname); undefined is `expr`. */
export function expressionName(expression: Node): string | undefined {
  const [kind = ''] = Object.keys(expression);
  const node = child(expression, kind);
  switch (kind) {
    case 'ColumnRef':
      return strings(node, 'fields').at(-1);
    case 'FuncCall':
      return strings(node, 'funcname').at(-1);
    case 'CollateClause':
      return expressionName(child(node, 'arg'));
    case 'TypeCast':
      return expressionName(child(node, 'arg')) ?? strings(child(node, 'typeName'), 'names').at(-1);
    case 'CoalesceExpr':
      return 'coalesce';
    default:
      return undefined;
  }
}
