// All rules by id. Adding one: write it in its family's file, and a folder test/fixtures/rules/<id>/ with a bad and a good example.
import type { Rule } from './rule.ts';
import { breakingRules } from './rules/breaking.ts';
import { columnRules } from './rules/columns.ts';
import { constraintRules } from './rules/constraints.ts';
import { dataRules } from './rules/data.ts';
import { extensionRules } from './rules/extensions.ts';
import { indexRules } from './rules/indexes.ts';
import { notNullRules } from './rules/not-null.ts';
import { partitionRules } from './rules/partitions.ts';
import { reviewRules } from './rules/review-rules.ts';
import { rewriteRules } from './rules/rewrites.ts';
import { transactionRules } from './rules/transactions.ts';
import { typeRules } from './rules/types.ts';

const families: readonly (readonly Rule[])[] = [
  indexRules,
  columnRules,
  notNullRules,
  constraintRules,
  typeRules,
  partitionRules,
  rewriteRules,
  dataRules,
  breakingRules,
  extensionRules,
  transactionRules,
  reviewRules,
];

/** Every rule under its id, in the order in which they are asked. */
export const rules: Readonly<Record<string, Rule>> = Object.fromEntries(
  families.flat().map((rule) => [rule.id, rule]),
);

/** What `-- migrate: allow` may name besides: rules of `verify`. */
export const rulesElsewhere: ReadonlySet<string> = new Set(['inexact-down']);
