// Takes parsed expressions; gives what a rule asks of them: volatile or not, how many rows a condition can meet.
// Without a database it goes by the names of functions; a scratch database has the better word.
import { outputs } from '../../files/tree.ts';
import { volatileFunctions } from '../../files/volatile.ts';
import { child, isNode, list, listOf, type Node, strings, text, walk } from './ast.ts';
import type { Where } from './types.ts';

/** Whether the expression calls a function that is known to give another value for each row. */
export function isVolatile(expression: unknown): boolean {
  let found = false;
  walk(expression, (kind, node) => {
    if (kind === 'FuncCall' && volatileFunctions.has(strings(node, 'funcname').at(-1) ?? '')) found = true;
  });
  return found;
}

/** Whether a tree holds the string literal `value`. */
export function holdsLiteral(tree: unknown, value: string): boolean {
  let found = false;
  walk(tree, (_kind, node) => {
    if (isNode(node.sval) ? node.sval.sval === value : false) found = true;
  });
  return found;
}

/** Whether any function is called. */
export function callsFunction(tree: unknown): boolean {
  let found = false;
  walk(tree, (kind) => {
    if (kind === 'FuncCall') found = true;
  });
  return found;
}

/** Reads the WHERE clause of an UPDATE or DELETE, and what else bounds it: VALUES, LIMIT. */
export function readWhere(statement: Node): Where {
  const clause = statement.whereClause;
  if (!isNode(clause)) return { whole: true, equals: [], limited: isLimited(statement) };
  const conjuncts = conjunctsOf(clause);
  return {
    whole: conjuncts.every(isTrue),
    equals: conjuncts.flatMap(equalColumn),
    limited: isLimited(statement) || hasBothBounds(conjuncts),
  };
}

function conjunctsOf(clause: Node): readonly Node[] {
  const bool = child(clause, 'BoolExpr');
  return bool.boolop === 'AND_EXPR' ? list(bool, 'args').flatMap(conjunctsOf) : [clause];
}

function isTrue(condition: Node): boolean {
  const constant = child(condition, 'A_Const');
  if (isNode(constant.boolval)) return constant.boolval.boolval === true;
  const { sides, operator } = comparison(condition);
  return (
    operator === '=' &&
    sides.every(isConstant) &&
    JSON.stringify(constantOf(sides[0])) === JSON.stringify(constantOf(sides[1]))
  );
}

function constantOf(side: Node | undefined): unknown {
  const { location: _location, ...value } = child(side ?? {}, 'A_Const');
  return value;
}

function comparison(condition: Node): { sides: readonly Node[]; operator: string; kind: string } {
  const expression = child(condition, 'A_Expr');
  return {
    sides: [child(expression, 'lexpr'), child(expression, 'rexpr')],
    operator: strings(expression, 'name').at(-1) ?? '',
    kind: text(expression, 'kind') ?? '',
  };
}

/** A literal, a cast of one, a parameter, or an expression of such without columns and sub-selects. */
function isConstant(side: Node): boolean {
  let constant = Object.keys(side).length > 0;
  // One value at most, whatever it is.
  if (child(side, 'SubLink').subLinkType === 'EXPR_SUBLINK') return isApart(child(side, 'SubLink'));
  walk(side, (kind) => {
    if (kind === 'ColumnRef' || kind === 'SubLink') constant = false;
  });
  return constant;
}

/** Whether a sub-select is of tables of its own and compares their columns with constants only: it gives one value for all rows. */
function isApart(link: Node): boolean {
  const select = child(child(link, 'subselect'), 'SelectStmt');
  const own = new Set(
    listOf(select, 'fromClause', 'RangeVar').flatMap((table) => [
      text(table, 'relname'),
      text(child(table, 'alias'), 'aliasname'),
    ]),
  );
  let apart = own.size > 0;
  walk(select, (kind, node) => {
    const of = kind === 'ColumnRef' ? strings(node, 'fields').at(-2) : undefined;
    if (of !== undefined && !own.has(of)) apart = false;
    if (kind === 'SubLink') apart = false;
  });
  return (
    apart &&
    conjunctsOf(child(select, 'whereClause')).every(
      (condition) => comparison(condition).sides.some(isConstant) || Object.keys(condition).length === 0,
    )
  );
}

function columnName(side: Node): string | undefined {
  const inner = isNode(side.TypeCast) ? child(side.TypeCast as Node, 'arg') : side;
  return strings(child(inner, 'ColumnRef'), 'fields').at(-1);
}

/** `column = constant`, `column IN (constants)`, `column = ANY (constants)`, rows compared so → the columns. */
function equalColumn(condition: Node): readonly string[] {
  const { sides, operator, kind } = comparison(condition);
  const [left = {}, right = {}] = sides;
  if (operator !== '=' || !['AEXPR_OP', 'AEXPR_IN', 'AEXPR_OP_ANY'].includes(kind)) return [];
  if (isNode(left.RowExpr) && (kind === 'AEXPR_IN' || isNode(right.RowExpr)))
    return isConstant(right) ? list(left.RowExpr, 'args').flatMap((one) => columnName(one) ?? []) : [];
  const forward = isConstant(right) ? columnName(left) : undefined;
  const backward = kind === 'AEXPR_OP' && isConstant(left) ? columnName(right) : undefined;
  return [forward ?? backward].filter((name) => name !== undefined);
}

/** LIMIT, VALUES, parameters (the range of a batch) and places on disk, where they bound the rows of the whole statement. */
function isLimited(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(isLimited);
  return isNode(value) && Object.entries(value).some(([field, inner]) => bounds(field, inner));
}

/** What a select list or one value is computed from bounds nothing, nor does what may be otherwise. */
function bounds(field: string, inner: unknown): boolean {
  if (outputs.has(field)) return false;
  if (!isNode(inner)) return isLimited(inner);
  switch (field) {
    case 'ParamRef':
      return true;
    case 'SelectStmt':
      return inner.limitCount !== undefined || inner.valuesLists !== undefined || isLimited(inner);
    case 'SubLink':
      return ['ANY_SUBLINK', 'ARRAY_SUBLINK'].includes(String(inner.subLinkType)) && isLimited(inner);
    case 'BoolExpr':
      return inner.boolop === 'AND_EXPR' && isLimited(inner);
    case 'A_Expr':
      return isPlace(inner) || isLimited(inner);
    default:
      return isLimited(inner);
  }
}

/** `ctid` compared with constants. */
function isPlace(expression: Node): boolean {
  const { sides } = comparison({ A_Expr: expression });
  return sides.some((side) => columnName(side) === 'ctid') && sides.some(isConstant);
}

/** `BETWEEN a AND b`, or one column with both a lower and an upper constant bound. */
function hasBothBounds(conjuncts: readonly Node[]): boolean {
  const lower = new Set<string>();
  const upper = new Set<string>();
  for (const condition of conjuncts) {
    const { sides, operator, kind } = comparison(condition);
    const [left = {}, right = {}] = sides;
    const column = columnName(left);
    if (column === undefined || !isConstant(right)) continue;
    if (kind === 'AEXPR_BETWEEN' || operator.startsWith('>')) lower.add(column);
    if (kind === 'AEXPR_BETWEEN' || operator.startsWith('<')) upper.add(column);
  }
  return [...lower].some((column) => upper.has(column) && /(^|_)(id|no|number|seq)$/.test(column));
}
