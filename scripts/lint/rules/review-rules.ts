// The rules that the review itself finds, over statements and files: unindexed foreign keys, failures, allowances.
import type { Statement } from '../../base/types.ts';
import { isServerWide } from '../../scratch/server-wide.ts';
import { defineStepRule, type Rule } from './rule.ts';

export const foreignKeyWithoutIndex = defineStepRule({
  id: 'foreign-key-without-index',
  // No hazard of the migration itself, and right where parents are never deleted: lint.rules can raise it.
  severity: 'info',
  summary: 'a foreign key whose columns have no index',
  why: 'Each DELETE or key UPDATE of a referenced row reads the whole referencing table to look for rows that point to it.',
});

export const doesNotRun = defineStepRule({
  id: 'does-not-run',
  severity: 'error',
  summary: 'PostgreSQL refuses the statement',
  why: 'The migration would fail and be rolled back.',
});

const notOnScratch = defineStepRule({
  id: 'not-on-scratch',
  severity: 'info',
  summary: 'a statement about the whole server, which was not run on the scratch server',
  why: 'It reaches beyond one database: the scratch server may be somebody’s, so only production will tell whether it works.',
  findInStep: ({ step: { statement } }) =>
    isServerWide(statement) && !isAboutRoles(statement) && !storesSetting(statement)
      ? {
          table: { name: '' },
          effect: 'concerns the whole server: not run on the scratch server',
          words: 'Consider to do it where servers are set up, once per server, rather than in a migration.',
        }
      : null,
});

/** Roles are stood in for on the scratch server; a remark on each would be noise. */
function isAboutRoles({ kind, node }: Statement): boolean {
  return /Role/.test(kind) || node.objtype === 'OBJECT_ROLE' || node.renameType === 'OBJECT_ROLE';
}

/** The rule stored-setting says more of it. */
function storesSetting({ kind }: Statement): boolean {
  return kind === 'AlterDatabaseSetStmt';
}

export const unusedAllow = defineStepRule({
  id: 'unused-allow',
  severity: 'warning',
  summary: 'an allow directive that silences nothing',
  why: 'It would silence the next hazard of that kind in this file without anybody having thought about it.',
});

export const unknownRule = defineStepRule({
  id: 'unknown-rule',
  severity: 'warning',
  summary: 'an allow directive for a rule that does not exist',
  why: 'A misspelt rule silences nothing.',
});

export const reviewRules: readonly Rule[] = [
  foreignKeyWithoutIndex,
  doesNotRun,
  notOnScratch,
  unusedAllow,
  unknownRule,
];
