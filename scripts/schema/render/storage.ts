// Takes tables and columns of the model; gives the SQL of how they are stored: options, storage, compression, statistics.
// Pure; it must not know in which order statements stand.

import type { Item, Model } from './model.ts';

/** Options as the catalog has them, `a=1, b=x`, as SQL wants them. */
export function optionList(options: string): string {
  return options
    .split(', ')
    .map((option) => {
      const at = option.indexOf('=');
      return `${option.slice(0, at)} = '${option.slice(at + 1).replaceAll("'", "''")}'`;
    })
    .join(', ');
}

/** ` WITH (…)`, or nothing. */
export function storageOptions(table: Item): string {
  const own = table.parts.get('options');
  const toast = table.parts.get('toast_options');
  const all = [
    ...(own === undefined ? [] : [optionList(own)]),
    ...(toast === undefined
      ? []
      : [
          optionList(
            toast
              .split(', ')
              .map((option) => `toast.${option}`)
              .join(', '),
          ),
        ]),
  ];
  return all.length === 0 ? '' : ` WITH (${all.join(', ')})`;
}

/** The tables that a table INHERITS from. */
export function parentsOf(table: Item): string[] {
  return (
    table.parts
      .get('inherits')
      ?.match(/(?:"(?:[^"]|"")*"|[^,"])+/g)
      ?.map((name) => name.trim()) ?? []
  );
}

/** The tables that a table is an heir or a partition of. */
export function tablesAbove(table: Item): string[] {
  const partitioned = table.parts.get('partition_of');
  return [...(partitioned === undefined ? [] : [partitioned]), ...parentsOf(table)];
}

/** `inline` says that CREATE TABLE has written compression already; storage it can write from PostgreSQL 16 on only. */
export function storageSettings(table: Item, column: Item, inline: boolean): string[] {
  const [storage, compression] = [column.parts.get('storage'), column.parts.get('compression')];
  const alter = alterColumn(table, column);
  return [
    ...(storage === undefined ? [] : [`${alter} SET STORAGE ${storage};`]),
    ...(inline || compression === undefined ? [] : [`${alter} SET COMPRESSION ${compression};`]),
  ];
}

function alterColumn(table: Item, column: Item): string {
  const kind = table.parts.get('kind') === 'materialized view' ? 'MATERIALIZED VIEW' : 'TABLE ONLY';
  return `ALTER ${kind} ${table.identity} ALTER COLUMN ${column.name}`;
}

/** @param late leaves storage and compression out */
export function columnSettings(table: Item, column: Item, inline: boolean, late = false): string[] {
  const { parts } = column;
  const alter = alterColumn(table, column);
  const [statistics, options] = [parts.get('statistics'), parts.get('options')];
  return [
    ...(late ? [] : storageSettings(table, column, inline)),
    ...(statistics === undefined ? [] : [`${alter} SET STATISTICS ${statistics};`]),
    ...(options === undefined ? [] : [`${alter} SET (${optionList(options)});`]),
  ];
}

/** True for a table that others INHERIT from: they would take its storage and compression too. */
export const hasHeirs = (model: Model, { identity }: Item) =>
  model.of('relation').some((other) => parentsOf(other).includes(identity));

/**
 * The tables that INHERIT from a table, themselves or by another, each once.
 * @param above the parents of a table; those that it INHERITS from, where nothing else is said
 */
export function heirsOf(model: Model, identity: string, above = parentsOf): string[] {
  const found = new Set<string>();
  const add = (parent: string): void => {
    for (const heir of model.of('relation'))
      if (!found.has(heir.identity) && above(heir).includes(parent)) {
        found.add(heir.identity);
        add(heir.identity);
      }
  };
  add(identity);
  return [...found];
}
