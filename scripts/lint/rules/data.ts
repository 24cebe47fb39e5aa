// The rules on changing rows.
import { splitAtWord } from '../statement/clauses.ts';
import type { ActionOf } from '../statement/types.ts';
import { lookUp } from '../trace/traced.ts';
import { concurrentlyFile } from './indexes.ts';
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

function inBatches(table: string, { sql, verb }: ChangeRows): string {
  const { head, tail } = splitAtWord(sql, 'where');
  const plain =
    /^(update|delete)\b/i.test(sql) && !/\b(from|using)\b/i.test(head.replace(/^delete\s+from/i, ''));
  const change = plain ? head : verb === 'UPDATE' ? `UPDATE ${table} SET …` : `DELETE FROM ${table}`;
  const condition = plain && tail !== undefined ? tail : verb === 'UPDATE' ? '<not yet changed>' : 'true';
  return [
    concurrentlyFile,
    'DO $$ BEGIN',
    '  LOOP',
    `    ${change}`,
    `    WHERE ctid = ANY (ARRAY (SELECT ctid FROM ${table} WHERE ${condition} LIMIT 10000));`,
    '    EXIT WHEN NOT FOUND;',
    '    COMMIT;',
    '  END LOOP;',
    'END $$;',
  ].join('\n');
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
  rewrite: inBatches,
});

const unbatchedDelete = defineRule({
  id: 'unbatched-delete',
  severity: 'warning',
  summary: 'DELETE over a whole table in one statement',
  why,
  on: 'change-rows',
  when: (action, context) => action.verb === 'DELETE' && isUnbatched(action, context),
  effect: (table) => `locks every row of ${table} that it deletes, in one transaction`,
  rewrite: inBatches,
});

export const dataRules: readonly Rule[] = [unbatchedUpdate, unbatchedDelete];
