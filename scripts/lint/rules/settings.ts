// The rules on settings that a migration makes for itself.
import { child, list, type Node, strings, text } from '../statement/ast.ts';
import { defineStepRule, type Rule } from './rule.ts';

const bounds = new Set(['lock_timeout', 'statement_timeout']);

const timeoutLifted = defineStepRule({
  id: 'time-out-lifted',
  severity: 'warning',
  summary: 'a file switches lock_timeout or statement_timeout off',
  why: 'A statement that waits for a lock without limit lets every later query on that table wait behind it.',
  findInStep: ({ step: { statement } }) => {
    const name = liftedBy(statement.kind, statement.node);
    return name === null
      ? null
      : {
          table: { name: '' },
          effect: `${name} is switched off for what follows`,
          words: `Remove the line: what a statement may wait and take is set by the tool. Where this file needs another bound, say so at its head: -- migrate: ${name.replace('_timeout', '-timeout')}=10s`,
        };
  },
});

/** The bound that a SET, or a call of set_config, sets to 0; null for anything else. */
function liftedBy(kind: string, node: Node): string | null {
  if (kind === 'VariableSetStmt') {
    const name = text(node, 'name') ?? '';
    const value = list(node, 'args').map((argument) => child(argument, 'A_Const'))[0];
    return bounds.has(name) && value !== undefined && isZero(value) ? name : null;
  }
  const [target] = kind === 'SelectStmt' ? list(node, 'targetList') : [];
  const call = child(child(child(target ?? {}, 'ResTarget'), 'val'), 'FuncCall');
  if (strings(call, 'funcname').at(-1) !== 'set_config') return null;
  const [name, value] = list(call, 'args').map((argument) => child(argument, 'A_Const'));
  const called = text(child(name ?? {}, 'sval'), 'sval') ?? '';
  return bounds.has(called) && isZero(value ?? {}) ? called : null;
}

/** 0 and '0', with a unit or without. */
function isZero(constant: Node): boolean {
  const written = text(child(constant, 'sval'), 'sval');
  if (written !== undefined) return /^0+(\.0*)?\s*(us|ms|s|min|h|d)?$/.test(written.trim());
  return 'ival' in constant && (child(constant, 'ival').ival ?? 0) === 0;
}

export const settingRules: readonly Rule[] = [timeoutLifted];
