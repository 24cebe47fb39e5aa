// Takes a batch's statement as the parser reads it; tells whether each of its rows is met in the one range of keys that its
// key is in, and in no other: $1 and $2 are compared with the key itself, ends included, and bound the whole statement.
// It knows no database: of what type and order the key is, the server tells when the batch begins.
import { unlikeProblem } from './batch-alike.ts';
import {
  type AliasedTable,
  type Bounds,
  conjunctsOf,
  rangeIn,
  unbounded,
  type Walk,
  type Walked,
} from './batch-comparisons.ts';
import { type Meanings, textOnly } from './batch-meanings.ts';
import { linkIn, unwrapped } from './batch-references.ts';
import { isTree, listOf, type Tree, treeOf } from './tree.ts';

/**
 * @param written the key as the directive has it
 * @returns what is wrong with the statement as one of a batch, or null
 */
export function rangeProblem(
  statement: Tree,
  names: Walked,
  written: string,
  meanings: Meanings = textOnly,
): string | null {
  const walked: Walk = { ...names, ranges: new Set(), meanings };
  const right = `… WHERE ${written} BETWEEN $1 AND $2`;
  const bounded = boundsOf(statement, walked, new Map());
  if (bounded.wrong !== null) return `${bounded.wrong}: ${right}`;
  if (!bounded.found)
    return `the range must bound the whole statement, ends included, and stand neither below OR, NOT or CASE nor only in a select list, or rows are met in every range: ${right} AND (…)`;
  if (hasStray(statement, walked.ranges))
    return `$1 and $2 may stand in one range of the key only; in another condition they leave rows out, and as values they are chance, for the size of a range adapts by itself: ${right}`;
  const ctes = ctesOf(statement, walked);
  const open = changesWithin(statement).find((change) => !boundsOf(change, walked, ctes).found);
  return open === undefined
    ? unlikeProblem(statement, walked)
    : `each INSERT, UPDATE and DELETE of the statement must be bounded, in a WITH clause too, or its rows are met in every range: ${right}`;
}

function either(all: readonly Bounds[]): Bounds {
  return {
    found: all.some(({ found }) => found),
    wrong: all.find(({ wrong }) => wrong !== null)?.wrong ?? null,
  };
}

/** Common tables by name, with what bounds them. */
type Ctes = ReadonlyMap<string, Bounds>;

/** What bounds a query or statement: `{ UpdateStmt: … }`, or a select without its kind. */
function boundsOf(query: Tree, walked: Walk, outer: Ctes): Bounds {
  const [kind, node] = unwrapped(query);
  const ctes = new Map([...outer, ...ctesOf({ [kind]: node }, walked)]);
  if (kind === 'InsertStmt') return boundsOf(treeOf(node.selectStmt), walked, ctes);
  if (isTree(node.larg) && isTree(node.rarg)) {
    const [left, right] = [boundsOf(node.larg, walked, ctes), boundsOf(node.rarg, walked, ctes)];
    return { ...either([left, right]), found: left.found && right.found };
  }
  const sources = [node.relation, ...listOf(node.fromClause), ...listOf(node.usingClause)].filter(isTree);
  const conjuncts = conjunctsOf(node.whereClause);
  const context = { walked, ctes, tables: sources.flatMap(tablesIn) };
  const places = [
    rangeIn(conjuncts, context),
    ...conjuncts.flatMap(linkIn).map(([link]) => boundsOf(treeOf(link.subselect), walked, ctes)),
    ...sources.map((source) => boundsOfSource(source, context)),
  ];
  const bounds = either(places);
  if (!bounds.found || bounds.wrong !== null) return bounds;
  if (places.filter(({ found }) => found).length > 1)
    return {
      found: true,
      wrong: 'two ranges of one statement leave out what is in one of them only: bound it once',
    };
  if (node.limitCount !== undefined || node.limitOffset !== undefined)
    return {
      found: true,
      wrong: 'LIMIT, FETCH and OFFSET leave rows of a range out, and the size of a range adapts by itself',
    };
  return listOf(node.lockingClause).some(
    (clause) => treeOf(treeOf(clause).LockingClause).waitPolicy === 'LockWaitSkip',
  )
    ? { found: true, wrong: 'SKIP LOCKED leaves rows of a range out for good' }
    : bounds;
}

function ctesOf(statement: Tree, walked: Walk): Ctes {
  const ctes = new Map<string, Bounds>();
  for (const item of listOf(treeOf(unwrapped(statement)[1].withClause).ctes)) {
    const { ctename, ctequery } = treeOf(treeOf(item).CommonTableExpr);
    ctes.set(String(ctename), boundsOf(treeOf(ctequery), walked, ctes));
  }
  return ctes;
}

interface Context {
  readonly walked: Walk;
  readonly ctes: Ctes;
  readonly tables: readonly AliasedTable[];
}

function tablesIn(source: Tree): readonly AliasedTable[] {
  if (typeof source.relname === 'string') return [sourceOf(source)];
  const table = source.RangeVar ?? treeOf(treeOf(source.RangeTableSample).relation).RangeVar;
  if (isTree(table)) return [sourceOf(table)];
  const { larg, rarg, alias } = treeOf(source.JoinExpr);
  const { aliasname, colnames } = treeOf(alias);
  const sides = [larg, rarg].filter(isTree).flatMap(tablesIn);
  if (typeof aliasname !== 'string') return sides;
  return sides.map((side) => ({ ...side, alias: aliasname, renamed: colnames !== undefined }));
}

function sourceOf({ relname, alias }: Tree): AliasedTable {
  const { aliasname, colnames } = treeOf(alias);
  return { name: String(relname), alias: String(aliasname ?? relname), renamed: colnames !== undefined };
}

/** What a subquery, common table or join bounds; of an outer join only the side whose rows all come. */
function boundsOfSource(source: Tree, context: Context): Bounds {
  const { walked, ctes } = context;
  if (isTree(source.RangeSubselect)) return boundsOf(treeOf(source.RangeSubselect.subquery), walked, ctes);
  const table = treeOf(source.RangeVar ?? source);
  if (typeof table.relname === 'string')
    return table.schemaname === undefined ? (ctes.get(table.relname) ?? unbounded) : unbounded;
  if (!isTree(source.JoinExpr)) return unbounded;
  const { jointype, larg, rarg, quals } = source.JoinExpr;
  const sides = [
    ...(jointype === 'JOIN_INNER' || jointype === 'JOIN_LEFT' ? [larg] : []),
    ...(jointype === 'JOIN_INNER' || jointype === 'JOIN_RIGHT' ? [rarg] : []),
  ];
  return either([
    ...(jointype === 'JOIN_INNER' ? [rangeIn(conjunctsOf(quals), context)] : []),
    ...sides.filter(isTree).map((side) => boundsOfSource(side, context)),
  ]);
}

/** Whether $1 or $2 stand in a condition that is no range. */
function hasStray(value: unknown, ranges: ReadonlySet<Tree>): boolean {
  if (Array.isArray(value)) return value.some((item) => hasStray(item, ranges));
  if (!isTree(value) || ranges.has(value)) return false;
  if (value.ParamRef !== undefined) return true;
  return Object.values(value).some((inner) => hasStray(inner, ranges));
}

const changing = new Set(['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt']);

/** Every change of rows below the statement itself. */
function changesWithin(statement: Tree): readonly Tree[] {
  const [, node] = unwrapped(statement);
  const found: Tree[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (!isTree(value)) return;
    for (const [kind, inner] of Object.entries(value)) {
      if (changing.has(kind)) found.push({ [kind]: inner });
      visit(inner);
    }
  };
  visit(node);
  return found;
}
