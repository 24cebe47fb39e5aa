// Takes a statement; says what it leaves behind that ends with its file, so that later statements of the file may need it.
// It knows no rules.
import type { Statement } from '../../base/types.ts';
import { walk } from './ast.ts';

const byKind: Readonly<Record<string, string>> = {
  VariableSetStmt: 'a setting',
  ConstraintsSetStmt: 'SET CONSTRAINTS',
  PrepareStmt: 'a prepared statement',
  DeclareCursorStmt: 'a cursor',
  LockStmt: 'LOCK TABLE',
};

const calls = /\b(set_config|setseed|currval|lastval|pg_(try_)?advisory_(xact_)?lock(_shared)?)\s*\(/i;

/** "a temporary table", "a setting" …; null where nothing is known to end with the file. */
export function lastsWithFile({
  kind,
  node,
  text,
}: Pick<Statement, 'kind' | 'node' | 'text'>): string | null {
  const known = byKind[kind];
  if (known !== undefined) return known;
  let isTemporary = false;
  walk({ [kind]: node }, (_kind, inner) => {
    isTemporary ||= inner.relpersistence === 't' || inner.schemaname === 'pg_temp';
  });
  if (isTemporary) return 'a temporary table';
  return calls.exec(text)?.[1]?.toLowerCase() ?? null;
}
