// Takes a statement; gives what the scratch database says of the functions, types and the like that it is about, asked before
// and after it: of a block or call also the bodies that it runs. It runs no statement itself.
import type { Statement } from '../../base/types.ts';
import { findAll, namesIn, type Tree } from '../../files/tree.ts';
import { firstUserOid, quoteLiteral } from '../../schema/sql.ts';
import type { ScratchClient } from '../../scratch/client.ts';
import { isOpaque } from '../statement/actions.ts';
import { callsBefore } from './calls.ts';
import { queryJson } from './catalog.ts';
import { readObjects, statementsBetween } from './lost-objects.ts';
import type { TracedStatement } from './traced.ts';
import { usabilityOf } from './usable.ts';

/** To be called before the statement. @returns what is to be called after it; without a round trip where nothing is asked */
export async function lookBefore(
  client: ScratchClient,
  statement: Statement,
): Promise<() => Promise<Partial<TracedStatement>>> {
  const { kind, node } = statement;
  const usability = await usabilityOf(client, statement);
  const callsAfter = await callsBefore(client, statement);
  if (!isOpaque(statement)) return async () => ({ ...usability, ...(await callsAfter()) });
  const bodies = await readBodies(client, { [kind]: node });
  const before = await readObjects(client);
  return async () => ({ bodies, observedSql: statementsBetween(before, await readObjects(client)) });
}

/** Of the user's own functions that the statement itself calls, in SQL and PL/pgSQL. */
async function readBodies(client: ScratchClient, tree: Tree): Promise<readonly string[]> {
  const names = new Set(findAll(tree, 'FuncCall', []).map(({ funcname }) => namesIn(funcname).at(-1) ?? ''));
  if (names.size === 0) return [];
  return queryJson<readonly string[]>(
    client,
    `SELECT coalesce(pg_catalog.json_agg(p.prosrc ORDER BY p.oid), '[]') FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
     WHERE p.oid >= ${firstUserOid} AND l.lanname IN ('sql', 'plpgsql') AND p.proname IN (${[...names].map(quoteLiteral).join(', ')})`,
  );
}
