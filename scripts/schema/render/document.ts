// Takes a way to query; gives db/SCHEMA.md: tables with columns, types, keys and comments, and a diagram in Mermaid.
// The same schema always gives the same text. It must not know files.

import { markdownCell, markdownCode, markdownText, visible } from '../../base/foreign-text.ts';
import { readObjects, withCanonicalSession } from '../catalog/snapshot.ts';
import type { ObjectClass, Query, SchemaOptions } from '../types.ts';
import { buildModel, type Item, type Model, splitNames } from './model.ts';

const documented: readonly ObjectClass[] = [
  ...(['relation', 'column', 'column-order', 'constraint', 'index', 'type', 'comment'] as const),
];

interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly target: string;
}

const identifier = '(?:"(?:[^"]|"")*"|[^"\\s(),.]+)';
const foreignKeyPattern = new RegExp(
  `^FOREIGN KEY \\((.+?)\\) REFERENCES (${identifier}(?:\\.${identifier})?)\\(`,
);

function foreignKeys(model: Model, table: Item): ForeignKey[] {
  return model.partsOf(table.identity, 'constraint').flatMap((item) => {
    const [, columns, target] = foreignKeyPattern.exec(item.parts.get('definition') ?? '') ?? [];
    return columns === undefined || target === undefined
      ? []
      : [{ name: item.name, columns: splitNames(columns), target }];
  });
}

/** The columns of a table's primary key or of its unique constraints, one list per constraint. */
function keyColumns(model: Model, table: Item, kind: 'PRIMARY KEY' | 'UNIQUE'): string[][] {
  const pattern = new RegExp(`^${kind}(?: NULLS NOT DISTINCT)? \\((.+?)\\)`);
  return model.partsOf(table.identity, 'constraint').flatMap((item) => {
    const columns = pattern.exec(item.parts.get('definition') ?? '')?.[1];
    return columns === undefined ? [] : [splitNames(columns)];
  });
}

function code(text: string | undefined): string {
  return text === undefined ? '' : markdownCode(text);
}

function commentOn(model: Model, what: string): string {
  return model.find('comment', what)?.parts.get('text') ?? '';
}

function keysOf(model: Model, table: Item, column: Item): string {
  const has = (columns: readonly string[]) => columns.includes(column.name);
  const references = foreignKeys(model, table).filter((key) => has(key.columns));
  return [
    ...(keyColumns(model, table, 'PRIMARY KEY').some(has) ? ['primary'] : []),
    ...(keyColumns(model, table, 'UNIQUE').some(has) ? ['unique'] : []),
    ...references.map((key) => `→ ${code(key.target)}`),
  ].join(', ');
}

function defaultOf({ parts }: Item): string {
  if (parts.has('identity')) return `identity (${parts.get('identity')})`;
  if (parts.has('generated')) return `generated ${code(parts.get('generated'))}`;
  return code(parts.get('default'));
}

function columnRows(model: Model, table: Item): string[] {
  const rows = model
    .partsOf(table.identity, 'column')
    .map((column) =>
      [
        code(column.name),
        code(column.parts.get('type')),
        column.parts.get('nullable') ?? '',
        defaultOf(column),
        keysOf(model, table, column),
        markdownCell(commentOn(model, `column ${column.identity}`)),
      ].join(' | '),
    );
  if (rows.length === 0) return ['No columns.'];
  return [
    '| Column | Type | Nullable | Default | Key | Comment |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
  ];
}

function bullets(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, '', ...lines.map((line) => `- ${line}`)];
}

function section(model: Model, table: Item): string {
  const kind = table.parts.get('kind') ?? 'table';
  const comment = commentOn(model, `${kind} ${table.identity}`);
  const checks = model
    .partsOf(table.identity, 'constraint')
    .filter((item) => /^(CHECK|EXCLUDE)/.test(item.parts.get('definition') ?? ''));
  const indexes = model.partsOf(table.identity, 'index').filter((item) => !item.parts.has('constraint'));
  const partitions = model
    .of('relation')
    .filter((item) => item.parts.get('partition_of') === table.identity)
    .map((item) => `${code(item.identity)} ${markdownCell(item.parts.get('bound') ?? '')}`);
  const key = table.parts.get('partition_key');
  return [
    `### ${markdownText(table.identity)}`,
    '',
    ...(kind === 'table' ? [] : [`A ${kind}${key === undefined ? '' : `, by ${code(key)}`}.`, '']),
    ...(comment === '' ? [] : [markdownCell(comment), '']),
    ...columnRows(model, table),
    ...bullets(
      'Constraints',
      checks.map((item) => `${code(item.name)}: ${code(item.parts.get('definition'))}`),
    ),
    ...bullets(
      'Indexes',
      indexes.map((item) => `${code(item.identity)}: ${code(indexRest(item))}`),
    ),
    ...bullets('Partitions', partitions),
  ].join('\n');
}

/** What an index is besides its name and table: `UNIQUE btree (a, b) WHERE …`. */
function indexRest(item: Item): string {
  const definition = item.parts.get('definition') ?? '';
  const at = definition.indexOf(' USING ');
  const unique = definition.startsWith('CREATE UNIQUE') ? 'UNIQUE ' : '';
  return at < 0 ? definition : `${unique}${definition.slice(at + ' USING '.length)}`;
}

/** Mermaid's words hold letters, digits and underscores; names in quotes may hold anything but quotes. */
const word = (text: string) =>
  text
    .replaceAll('[]', '_array')
    .replaceAll(/[^A-Za-z0-9_]+/g, '_')
    .replaceAll(/^_|_$/g, '') || '_';
const quoted = (text: string) => `"${visible(text).replaceAll('"', '')}"`;

function entity(model: Model, table: Item): string[] {
  const keyMarkers = (column: Item) => {
    const keys = keysOf(model, table, column);
    const markers = [
      ...(keys.includes('primary') ? ['PK'] : []),
      ...(keys.includes('→') ? ['FK'] : []),
      ...(keys.includes('unique') ? ['UK'] : []),
    ];
    return markers.length === 0 ? '' : ` ${markers.join(', ')}`;
  };
  const columns = model.partsOf(table.identity, 'column');
  const lines = columns.map(
    (column) => `    ${word(column.parts.get('type') ?? '')} ${word(column.name)}${keyMarkers(column)}`,
  );
  return [`  ${quoted(table.identity)} {`, ...lines, '  }'];
}

function relationships(model: Model, table: Item): string[] {
  const keys = [...keyColumns(model, table, 'PRIMARY KEY'), ...keyColumns(model, table, 'UNIQUE')];
  return foreignKeys(model, table).map(({ name, columns, target }) => {
    const required = columns.every(
      (column) => model.find('column', `${table.identity}.${column}`)?.parts.get('nullable') === 'no',
    );
    const single = keys.some((key) => key.every((column) => columns.includes(column)));
    return `  ${quoted(target)} ${required ? '||' : '|o'}--${single ? 'o|' : 'o{'} ${quoted(table.identity)} : ${quoted(name)}`;
  });
}

function diagram(model: Model, tables: readonly Item[]): string[] {
  if (tables.length === 0) return [];
  return [
    ...['## Diagram', '', '```mermaid', 'erDiagram'],
    ...tables.flatMap((table) => entity(model, table)),
    ...tables.flatMap((table) => relationships(model, table)),
    ...['```', ''],
  ];
}

function chapter(title: string, sections: readonly string[]): string[] {
  return sections.length === 0 ? [] : [`## ${title}`, '', ...sections.flatMap((text) => [text, ''])];
}

function typeSection(model: Model, item: Item): string {
  const { parts } = item;
  const checks = model.partsOf(item.identity, 'constraint').map((check) => check.parts.get('definition'));
  const what = parts.get('labels') ?? parts.get('attributes') ?? parts.get('base') ?? parts.get('subtype');
  const comment = markdownCell(commentOn(model, `type ${item.identity}`));
  const text = [parts.get('kind'), code([what, ...checks].filter((each) => each !== undefined).join(' '))];
  return `- ${code(item.identity)}: ${text.join(' ')}${comment === '' ? '' : `: ${comment}`}`;
}

/** The schema as a document for people; partitions are listed with their table. Reads in a transaction of its own. */
export async function renderDocument(query: Query, options: SchemaOptions): Promise<string> {
  const objects = await withCanonicalSession(query, () => readObjects(query, options, documented));
  const model = buildModel(objects);
  const relations = model.of('relation').filter((item) => !item.parts.has('partition_of'));
  const isView = (item: Item) => /view$/.test(item.parts.get('kind') ?? '');
  const tables = relations.filter((item) => !isView(item));
  const types = model.of('type').map((item) => typeSection(model, item));
  return [
    ...['# Database schema', '', 'Generated from the migrations; edits here are overwritten.', ''],
    ...(relations.length === 0 ? ['There are no tables.', ''] : []),
    ...diagram(model, tables),
    ...chapter(
      'Tables',
      tables.map((table) => section(model, table)),
    ),
    ...chapter(
      'Views',
      relations.filter(isView).map((view) => section(model, view)),
    ),
    ...chapter('Types', types.length === 0 ? [] : [types.join('\n')]),
  ].join('\n');
}
