// Programs for building, dropping and rebuilding indexes beside traffic.
import { child, isNode, list, listOf, nameOf, option, strings, text } from '../statement/ast.ts';
import { quoteIdentifier, sqlName } from '../statement/names.ts';
import { slice, tokenAt, tokenize } from '../statement/tokens.ts';
import type { ActionOf, Name } from '../statement/types.ts';
import { type Catalog, type CatalogRelation, lookUp } from '../trace/traced.ts';
import { chooseName, expressionName, joinColumns, takenNames } from './chosen-names.ts';
import { childrenOf, isPartitioned, type Occasion, relationOf } from './occasion.ts';
import { parseOne, proven } from './same-tree.ts';
import { type Advice, inTransaction, outsideTransaction, refuse } from './series.ts';
import { cutRefused } from './validated-later.ts';

type CreateIndex = Occasion<ActionOf<'create-index'>>;

/** CREATE INDEX without, or on a partitioned table with, CONCURRENTLY. */
export function createIndex(occasion: CreateIndex): Advice {
  const { statement, action, parse } = occasion;
  if (statement.kind !== 'IndexStmt') return refuse('it stands inside a block');
  if (isPartitioned(action.table, occasion)) return onPartitions(occasion);
  const rewritten = action.concurrent ? statement.text : concurrently(statement.text, 'index');
  if (proven(parse, rewritten, 'IndexStmt', { ...statement.node, concurrent: true }) === null)
    return refuse(cutRefused);
  const schema = action.table.schema ?? relationOf(action.table, occasion)?.schema;
  const name = action.index ?? chosenIndexName(occasion);
  const isNew = statement.node.if_not_exists !== true;
  const down = `DROP INDEX CONCURRENTLY ${sqlName(schema === undefined ? { name } : { schema, name })}`;
  return { phases: [outsideTransaction([rewritten], isNew ? [down] : null)] };
}

function concurrently(sql: string, after: string): string {
  const end = tokenize(sql).find(({ text: word, depth }) => depth === 0 && word === after)?.end ?? 0;
  return `${sql.slice(0, end)} CONCURRENTLY${sql.slice(end)}`;
}

/** The names of the columns, as an unnamed index is called by. */
function elementNames({ statement }: CreateIndex): string {
  const names = ['indexParams', 'indexIncludingParams'].flatMap((field) =>
    listOf(statement.node, field, 'IndexElem').map(
      (element) => text(element, 'name') ?? expressionName(child(element, 'expr')),
    ),
  );
  return joinColumns(names);
}

function chosenIndexName(occasion: CreateIndex): string {
  const relation = relationOf(occasion.action.table, occasion);
  const taken = takenNames(relation?.schema ?? 'public', occasion.catalog);
  return chooseName(occasion.action.table.name, elementNames(occasion), 'idx', taken);
}

/** Each partition gets its index beside traffic; the index of the whole then only takes them over. */
function onPartitions(occasion: CreateIndex): Advice {
  const { statement, action, catalog } = occasion;
  const parent = relationOf(action.table, occasion);
  if (parent === undefined || catalog === undefined) return refuse('its partitions are not known');
  if (child(statement.node, 'relation').inh !== true) return refuse('the statement says ONLY');
  const partitions = childrenOf(parent, catalog);
  if (partitions.length === 0) return refuse('the partitions of the target are not known here');
  if (partitions.some(({ kind }) => kind !== 'r'))
    return refuse('a partition is itself partitioned or foreign');
  const columns = JSON.stringify(
    listOf(statement.node, 'indexParams', 'IndexElem').map(({ name = '' }) => name),
  );
  if (partitions.some(({ indexes }) => indexes.some((index) => JSON.stringify(index.columns) === columns)))
    return refuse('a partition has an index over these columns already, which may be the one to take over');
  const own = action.index ?? chosenIndexName(occasion);
  const built = partitionIndexes(occasion, partitions, { schema: parent.schema, name: own });
  if (built.some(({ sql }) => sql === null)) return refuse(cutRefused);
  const whole = statement.text.replace(/\bconcurrently\b/i, '').replace(/ {2,}/g, ' ');
  const { concurrent: _concurrent, ...node } = statement.node;
  if (proven(occasion.parse, whole, 'IndexStmt', node) === null) return refuse(cutRefused);
  const creates = built.map(({ sql }) => sql ?? '');
  const drops = built.map(({ index }) => `DROP INDEX CONCURRENTLY ${sqlName(index)}`);
  const again = creates.map((sql) => sql.replace(' CONCURRENTLY ', ' '));
  return {
    phases: [
      outsideTransaction(creates, drops.reverse()),
      inTransaction([whole], [`DROP INDEX ${sqlName({ schema: parent.schema, name: own })}`, ...again]),
    ],
    note: 'Partitions that only the target has need their index first, in the same way.',
  };
}

/** For each partition its index with the statement, null where none is proven. @param own the index of the whole */
function partitionIndexes(
  occasion: CreateIndex,
  partitions: readonly CatalogRelation[],
  own: { readonly schema: string; readonly name: string },
): readonly { readonly index: Name; readonly sql: string | null }[] {
  // An index is in the schema of its table.
  const taken = new Map([[own.schema, new Set([...takenNames(own.schema, occasion.catalog), own.name])]]);
  return partitions.map((partition) => {
    const { schema } = partition;
    const there = taken.get(schema) ?? new Set(takenNames(schema, occasion.catalog));
    const name = chooseName(partition.name, elementNames(occasion), 'idx', there);
    taken.set(schema, there.add(name));
    return { index: { schema, name }, sql: partitionIndex(occasion, partition, name) };
  });
}

/** The statement for one partition: another name, another table, CONCURRENTLY. */
function partitionIndex(
  { statement, parse }: CreateIndex,
  partition: CatalogRelation,
  name: string,
): string | null {
  const { text: sql, node } = statement;
  const tokens = tokenize(sql);
  const at = tokenAt(sql, tokens, Number(child(node, 'relation').location ?? 0));
  let end = at + 1;
  while (tokens[end]?.text === '.') end += 2;
  const unique = node.unique === true ? 'UNIQUE ' : '';
  const table = sqlName({ schema: partition.schema, name: partition.name });
  const rest = slice(sql, tokens.slice(end));
  const built = `CREATE ${unique}INDEX CONCURRENTLY ${quoteIdentifier(name)} ON ${table} ${rest}`;
  const relation = { ...child(node, 'relation'), schemaname: partition.schema, relname: partition.name };
  const { if_not_exists: _ine, ...kept } = node;
  return proven(parse, built, 'IndexStmt', { ...kept, idxname: name, relation, concurrent: true });
}

/** DROP INDEX: one statement for each index. */
export function dropIndex(occasion: Occasion<ActionOf<'drop-index'>>): Advice {
  const { statement, catalog } = occasion;
  if (statement.kind !== 'DropStmt') return refuse('it stands inside a block');
  if (statement.node.behavior === 'DROP_CASCADE')
    return refuse('CASCADE: name first what depends on the index');
  const names = list(statement.node, 'objects').map((object) => nameIn(object));
  if (names.some((name) => relationOf(name, { ...(catalog === undefined ? {} : { catalog }) })?.kind === 'I'))
    return refuse('an index of a partitioned table cannot be dropped CONCURRENTLY');
  const exists = statement.node.missing_ok === true ? 'IF EXISTS ' : '';
  const drops = names.map((name) => `DROP INDEX CONCURRENTLY ${exists}${sqlName(name)}`);
  const made = names.map((name) => definitionOf(name, catalog));
  const down = made.includes(undefined) ? null : made.map((sql) => concurrently(sql ?? '', 'index'));
  return { phases: [outsideTransaction(drops, down)] };
}

/** CREATE INDEX as the catalog has it. */
function definitionOf(name: Name, catalog: Catalog | undefined): string | undefined {
  const index = catalog === undefined ? undefined : lookUp(name, catalog);
  const table = index?.table == null ? undefined : catalog?.get(index.table);
  return table?.indexes.find((one) => one.name === index?.name)?.definition;
}

function nameIn(object: Parameters<typeof child>[0]): Name {
  return nameOf(strings(child(object, 'List'), 'items'));
}

/** REINDEX of one thing. */
export function reindex({ statement, action, parse }: Occasion<ActionOf<'reindex'>>): Advice {
  if (statement.kind !== 'ReindexStmt') return refuse('it stands inside a block');
  if (option(statement.node, 'params', 'concurrently') !== undefined)
    return refuse('it says by itself whether it is CONCURRENTLY');
  if (action.what === 'SYSTEM') return refuse('system catalogs cannot be rebuilt CONCURRENTLY');
  const rewritten = concurrently(statement.text, action.what.toLowerCase());
  const found = parseOne(parse, rewritten);
  const isSame =
    found?.kind === 'ReindexStmt' && isNode(found.node) && found.node.kind === statement.node.kind;
  return isSame ? { phases: [outsideTransaction([rewritten], [])] } : refuse(cutRefused);
}

/** A concurrent statement in a file with a transaction: the same statement, in a file without. */
export function outsideOf(
  occasion: Occasion<ActionOf<'create-index' | 'drop-index' | 'reindex' | 'detach-partition'>>,
): Advice {
  const { statement, action } = occasion;
  if (!action.concurrent) return refuse(cutRefused);
  if (action.kind === 'create-index') return createIndex({ ...occasion, action });
  if (action.kind === 'drop-index') return dropIndex({ ...occasion, action });
  return { phases: [outsideTransaction([statement.text], action.kind === 'reindex' ? [] : null)] };
}

/** An index for a foreign key's columns, as phases. */
export function indexForKey(
  occasion: Pick<Occasion, 'catalog'>,
  table: Name,
  columns: readonly string[],
): Advice {
  if (isPartitioned(table, occasion))
    return refuse('the index of a partitioned table is built partition by partition, then ON the table');
  const schema = relationOf(table, occasion)?.schema ?? 'public';
  const name = chooseName(table.name, joinColumns(columns), 'idx', takenNames(schema, occasion.catalog));
  const quoted = quoteIdentifier(name);
  const spec = `${sqlName(table)} (${columns.map(quoteIdentifier).join(', ')})`;
  const inSchema = table.schema === undefined ? quoted : `${quoteIdentifier(table.schema)}.${quoted}`;
  return {
    phases: [
      outsideTransaction(
        [`CREATE INDEX CONCURRENTLY ${quoted} ON ${spec}`],
        [`DROP INDEX CONCURRENTLY ${inSchema}`],
      ),
    ],
  };
}
