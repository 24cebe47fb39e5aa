// The rules on changing rows.
import type { ActionOf } from '../statement/types.ts';
import { lookUp } from '../trace/traced.ts';
import { type Context, defineRule, type Rule } from './rule.ts';

type ChangeRows = ActionOf<'change-rows'>;

/** Columns that name one row in nearly every schema; used beside the unique indexes that are known. */
const identifying = /^(.+_)?(id|uuid|guid|key|code|slug|email|username|login)$|^name$/i;

function isUnbatched(action: ChangeRows, { catalog }: Context): boolean {
  const { where, table } = action;
  if (where.limited) return false;
  if (where.whole) return true;
  if (where.equals.some((column) => identifying.test(column))) return false;
  const indexes = catalog === undefined ? [] : (lookUp(table, catalog)?.indexes ?? []);
  return !indexes.some(
    ({ unique, columns }) => unique && columns.every((column) => where.equals.includes(column)),
  );
}

/** Words: which rows a batch may take without changing what the statement means is decided where a program is made. */
function inBatches(table: string, { verb }: ChangeRows): string {
  return `Let "-- migrate: batch <table> by <key column>" walk the key of ${table}: one ${verb} with the same condition and the range of a batch ($1, $2), one transaction per batch.`;
}

const why =
  'All rows stay locked until the migration ends, the table grows by as many dead rows, and replicas fall behind.';

const unbatchedUpdate = defineRule({
  id: 'unbatched-update',
  severity: 'warning',
  summary: 'UPDATE of a whole table in one statement',
  why,
  on: 'change-rows',
  when: (action, context) => action.verb === 'UPDATE' && isUnbatched(action, context),
  effect: (table) => `locks every row of ${table} that it changes, in one transaction`,
  words: inBatches,
});

const unbatchedDelete = defineRule({
  id: 'unbatched-delete',
  severity: 'warning',
  summary: 'DELETE over a whole table in one statement',
  why,
  on: 'change-rows',
  when: (action, context) => action.verb === 'DELETE' && isUnbatched(action, context),
  effect: (table) => `locks every row of ${table} that it deletes, in one transaction`,
  words: inBatches,
});

export const dataRules: readonly Rule[] = [unbatchedUpdate, unbatchedDelete];
