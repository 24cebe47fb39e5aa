// Reads of a parse tree whose shape is not known beforehand; what is absent is empty. What the grammars of the major
// versions call otherwise is named here once.

/** A node of the tree that the parser gives. */
export type Tree = Readonly<Record<string, unknown>>;

/** Keys that say where something stands. From 18 on lists have places too. */
export const places: ReadonlySet<string> = new Set([
  ...['location', 'name_location', 'stmt_location', 'stmt_len'],
  ...['list_start', 'list_end', 'rexpr_list_start', 'rexpr_list_end'],
]);

/** Keys of select lists, and of RETURNING, which is a clause of its own from 18 on: what comes out of the rows that are met. */
export const outputs: ReadonlySet<string> = new Set(['targetList', 'returningList', 'returningClause']);

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

/** The strings of a list of names. */
export function namesIn(list: unknown): readonly string[] {
  return listOf(list).map((item) =>
    treeOf(item).A_Star === undefined ? String(treeOf(treeOf(item).String).sval) : '*',
  );
}

/** What must be left out to stay in one query. */
const queries = ['SubLink', 'RangeSubselect', 'withClause'];

/** Every node of this kind; @param without names of nodes that are not looked into */
export function findAll(value: unknown, kind: string, without: readonly string[] = queries): readonly Tree[] {
  if (Array.isArray(value)) return value.flatMap((item) => findAll(item, kind, without));
  if (!isTree(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    ...(name === kind ? [treeOf(inner)] : []),
    ...findAll(without.includes(name) ? treeOf(inner).testexpr : inner, kind, without),
  ]);
}
