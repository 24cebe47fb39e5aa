// Takes one parsed statement; gives the calls of Citus' functions in it that say how tables are spread over a cluster.
// Only what stands there in so many words: a table that is computed, or a call inside a block, is not seen.
// https://docs.citusdata.com/en/stable/develop/api_udf.html

import type { Statement } from '../../base/types.ts';
import { folded } from '../../schema/sql.ts';
import { child, isNode, list, listOf, type Node, nameOf, strings, text } from './ast.ts';
import type { Name } from './types.ts';

const functions = {
  create_distributed_table: [
    'table_name',
    'distribution_column',
    'distribution_type',
    'colocate_with',
    'shard_count',
  ],
  create_distributed_table_concurrently: [
    'table_name',
    'distribution_column',
    'distribution_type',
    'colocate_with',
    'shard_count',
  ],
  create_reference_table: ['table_name'],
  citus_add_local_table_to_metadata: ['table_name'],
  undistribute_table: ['table_name'],
  alter_distributed_table: ['table_name', 'distribution_column', 'shard_count', 'colocate_with'],
  update_distributed_table_colocation: ['table_name', 'colocate_with'],
  citus_schema_distribute: ['schemaname'],
  citus_schema_undistribute: ['schemaname'],
} as const;

type CitusFunction = keyof typeof functions;

export interface CitusCall {
  readonly function: CitusFunction;
  /** The table, or for a whole schema that. */
  readonly table: Name;
  /** Arguments by name; null is NULL, absent is not given. */
  readonly given: Readonly<Record<string, string | null>>;
}

/** The functions of Citus that a SELECT calls. */
export function citusCalls({ kind, node }: Statement): readonly CitusCall[] {
  if (kind !== 'SelectStmt') return [];
  return listOf(node, 'targetList', 'ResTarget').flatMap((target) => {
    const call = child(child(target, 'val'), 'FuncCall');
    const name = strings(call, 'funcname').at(-1) ?? '';
    return Object.hasOwn(functions, name) ? readCall(name as CitusFunction, call) : [];
  });
}

function readCall(name: CitusFunction, call: Node): readonly CitusCall[] {
  const names: readonly string[] = functions[name];
  const given: Record<string, string | null> = {};
  for (const [i, argument] of list(call, 'args').entries()) {
    const named = child(argument, 'NamedArgExpr');
    const key = text(named, 'name') ?? names[i];
    const value = constantOf(isNode(named.arg) ? named.arg : argument);
    // What is computed is known to nobody here: neither is the call.
    if (value === undefined) return [];
    if (key !== undefined) given[key] = value;
  }
  const table = given[names[0] ?? ''];
  return typeof table === 'string' ? [{ function: name, table: readName(table), given }] : [];
}

/** A literal, with or without a cast; undefined where it is none. */
function constantOf(node: Node): string | null | undefined {
  if (isNode(node.TypeCast)) return constantOf(child(node.TypeCast, 'arg'));
  const constant = node.A_Const;
  if (!isNode(constant)) return undefined;
  if (constant.isnull === true) return null;
  const number = constant.ival;
  if (isNode(number)) return String(number.ival ?? 0);
  if (isNode(constant.boolval)) return String(constant.boolval.boolval ?? false);
  return text(child(constant, 'sval'), 'sval');
}

/** A name as PostgreSQL reads one from a literal: `public."Items"`. */
export function readName(written: string): Name {
  const parts = written.match(/"(?:[^"]|"")*"|[^".\s]+/g) ?? [];
  return nameOf(parts.map(folded));
}
