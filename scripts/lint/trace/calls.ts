// Takes a statement that gives a function a name (CREATE, RENAME, SET SCHEMA); tells which calls of functions of that name the
// server took before it and finds ambiguous after it. Calls are asked for as clients write them; none is run.
import type { Statement } from '../../base/types.ts';
import { quoteLiteral } from '../../schema/sql.ts';
import type { ScratchClient } from '../../scratch/client.ts';
import { nameOf, strings, text } from '../statement/ast.ts';
import type { Name } from '../statement/types.ts';
import { queryJson } from './catalog.ts';
import { objectNames } from './usable.ts';

/** The name that a function has after the statement; null for any other statement. */
function nameGiven({ kind, node }: Statement): Name | null {
  if (kind === 'CreateFunctionStmt' && node.is_procedure !== true) return nameOf(strings(node, 'funcname'));
  const isFunction = ['OBJECT_FUNCTION', 'OBJECT_ROUTINE'].includes(
    String(node.renameType ?? node.objectType),
  );
  const [name] = isFunction ? objectNames(node) : [];
  if (name === undefined) return null;
  if (kind === 'RenameStmt') return { ...name, name: text(node, 'newname') ?? '' };
  return kind === 'AlterObjectSchemaStmt' ? { schema: text(node, 'newschema') ?? '', name: name.name } : null;
}

/**
 * Calls of functions of this name: with arguments of their types, with parameters, and with numbers and strings as they stand
 * in a text; fewer arguments where the last have defaults. What this transaction has made itself nobody calls yet.
 */
function callsSql({ schema, name }: Name): string {
  const place =
    schema === undefined ? 'pg_catalog.pg_function_is_visible(p.oid)' : `n.nspname = ${quoteLiteral(schema)}`;
  const written = `pg_catalog.format('SELECT %I.%I(%s)', n.nspname, p.proname, pg_catalog.string_agg`;
  return `SELECT coalesce(pg_catalog.json_agg(DISTINCT c.call), '[]') FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  CROSS JOIN LATERAL pg_catalog.generate_series((p.pronargs - p.pronargdefaults)::pg_catalog.int4, p.pronargs::pg_catalog.int4) count
  CROSS JOIN LATERAL (SELECT ${written}('NULL::' || pg_catalog.format_type(t.oid, NULL), ', ' ORDER BY a.n)) AS typed,
      ${written}('$' || a.n, ', ' ORDER BY a.n)) AS bare, ${written}(CASE t.typcategory WHEN 'N' THEN '1' ELSE 'NULL' END, ', ' ORDER BY a.n)) AS plain
    FROM pg_catalog.unnest(p.proargtypes) WITH ORDINALITY a (oid, n) JOIN pg_catalog.pg_type t ON t.oid = a.oid WHERE a.n <= count) w
  CROSS JOIN LATERAL (VALUES (w.typed), (w.bare), (w.plain)) c (call)
  WHERE p.proname = ${quoteLiteral(name)} AND ${place} AND p.prokind = 'f' AND p.provariadic = 0
    AND p.xmin::pg_catalog.text::pg_catalog.int8 < coalesce(pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text::pg_catalog.int8 & 4294967295, 4294967296)`;
}

/** Those calls that the server does not take, with the reason. */
async function refusedOf(
  client: ScratchClient,
  calls: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const refused = new Map<string, string>();
  for (const call of calls) {
    await client.query('SAVEPOINT migrate_call');
    const code = await client.query(`PREPARE migrate_call AS ${call}; DEALLOCATE migrate_call`).then(
      () => null,
      ({ code: sqlState }: { code?: string }) => sqlState ?? '',
    );
    await client.query(
      `${code === null ? '' : 'ROLLBACK TO SAVEPOINT migrate_call; '}RELEASE SAVEPOINT migrate_call`,
    );
    if (code !== null) refused.set(call, code);
  }
  return refused;
}

const ambiguous = '42725';

/** How many functions of this name there are, wherever. */
async function countOf(client: ScratchClient, { name }: Name): Promise<number> {
  return queryJson<number>(
    client,
    `SELECT pg_catalog.to_json(pg_catalog.count(*)) FROM pg_catalog.pg_proc p WHERE p.proname = ${quoteLiteral(name)}`,
  );
}

/**
 * @returns after the statement, which calls (`app.f(1)`) are ambiguous since
 *
 * Three round trips where a function takes the place of the only one of its name, one where there was none.
 */
export async function callsBefore(
  client: ScratchClient,
  statement: Statement,
): Promise<() => Promise<{ ambiguous?: readonly string[] }>> {
  const name = nameGiven(statement);
  const calls = name === null ? [] : await queryJson<readonly string[]>(client, callsSql(name));
  if (name === null || calls.length === 0) return async () => ({});
  const isAlone = (await countOf(client, name)) === 1;
  const unknown = isAlone ? new Map<string, string>() : await refusedOf(client, calls);
  return async () => {
    if (isAlone && (await countOf(client, name)) === 1) return {};
    const refused = await refusedOf(
      client,
      calls.filter((call) => !unknown.has(call)),
    );
    return {
      ambiguous: calls
        .filter((call) => refused.get(call) === ambiguous)
        .map((call) => call.replace(/^SELECT /, '').replaceAll(/\$\d+/g, '?')),
    };
  };
}
