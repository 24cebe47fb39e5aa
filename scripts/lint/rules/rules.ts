// All rules by id. Adding one: write it in its family's file, and a folder test/fixtures/rules/<id>/ with a bad and a good example.

import { accessRules } from './access.ts';
import { batchRules } from './batches.ts';
import { breakingRules } from './breaking.ts';
import { callableRules } from './callable.ts';
import { columnRules } from './columns.ts';
import { constraintRules } from './constraints.ts';
import { dataRules } from './data.ts';
import { distributedKeyRules } from './distributed-keys.ts';
import { distributedTableRules } from './distributed-tables.ts';
import { extensionRules } from './extensions.ts';
import { indexRules } from './indexes.ts';
import { keyRules } from './keys.ts';
import { madeAnewRules } from './made-anew.ts';
import { notNullRules } from './not-null.ts';
import { partitionRules } from './partitions.ts';
import { publicationRules } from './publications.ts';
import { reviewRules } from './review-rules.ts';
import { rewriteRules } from './rewrites.ts';
import type { Rule } from './rule.ts';
import { serverRightsRules } from './server-rights.ts';
import { settingRules } from './settings.ts';
import { transactionRules } from './transactions.ts';
import { typeRules } from './types.ts';

const families: readonly (readonly Rule[])[] = [
  indexRules,
  columnRules,
  notNullRules,
  constraintRules,
  typeRules,
  partitionRules,
  rewriteRules,
  dataRules,
  batchRules,
  breakingRules,
  madeAnewRules,
  callableRules,
  accessRules,
  publicationRules,
  keyRules,
  distributedKeyRules,
  distributedTableRules,
  extensionRules,
  transactionRules,
  settingRules,
  serverRightsRules,
  reviewRules,
];

/** Every rule under its id, in the order in which they are asked. */
export const rules: Readonly<Record<string, Rule>> = Object.fromEntries(
  families.flat().map((rule) => [rule.id, rule]),
);

/** What `-- migrate: allow` may name besides: rules of `verify`. */
export const rulesElsewhere: ReadonlySet<string> = new Set(['inexact-down', 'probe-rows']);
