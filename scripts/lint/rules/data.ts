// The rules on changing rows.
import { child } from '../statement/ast.ts';
import { sqlName } from '../statement/names.ts';
import type { ActionOf, Name } from '../statement/types.ts';
import { lookUp } from '../trace/traced.ts';
import { type Context, defineRule, existed, type Rule } from './rule.ts';

type ChangeRows = ActionOf<'change-rows'>;

/** Columns that name one row in nearly every schema; asked only where the unique indexes are not known. */
const identifying = /^(id|uuid|guid|email|slug|username|login)$/i;

/** Whether no unique key bounds the rows that it changes. */
export function isUnbatched(action: ChangeRows, { catalog }: Context): boolean {
  const { where, table } = action;
  if (where.limited) return false;
  if (where.whole) return true;
  const relation = catalog === undefined ? undefined : lookUp(table, catalog);
  if (relation === undefined) return !where.equals.some((column) => identifying.test(column));
  return !relation.indexes.some(
    ({ unique, partial, columns }) =>
      unique && !partial && columns.every((column) => where.equals.includes(column)),
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

/** No other file could fill it, and no one else waits for its rows. */
function isTemporary({ name }: Name, { before }: Context): boolean {
  return before.some(({ statement: { node } }) =>
    [node, child(node, 'into'), child(node, 'intoClause')]
      .flatMap((made) => [child(made, 'relation'), child(made, 'rel')])
      .some((made) => made.relpersistence === 't' && made.relname === name),
  );
}

const unbatchedInsert = defineRule({
  id: 'unbatched-insert',
  severity: 'warning',
  summary: 'INSERT … SELECT of a whole table in one statement',
  why: 'One transaction lasts as long as the whole table takes: VACUUM cleans up nothing meanwhile, and replicas fall behind.',
  on: 'copy-rows',
  when: ({ table, from }, context) =>
    !isTemporary(table, context) && from.some((source) => existed(source, context)),
  anywhere: true,
  effect: (table, { from }) =>
    `all rows of ${from.map(sqlName).join(', ')} are copied into ${table} in one transaction`,
  words: (table) =>
    `Let "-- migrate: batch <table> by <key column>" walk the key of the table that is read: the same INSERT into ${table} with the range of a batch ($1, $2), one transaction per batch.`,
});

export const dataRules: readonly Rule[] = [unbatchedUpdate, unbatchedDelete, unbatchedInsert];
