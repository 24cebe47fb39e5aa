// Takes a way to query; gives the schema as SQL that a person can read and an empty database can run: the text of
// db/schema.sql without its head. What it cannot carry over it names. It must not know files or versions.

import { sqlComment, visible } from '../../base/foreign-text.ts';
import { readObjects, withCanonicalSession } from '../catalog/snapshot.ts';
import type { ObjectClass, Query, SchemaObject, SchemaOptions } from '../types.ts';
import { attachedPieces, commentSql } from './attached.ts';
import { buildModel, type Item, type Model } from './model.ts';
import { type Dependency, orderPieces, type Piece } from './order.ts';
import { aggregateSql, sequenceSql, typeSql } from './programs.ts';
import { readDependencies, readRoutineTexts } from './read.ts';
import { ranks, relationPieces } from './tables.ts';

export interface RenderedSchema {
  readonly sql: string;
  /** What the SQL holds as a comment only, as `<class> <identity>`. */
  readonly unsupported: readonly string[];
}

/** Classes that the SQL carries over; objects of the others are named only. */
const carried: ReadonlySet<ObjectClass> = new Set([
  ...([
    'relation',
    'column',
    'column-order',
    'constraint',
    'index',
    'routine',
    'aggregate',
    'trigger',
  ] as const),
  ...(['rule', 'policy', 'statistics', 'type', 'sequence', 'schema', 'extension', 'comment'] as const),
]);

/** True for what no SQL of ours brings back, besides the classes that are not carried at all. */
function isBeyond(item: Item): boolean {
  const kind = item.parts.get('kind');
  if (item.class === 'relation') return kind === 'foreign table';
  if (item.class === 'type') return kind === 'base';
  if (item.class === 'routine') return item.parts.has('library') || item.parts.get('language') === 'internal';
  return item.class === 'comment' && commentSql(item) === undefined;
}

/** Splits the objects into those that are written and those that are only named, with all that stands on the latter. */
function sortOut(objects: readonly SchemaObject[]): { model: Model; beyond: Item[] } {
  const all = buildModel(objects);
  const named = all.items.filter((item) => !carried.has(item.class) || isBeyond(item));
  const gone = new Set(named);
  const tables = new Set(named.filter((item) => item.class === 'relation').map((item) => item.identity));
  const written = objects.filter((_, i) => {
    const item = all.items[i];
    if (item === undefined || gone.has(item)) return false;
    return !tables.has(item.table ?? '') && !(item.class === 'column-order' && tables.has(item.identity));
  });
  return { model: buildModel(written), beyond: named };
}

function schemaSql(item: Item): string | undefined {
  return item.identity === 'public' ? undefined : `CREATE SCHEMA ${item.identity};`;
}

function extensionSql(item: Item): string {
  const schema = item.parts.get('schema');
  const where = schema === 'pg_catalog' ? '' : ` SCHEMA ${schema}`;
  return `CREATE EXTENSION IF NOT EXISTS ${item.identity}${where};`;
}

/** What stands apart from tables; `texts` are the routines’, by identity. */
export function simplePieces(model: Model, texts: ReadonlyMap<string, string>): Piece[] {
  const pieces = (
    objectClass: ObjectClass,
    rank: number,
    sqlOf: (item: Item) => string | undefined,
    inlined: (item: Item) => string[] = () => [],
  ) =>
    model.of(objectClass).flatMap((item): Piece[] => {
      const sql = sqlOf(item);
      const key = `${objectClass} ${item.identity}`;
      return sql === undefined ? [] : [{ key, rank, sql, inlined: inlined(item) }];
    });
  const checksOf = (item: Item) =>
    model
      .partsOf(item.identity, 'constraint')
      .filter((check) => !check.parts.get('definition')?.endsWith('NOT VALID'))
      .map((check) => `constraint ${check.identity}`);
  const loose = (item: Item) => (item.parts.has('identity_of') ? undefined : sequenceSql(item));
  const owned = model.of('sequence').filter((item) => item.parts.has('owned_by'));
  return [
    ...pieces('schema', ranks.schema, schemaSql),
    ...pieces('extension', ranks.extension, extensionSql),
    ...pieces('type', ranks.type, (item) => typeSql(model, item), checksOf),
    ...pieces('sequence', ranks.sequence, loose),
    ...pieces('routine', ranks.routine, (item) => `${texts.get(item.identity)};`),
    ...pieces('aggregate', ranks.aggregate, aggregateSql),
    ...owned.map((item) => ({
      key: `ownership ${item.identity}`,
      rank: ranks.ownership,
      sql: `ALTER SEQUENCE ${item.identity} OWNED BY ${item.parts.get('owned_by')};`,
      inlined: [],
    })),
  ];
}

/** Dependencies that no catalog knows: those of the pieces that come after a table. */
export function addedDependencies(model: Model): Dependency[] {
  return [
    ...model.of('sequence').flatMap((item) =>
      item.table === undefined
        ? []
        : [
            { from: `ownership ${item.identity}`, to: `relation ${item.table}` },
            { from: `ownership ${item.identity}`, to: `sequence ${item.identity}` },
          ],
    ),
    ...model
      .of('relation')
      .flatMap((table) => [
        { from: `late ${table.identity}`, to: `relation ${table.identity}` },
        ...[...model.partsOf(table.identity, 'constraint'), ...model.partsOf(table.identity, 'index')]
          .filter((item) => !item.parts.get('definition')?.startsWith('FOREIGN KEY'))
          .map((item) => ({ from: `late ${table.identity}`, to: `${item.class} ${item.identity}` })),
      ]),
  ];
}

/** Orders the pieces; where tables wait for each other's defaults or checks, those are written apart. */
function order(
  model: Model,
  texts: ReadonlyMap<string, string>,
  dependencies: readonly Dependency[],
): Piece[] {
  const rest = [...simplePieces(model, texts), ...attachedPieces(model)];
  const all = [...dependencies, ...addedDependencies(model)];
  const split = new Set<string>();
  for (;;) {
    const pieces = [...relationPieces(model, split), ...rest];
    const { ordered, stuck } = orderPieces(pieces, all);
    const next = stuck.filter((key) => key.startsWith('relation ') && !split.has(key));
    if (next.length === 0) {
      // Nothing left to split: what waits in a circle is written by rank, for a person to look at.
      const waiting = pieces.filter((piece) => stuck.includes(piece.key));
      return [...ordered, ...waiting.sort((a, b) => a.rank - b.rank)];
    }
    for (const key of next) split.add(key);
  }
}

function publicSchema(model: Model): string[] {
  if (model.find('schema', 'public') === undefined) return ['DROP SCHEMA IF EXISTS public;'];
  return model.find('comment', 'schema public') === undefined ? ['COMMENT ON SCHEMA public IS NULL;'] : [];
}

function missingLanguage(model: Model): string[] {
  return model.find('extension', 'plpgsql') === undefined ? ['DROP EXTENSION IF EXISTS plpgsql;'] : [];
}

// What every new database has; saying so would only be noise.
const usual = new Set([
  "COMMENT ON SCHEMA public IS 'standard public schema';",
  "COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';",
  'CREATE EXTENSION IF NOT EXISTS plpgsql;',
]);

const lossyParts = ['tablespace', 'constraint_triggers', 'detach_pending', 'dependents'];

/** Attributes that depend on the server, or on a state that no statement of ours leads to. */
function lossyAttributes(model: Model): string[] {
  return [...model.of('relation'), ...model.of('index'), ...model.of('extension')].flatMap((item) => {
    const keys = lossyParts.filter((key) => item.parts.has(key));
    const partitioned = item.parts.get('definition')?.includes(' ON ONLY ');
    if (item.parts.has('invalid') && !partitioned) keys.push('invalid');
    return keys.map((key) => `${item.class} ${item.identity} (${key}=${item.parts.get(key)})`);
  });
}

function asComment(item: Item): string {
  const definition = [...item.parts].map(([key, value]) => `${key}=${value}`).join('\n');
  return sqlComment(
    [
      `not carried over: ${item.class} ${visible(item.identity)}`,
      ...definition.split('\n').map((line) => `  ${line}`),
    ].join('\n'),
  );
}

/**
 * The schema as SQL: run on an empty database (as one batch) it gives the same fingerprint, unless `unsupported`
 * names something. Reads in a transaction of its own.
 */
export async function renderSchema(query: Query, options: SchemaOptions): Promise<RenderedSchema> {
  const [objects, dependencies, texts] = await withCanonicalSession(query, async () => [
    await readObjects(query, { ...options, include: [] }),
    await readDependencies(query, options),
    await readRoutineTexts(query, options),
  ]);
  const { model, beyond } = sortOut(objects);
  const pieces = order(model, texts, dependencies).map((piece) => piece.sql);
  const comments = model.of('comment').flatMap((item) => commentSql(item) ?? []);
  const lossy = lossyAttributes(model);
  const blocks = [
    "SET check_function_bodies = off;\nSET search_path = '';",
    ...missingLanguage(model),
    ...publicSchema(model),
    ...[...pieces, ...comments].filter((sql) => !usual.has(sql)),
    ...beyond.map(asComment),
    ...lossy.map((attribute) => sqlComment(`not carried over: ${visible(attribute)}`)),
  ];
  return {
    sql: `${blocks.join('\n\n')}\n`,
    unsupported: beyond.map((item) => `${item.class} ${item.identity}`),
  };
}
