// The rules that the review itself finds, over statements and files: unindexed foreign keys, failures, allowances.
import { defineStepRule, type Rule } from '../rule.ts';

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

export const reviewRules: readonly Rule[] = [foreignKeyWithoutIndex, doesNotRun, unusedAllow, unknownRule];
