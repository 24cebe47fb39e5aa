// Reads of a parse tree whose shape is not known beforehand; what is absent is empty.

/** A node of the tree that the parser gives. */
export type Tree = Readonly<Record<string, unknown>>;

/** True for nodes. */
export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as a node; an empty one where it is none. */
export function treeOf(value: unknown): Tree {
  return isTree(value) ? value : {};
}

/** The value as a list; an empty one where it is none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
