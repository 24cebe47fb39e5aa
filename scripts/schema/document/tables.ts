// Takes the objects of a snapshot; gives the tables, views and types as people read them: names without SQL's quotes
// beside the identities, keys per column, which table refers to which. Pure; it must not know Markdown or HTML.

import { maskSqlSecrets } from '../../base/redact.ts';
import { foreignKeyOf } from '../render/definitions.ts';
import { buildModel, groupBy, type Item, type Model, splitNames } from '../render/model.ts';
import { bareName } from '../sql.ts';
import type { ObjectClass, SchemaObject } from '../types.ts';

/** What has to be read for a document. */
export const documented: readonly ObjectClass[] = [
  ...(['relation', 'column', 'column-order', 'constraint', 'index', 'type', 'comment'] as const),
];

export interface ColumnEntry {
  /** As SQL spells it, in quotes where it needs them. */
  readonly identity: string;
  readonly name: string;
  readonly type: string;
  readonly nullable: string;
  readonly identityColumn: string | undefined;
  readonly generated: string | undefined;
  /** Of a generated column: computed when it is read, not stored. */
  readonly virtual: boolean;
  readonly defaultValue: string | undefined;
  readonly primary: boolean;
  readonly unique: boolean;
  /** Identities of the tables that its foreign keys point to. */
  readonly references: readonly string[];
  readonly comment: string;
}

export interface ReferenceEntry {
  readonly name: string;
  /** Identities of columns. */
  readonly columns: readonly string[];
  /** The identity of a table, which may be none of the document's. */
  readonly target: string;
  /** No row without a target: all columns are NOT NULL. */
  readonly required: boolean;
  /** At most one row per target. */
  readonly single: boolean;
}

export interface NamedText {
  readonly name: string;
  readonly text: string;
}

export interface TableEntry {
  readonly identity: string;
  readonly schema: string;
  readonly name: string;
  /** `table`, `partitioned table`, `view` … */
  readonly kind: string;
  readonly isView: boolean;
  readonly partitionKey: string | undefined;
  readonly comment: string;
  readonly columns: readonly ColumnEntry[];
  readonly references: readonly ReferenceEntry[];
  readonly checks: readonly NamedText[];
  readonly indexes: readonly NamedText[];
  readonly partitions: readonly NamedText[];
}

export interface TypeEntry {
  readonly identity: string;
  readonly kind: string;
  readonly definition: string;
  readonly comment: string;
}

export interface SchemaEntries {
  readonly tables: readonly TableEntry[];
  readonly types: readonly TypeEntry[];
}

/** The names of a path such as `public."my table"`, without their quotes. */
function namesOf(path: string): string[] {
  return (path.match(/(?:"[^"]*")+|[^".]+/g) ?? []).map(bareName);
}

const keyPattern = /^(PRIMARY KEY|UNIQUE)(?: NULLS NOT DISTINCT)? \(((?:"[^"]*"|[^"()])+)\)/;

/** Tables and views in the order of the objects; partitions stand with the table that they are part of. */
export function readEntries(objects: readonly SchemaObject[]): SchemaEntries {
  const model = buildModel(objects);
  const relations = model.of('relation').filter((item) => !item.parts.has('partition_of'));
  const parts = groupBy(model.of('relation'), (item) => item.parts.get('partition_of'));
  return {
    tables: relations.map((item) => tableEntry(model, item, parts.get(item.identity) ?? [])),
    types: model.of('type').map((item) => typeEntry(model, item)),
  };
}

function commentOn(model: Model, what: string): string {
  return maskSqlSecrets(model.find('comment', what)?.parts.get('text') ?? '');
}

/** A default has no word of its own that says what it is: its column has. */
function maskedDefault(column: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const before = `${column} text DEFAULT `;
  return maskSqlSecrets(before + text).slice(before.length);
}

const definitionOf = ({ parts }: Item) => parts.get('definition') ?? '';

function tableEntry(model: Model, table: Item, partitions: readonly Item[]): TableEntry {
  const { identity, parts } = table;
  const kind = parts.get('kind') ?? 'table';
  const constraints = model.partsOf(identity, 'constraint');
  const references = referencesOf(model, table, constraints);
  const [schema = '', name = ''] = namesOf(identity);
  return {
    ...{ identity, schema, name, kind, isView: /view$/.test(kind) },
    partitionKey: parts.get('partition_key'),
    comment: commentOn(model, `${kind} ${identity}`),
    columns: columnEntries(model, table, references),
    references,
    checks: constraints
      .filter((item) => /^(CHECK|EXCLUDE)/.test(definitionOf(item)))
      .map((item) => ({ name: item.name, text: maskSqlSecrets(definitionOf(item)) })),
    indexes: model
      .partsOf(identity, 'index')
      .filter((item) => !item.parts.has('constraint'))
      .map((item) => ({ name: item.identity, text: maskSqlSecrets(indexRest(definitionOf(item))) })),
    partitions: partitions.map((item) => ({
      name: item.identity,
      text: maskSqlSecrets(item.parts.get('bound') ?? ''),
    })),
  };
}

/** The columns of a table's primary key or of its unique constraints, one list per constraint. */
function keysOf(model: Model, table: Item, kind: 'PRIMARY KEY' | 'UNIQUE'): string[][] {
  return model.partsOf(table.identity, 'constraint').flatMap((item) => {
    const [, found, columns] = keyPattern.exec(definitionOf(item)) ?? [];
    return found !== kind || columns === undefined ? [] : [splitNames(columns)];
  });
}

function referencesOf(model: Model, table: Item, constraints: readonly Item[]): ReferenceEntry[] {
  const keys = [...keysOf(model, table, 'PRIMARY KEY'), ...keysOf(model, table, 'UNIQUE')];
  const isRequired = (column: string) =>
    model.find('column', `${table.identity}.${column}`)?.parts.get('nullable') === 'no';
  return constraints.flatMap((item) => {
    const { columns: names, target } = foreignKeyOf(definitionOf(item)) ?? {};
    if (names === undefined || target === undefined) return [];
    const columns = splitNames(names);
    const single = keys.some((key) => key.every((column) => columns.includes(column)));
    return [{ name: item.name, columns, target, required: columns.every(isRequired), single }];
  });
}

function columnEntries(
  model: Model,
  table: Item,
  references: readonly ReferenceEntry[],
): readonly ColumnEntry[] {
  const primary = new Set(keysOf(model, table, 'PRIMARY KEY').flat());
  const unique = new Set(keysOf(model, table, 'UNIQUE').flat());
  return model.partsOf(table.identity, 'column').map(({ identity, name, parts }) => ({
    identity: name,
    name: bareName(name),
    type: parts.get('type') ?? '',
    nullable: parts.get('nullable') ?? '',
    identityColumn: parts.get('identity'),
    generated: maskedDefault(name, parts.get('generated')),
    virtual: parts.has('virtual'),
    defaultValue: maskedDefault(name, parts.get('default')),
    primary: primary.has(name),
    unique: unique.has(name),
    references: references.filter(({ columns }) => columns.includes(name)).map(({ target }) => target),
    comment: commentOn(model, `column ${identity}`),
  }));
}

/** What an index is besides its name and table: `UNIQUE btree (a, b) WHERE …`. */
function indexRest(definition: string): string {
  const at = definition.indexOf(' USING ');
  const unique = definition.startsWith('CREATE UNIQUE') ? 'UNIQUE ' : '';
  return at < 0 ? definition : `${unique}${definition.slice(at + ' USING '.length)}`;
}

function typeEntry(model: Model, item: Item): TypeEntry {
  const { parts } = item;
  const checks = model.partsOf(item.identity, 'constraint').map((check) => check.parts.get('definition'));
  const what = parts.get('labels') ?? parts.get('attributes') ?? parts.get('base') ?? parts.get('subtype');
  return {
    identity: item.identity,
    kind: parts.get('kind') ?? '',
    definition: maskSqlSecrets([what, ...checks].filter((each) => each !== undefined).join(' ')),
    comment: commentOn(model, `type ${item.identity}`),
  };
}
