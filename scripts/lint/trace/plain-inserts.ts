// Takes statements; tells which are plain rows, and puts runs of them together, so that a file of data is watched in a few
// round trips. Pure.
import type { Statement } from '../../base/types.ts';
import { child, list, rangeName } from '../statement/ast.ts';
import { sqlName } from '../statement/names.ts';

const longestRun = 500;
const plain = new WeakMap<Statement['node'], boolean>();

/** INSERT … VALUES of constants, without ON CONFLICT DO UPDATE, WITH or RETURNING: it can only add rows to its table. */
export function isPlainInsert({ kind, node, text }: Statement): boolean {
  if (kind !== 'InsertStmt') return false;
  const known = plain.get(node);
  if (known !== undefined) return known;
  const select = child(child(node, 'selectStmt'), 'SelectStmt');
  const isPlain =
    list(select, 'valuesLists').length > 0 &&
    node.onConflictClause === undefined &&
    node.withClause === undefined &&
    node.returningList === undefined &&
    node.returningClause === undefined &&
    // A word before a parenthesis may be a call; a literal that holds such a thing costs only time.
    !/\bselect\b|\w\s*\(/i.test(text.slice(text.search(/\bvalues\b/i) + 'values'.length));
  plain.set(node, isPlain);
  return isPlain;
}

/** Statements in order; several that are plain rows of one table stand together. */
export function inRuns(statements: readonly Statement[]): readonly (readonly Statement[])[] {
  const runs: Statement[][] = [];
  let table = '';
  for (const statement of statements) {
    const own = isPlainInsert(statement) ? sqlName(rangeName(child(statement.node, 'relation'))) : '';
    const run = runs.at(-1);
    if (own !== '' && own === table && run !== undefined && run.length < longestRun) run.push(statement);
    else runs.push([statement]);
    table = own;
  }
  return runs;
}
