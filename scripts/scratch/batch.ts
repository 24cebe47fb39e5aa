// Takes a batch's statement; gives it for a scratch database, where one range holds all the rows there are.
import type { SqlFile } from '../base/types.ts';
import { withLiterals } from '../files/batch.ts';
import type { Parser } from '../files/statements.ts';
import type { ScratchClient } from './client.ts';

/**
 * The statement with the smallest and the largest key for `$1` and `$2`; as it is where the file is no batch.
 * A key that cannot be read leaves NULLs: the statement then runs on no row, and says itself what is wrong.
 */
export async function wholeBatch(
  client: ScratchClient,
  { directives: { batch } }: SqlFile,
  statement: string,
  parse: Parser,
): Promise<string> {
  if (batch === undefined) return statement;
  const { table, column } = batch;
  const key = (order: string) =>
    `(SELECT pg_catalog.quote_literal(k.${column}::text) FROM ${table} AS k WHERE k.${column} IS NOT NULL ORDER BY k.${column} ${order} LIMIT 1)`;
  const found = await client
    .query(`SELECT ${key('ASC')} AS first, ${key('DESC')} AS last`)
    .then(
      (result) =>
        ([result].flat() as { rows: { first: string | null; last: string | null }[] }[]).at(-1)?.rows[0],
    )
    .catch(() => undefined);
  return withLiterals(statement, parse, [found?.first ?? 'NULL', found?.last ?? 'NULL']);
}
