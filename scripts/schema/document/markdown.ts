// Takes a way to query; gives db/SCHEMA.md: contents, diagrams in Mermaid, tables with columns, types, keys and comments.
// The same schema always gives the same text. It must not know files.

import { markdownCell, markdownCode, markdownText } from '../../base/foreign-text.ts';
import { readObjects, withCanonicalSession } from '../catalog/snapshot.ts';
import type { Query, SchemaOptions } from '../types.ts';
import { groupTables } from './groups.ts';
import { diagramsOf } from './mermaid.ts';
import {
  type ColumnEntry,
  documented,
  type NamedText,
  readEntries,
  type SchemaEntries,
  type TableEntry,
  type TypeEntry,
} from './tables.ts';

/** A part of the document with a place to jump to; `lines` begin with its heading. */
interface Section {
  readonly title: string;
  readonly anchor: string;
  readonly lines: readonly string[];
}

interface Chapter {
  readonly title: string;
  readonly sections: readonly Section[];
}

/** The schema as a document for people; partitions are listed with their table. Reads in a transaction of its own. */
export async function renderDocument(query: Query, options: SchemaOptions): Promise<string> {
  return markdownDocument(readEntries(await readDocumented(query, options)));
}

/**
 * The objects that a document is made from. Reads in a transaction of its own.
 * @throws what the query function throws
 */
export function readDocumented(query: Query, options: SchemaOptions): ReturnType<typeof readObjects> {
  return withCanonicalSession(query, () => readObjects(query, options, documented));
}

/** @returns db/SCHEMA.md */
export function markdownDocument({ tables, types }: SchemaEntries): string {
  const anchor = anchors();
  const plain = tables.filter(({ isView }) => !isView);
  const sectionOf = (table: TableEntry) => ({
    title: table.identity,
    anchor: anchor(table.identity),
    lines: [`### ${markdownText(table.identity)}`, '', ...tableLines(table)],
  });
  const chapters: Chapter[] = [
    { title: 'Diagrams', sections: diagramSections(plain, anchor) },
    { title: 'Tables', sections: plain.map(sectionOf) },
    { title: 'Views', sections: tables.filter(({ isView }) => isView).map(sectionOf) },
  ].filter(({ sections }) => sections.length > 0);
  return [
    ...['# Database schema', '', 'Generated from the migrations; edits here are overwritten.', ''],
    ...(tables.length === 0 ? ['There are no tables.', ''] : contents(chapters, types)),
    ...chapters.flatMap(chapterLines),
    ...(types.length === 0 ? [] : ['## Types', '', ...types.map(typeLine), '']),
  ].join('\n');
}

/** Anchors of our own in ASCII: what a reader makes of a heading differs from one to the next. */
function anchors(): (title: string) => string {
  const given = new Set<string>();
  return (title) => {
    const base = `at-${title.replaceAll(/[^A-Za-z0-9_]+/g, '-').replaceAll(/^-|-$/g, '')}`.toLowerCase();
    let anchor = base;
    for (let i = 2; given.has(anchor); i += 1) anchor = `${base}-${i}`;
    given.add(anchor);
    return anchor;
  };
}

function contents(chapters: readonly Chapter[], types: readonly TypeEntry[]): string[] {
  const lines = chapters.flatMap(({ title, sections }) => [
    `- [${title}](#${title.toLowerCase()})`,
    ...sections.map((section) => `  - [${markdownText(section.title)}](#${section.anchor})`),
  ]);
  return ['## Contents', '', ...lines, ...(types.length === 0 ? [] : ['- [Types](#types)']), ''];
}

function chapterLines({ title, sections }: Chapter): string[] {
  const each = sections.flatMap(({ anchor, lines }) => [`<a id="${anchor}"></a>`, '', ...lines, '']);
  return [`## ${title}`, '', ...each];
}

function diagramSections(tables: readonly TableEntry[], anchor: (title: string) => string): Section[] {
  return groupTables(tables).flatMap(({ title, tables: members }) => {
    const diagrams = diagramsOf(members);
    return diagrams.map(({ text, left }, i) => {
      const name = diagrams.length === 1 ? title : `${title}, part ${i + 1} of ${diagrams.length}`;
      const rest =
        left === 0 ? [] : ['', `${left} more foreign keys had no room; they stand with their tables.`];
      const lines = [`### ${markdownText(name)}`, '', '```mermaid', text, '```', ...rest];
      return { title: name, anchor: anchor(`diagram ${name}`), lines };
    });
  });
}

function tableLines({ kind, partitionKey, comment, ...table }: TableEntry): string[] {
  const by = partitionKey === undefined ? '' : `, by ${markdownCode(partitionKey)}`;
  return [
    ...(kind === 'table' ? [] : [`A ${kind}${by}.`, '']),
    ...(comment === '' ? [] : [markdownCell(comment), '']),
    ...columnRows(table.columns),
    ...bullets('Constraints', table.checks),
    ...bullets('Indexes', table.indexes),
    ...bullets('Partitions', table.partitions, markdownCell, ' '),
  ];
}

function columnRows(columns: readonly ColumnEntry[]): string[] {
  if (columns.length === 0) return ['No columns.'];
  const rows = columns.map((column) =>
    [
      markdownCode(column.identity),
      markdownCode(column.type),
      column.nullable,
      defaultOf(column),
      keysOf(column),
      markdownCell(column.comment),
    ].join(' | '),
  );
  return [
    '| Column | Type | Nullable | Default | Key | Comment |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
  ];
}

function defaultOf({ identityColumn, generated, virtual, defaultValue }: ColumnEntry): string {
  if (identityColumn !== undefined) return `identity (${identityColumn})`;
  if (generated !== undefined) return `generated${virtual ? ', virtual,' : ''} ${markdownCode(generated)}`;
  return defaultValue === undefined ? '' : markdownCode(defaultValue);
}

function keysOf({ primary, unique, references }: ColumnEntry): string {
  return [
    ...(primary ? ['primary'] : []),
    ...(unique ? ['unique'] : []),
    ...references.map((target) => `→ ${markdownCode(target)}`),
  ].join(', ');
}

function bullets(title: string, items: readonly NamedText[], write = markdownCode, between = ': '): string[] {
  const lines = items.map(({ name, text }) => `- ${markdownCode(name)}${between}${write(text)}`);
  return lines.length === 0 ? [] : ['', `${title}:`, '', ...lines];
}

function typeLine({ identity, kind, definition, comment }: TypeEntry): string {
  const text = `- ${markdownCode(identity)}: ${kind} ${markdownCode(definition)}`;
  return comment === '' ? text : `${text}: ${markdownCell(comment)}`;
}
