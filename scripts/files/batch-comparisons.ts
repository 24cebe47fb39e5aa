// Takes the conditions of one query of a batch; tells whether $1 and $2 bound its key there: compared with the key itself,
// ends included. It knows nothing of how queries are put together.
import type { Meanings } from './batch-meanings.ts';
import { isTree, listOf, namesIn, places, type Tree, treeOf } from './tree.ts';

/** The table and the key that a batch walks along, as the catalog has them, without a schema. */
export interface Walked {
  readonly table: string;
  readonly column: string;
}

/** A walk with what was found of its ranges so far. */
export interface Walk extends Walked {
  /** The conditions that were found to be ranges. */
  readonly ranges: Set<Tree>;
  readonly meanings: Meanings;
}

/** What is known of a range of keys in a query. */
export interface Bounds {
  readonly found: boolean;
  /** What loses rows or meets them twice, in words. */
  readonly wrong: string | null;
}

/** No range of keys. */
export const unbounded: Bounds = { found: false, wrong: null };

/** A table as this query calls it. */
export interface AliasedTable {
  readonly name: string;
  readonly alias: string;
  /** Its columns have other names here. */
  readonly renamed: boolean;
}

/** The conditions that all must hold. */
export function conjunctsOf(clause: unknown): readonly Tree[] {
  if (!isTree(clause)) return [];
  const { BoolExpr: bool } = clause;
  return isTree(bool) && bool.boolop === 'AND_EXPR' ? listOf(bool.args).flatMap(conjunctsOf) : [clause];
}

interface Comparison {
  /** The condition that makes it. */
  readonly by: Tree;
  readonly key: unknown;
  readonly parameter: number;
  readonly operator: string;
}

const mirrored: Readonly<Record<string, string>> = { '<=': '>=', '>=': '<=', '<': '>', '>': '<' };

/** The comparisons with $1 and $2 that one condition makes. */
function comparisonsIn(by: Tree): readonly Comparison[] {
  const { A_Expr: expression } = by;
  if (!isTree(expression)) return [];
  const { kind, name, lexpr, rexpr } = expression;
  if (kind === 'AEXPR_BETWEEN' || kind === 'AEXPR_BETWEEN_SYM') {
    const [low, high] = listOf(treeOf(treeOf(rexpr).List).items).map(parameterOf);
    return low === 1 && high === 2
      ? [
          { by, key: lexpr, parameter: 1, operator: '>=' },
          { by, key: lexpr, parameter: 2, operator: '<=' },
        ]
      : [];
  }
  if (kind !== 'AEXPR_OP') return [];
  const operator = namesIn(name).at(-1) ?? '';
  const [left, right] = [parameterOf(lexpr), parameterOf(rexpr)];
  if (right !== null) return [{ by, key: lexpr, parameter: right, operator }];
  return left === null ? [] : [{ by, key: rexpr, parameter: left, operator: mirrored[operator] ?? operator }];
}

function parameterOf(value: unknown): number | null {
  const inner = isTree(value) && isTree(value.TypeCast) ? value.TypeCast.arg : value;
  const found = treeOf(treeOf(inner).ParamRef).number;
  return typeof found === 'number' ? found : null;
}

/** @param tables those of the query, as it calls them */
export function rangeIn(
  conjuncts: readonly Tree[],
  context: { readonly walked: Walk; readonly tables: readonly AliasedTable[] },
): Bounds {
  const all = conjuncts.flatMap(comparisonsIn);
  const open = all.find(({ operator }) => operator === '<' || operator === '>');
  if (open !== undefined)
    return { found: true, wrong: `${open.operator} leaves the row at the end of a range out` };
  const bound = (number: number, wanted: string) =>
    all.filter(({ parameter, operator }) => parameter === number && operator === wanted);
  const high = bound(2, '<=');
  const pairs = bound(1, '>=').flatMap((low) =>
    high
      .filter(({ key }) => shape(key) === shape(low.key))
      .map((other) => ({ key: low.key, by: [low.by, other.by] })),
  );
  const [first] = pairs;
  if (first === undefined) return unbounded;
  const same = pairs.filter(({ key }) => isEqual(key, first.key, conjuncts));
  for (const { by } of same) for (const condition of by) context.walked.ranges.add(condition);
  const wrong = same.map(({ key }) => keyProblem(key, context)).find((problem) => problem !== null);
  return { found: true, wrong: wrong ?? null };
}

/** Whether two keys are one, or the statement joins them. */
function isEqual(a: unknown, b: unknown, conjuncts: readonly Tree[]): boolean {
  const [left, right] = [shape(a), shape(b)];
  if (left === right) return true;
  return conjuncts.some(({ A_Expr: expression }) => {
    const { kind, name, lexpr, rexpr } = treeOf(expression);
    const isEquality = kind === 'AEXPR_OP' && JSON.stringify(name).includes('"="');
    const sides = [shape(lexpr), shape(rexpr)];
    return isEquality && sides.includes(left) && sides.includes(right);
  });
}

/** Two spellings of a key are the same where they differ in their places only. */
function shape(key: unknown): string {
  return JSON.stringify(key, (name, value: unknown) => (places.has(name) ? undefined : value));
}

/** Types that a key may be written as: the others have another order, or make one of several keys. */
const faithful = new Set(['int2', 'int4', 'int8', 'text', 'varchar']);

/** What is compared with $1 and $2 must be the key, or a column of another table that refers to it. */
function keyProblem(key: unknown, { walked, tables }: Parameters<typeof rangeIn>[1]): string | null {
  const cast = treeOf(treeOf(key).TypeCast);
  const type = namesIn(treeOf(cast.typeName).names);
  const plain = cast.arg !== undefined && faithful.has(type.at(-1) ?? '') ? cast.arg : key;
  const fields = listOf(treeOf(treeOf(plain).ColumnRef).fields).map(
    (field) => treeOf(treeOf(field).String).sval,
  );
  const column = fields.at(-1);
  if (column === undefined)
    return 'what is compared with $1 and $2 is computed, so that its order may be another than the one of the key';
  const of = fields.at(-2);
  const own = tables.filter(({ name, alias }) => name === walked.table && (of === undefined || alias === of));
  const isOwn = own.length > 0 && (of !== undefined || tables.length === 1);
  if (own.some(({ renamed }) => renamed))
    return `${walked.table} has other names for its columns here, so that $1 and $2 may be compared with another one than ${walked.column}`;
  return isOwn && column !== walked.column
    ? `$1 and $2 are keys of ${walked.column}, and are compared with ${String(column)}`
    : null;
}
