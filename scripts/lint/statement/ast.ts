// Takes nodes of PostgreSQL's parse tree, untyped as the parser hands them out; gives checked reads of their fields.
// It knows the tree's shapes (lists of {Kind: {...}}), nothing of rules.
import { isTree, type Tree } from '../../files/tree.ts';
import type { Name } from './types.ts';

export type Node = Tree;

/** True for objects of the parse tree. */
export const isNode = isTree;

/** The field as a node; an empty one when it is absent. */
export function child(node: Node, field: string): Node {
  const value = node[field];
  return isNode(value) ? value : {};
}

/** The nodes of a list; empty where the field is no list. */
export function list(node: Node, field: string): readonly Node[] {
  const value = node[field];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The items of a list that are of one kind, unwrapped: `[{ColumnDef: {...}}]` → `[{...}]`. */
export function listOf(node: Node, field: string, kind: string): readonly Node[] {
  return list(node, field).flatMap((item) => (isNode(item[kind]) ? [item[kind] as Node] : []));
}

/** A field that is a string, else undefined. */
export function text(node: Node, field: string): string | undefined {
  const value = node[field];
  return typeof value === 'string' ? value : undefined;
}

/** A field that is a number, else undefined. */
export function number(node: Node, field: string): number | undefined {
  const value = node[field];
  return typeof value === 'number' ? value : undefined;
}

/** `[{String: {sval}}]` → the strings. */
export function strings(node: Node, field: string): readonly string[] {
  return listOf(node, field, 'String').map((item) => text(item, 'sval') ?? '');
}

/** A RangeVar → its name. */
export function rangeName(node: Node): Name {
  const schema = text(node, 'schemaname');
  const name = text(node, 'relname') ?? '';
  return schema === undefined ? { name } : { schema, name };
}

/** `["a", "b"]` → `a.b`; a database name before the schema is dropped. */
export function nameOf(parts: readonly string[]): Name {
  const name = parts.at(-1) ?? '';
  const schema = parts.at(-2);
  return schema === undefined ? { name } : { schema, name };
}

/** Calls `visit` for every node of a tree with its kind, parents first. */
export function walk(value: unknown, visit: (kind: string, node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit);
  } else if (isNode(value)) {
    for (const [kind, inner] of Object.entries(value)) {
      if (isNode(inner)) visit(kind, inner);
      walk(inner, visit);
    }
  }
}

/** A DefElem of an options list by its name. */
export function option(node: Node, field: string, name: string): Node | undefined {
  return listOf(node, field, 'DefElem').find((element) => element.defname === name);
}

/** Whether a boolean option such as FULL or CONCURRENTLY is given and not switched off. */
export function isOn(node: Node, field: string, name: string): boolean {
  const element = option(node, field, name);
  if (element === undefined) return false;
  const value = JSON.stringify(element.arg ?? true);
  return !/"(false|off|0)"|"boolval":\{\}|"ival":\{\}/.test(value);
}
