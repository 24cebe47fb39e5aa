// Takes a DROP or RENAME of functions or types that is about to run; asks the scratch database whether a client may have
// used one of them by its name. Functions that only triggers call are nobody's to call. Other statements ask nothing.
import type { Statement } from '../../base/types.ts';
import { quoteLiteral } from '../../schema/sql.ts';
import type { ScratchClient } from '../../scratch/client.ts';
import { child, isNode, list, type Node, nameOf, strings } from '../statement/ast.ts';
import type { Name } from '../statement/types.ts';
import { queryJson } from './catalog.ts';

const functions = new Set(['OBJECT_FUNCTION', 'OBJECT_PROCEDURE', 'OBJECT_ROUTINE', 'OBJECT_AGGREGATE']);
const types = new Set(['OBJECT_TYPE', 'OBJECT_DOMAIN']);

/** Empty where the statement is about something else. One round trip where it is not. */
export async function isUsable(
  client: ScratchClient,
  { kind, node }: Statement,
): Promise<{ wasUsable?: boolean }> {
  const type = String(node.removeType ?? node.renameType ?? node.objectType ?? '');
  const isAbout = ['DropStmt', 'RenameStmt', 'AlterObjectSchemaStmt'].includes(kind);
  if (!isAbout || !(functions.has(type) || types.has(type))) return {};
  const names = objectNames(node);
  if (names.length === 0) return {};
  const conditions = names.map((name) => condition(name, functions.has(type))).join(' OR ');
  const sql = functions.has(type)
    ? `SELECT to_json(EXISTS (SELECT FROM pg_catalog.pg_proc o WHERE (${conditions}) AND o.prorettype NOT IN ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype)))`
    : `SELECT to_json(EXISTS (SELECT FROM pg_catalog.pg_type o WHERE (${conditions})))`;
  return { wasUsable: await queryJson<boolean>(client, sql) };
}

function condition({ schema, name }: Name, isFunction: boolean): string {
  const [column, space] = isFunction ? ['proname', 'pronamespace'] : ['typname', 'typnamespace'];
  const own = `o.${column} = ${quoteLiteral(name)}`;
  return schema === undefined
    ? `(${own})`
    : `(${own} AND o.${space} = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = ${quoteLiteral(schema)}))`;
}

/** The names of functions or types that a statement drops, renames or moves. */
export function objectNames(node: Node): readonly Name[] {
  const objects = isNode(node.object) ? [node.object] : list(node, 'objects');
  return objects.map((object) => {
    if (isNode(object.ObjectWithArgs)) return nameOf(strings(object.ObjectWithArgs, 'objname'));
    if (isNode(object.TypeName)) return nameOf(strings(object.TypeName, 'names'));
    return nameOf(strings(child(object, 'List'), 'items'));
  });
}
