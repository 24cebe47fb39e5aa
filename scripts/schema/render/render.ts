// Takes a way to query; gives the schema as SQL that a person can read and an empty database can run: the text of
// db/schema.sql without its head. What it cannot carry over it names. It must not know files or versions.

import { sqlComment, visible } from '../../base/foreign-text.ts';
import { readObjects, withCanonicalSession } from '../catalog/snapshot.ts';
import { splitOutside } from '../sql.ts';
import type { Query, SchemaOptions } from '../types.ts';
import { attachedPieces, isBroken, skipsForeign } from './attached.ts';
import { commentSql } from './comments.ts';
import { equalKeyDependencies } from './equal-keys.ts';
import { hierarchies } from './heirs.ts';
import { withoutCarriageReturns } from './line-ends.ts';
import { buildModel, type Item, type Model } from './model.ts';
import { type Dependency, orderPieces, type Piece } from './order.ts';
import { ownershipSql } from './ownership.ts';
import { withSearchPaths } from './paths.ts';
import { addedDependencies, closingStatements, needsShell, simplePieces } from './pieces.ts';
import { readDependencies, readRole, readRoutineTexts, withUntold } from './read.ts';
import { relationPieces } from './relations.ts';
import { needsSuperuser } from './superuser.ts';
import { keyOf } from './tables.ts';

export interface RenderedSchema {
  readonly sql: string;
  /** What the SQL holds as a comment only, as `<class> <identity>`. */
  readonly unsupported: readonly string[];
  /** What only a superuser can make, as `<class> <identity>`; psql goes on without it. */
  readonly superuser: readonly string[];
}

interface Sources {
  readonly model: Model;
  readonly texts: ReadonlyMap<string, string>;
  readonly dependencies: readonly Dependency[];
  readonly reader: string;
}

/** Orders the pieces; what waits in a circle is taken apart: defaults and checks first, then queries of views. */
function order(sources: Sources): Piece[] {
  const { model, dependencies } = sources;
  const keys = equalKeyDependencies(model, dependencies);
  const { ordered, waiting } = orderWith(sources, keys);
  const { ordered: all, waiting: circle } =
    waiting.length > 0 && keys.length > 0 ? orderWith(sources, []) : { ordered, waiting };
  // Nothing left to split: what waits in a circle is written by rank, for a person to look at.
  return [...all, ...circle.toSorted((a, b) => a.rank - b.rank)];
}

interface Ordered {
  readonly ordered: readonly Piece[];
  readonly waiting: readonly Piece[];
}

/** @param wishes what should come after what, beside what must */
function orderWith({ model, texts, dependencies, reader }: Sources, wishes: readonly Dependency[]): Ordered {
  const split = new Set(model.of('foreign-data-wrapper').map(keyOf));
  for (;;) {
    const together = hierarchies(model, (table) => split.has(keyOf(table)));
    const isApart = (table: Item) =>
      split.has(keyOf(table)) ||
      together.some((tables) => tables.includes(table) && tables.some((each) => split.has(keyOf(each))));
    const pieces = [
      ...relationPieces(model, split, together),
      ...simplePieces(model, texts, split, reader),
      ...attachedPieces(model),
    ];
    const all = [
      ...dependencies.map((dependency) => redirect(model, split, dependency, dependencies)),
      ...addedDependencies(model, isApart),
      ...wishes,
    ];
    const { ordered, stuck } = orderPieces(pieces, all);
    const next = nextToSplit(model, stuck, split);
    if (next.length === 0) return { ordered, waiting: pieces.filter(({ key }) => stuck.includes(key)) };
    for (const key of next) split.add(key);
  }
}

function nextToSplit(model: Model, stuck: readonly string[], split: ReadonlySet<string>): string[] {
  const waiting = stuck.filter((key) => !split.has(key));
  const isView = (key: string) =>
    model.find('relation', key.slice('relation '.length))?.parts.get('kind') === 'view';
  const relations = waiting.filter((key) => key.startsWith('relation '));
  const domains = waiting.filter(
    (key) => model.find('type', key.replace(/^type /, ''))?.parts.get('kind') === 'domain',
  );
  const first = [...relations.filter((key) => !isView(key)), ...domains];
  return first.length > 0 ? first : relations.filter(isView);
}

/** What an announced view or type needs less, and what is content with its announcement. */
function redirect(
  model: Model,
  split: ReadonlySet<string>,
  { from, to }: Dependency,
  all: readonly Dependency[],
): Dependency {
  if (split.has(from) && from.startsWith('relation ') && !/^(type|collation|schema|extension) /.test(to)) {
    const view = model.find('relation', from.slice('relation '.length));
    if (view?.parts.get('kind') === 'view') return { from: from.replace('relation ', 'view '), to };
  }
  if (from.startsWith('index ') && to.startsWith('index ')) {
    const parent = model.find('index', to.slice('index '.length));
    return parent !== undefined && skipsForeign(model, parent) ? { from: to, to: from } : { from, to };
  }
  const type = to.startsWith('type ') ? model.find('type', to.slice('type '.length)) : undefined;
  if (type !== undefined && needsShell(type) && from.startsWith('routine ')) {
    const isOwn = all.some((other) => other.from === to && other.to === from);
    if (isOwn) return { from, to: to.replace('type ', 'shell ') };
  }
  return { from, to };
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
  'CREATE EXTENSION IF NOT EXISTS plpgsql SCHEMA pg_catalog;',
]);

/** An extension brings its own comment. */
function silentExtensions(model: Model): string[] {
  return model
    .of('extension')
    .filter(({ identity }) => model.find('comment', `extension ${identity}`) === undefined)
    .map(({ identity }) => `COMMENT ON EXTENSION ${identity} IS NULL;`);
}

/** ALTER … DEPENDS ON EXTENSION for each of `function public.f(integer), trigger t on public.x`. */
function extensionDependents(model: Model): string[] {
  return model.of('extension').flatMap((item) =>
    splitOutside(item.parts.get('dependents') ?? '', '\n')
      .filter((dependent) => dependent !== '')
      .map((dependent) => {
        const [, kind = '', name = ''] =
          /^(materialized view|function|procedure|trigger|index) (.+)$/s.exec(dependent) ?? [];
        const spoken = kind === 'trigger' ? name.replace(/ on (\S+)$/, ' ON $1') : name;
        return `ALTER ${kind.toUpperCase()} ${spoken} DEPENDS ON EXTENSION ${item.identity};`;
      }),
  );
}

/** What no statement of ours leads to: `detach_pending`, broken indexes, secrets in settings, unknown kinds of comments. */
function unwritten(model: Model): Item[] {
  return [
    ...model.of('relation').filter(({ parts }) => parts.has('detach_pending')),
    ...model.of('index').filter(isBroken),
    ...model.of('setting').filter(({ parts }) => parts.get('value') === '(hidden)'),
    ...model.of('comment').filter((item) => commentSql(item) === undefined),
  ];
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

async function readSources(query: Query, options: SchemaOptions): Promise<Sources> {
  const { include } = options;
  const whole: SchemaOptions = include.length === 0 ? options : { ...options, include: ['owners', 'grants'] };
  const objects = await withUntold(query, options, await readObjects(query, whole));
  return {
    model: buildModel(objects),
    dependencies: await readDependencies(query, options),
    texts: await readRoutineTexts(query, options),
    reader: await readRole(query),
  };
}

/** @param late those of event triggers and subscriptions, which are made last; else all others */
function commentsOf(model: Model, late: boolean): string[] {
  const isLate = ({ identity }: Item) => /^(event trigger|subscription) /.test(identity);
  return model
    .of('comment')
    .filter((item) => isLate(item) === late)
    .flatMap((item) => commentSql(item) ?? []);
}

/** What whoever loads the file may have set otherwise, as far as this text would be read differently then. */
function settingsFor(body: string): string {
  return [
    'SET check_function_bodies = off;',
    "SET search_path = '';",
    ...(/[^\0-\x7f]/.test(body) ? ["SET client_encoding = 'UTF8';"] : []),
    ...(body.includes('\\') ? ['SET standard_conforming_strings = on;'] : []),
    ...(body.includes('::xml') ? ['SET xmloption = content;'] : []),
  ].join('\n');
}

/**
 * The schema as SQL: run on an empty database (as one batch) it gives the same fingerprint, unless `unsupported`
 * names something. Reads in a transaction of its own.
 * @throws what the query function throws
 */
export async function renderSchema(query: Query, options: SchemaOptions): Promise<RenderedSchema> {
  const sources = await withCanonicalSession(query, () => readSources(query, options));
  const { model, dependencies, reader } = sources;
  const pieces = withSearchPaths(model, order(sources), dependencies);
  const beyond = unwritten(model);
  const superuser = model.items.filter(needsSuperuser).map(keyOf);
  const body = [
    ...missingLanguage(model),
    ...publicSchema(model),
    ...(model.of('distribution').length === 0 ? [] : ['CREATE EXTENSION IF NOT EXISTS citus;']),
    ...[
      ...pieces,
      ...extensionDependents(model),
      ...commentsOf(model, false),
      ...silentExtensions(model),
    ].filter((sql) => !usual.has(sql)),
    ...ownershipSql(model, reader, options.include),
    ...closingStatements(model, reader),
    ...commentsOf(model, true),
    ...beyond.map(asComment),
  ].join('\n\n');
  const blocks = [
    ...(superuser.length === 0 ? [] : [sqlComment(`needs a superuser: ${visible(superuser.join(', '))}`)]),
    settingsFor(body),
    ...(body === '' ? [] : [body]),
  ];
  const sql = withoutCarriageReturns(`${blocks.join('\n\n')}\n`);
  return { sql, unsupported: beyond.map(keyOf), superuser };
}
