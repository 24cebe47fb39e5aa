// Gives what a statement whose text does not tell (DO, CALL, SELECT f()) did to objects that no lock tells of: functions,
// types, schemas, rights, policies. It is given as the SQL that would have done the same. It knows pg_catalog, no rules.
import { firstUserOid, quoteLiteral } from '../../schema/sql.ts';
import { ledgerSchema } from '../../schema/types.ts';
import type { ScratchClient } from '../../scratch/client.ts';
import { queryJson } from './catalog.ts';

/** One object, or one right, policy or switch of an object, with its names as SQL. */
interface Known {
  /** What stays when it is renamed. */
  readonly key: string;
  /** `FUNCTION`, `SCHEMA` …; what is told of otherwise is a `RELATION`, and of one there may be `POLICY`, `RIGHT`, `SWITCH`. */
  readonly word: string;
  /** As SQL; null of a schema. */
  readonly schema: string | null;
  readonly name: string;
  /** Arguments of a function, name of a policy or switch, what a right is and whose: `(integer)`, `SELECT ON TABLE|reader`. */
  readonly tail: string;
}

export type KnownObjects = ReadonlyMap<string, Known>;

const ours = quoteLiteral(ledgerSchema);
const schemaOf = (namespace: string) =>
  `JOIN pg_catalog.pg_namespace n ON n.oid = ${namespace} AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', ${ours})`;
const memberOf = (catalog: string, oid: string) =>
  `NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.${catalog}'::pg_catalog.regclass AND d.objid = ${oid} AND d.deptype IN ('e', 'a', 'i'))`;
const quoted = 'pg_catalog.quote_ident';
/** Rights of others than the owner; the key begins with the one of the object. */
const rightsSql = (word: string, of: string, name: string, from: string, acl: string) =>
  `SELECT pg_catalog.concat_ws(' ', '${of}', ${of}.oid, x.grantee, x.privilege_type), 'RIGHT', ${quoted}(n.nspname), ${name},
    pg_catalog.format('%s ON ${word}|%s', x.privilege_type, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE ${quoted}(pg_catalog.pg_get_userbyid(x.grantee)) END)
   FROM ${from} CROSS JOIN LATERAL pg_catalog.aclexplode(${acl}) x WHERE x.grantee <> x.grantor`;

const objectsSql = `SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object('key', key, 'word', word, 'schema', schema, 'name', name, 'tail', tail)), '[]')
FROM (
  SELECT 'n ' || n.oid AS key, 'SCHEMA' AS word, NULL AS schema, ${quoted}(n.nspname) AS name, '' AS tail
    FROM pg_catalog.pg_namespace p ${schemaOf('p.oid')}
  UNION ALL SELECT 'p ' || p.oid, CASE p.prokind WHEN 'a' THEN 'AGGREGATE' WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, ${quoted}(n.nspname), ${quoted}(p.proname),
    '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')'
    FROM pg_catalog.pg_proc p ${schemaOf('p.pronamespace')} WHERE p.prorettype NOT IN ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype) AND ${memberOf('pg_proc', 'p.oid')}
  UNION ALL SELECT 't ' || t.oid, CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, ${quoted}(n.nspname), ${quoted}(t.typname), ''
    FROM pg_catalog.pg_type t ${schemaOf('t.typnamespace')} LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
    WHERE (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c') AND ${memberOf('pg_type', 't.oid')}
  UNION ALL SELECT 'c ' || c.oid, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'RELATION' END, ${quoted}(n.nspname), ${quoted}(c.relname), ''
    FROM pg_catalog.pg_class c ${schemaOf('c.relnamespace')} WHERE c.relkind IN ('S', 'r', 'p', 'v', 'm', 'f') AND ${memberOf('pg_class', 'c.oid')}
  UNION ALL SELECT 'policy ' || p.oid, 'POLICY', ${quoted}(n.nspname), ${quoted}(c.relname), ${quoted}(p.polname)
    FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid ${schemaOf('c.relnamespace')}
  UNION ALL SELECT s.word || c.oid, 'SWITCH', ${quoted}(n.nspname), ${quoted}(c.relname), s.word
    FROM pg_catalog.pg_class c ${schemaOf('c.relnamespace')} CROSS JOIN LATERAL (VALUES ('ENABLE', c.relrowsecurity), ('FORCE', c.relforcerowsecurity)) s (word, is_on) WHERE s.is_on
  UNION ALL ${rightsSql('TABLE', 'c', `${quoted}(c.relname)`, `pg_catalog.pg_class c ${schemaOf('c.relnamespace')}`, 'c.relacl')} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  UNION ALL ${rightsSql('FUNCTION', 'p', `${quoted}(p.proname) || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')'`, `pg_catalog.pg_proc p ${schemaOf('p.pronamespace')}`, "coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))")} AND p.oid >= ${firstUserOid}
) o (key, word, schema, name, tail)`;

/** What there is now. One round trip. */
export async function readObjects(client: ScratchClient): Promise<KnownObjects> {
  const objects = await queryJson<readonly Known[]>(client, objectsSql);
  return new Map(objects.map((object) => [object.key, object]));
}

/** The statements that take from `before` what `after` lacks, and those that make policies and switch them on. */
export function statementsBetween(before: KnownObjects, after: KnownObjects): readonly string[] {
  const identities = new Set([...after.values()].map(identityOf));
  const schemas = new Map<string, string | undefined>();
  for (const { key, word, name } of before.values())
    if (word === 'SCHEMA') schemas.set(name, after.get(key)?.name);
  const lost = [...before.values()].flatMap((old): readonly string[] => {
    const now = after.get(old.key);
    const place = old.schema === null ? null : schemas.get(old.schema);
    // What goes or moves with its schema is not told by itself.
    if (place === undefined) return [];
    if (now === undefined) return identities.has(identityOf(old)) ? [] : taking(old, after);
    if (parts.has(old.word)) return [];
    if (old.name !== now.name) return [`ALTER ${wordsOf(old)} RENAME TO ${now.name}`];
    return now.schema === place ? [] : [`ALTER ${wordsOf(old)} SET SCHEMA ${now.schema}`];
  });
  return [...lost, ...[...after.values()].filter(({ key }) => !before.has(key)).flatMap(making)];
}

/** What belongs to a relation or function, or is told otherwise. */
const parts = new Set(['RELATION', 'POLICY', 'RIGHT', 'SWITCH']);

function identityOf({ word, schema, name, tail }: Known): string {
  return [word, schema, name, tail].join(' ');
}

function wordsOf({ word, schema, name, tail }: Known): string {
  return `${word} ${schema === null ? '' : `${schema}.`}${name}${tail}`;
}

function taking(old: Known, after: KnownObjects): readonly string[] {
  const { key, word, schema, name, tail } = old;
  const [right = '', whose = ''] = tail.split('|');
  switch (word) {
    case 'POLICY':
      return [`DROP POLICY ${tail} ON ${schema}.${name}`];
    case 'RIGHT':
      return after.has(key.split(' ', 2).join(' '))
        ? [`REVOKE ${right} ${schema}.${name} FROM ${whose}`]
        : [];
    case 'RELATION':
    case 'SWITCH':
      return [];
    default:
      return [`DROP ${wordsOf(old)}`];
  }
}

function making({ word, schema, name, tail }: Known): readonly string[] {
  if (word === 'SWITCH') return [`ALTER TABLE ${schema}.${name} ${tail} ROW LEVEL SECURITY`];
  return word === 'POLICY' ? [`CREATE POLICY ${tail} ON ${schema}.${name}`] : [];
}
