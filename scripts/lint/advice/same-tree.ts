// Takes SQL that was put together from slices, and the tree that it must have; gives the SQL only if PostgreSQL's parser
// reads exactly that tree. This is what makes cutting texts safe: a wrong cut gives no advice instead of a wrong one.
import type { Parser } from '../../files/statements.ts';
import { places } from '../../files/tree.ts';
import type { Node } from '../statement/ast.ts';

/** Where something stands is no part of what it means. */
function withoutPlaces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPlaces);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => !places.has(key) && inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, withoutPlaces(inner)]),
  );
}

/** Equal but for the places of their parts. */
export function sameTree(a: unknown, b: unknown): boolean {
  return JSON.stringify(withoutPlaces(a)) === JSON.stringify(withoutPlaces(b));
}

/** The one statement of a text; undefined where it is not exactly one. */
export function parseOne(parse: Parser, sql: string): { kind: string; node: Node } | undefined {
  const parsed = parse(sql);
  return parsed.ok === true && parsed.statements.length === 1 ? parsed.statements[0] : undefined;
}

/** The SQL if it parses to a statement of that kind with exactly that tree, else null. */
export function proven(parse: Parser, sql: string, kind: string, expected: Node): string | null {
  const found = parseOne(parse, sql);
  return found?.kind === kind && sameTree(found.node, expected) ? sql : null;
}
