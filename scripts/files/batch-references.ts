// Says how the queries of a batch's statement are described, and reads names out of them. It judges nothing.
import type { Walk } from './batch-comparisons.ts';
import { isTree, namesIn, type Tree, treeOf } from './tree.ts';

/** A column that a query gives and that tells the key; of `SELECT *` the position is not known. */
export interface KeyColumn {
  readonly name: string;
  readonly position: number | null;
}

/** What a query gives to the one around it. */
export interface QueryOutput {
  /** Whether its rows are those of a range. */
  readonly bounded: boolean;
  readonly keys: readonly KeyColumn[];
}

/** Something in FROM or USING, or what a statement changes. */
export interface FromItem {
  readonly alias: string;
  /** Name of the table; null for a query. */
  readonly table: string | null;
  readonly output: QueryOutput | null;
  /** Its columns have other names here. */
  readonly renamed: boolean;
}

/** A query or statement, without those inside it. */
export interface QueryLevel {
  readonly kind: string;
  readonly node: Tree;
  readonly sources: readonly FromItem[];
  readonly bounded: boolean;
  /** Columns, as alias.column, that tell the key of their row; `*` where the row has one key and no such column. */
  readonly keys: ReadonlySet<string>;
  /** Those, and columns of outer joins that are NULL or tell it. */
  readonly reads: ReadonlySet<string>;
  /** Whether a row may be in several ranges: a condition is met by rows of several keys. */
  readonly loose: boolean;
}

/** What is known around a query. */
export interface AroundQuery {
  readonly walked: Walk;
  readonly ctes: ReadonlyMap<string, QueryOutput>;
  /** Keys of the queries around it. */
  readonly keys: ReadonlySet<string>;
  /** Whether it decides how often a row comes. */
  readonly counts: boolean;
  /** Told of every query, those inside first. */
  readonly seen: (level: QueryLevel, counts: boolean) => void;
  /** Told of every INSERT, with what its query gives. */
  readonly inserted: (node: Tree, output: QueryOutput) => void;
  /** Told of sub-selects that see the rows of one range, and not as a condition. */
  readonly aside: () => void;
}

/** Kind and node of a statement, or of a select without its kind. */
export function unwrapped(query: Tree): readonly [string, Tree] {
  const [kind = '', node] = Object.entries(query)[0] ?? [];
  return /Stmt$/.test(kind) && isTree(node) ? [kind, node] : ['SelectStmt', query];
}

/** The names in a ColumnRef: `t.id` → t, id; a star is `*`. */
export function fieldsOf(reference: unknown): readonly string[] {
  return namesIn(treeOf(reference).fields);
}

/** A column as alias.column, casts aside; null for any other expression. */
export function referenceIn(
  value: unknown,
  sources: readonly FromItem[],
  { walked }: Pick<AroundQuery, 'walked'>,
): string | null {
  const { TypeCast: cast, ColumnRef: reference } = treeOf(value);
  if (cast !== undefined) return referenceIn(treeOf(cast).arg, sources, { walked });
  const fields = fieldsOf(reference);
  const [of, name] = [fields.at(-2), fields.at(-1)];
  if (name === undefined) return null;
  if (of !== undefined) return `${of}.${name}`;
  const isOf = ({ output, table }: FromItem) =>
    output?.keys.some((key) => key.name === name) === true ||
    (table === walked.table && name === walked.column);
  const [owner, other] = sources.length === 1 ? sources : sources.filter(isOf);
  return owner === undefined || other !== undefined ? `?.${name}` : `${owner.alias}.${name}`;
}

/** A sub-select that is a condition, with what is compared with its first column: null where it need only exist. */
export function linkIn({ SubLink: link, A_Expr: expression }: Tree): readonly (readonly [Tree, unknown])[] {
  const { kind, rexpr, lexpr } = treeOf(expression);
  const array = treeOf(treeOf(rexpr).SubLink);
  if (kind === 'AEXPR_OP_ANY' && array.subLinkType === 'ARRAY_SUBLINK') return [[array, lexpr]];
  const { subLinkType, testexpr } = treeOf(link);
  if (subLinkType === 'ANY_SUBLINK') return [[treeOf(link), testexpr]];
  return subLinkType === 'EXISTS_SUBLINK' ? [[treeOf(link), null]] : [];
}
