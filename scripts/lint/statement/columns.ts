// Takes ColumnDef and Constraint nodes; gives what they ask for, with the text that a rewrite needs.
// It knows nothing of the statements they stand in.
import { child, isNode, listOf, type Node, nameOf, number, rangeName, strings, text } from './ast.ts';
import { clauseAt, parenthesizedAt } from './clauses.ts';
import { isVolatile } from './expressions.ts';
import type { ColumnFacts, ConstraintFacts, ConstraintType, Name } from './types.ts';

/** Reads a column definition of CREATE TABLE or ADD COLUMN. */
export function readColumn(node: Node, sql: string): ColumnFacts {
  const constraints = listOf(node, 'constraints', 'Constraint');
  const one = (type: string) => constraints.find((constraint) => constraint.contype === type);
  const fallback = one('CONSTR_DEFAULT');
  const generated = one('CONSTR_GENERATED');
  const foreign = one('CONSTR_FOREIGN');
  const typeName = child(node, 'typeName');
  const type = readType(typeName, sql);
  const serial = /^(big|small)?serial[248]?$/i.test(type);
  return {
    name: text(node, 'colname') ?? '',
    type,
    typeName: nameOf(strings(typeName, 'names')),
    notNull: one('CONSTR_NOTNULL') !== undefined,
    ...(fallback === undefined ? {} : { default: defaultText(fallback, constraints, sql) }),
    volatile: serial || isVolatile(fallback?.raw_expr),
    identity: one('CONSTR_IDENTITY') !== undefined,
    ...(generated === undefined
      ? {}
      : { generated: parenthesizedAt(sql, number(generated, 'location') ?? 0) }),
    checks: constraints
      .filter(({ contype }) => contype === 'CONSTR_CHECK')
      .map((check) => readCheck(check, sql)),
    ...(foreign === undefined ? {} : { references: readReferences(foreign, constraints, sql) }),
    unique: one('CONSTR_UNIQUE') !== undefined,
    primary: one('CONSTR_PRIMARY') !== undefined,
  };
}

/** The type as it is written, without what follows it in the definition. */
export function readType(typeName: Node, sql: string): string {
  const clause = clauseAt(sql, number(typeName, 'location') ?? 0);
  const match =
    /^(setof\s+)?("[^"]*"|[\w$]+)(\s*\.\s*("[^"]*"|[\w$]+))*(\s+(varying|precision))?(\s*\([^)]*\))?(\s+with(out)?\s+time\s+zone)?((\s*\[\d*\])*)/i.exec(
      clause,
    );
  return (match?.[0] ?? clause).trim();
}

function defaultText(fallback: Node, constraints: readonly Node[], sql: string): string | null {
  const constant = child(child(fallback, 'raw_expr'), 'A_Const');
  return constant.isnull === true
    ? null
    : clauseUntilNext(fallback, constraints, sql).replace(/^default\s+/i, '');
}

/** A column constraint's text: up to where the next one of the column begins. */
function clauseUntilNext(constraint: Node, constraints: readonly Node[], sql: string): string {
  const start = number(constraint, 'location') ?? 0;
  const next = constraints
    .map((other) => number(other, 'location') ?? 0)
    .filter((location) => location > start)
    .sort((a, b) => a - b)[0];
  const clause = clauseAt(sql, start);
  if (next === undefined) return clause;
  const length = Buffer.from(sql).subarray(start, next).toString().length;
  return clause.slice(0, length).trim();
}

function readCheck(check: Node, sql: string): { name?: string; expression: string } {
  const name = text(check, 'conname');
  const expression = parenthesizedAt(sql, number(check, 'location') ?? 0);
  return name === undefined ? { expression } : { name, expression };
}

function readReferences(
  foreign: Node,
  constraints: readonly Node[],
  sql: string,
): { table: Name; columns: readonly string[]; clause: string } {
  return {
    table: rangeName(child(foreign, 'pktable')),
    columns: strings(foreign, 'pk_attrs'),
    clause: clauseUntilNext(foreign, constraints, sql).replace(/^constraint\s+("[^"]*"|\S+)\s+/i, ''),
  };
}

const types: Readonly<Record<string, ConstraintType>> = {
  CONSTR_CHECK: 'check',
  CONSTR_FOREIGN: 'foreign',
  CONSTR_PRIMARY: 'primary',
  CONSTR_UNIQUE: 'unique',
  CONSTR_EXCLUSION: 'exclude',
};

/** Reads a table constraint of CREATE TABLE, ADD CONSTRAINT or ALTER DOMAIN. */
export function readConstraint(node: Node, sql: string): ConstraintFacts {
  const type = types[text(node, 'contype') ?? ''] ?? 'check';
  const name = text(node, 'conname');
  const usingIndex = text(node, 'indexname');
  return {
    type,
    ...(name === undefined ? {} : { name }),
    columns:
      type === 'exclude' ? equalColumns(node) : strings(node, type === 'foreign' ? 'fk_attrs' : 'keys'),
    ...(isNode(node.pktable)
      ? { references: rangeName(node.pktable), referenced: strings(node, 'pk_attrs') }
      : {}),
    notValid: node.skip_validation === true,
    ...(usingIndex === undefined ? {} : { usingIndex }),
    definition: definitionOf(node, sql),
  };
}

/** The columns of EXCLUDE that are compared with =. */
function equalColumns(node: Node): readonly string[] {
  return listOf(node, 'exclusions', 'List').flatMap((pair) => {
    const [element] = listOf(pair, 'items', 'IndexElem');
    const [operator] = listOf(pair, 'items', 'List');
    const isEqual = operator !== undefined && strings(operator, 'items').at(-1) === '=';
    return isEqual ? [text(element ?? {}, 'name') ?? ''] : [];
  });
}

function definitionOf(node: Node, sql: string): string {
  return clauseAt(sql, number(node, 'location') ?? 0)
    .replace(/^constraint\s+("[^"]*"|\S+)\s+/i, '')
    .replace(/(?<!\s)\s+not\s+valid$/i, '');
}

/** A type of PostgreSQL's own; what it is called by words of the grammar has the schema already. */
export function isBuiltin({ schema, name }: Name): boolean {
  return schema === 'pg_catalog' || (schema === undefined && builtin.test(name));
}

const builtin =
  /^(uuid|text|bytea|jsonb?|date|timestamptz|timetz|inet|cidr|macaddr8?|money|name|oid|xml|pg_lsn|int[248]|float[48]|bool|varchar|bpchar|numeric|tsvector|point|(int[48]|num|date|ts|tstz)(multi)?range)$/;
