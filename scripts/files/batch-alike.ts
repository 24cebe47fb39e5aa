// Takes a batch's statement whose range bounds it; tells what range by range would come out otherwise than at once: rows
// that are counted together, met in several ranges, or read after an earlier range has changed them. It knows no database.
import {
  changeProblem,
  comesOnce,
  type Insert,
  insertProblem,
  metAgain,
  reachedProblem,
} from './batch-changes.ts';
import type { Walk } from './batch-comparisons.ts';
import { columnsOf, outputOf } from './batch-levels.ts';
import { fieldsOf, type QueryLevel, referenceIn } from './batch-references.ts';
import { findAll, listOf, namesIn, type Tree, treeOf } from './tree.ts';
import { volatileFunctions } from './volatile.ts';

/** @returns why the statement does something else range by range, or null; `walked` holds its ranges */
export function unlikeProblem(statement: Tree, walked: Walk): string | null {
  const levels: QueryLevel[] = [];
  const inserts: Insert[] = [];
  const problems: (string | null)[] = [];
  const counts = [statement.InsertStmt, ...findAll(Object.values(statement), 'InsertStmt', [])].some(
    (node) => node !== undefined && !comesOnce(treeOf(node)),
  );
  outputOf(statement, {
    walked,
    counts,
    ctes: new Map(),
    keys: new Set(),
    seen: (level, isCounted) => {
      levels.push(level);
      problems.push(queryProblem(level, isCounted, walked), onceProblem(level, walked));
    },
    inserted: (node, output) => inserts.push({ node, output }),
    aside: () =>
      problems.push(
        'a sub-select beside the conditions sees the rows of one range where it would see all of them',
      ),
  });
  const changes = levels.filter(({ kind }) => kind === 'UpdateStmt' || kind === 'DeleteStmt');
  problems.push(
    ...changes.map((level) => changeProblem(level, levels, walked)),
    ...changes.map((level) => reachedProblem(level, levels, walked)),
    ...inserts.map((insert) => insertProblem(insert, levels, walked)),
  );
  return problems.find((problem) => problem !== null) ?? null;
}

const aggregate =
  /^(count|sum|avg|min|max|any_value|every|bool_and|bool_or|bit_and|bit_or|bit_xor|(array|string|json|jsonb|xml)_?agg|jsonb?_(object_)?agg(_strict|_unique){0,2}|range_(intersect_)?agg|corr|covar_\w+|regr_\w+|stddev\w*|var(iance|_pop|_samp)|mode|percentile_\w+)$/;

function isAggregate({ funcname, over, ...rest }: Tree, { meanings }: Walk): boolean {
  const name = namesIn(funcname).at(-1) ?? '';
  return (
    over === undefined &&
    (aggregate.test(name) ||
      meanings.aggregates.includes(name) ||
      Object.keys(rest).some((field) => field.startsWith('agg_')))
  );
}

/** What a query makes of rows of one range together. */
function queryProblem(level: QueryLevel, counts: boolean, walked: Walk): string | null {
  const { kind, node, bounded, keys, loose } = level;
  if (kind !== 'SelectStmt' || !bounded) return null;
  if (node.limitCount !== undefined || node.limitOffset !== undefined)
    return 'LIMIT, FETCH and OFFSET leave rows of a range out, and the size of a range adapts by itself';
  if (node.larg !== undefined) {
    const isHarmless = node.op === 'SETOP_UNION' && (node.all === true || !counts);
    return isHarmless || keys.size > 0
      ? null
      : 'UNION, INTERSECT and EXCEPT compare the rows of one range only';
  }
  const isKeyed = (list: unknown) => listOf(list).some((item) => tellsKey(item, level, walked));
  const groups = listOf(node.groupClause);
  const calls = findAll([node.targetList, node.havingClause, node.sortClause], 'FuncCall');
  const isGrouped =
    groups.length > 0 ||
    node.havingClause !== undefined ||
    calls.some((call) => isAggregate(call, walked)) ||
    /"Json(Object|Array)Agg"/.test(JSON.stringify(node.targetList ?? []));
  if (isGrouped && (!isKeyed(groups) || findAll(groups, 'GroupingSet').length > 0))
    return `an aggregate or GROUP BY gives a result for each range, not one for all of its rows (grouped by ${walked.column} as well, it would be the same)`;
  const over = calls.flatMap((call) => (call.over === undefined ? [] : [treeOf(call.over)]));
  if (over.some((window) => !partitionsOf(window, node).some(isKeyed)))
    return `a window function sees the rows of one range only (PARTITION BY ${walked.column} would be the same)`;
  const distinct = listOf(node.distinctClause);
  const isOn = distinct.some((item) => Object.keys(treeOf(item)).length > 0);
  if (
    isOn
      ? !isKeyed(distinct)
      : distinct.length > 0 && counts && columnsOf(level, { walked }).keys.length === 0
  )
    return 'DISTINCT compares the rows of one range only, so that the same may come in several (with ON CONFLICT (…) DO NOTHING on a unique key they would be passed over)';
  return loose && counts ? metAgain : null;
}

/** An item of GROUP BY, PARTITION BY or DISTINCT ON: a column, its number in the list, or its name there. */
function tellsKey(item: unknown, level: QueryLevel, walked: Walk): boolean {
  const targets = listOf(level.node.targetList).map((target) => treeOf(treeOf(target).ResTarget));
  const number = treeOf(treeOf(treeOf(item).A_Const).ival).ival;
  const fields = fieldsOf(treeOf(item).ColumnRef);
  const named = fields.length === 1 ? targets.find(({ name }) => name === fields[0]) : undefined;
  return [item, typeof number === 'number' ? targets[number - 1]?.val : null, named?.val].some((value) =>
    level.keys.has(referenceIn(value, level.sources, { walked }) ?? ''),
  );
}

function partitionsOf({ name, refname, partitionClause }: Tree, { windowClause }: Tree): readonly unknown[] {
  const named = listOf(windowClause)
    .map((item) => treeOf(treeOf(item).WindowDef))
    .filter((window) => window.name !== undefined && [name, refname].includes(window.name));
  return [partitionClause, ...named.map((window) => window.partitionClause)];
}

/** A volatile value that all rows share, or the rows of another query do. */
function onceProblem({ kind, node, bounded, sources }: QueryLevel, { meanings }: Walk): string | null {
  const isVolatile = (value: unknown) =>
    findAll(value, 'FuncCall').some(({ funcname }) => {
      const name = namesIn(funcname).at(-1) ?? '';
      return volatileFunctions.has(name) || meanings.volatile.includes(name);
    });
  const isPerRow = findAll(node, 'ColumnRef').some((reference) => {
    const fields = fieldsOf(reference);
    return fields.length > 1 ? !sources.some(({ alias }) => alias === fields.at(-2)) : sources.length === 0;
  });
  const isFunction = findAll([node.fromClause, node.usingClause], 'RangeFunction').some(
    (item) => isVolatile(item) && findAll(item, 'ColumnRef').length === 0,
  );
  return isFunction || (kind === 'SelectStmt' && !bounded && !isPerRow && isVolatile(node))
    ? 'what a volatile function gives to all rows is another value for each range'
    : null;
}
