// Takes a DROP or RENAME of functions, types and the like that is about to run; asks the scratch database whether a client may have
// used one of them by its name. Functions that only triggers call are nobody's to call. Other statements ask nothing.
import type { Statement } from '../../base/types.ts';
import { quoteLiteral } from '../../schema/sql.ts';
import type { ScratchClient } from '../../scratch/client.ts';
import { child, isNode, list, type Node, nameOf, strings, text } from '../statement/ast.ts';
import type { Name } from '../statement/types.ts';
import { queryJson } from './catalog.ts';
import type { Callable } from './traced.ts';

/** Where such objects stand: catalog, its columns of name and namespace, and a condition on rows that a client may use. */
type Place = readonly [catalog: string, name: string, namespace: string | null, usable: string];

const functions: Place = [
  'pg_proc',
  'proname',
  'pronamespace',
  "o.prorettype NOT IN ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype)",
];
const types: Place = ['pg_type', 'typname', 'typnamespace', 'true'];

const places: Readonly<Record<string, Place>> = {
  OBJECT_FUNCTION: functions,
  OBJECT_PROCEDURE: functions,
  OBJECT_ROUTINE: functions,
  OBJECT_AGGREGATE: functions,
  OBJECT_TYPE: types,
  OBJECT_DOMAIN: types,
  OBJECT_OPERATOR: ['pg_operator', 'oprname', 'oprnamespace', 'true'],
  OBJECT_COLLATION: ['pg_collation', 'collname', 'collnamespace', 'true'],
  OBJECT_TSCONFIGURATION: ['pg_ts_config', 'cfgname', 'cfgnamespace', 'true'],
  OBJECT_EXTENSION: ['pg_extension', 'extname', null, 'true'],
};

/** What is known of what a statement takes away. */
export interface Usability {
  readonly wasUsable?: boolean;
  readonly callables?: readonly Callable[];
}

/** Empty where the statement is about something else. One round trip where it is not. */
export async function usabilityOf(client: ScratchClient, { kind, node }: Statement): Promise<Usability> {
  const place = places[String(node.removeType ?? node.renameType ?? node.objectType ?? '')];
  const isAbout = ['DropStmt', 'RenameStmt', 'AlterObjectSchemaStmt'].includes(kind);
  if (!isAbout || place === undefined) return {};
  const names = objectNames(node);
  if (names.length === 0) return {};
  const [catalog, , , usable] = place;
  const conditions = names.map((name) => condition(name, place)).join(' OR ');
  const from = `FROM pg_catalog.${catalog} o WHERE (${conditions}) AND ${usable}`;
  const callables =
    place === functions
      ? `, 'callables', (SELECT coalesce(pg_catalog.json_agg(${callableSql}), '[]') ${from})`
      : '';
  const sql = `SELECT pg_catalog.json_build_object('wasUsable', EXISTS (SELECT ${from})${callables})`;
  return queryJson<Usability>(client, sql);
}

const callableSql = `pg_catalog.json_build_object('name', o.proname, 'defaults', o.pronargdefaults, 'types', ARRAY(
  SELECT coalesce(e.typname || '[]', t.typname) FROM pg_catalog.unnest(o.proargtypes) WITH ORDINALITY a (oid, n) JOIN pg_catalog.pg_type t ON t.oid = a.oid
    LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid ORDER BY a.n))`;

function condition({ schema, name }: Name, [, column, space]: Place): string {
  const own = `o.${column} = ${quoteLiteral(name)}`;
  return schema === undefined || space === null
    ? `(${own})`
    : `(${own} AND o.${space} = (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = ${quoteLiteral(schema)}))`;
}

/** The names of functions, types and the like that a statement drops, renames or moves. */
export function objectNames(node: Node): readonly Name[] {
  const objects = isNode(node.object) ? [node.object] : list(node, 'objects');
  return objects.map((object) => {
    if (isNode(object.ObjectWithArgs)) return nameOf(strings(object.ObjectWithArgs, 'objname'));
    if (isNode(object.TypeName)) return nameOf(strings(object.TypeName, 'names'));
    if (isNode(object.String)) return { name: text(object.String, 'sval') ?? '' };
    return nameOf(strings(child(object, 'List'), 'items'));
  });
}
