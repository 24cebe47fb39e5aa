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
  // CALL has its function in a field of another name.
  const bodies = await readBodies(client, { FuncCall: node.funccall, [kind]: node });
  // PostgreSQL's own functions take nothing away: a dump calls setval() for each sequence.
  if (bodies.length === 0 && kind !== 'DoStmt' && kind !== 'ExecuteStmt') return async () => usability;
  const before = await readObjects(client);
  return async () => ({ bodies, observedSql: statementsBetween(before, await readObjects(client)) });
}

/** Of the user's own functions that the statement itself calls; those in SQL and PL/pgSQL can be read. */
async function readBodies(client: ScratchClient, tree: Tree): Promise<readonly string[]> {
  const names = findAll(tree, 'FuncCall', []).map(({ funcname }) => namesIn(funcname));
  const called = new Set(
    names.filter(([schema]) => schema !== 'pg_catalog').map((name) => name.at(-1) ?? ''),
  );
  if (called.size === 0) return [];
  return queryJson<readonly string[]>(
    client,
    `SELECT coalesce(pg_catalog.json_agg(p.prosrc ORDER BY p.oid), '[]') FROM pg_catalog.pg_proc p
     WHERE p.oid >= ${firstUserOid} AND p.proname IN (${[...called].map(quoteLiteral).join(', ')})`,
  );
}
