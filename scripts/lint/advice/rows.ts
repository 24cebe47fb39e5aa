// Programs for changing many rows: the same statement, over one range of keys at a time.
import { child, isNode, list, listOf, type Node, strings, text, walk } from '../statement/ast.ts';
import { quoteIdentifier, sqlName } from '../statement/names.ts';
import { slice, tokenize, wordAt } from '../statement/tokens.ts';
import type { ActionOf, Name } from '../statement/types.ts';
import { type Catalog, type CatalogRelation, lookUp } from '../trace/traced.ts';
import { batchDirective, batchKey, type Occasion, relationOf } from './occasion.ts';
import { parseOne, proven } from './same-tree.ts';
import { type Advice, type Phase, refuse } from './series.ts';
import { cutRefused } from './validated-later.ts';

/** UPDATE and DELETE; what a batch would change the meaning of is refused. */
export function inBatches(occasion: Occasion<ActionOf<'change-rows'>>): Advice {
  const { statement, action } = occasion;
  const { kind, node } = statement;
  if (kind !== 'UpdateStmt' && kind !== 'DeleteStmt')
    return refuse('only a plain UPDATE or DELETE can be batched as it is');
  if (isNode(node.withClause)) return refuse('its WITH clause would be computed anew for each batch');
  const relation = relationOf(action.table, occasion);
  if (relation === undefined) return refuse('the key of the table is not known before this migration');
  const key = batchKey(relation);
  if (key === undefined) return refuse('the table has no key of one column that a batch could walk');
  const reason = whyWhole(occasion, key);
  if (reason !== null) return refuse(reason);
  const sql = withRange(occasion, key);
  if (sql === null) return refuse(cutRefused);
  return { phases: [batchPhase(batchDirective(relation, key), sql)] };
}

function batchPhase(directive: string, sql: string): Phase {
  return { directives: [directive], statements: [sql], down: null };
}

/** Why the statement means something else when it runs range by range; null where it does not. */
function whyWhole(occasion: Occasion<ActionOf<'change-rows'>>, key: string): string | null {
  const { statement, action, catalog } = occasion;
  const { node, kind } = statement;
  const relation = relationOf(action.table, occasion);
  const sets = listOf(node, 'targetList', 'ResTarget').map((target) => text(target, 'name') ?? '');
  if (sets.includes(key)) return 'it changes the key that a batch would walk';
  const inKey = (relation?.indexes ?? []).some(
    ({ unique, columns }) => unique && sets.some((set) => columns.includes(set)),
  );
  const isExcluded = relation?.constraints.some(
    ({ type, columns }) => type === 'x' && sets.some((set) => columns.includes(set)),
  );
  if (inKey || isExcluded === true)
    return 'it changes columns of a unique index or exclusion, whose values must fit all at once';
  if (readsItself(node, action.table, catalog))
    return 'it reads the table that it changes, which would differ from batch to batch';
  if (relation !== undefined && relation.statementTriggers > 0)
    return 'a trigger on the table fires once per statement';
  if (relation !== undefined && relation.rewriteRules > 0)
    return 'the table has rules, which rewrite the statement as a whole';
  if (relation !== undefined && readsOthers(node)) {
    if (relation.triggers > 0)
      return 'it reads other tables, which the triggers of this one may change in between';
    if (kind === 'DeleteStmt' && hasHeirs(relation, catalog))
      return 'it reads other tables, and what it deletes changes rows of others (ON DELETE CASCADE or SET)';
  }
  const called = unknownCall(node);
  if (called !== null) return `it calls ${called}(), which may read the table`;
  const self = relation?.constraints.some(
    ({ references }) => references === `${relation.schema}.${relation.name}`,
  );
  if (kind === 'DeleteStmt' && self === true) return 'rows of the table refer to one another';
  return null;
}

/** PostgreSQL's own functions that a change of rows is made of, none of which reads a table. */
const builtin =
  /^(lower|upper|initcap|length|char_length|b?trim|ltrim|rtrim|substr(ing)?|replace|translate|concat(_ws)?|left|right|lpad|rpad|repeat|reverse|split_part|overlay|position|strpos|format|md5|sha\d+|encode|decode|convert_(to|from)|quote_\w+|ascii|chr|abs|ceil(ing)?|floor|round|trunc|sign|mod|div|power|sqrt|exp|ln|log|random|setseed|greatest|least|count|sum|avg|min|max|(bool|bit|string|array|jsonb?)_agg|bool_(and|or)|now|(clock|statement|transaction)_timestamp|timezone|age|date_(trunc|part|bin)|extract|make_\w+|to_\w+|isfinite|justify_\w+|gen_random_uuid|uuidv\d|nextval|current_setting|row_to_json|jsonb?_\w+|array_\w+|cardinality|unnest|regexp_\w+|starts_with|host|network|masklen|family|num(node|nulls|nonnulls)|pg_typeof|hashtext|width_bucket|overlaps|like_escape|similar_to_escape)$/;

/** A function that is called and not known to be PostgreSQL's own; null where there is none. */
function unknownCall(node: Node): string | null {
  let found: string | null = null;
  walk(node, (kind, inner) => {
    if (kind !== 'FuncCall') return;
    const parts = strings(inner, 'funcname');
    const name = parts.at(-1) ?? '';
    if (parts.length > 1 ? parts[0] !== 'pg_catalog' : !builtin.test(name)) found ??= name;
  });
  return found;
}

/** The table occurs in FROM, USING or a sub-select, by its name or behind a view. */
function readsItself(node: Node, table: Name, catalog: Parameters<typeof lookUp>[1] | undefined): boolean {
  const { relation: _target, ...rest } = withoutReturning(node);
  let found = false;
  walk(rest, (kind, inner) => {
    if (kind !== 'RangeVar') return;
    const name = text(inner, 'relname') ?? '';
    const other = catalog === undefined ? undefined : lookUp({ name }, catalog);
    if (name === table.name || other === undefined || other.kind === 'v' || other.kind === 'm') found = true;
  });
  walk(rest, (kind) => {
    if (kind === 'RangeFunction') found = true;
  });
  return found;
}

/** Tables in FROM, USING, a sub-select: what a batch reads of them is as the batch before left it. */
function readsOthers(node: Node): boolean {
  const { relation: _target, ...rest } = withoutReturning(node);
  let found = false;
  walk(rest, (kind) => {
    if (kind === 'RangeVar') found = true;
  });
  return found;
}

/** Rows of other tables go, or are set, with those of this one. */
function hasHeirs({ schema, name }: CatalogRelation, catalog: Catalog | undefined): boolean {
  return [...(catalog?.values() ?? [])].some(({ constraints }) =>
    constraints.some(
      ({ references, definition }) =>
        references === `${schema}.${name}` && / ON DELETE (?:CASCADE|SET)\b/.test(definition),
    ),
  );
}

/** `… WHERE key BETWEEN $1 AND $2 AND (condition)`, without RETURNING; null where the parser reads something else. */
function withRange(
  { statement, parse, action }: Occasion<ActionOf<'change-rows'>>,
  key: string,
): string | null {
  const { text: sql, node, kind } = statement;
  const tokens = tokenize(sql);
  const where = wordAt(tokens, 'where');
  const returning = wordAt(tokens, 'returning', Math.max(0, where));
  const end = returning === -1 ? tokens.length : returning;
  const head = slice(sql, tokens.slice(0, Math.min(where === -1 ? end : where, end)));
  const relation = child(node, 'relation');
  const alias = text(child(relation, 'alias'), 'aliasname');
  const isJoined = list(node, 'fromClause').length + list(node, 'usingClause').length > 0;
  const owner = alias ?? (isJoined ? action.table.name : undefined);
  const column =
    owner === undefined ? quoteIdentifier(key) : `${quoteIdentifier(owner)}.${quoteIdentifier(key)}`;
  const range = `${column} BETWEEN $1 AND $2`;
  const rangeTree = child(parseOne(parse, `SELECT 1 WHERE ${range}`)?.node ?? {}, 'whereClause');
  const condition = where === -1 ? null : slice(sql, tokens.slice(where + 1, end));
  const built = `${head} WHERE ${range}${condition === null ? '' : ` AND (${condition})`}`;
  const whereClause =
    condition === null
      ? rangeTree
      : { BoolExpr: { boolop: 'AND_EXPR', args: [rangeTree, child(node, 'whereClause')] } };
  return proven(parse, built, kind, { ...withoutReturning(node), whereClause });
}

/** RETURNING is a clause of its own from 18 on. */
function withoutReturning(node: Node): Node {
  const { returningList: _list, returningClause: _clause, ...kept } = node;
  return kept;
}

/** TRUNCATE of one table that nothing else comes along with. */
export function emptied(occasion: Occasion<ActionOf<'truncate'>>): Advice {
  const { statement, action } = occasion;
  const relation = relationOf(action.table, occasion);
  if (statement.kind !== 'TruncateStmt') return refuse('it stands inside a block');
  if (list(statement.node, 'relations').length !== 1) return refuse('it empties several tables');
  if (statement.node.behavior === 'DROP_CASCADE') return refuse('CASCADE empties other tables too');
  if (statement.node.restart_seqs === true)
    return refuse('RESTART IDENTITY would number rows that come meanwhile twice');
  const key = batchKey(relation);
  if (relation === undefined || key === undefined)
    return refuse('the table has no key of one column that a batch could walk');
  if (relation.triggers + relation.rewriteRules > 0)
    return refuse('the table has triggers or rules, which DELETE sets off');
  const only = listOf(statement.node, 'relations', 'RangeVar')[0]?.inh === true ? '' : 'ONLY ';
  const sql = `DELETE FROM ${only}${sqlName(action.table)} WHERE ${quoteIdentifier(key)} BETWEEN $1 AND $2`;
  return { phases: [batchPhase(batchDirective(relation, key), sql)] };
}
