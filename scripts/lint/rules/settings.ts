// The rules on settings that a migration makes for itself.
import type { Statement } from '../../base/types.ts';
import { isZeroTime, settingsSet } from '../../files/settings-set.ts';
import { walk } from '../statement/ast.ts';
import { defineStepRule, type Rule } from './rule.ts';

const bounds = new Set(['lock_timeout', 'statement_timeout']);

const timeoutLifted = defineStepRule({
  id: 'time-out-lifted',
  severity: 'warning',
  summary: 'a file switches lock_timeout or statement_timeout off',
  why: 'A statement that waits for a lock without limit lets every later query on that table wait behind it.',
  findInStep: ({ step: { statement } }) => {
    const name = liftedBy(statement);
    return name === null
      ? null
      : {
          table: { name: '' },
          effect: `${name} is switched off for what follows`,
          words: `Remove the line: what a statement may wait and take is set by the tool. Where this file needs another bound, say so at its head: -- migrate: ${name.replace('_timeout', '-timeout')}=10s`,
        };
  },
});

/** The bound that a statement sets to 0, for itself, for a role, database or function, or in a body; null for any other. */
function liftedBy({ kind, node, text }: Statement): string | null {
  const sets = [...settingsSet({ kind, node })];
  walk({ [kind]: node }, (inner, at) => {
    // ALTER ROLE and ALTER DATABASE have theirs in a field of that name.
    if (inner === 'VariableSetStmt' || inner === 'setstmt')
      sets.push(...settingsSet({ kind: 'VariableSetStmt', node: at }));
  });
  const found = sets.find(({ name, value }) => bounds.has(name) && value !== null && isZeroTime(value));
  if (found !== undefined) return found.name;
  if (kind !== 'DoStmt' && kind !== 'CreateFunctionStmt') return null;
  return inBody.exec(text)?.slice(1).find(Boolean)?.toLowerCase() ?? null;
}

/** `SET … lock_timeout = 0` and set_config() in the text of a body; what is put together there is not seen. */
const zero = String.raw`(?:'{1,2}\s*)?[+-]?0+(?:\.0*)?\s*(?:(?:us|ms|s|min|h|d)\s*)?(?:'|;|$)`;
const inBody = new RegExp(
  String.raw`\b(lock_timeout|statement_timeout)\s*(?:=|\bto\b)\s*${zero}|\bset_config\s*\(\s*'{1,2}(lock_timeout|statement_timeout)'{1,2}\s*,\s*${zero}`,
  'i',
);

export const settingRules: readonly Rule[] = [timeoutLifted];
