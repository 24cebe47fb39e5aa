// Takes what a batch's statement changes, and every query in it; tells where a row that is met in several ranges, or one of
// its own table that it reads, makes another result range by range. It knows no database.
import { conjunctsOf, type Walk } from './batch-comparisons.ts';
import type { Meanings, Reached } from './batch-meanings.ts';
import {
  type FromItem,
  fieldsOf,
  linkIn,
  type QueryLevel,
  type QueryOutput,
  referenceIn,
} from './batch-references.ts';
import { findAll, listOf, namesIn, type Tree, treeOf } from './tree.ts';

/** An INSERT with what its query gives. */
export interface Insert {
  readonly node: Tree;
  readonly output: QueryOutput;
}

/** Said of rows that are changed or taken once for each range that they are in. */
export const metAgain =
  'a row may be met in several ranges, for its condition is met by rows of several keys: walk along a key of the table whose rows are changed or taken';

/** Whether rows that come again are passed over: by a unique index on columns that it fills. */
export function comesOnce({ cols, onConflictClause }: Tree): boolean {
  const { action, infer } = treeOf(onConflictClause);
  const filled = namesOf(cols);
  const keys = conflictColumns(infer);
  return action === 'ONCONFLICT_NOTHING' && keys.length > 0 && keys.every((key) => filled.includes(key));
}

function namesOf(targets: unknown): readonly string[] {
  return listOf(targets).map((target) => String(treeOf(treeOf(target).ResTarget).name));
}

function conflictColumns(infer: unknown): readonly string[] {
  return listOf(treeOf(infer).indexElems).map((item) => String(treeOf(treeOf(item).IndexElem).name));
}

/** What an UPDATE or DELETE does to rows that it meets again, or reads of its own table. */
export function changeProblem(level: QueryLevel, levels: readonly QueryLevel[], walked: Walk): string | null {
  const { kind, node, keys, sources } = level;
  const [target] = sources;
  if (target === undefined) return null;
  const isPinned = [...keys].some(
    (key) => key.startsWith(`${target.alias}.`) || (key === '*' && sources.length === 1),
  );
  const sets = kind === 'UpdateStmt' ? namesOf(node.targetList) : null;
  if (
    !isPinned &&
    sets !== null &&
    addsUp(node.targetList, (fields) => fields.length === 1 || fields[0] === target.alias, sets)
  )
    return metAgain;
  const read = readingsOf(target.table, levels, walked).find(
    ({ at, source }) =>
      source !== target &&
      !sharesKey(at, source, (column) => keys.has(`${target.alias}.${column}`)) &&
      (sets === null
        ? !isOlderTwin(at, source, level, walked)
        : readsColumns(at, source, sets, at === level)),
  );
  return read === undefined ? null : readsOwn(target.table);
}

/** What a foreign key does to rows that a later range would meet or read: at once, none of it is seen. */
export function reachedProblem(
  { kind, node, sources }: QueryLevel,
  levels: readonly QueryLevel[],
  { meanings }: Walk,
): string | null {
  const [target] = sources;
  if (target === undefined) return null;
  const by = kind === 'DeleteStmt' ? 'DELETE' : 'UPDATE';
  const own = meanings.rows[target.table ?? ''] ?? [];
  const isReturned = [node.returningList, node.returningClause].some((part) => part !== undefined);
  const found = meanings.reached.find((reached) => {
    if (reached.from !== target.table || reached.by !== by) return false;
    const { table, columns, goes, direct } = reached;
    if (own.includes(table) && (goes ? isReturned : isNamed(columns, levels))) return true;
    return levels.some((at) =>
      at.sources.some(
        (source) =>
          source !== target &&
          source.table !== null &&
          meanings.rows[source.table]?.includes(table) === true &&
          !(
            direct &&
            columns.length === 1 &&
            sharesKey(at, source, (column) => columns.includes(column)) &&
            waysTo(table, reached, meanings) === 1
          ),
      ),
    );
  });
  return found === undefined
    ? null
    : `what it changes in ${target.table} changes rows that it reads, by a foreign key (ON ${by}): a later range would see that, which the statement at once never does`;
}

function waysTo(table: string, { from, by }: Reached, { reached }: Meanings): number {
  return reached.filter((one) => one.table === table && one.from === from && one.by === by).length;
}

function isNamed(columns: readonly string[], levels: readonly QueryLevel[]): boolean {
  return levels.some(({ node }) =>
    findAll(Object.values(node), 'ColumnRef', []).some((reference) =>
      [...columns, '*'].includes(fieldsOf(reference).at(-1) ?? ''),
    ),
  );
}

function readsOwn(table: string | null): string {
  return `it reads rows of ${table}, which it changes: a range would see what an earlier one has done, which the statement at once never does (put what it reads into a table of its own first, in a file before this one)`;
}

/** Whether a new value is made of the old one, so that the number of times decides. */
function addsUp(
  targets: unknown,
  isOwn: (fields: readonly string[]) => boolean,
  sets: readonly string[],
): boolean {
  const values = listOf(targets).map((target) => treeOf(treeOf(target).ResTarget).val);
  return findAll(values, 'ColumnRef', [])
    .map(fieldsOf)
    .some((fields) => isOwn(fields) && sets.includes(fields.at(-1) ?? ''));
}

function readingsOf(
  table: string | null,
  levels: readonly QueryLevel[],
  { meanings: { rows } }: Walk,
): readonly { at: QueryLevel; source: FromItem }[] {
  const own = rows[table ?? ''] ?? [];
  const isOwn = (name: string) => name === table || rows[name]?.some((oid) => own.includes(oid)) === true;
  return levels.flatMap((at) =>
    at.sources
      .filter((source) => source.table !== null && isOwn(source.table))
      .map((source) => ({ at, source })),
  );
}

/** Whether only rows are read that the same range changes: the same column tells the key in both. */
function sharesKey(
  { reads }: QueryLevel,
  { alias, renamed }: FromItem,
  isKey: (column: string) => boolean,
): boolean {
  if (renamed) return false;
  return [...reads].some((key) => key.startsWith(`${alias}.`) && isKey(key.slice(alias.length + 1)));
}

function readsColumns(
  { node }: QueryLevel,
  { alias, renamed }: FromItem,
  columns: readonly string[],
  isOwn: boolean,
): boolean {
  if (renamed) return true;
  return findAll(Object.values(node), 'ColumnRef', []).some((reference) => {
    const fields = fieldsOf(reference);
    const column = fields.at(-1) ?? '';
    if (fields.length > 1) return fields.at(-2) === alias && [...columns, '*'].includes(column);
    return column === alias || (!isOwn && [...columns, '*'].includes(column));
  });
}

/**
 * Whether a DELETE reads its own table for an older or younger twin only: equal in some columns, on one side in the key. The
 * last of them never goes, so that each of the others finds one, whatever has gone before.
 */
function isOlderTwin(at: QueryLevel, { alias, renamed }: FromItem, level: QueryLevel, walked: Walk): boolean {
  const [target] = level.sources;
  const where = conjunctsOf(level.node.whereClause);
  const isExisting = where
    .flatMap(linkIn)
    .some(([link]) => treeOf(treeOf(link.subselect).SelectStmt) === at.node);
  if (renamed || target === undefined || at.sources.length !== (at === level ? 2 : 1)) return false;
  if (at !== level && !isExisting) return false;
  const conditions = (at === level ? where : conjunctsOf(at.node.whereClause)).filter(
    (item) => !walked.ranges.has(item),
  );
  let ordered = 0;
  const isPlain = conditions.every((condition) => {
    const { kind, name, lexpr, rexpr } = treeOf(condition.A_Expr);
    if (findAll(condition, 'SubLink', []).length > 0) return false;
    const owners = new Set(
      findAll(condition, 'ColumnRef').map(
        (item) => referenceIn({ ColumnRef: item }, at.sources, { walked })?.split('.')[0],
      ),
    );
    if (owners.has('?')) return false;
    if (!owners.has(alias) || !owners.has(target.alias)) return true;
    const [left, right] = [lexpr, rexpr].map((side) => fieldsOf(treeOf(side).ColumnRef).at(-1));
    if (left === undefined || left !== right) return false;
    const operator = namesIn(name).at(-1) ?? '';
    if (kind === 'AEXPR_NOT_DISTINCT' || (kind === 'AEXPR_OP' && operator === '=')) return true;
    ordered += 1;
    return (
      kind === 'AEXPR_OP' &&
      ['<', '>'].includes(operator) &&
      left === walked.column &&
      target.table === walked.table
    );
  });
  return isPlain && ordered === 1;
}

/** What an INSERT reads of the table that it fills, or adds to rows that an earlier range has put there. */
export function insertProblem(
  { node, output }: Insert,
  levels: readonly QueryLevel[],
  walked: Walk,
): string | null {
  const { relname, alias } = treeOf(node.relation);
  const [table, own] = [String(relname), String(treeOf(alias).aliasname ?? relname)];
  const filled = namesOf(node.cols);
  const keyed = filled.filter((_, i) => output.keys.some(({ position }) => position === i));
  const { action, infer, targetList } = treeOf(node.onConflictClause);
  const isOwn = (fields: readonly string[]) => fields.length === 1 || fields[0] === own;
  if (
    action === 'ONCONFLICT_UPDATE' &&
    !conflictColumns(infer).some((column) => keyed.includes(column)) &&
    addsUp(targetList, isOwn, namesOf(targetList))
  )
    return metAgain;
  const read = readingsOf(table, levels, walked).find(
    ({ at, source }) => !sharesKey(at, source, (column) => keyed.includes(column)),
  );
  return read === undefined ? null : readsOwn(table);
}
