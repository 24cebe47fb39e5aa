// Takes a query of a batch whose ranges are known; tells what each query in it reads, and which columns tell the key of the
// range that a row is met in. It judges nothing.
import { conjunctsOf } from './batch-comparisons.ts';
import {
  type AroundQuery,
  fieldsOf,
  type KeyColumn,
  linkIn,
  type QueryLevel,
  type QueryOutput,
  referenceIn,
  unwrapped,
} from './batch-references.ts';
import { findAll, isTree, listOf, namesIn, type Tree, treeOf } from './tree.ts';

/** What a query, or a statement with RETURNING, gives; every query in it is told of. */
export function outputOf(query: Tree, around: AroundQuery): QueryOutput {
  const [kind, node] = unwrapped(query);
  const inside = { ...around, ctes: ctesOf(node, around) };
  if (kind === 'InsertStmt') {
    around.inserted(node, outputOf(treeOf(node.selectStmt), inside));
    return { bounded: false, keys: [] };
  }
  if (!isTree(node.larg) || !isTree(node.rarg)) return columnsOf(levelOf(kind, node, inside), inside);
  const [left, right] = [outputOf(node.larg, inside), outputOf(node.rarg, inside)];
  const keys = left.keys.filter(
    ({ position }) => position !== null && right.keys.some((other) => other.position === position),
  );
  const bounded = left.bounded && right.bounded;
  const names = new Set(keys.map(({ name }) => name));
  around.seen({ kind, node, sources: [], bounded, loose: false, keys: names, reads: names }, around.counts);
  return { bounded, keys };
}

function ctesOf(node: Tree, around: AroundQuery): AroundQuery['ctes'] {
  const ctes = new Map(around.ctes);
  for (const item of listOf(treeOf(node.withClause).ctes)) {
    const { ctename, ctequery, aliascolnames } = treeOf(treeOf(item).CommonTableExpr);
    ctes.set(String(ctename), renamed(outputOf(treeOf(ctequery), { ...around, ctes }), aliascolnames));
  }
  return ctes;
}

function renamed(output: QueryOutput, names: unknown): QueryOutput {
  const list = namesIn(names);
  return {
    ...output,
    keys: output.keys.map(({ name, position }) => ({ name: list[position ?? -1] ?? name, position })),
  };
}

/** The columns that tell the key, of a query's list or of RETURNING. */
export function columnsOf(
  { node, keys, sources, bounded }: QueryLevel,
  around: Pick<AroundQuery, 'walked'>,
): QueryOutput {
  const list = [node.targetList, node.returningList, treeOf(node.returningClause).exprs];
  const items = node.relation === undefined ? listOf(list[0]) : [...listOf(list[1]), ...listOf(list[2])];
  const found: KeyColumn[] = [];
  for (const [position, item] of items.entries()) {
    const { val, name } = treeOf(treeOf(item).ResTarget);
    const fields = fieldsOf(treeOf(val).ColumnRef);
    const reference = referenceIn(val, sources, around);
    if (fields.at(-1) !== '*') {
      if (reference !== null && keys.has(reference))
        found.push({ name: String(name ?? fields.at(-1)), position });
      continue;
    }
    const of = sources.filter(({ alias }) => fields.length === 1 || alias === fields.at(-2));
    const only = items.length === 1 && of.length === 1 ? of[0]?.output : null;
    for (const { alias } of of)
      for (const key of keys)
        if (key.startsWith(`${alias}.`))
          found.push({
            name: key.slice(alias.length + 1),
            position: only?.keys.find((column) => `${alias}.${column.name}` === key)?.position ?? null,
          });
    if (position < items.length - 1)
      return { bounded, keys: found.map(({ name }) => ({ name, position: null })) };
  }
  return { bounded, keys: found };
}

type Pair = readonly [string, string];

interface Joined {
  readonly sources: QueryLevel['sources'][number][];
  /** Conditions on rows that come: WHERE, and ON of inner joins. */
  readonly conditions: Tree[];
  /** ON of outer joins. */
  readonly outer: Tree[];
  readonly equal: Pair[];
}

function join(item: Tree, around: AroundQuery, joined: Joined): void {
  const { JoinExpr: both, RangeSubselect: select, RangeTableSample: sample } = item;
  const range = item.RangeVar ?? treeOf(treeOf(sample).relation).RangeVar;
  const { relname, schemaname, alias } = treeOf(range ?? item);
  if (isTree(both)) {
    const from = joined.sources.length;
    for (const side of [both.larg, both.rarg].filter(isTree)) join(side, around, joined);
    joined[both.jointype === 'JOIN_INNER' ? 'conditions' : 'outer'].push(...conjunctsOf(both.quals));
    for (const name of both.jointype === 'JOIN_INNER' ? namesIn(both.usingClause) : [])
      for (const source of joined.sources.slice(from))
        joined.equal.push([`?.${name}`, `${source.alias}.${name}`]);
    return;
  }
  const { aliasname, colnames } = treeOf(isTree(select) ? select.alias : alias);
  const cte = schemaname === undefined ? around.ctes.get(String(relname)) : undefined;
  const output = isTree(select) ? outputOf(treeOf(select.subquery), around) : (cte ?? null);
  if (output === null && typeof relname !== 'string') return;
  joined.sources.push({
    alias: String(aliasname ?? relname),
    table: output === null ? String(relname) : null,
    output: output === null ? null : renamed(output, colnames),
    renamed:
      output === null &&
      (listOf(colnames).length > 0 || around.walked.meanings.views.includes(String(relname))),
  });
}

function levelOf(kind: string, node: Tree, around: AroundQuery): QueryLevel {
  const joined: Joined = {
    sources: [],
    conditions: [...conjunctsOf(node.whereClause)],
    outer: [],
    equal: [],
  };
  const items = [node.relation, ...listOf(node.fromClause), ...listOf(node.usingClause)];
  for (const item of items.filter(isTree)) join(item, around, joined);
  const { sources, conditions, equal } = joined;
  const ranges = conditions.filter((condition) => around.walked.ranges.has(condition));
  const refer = (value: unknown) => referenceIn(value, sources, around);
  const sides = ({ A_Expr: expression }: Tree) =>
    [treeOf(expression).lexpr, treeOf(expression).rexpr].map(refer).filter((side) => side !== null);
  const pairs = (list: readonly Tree[]) =>
    list
      .filter(isEquality)
      .map(sides)
      .filter((two): two is [string, string] => two.length === 2);
  const seeds = [
    ...[...around.keys].filter((key) => !sources.some(({ alias }) => key.startsWith(`${alias}.`))),
    ...sources.flatMap(({ alias, output }) => (output?.keys ?? []).map(({ name }) => `${alias}.${name}`)),
    ...ranges.flatMap(sides),
  ];
  const known = closure(seeds, [...equal, ...pairs(conditions)]);
  const links = linksOf(node, conditions, { ...around, keys: known }, refer);
  const keys = closure([...known, ...links.keys], [...equal, ...pairs(conditions)]);
  const level: QueryLevel = {
    kind,
    node,
    sources,
    bounded: links.bounded || ranges.length > 0 || sources.some(({ output }) => output?.bounded === true),
    loose: links.loose,
    keys,
    reads: closure(keys, [...equal, ...pairs([...conditions, ...joined.outer])]),
  };
  around.seen(level, around.counts);
  return level;
}

function isEquality({ A_Expr: expression }: Tree): boolean {
  const { kind, name } = treeOf(expression);
  return kind === 'AEXPR_OP' && namesIn(name).at(-1) === '=';
}

function closure(seeds: Iterable<string>, pairs: readonly Pair[]): ReadonlySet<string> {
  const found = new Set(seeds);
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const [a, b] of pairs) if (found.has(a) || found.has(b)) found.add(a).add(b);
  }
  return found;
}

/** What the sub-selects of a query say of its rows. */
function linksOf(
  node: Tree,
  conditions: readonly Tree[],
  around: AroundQuery,
  refer: (value: unknown) => string | null,
): Pick<QueryLevel, 'bounded' | 'loose'> & { readonly keys: readonly string[] } {
  const direct = new Map(conditions.flatMap(linkIn));
  const keys: string[] = [];
  let [bounded, loose] = [false, false];
  const { withClause: _with, ...rest } = node;
  for (const link of findAll(rest, 'SubLink')) {
    const select = treeOf(link.subselect);
    const { bounded: isBounded } = outputOf(select, { ...around, counts: false });
    if (!isBounded) continue;
    // Once more without the keys around it: what it tells of them by itself.
    let top: QueryLevel | undefined;
    const seen: AroundQuery['seen'] = (level) => {
      top = level;
    };
    const output = outputOf(select, {
      ...around,
      keys: new Set(),
      seen,
      aside: () => undefined,
      inserted: () => undefined,
    });
    const inner = top?.sources ?? [];
    const outside = [...(top?.keys ?? [])].filter(
      (key) => !key.startsWith('?.') && !inner.some(({ alias }) => key.startsWith(`${alias}.`)),
    );
    const isFirst = output.keys.some(({ position }) => position === 0);
    const tested = direct.get(link);
    if (tested === undefined && outside.length === 0) around.aside();
    bounded ||= tested !== undefined;
    keys.push(...outside);
    if (isFirst && tested != null) keys.push(refer(tested) ?? '*');
    else if (tested !== undefined && outside.length === 0) loose = true;
  }
  return { keys, bounded, loose };
}
