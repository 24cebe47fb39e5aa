// What a program looks at: one statement, the part of it that hurts, and the table as the catalog has it.
// It knows no rules and no database.
import type { Statement } from '../../base/types.ts';
import type { Parser } from '../../files/statements.ts';
import { child, list, type Node } from '../statement/ast.ts';
import { quoteIdentifier, sqlName } from '../statement/names.ts';
import { slice, splitAtCommas, type Token, tokenize } from '../statement/tokens.ts';
import type { Action, Name } from '../statement/types.ts';
import { type Catalog, type CatalogIndex, type CatalogRelation, lookUp } from '../trace/traced.ts';
import type { Advice } from './series.ts';

/** One command of an ALTER TABLE. */
export interface AlterCommand {
  readonly node: Node;
  readonly tokens: readonly Token[];
  /** As written, from its first word to its last. */
  readonly text: string;
}

export interface Occasion<A extends Action = Action> {
  /** Parsed alone: positions in its tree count from its own text. */
  readonly statement: Statement;
  readonly action: A;
  /** The rules that were hit by the action. */
  readonly rules: ReadonlySet<string>;
  readonly parse: Parser;
  /** The schema before the migration; absent where nothing is known of it. */
  readonly catalog?: Catalog;
  /** Of an ALTER TABLE: the command that the action is about, and what stands before all commands. */
  readonly command?: AlterCommand;
  readonly head?: string;
  /** Names that other commands of the statement have or were given; programs add theirs. */
  readonly chosen?: Set<string>;
}

/** Makes the series for one part of a statement, or says why there is none. */
export type Program = (occasion: Occasion<never>) => Advice;

/** The relation that a name means; undefined without a catalog and where the migration makes it itself. */
export function relationOf(table: Name, { catalog }: Pick<Occasion, 'catalog'>): CatalogRelation | undefined {
  return catalog === undefined ? undefined : lookUp(table, catalog);
}

/** Whether the table has partitions, as far as the catalog knows it. */
export function isPartitioned(table: Name, occasion: Pick<Occasion, 'catalog'>): boolean {
  return relationOf(table, occasion)?.kind === 'p';
}

/** The direct partitions or children of a relation. */
export function childrenOf(relation: CatalogRelation, catalog: Catalog): readonly CatalogRelation[] {
  return [...catalog.values()].filter(
    ({ parent, kind }) => parent === String(relation.oid) && kind !== 'I' && kind !== 'i',
  );
}

/** `ALTER TABLE name`, as the statement has it. */
export function alter({ head }: Occasion, command: string): string {
  return `${head ?? ''} ${command}`;
}

/** ALTER TABLE taken apart; undefined where its text and its tree do not agree on the number of commands. */
export function commandsOf({
  text: sql,
  node,
  kind,
}: Statement): { head: string; commands: readonly AlterCommand[] } | undefined {
  if (kind !== 'AlterTableStmt') return undefined;
  const tokens = tokenize(sql);
  const start = headLength(tokens);
  const parts = splitAtCommas(tokens.slice(start));
  const nodes = list(node, 'cmds').map((item) => child(item, 'AlterTableCmd'));
  if (start === -1 || parts.length !== nodes.length) return undefined;
  return {
    head: slice(sql, tokens.slice(0, start)),
    commands: parts.map((part, i) => ({ node: nodes[i] ?? {}, tokens: part, text: slice(sql, part) })),
  };
}

/** Tokens of `ALTER TABLE [IF EXISTS] [ONLY] [schema.]name [*]`; -1 where it is something else. */
function headLength(tokens: readonly Token[]): number {
  if (tokens[0]?.text !== 'alter' || tokens[1]?.text !== 'table') return -1;
  let at = 2;
  if (tokens[at]?.text === 'if') at += 2;
  if (tokens[at]?.text === 'only') at += 1;
  at += 1;
  while (tokens[at]?.text === '.') at += 2;
  return tokens[at]?.text === '*' ? at + 1 : at;
}

/** ONLY: the statement leaves children alone, which no program here accounts for. */
export function isOnly({ statement }: Occasion): boolean {
  return child(statement.node, 'relation').inh !== true;
}

/** The name of a NOT NULL that is NOT VALID, from PostgreSQL 18 on: rows from before it may be null. */
export function uncheckedNotNull(relation: CatalogRelation | undefined, column: string): string | undefined {
  return relation?.constraints.find(
    ({ type, valid, columns }) => type === 'n' && !valid && columns[0] === column,
  )?.name;
}

/** A column that batches can walk: alone in a unique index or primary key, never null, of a sortable type. */
export function batchKey(relation: CatalogRelation | undefined): string | undefined {
  const walkable = (name: string) =>
    uncheckedNotNull(relation, name) === undefined &&
    relation?.columns.some(
      (column) => column.name === name && column.notNull && sortable.test(column.type),
    ) === true;
  const keys = (relation?.indexes ?? [])
    .filter((index) => index.unique && !index.partial && index.columns.length === 1 && isInOwnOrder(index))
    .flatMap(({ columns }) => columns)
    .filter((name) => name !== '' && walkable(name));
  const primary = relation?.constraints.find(({ type, columns }) => type === 'p' && columns.length === 1);
  return keys.find((name) => name === primary?.columns[0]) ?? keys[0];
}

/** No operator class and no collation stands behind the column: the order is the one that the column has. */
function isInOwnOrder({ definition }: CatalogIndex): boolean {
  return / USING btree \((?:"(?:[^"]|"")*"|[\w$\u0080-\uffff]+)(?: DESC)?(?: NULLS (?:FIRST|LAST))?\)/.test(
    definition,
  );
}

const sortable =
  /^(smallint|integer|bigint|uuid|text|character varying(\(\d+\))?|numeric(\([\d,]+\))?|date|timestamp(\(\d\))? with(out)? time zone)$/;

/** The directive for a batch over a relation. */
export function batchDirective({ schema, name }: CatalogRelation, key: string): string {
  return `batch ${sqlName({ schema, name })} by ${quoteIdentifier(key)}`;
}
