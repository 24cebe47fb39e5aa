// Takes nothing; gives the SQL that reads what is said about objects: comments, owners and grants; one SELECT per
// class with the columns identity, parent and definition, over the scope of sql.ts.
// It must not know how the rows are hashed, filtered or compared.

import { firstUserOid, lines, notMember, part, partWhen, sorted } from '../sql.ts';
import { isCitus } from './distribution.ts';
import { isCommented, type Source } from './presence.ts';
import { relationKind } from './relations.ts';

const text = (parent: string) => lines(part('table', parent), part('text', 'd.description'));

function onPartOfRelation(kind: string, catalog: string, relation: string, name: string): string {
  return `
  SELECT '${kind} ' || rel.identity || '.' || quote_ident(o.${name}), rel.identity, ${text('rel.identity')}
  FROM pg_description d JOIN ${catalog} o ON o.oid = d.objoid JOIN rel ON rel.oid = o.${relation}
  WHERE d.classoid = '${catalog}'::regclass`;
}

/** By the catalog of what the comment is on. */
const commentsOn: Readonly<Record<string, string>> = {
  pg_class: `
  SELECT ${relationKind('rel.relkind')} || ' ' || rel.identity, rel.identity, ${text('rel.identity')}
  FROM pg_description d JOIN rel ON rel.oid = d.objoid
  WHERE d.classoid = 'pg_class'::regclass AND d.objsubid = 0
  UNION ALL
  SELECT 'column ' || rel.identity || '.' || quote_ident(a.attname), rel.identity, ${text('rel.identity')}
  FROM pg_description d JOIN rel ON rel.oid = d.objoid
  JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
  WHERE d.classoid = 'pg_class'::regclass AND d.objsubid > 0
  UNION ALL
  SELECT 'index ' || ns.name || '.' || quote_ident(c.relname), rel.identity, ${text('rel.identity')}
  FROM pg_description d JOIN pg_index i ON i.indexrelid = d.objoid JOIN rel ON rel.oid = i.indrelid
  JOIN pg_class c ON c.oid = d.objoid JOIN ns ON ns.oid = c.relnamespace
  WHERE d.classoid = 'pg_class'::regclass
  UNION ALL
  SELECT CASE WHEN d.objsubid > 0 THEN 'column ' ELSE ${relationKind('c.relkind')} || ' ' END || ns.name || '.' || quote_ident(c.relname)
    || coalesce('.' || quote_ident(a.attname), ''), NULL, ${text('NULL::text')}
  FROM pg_description d JOIN pg_class c ON c.oid = d.objoid AND c.relkind IN ('S', 'c') JOIN ns ON ns.oid = c.relnamespace
  LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
  WHERE d.classoid = 'pg_class'::regclass AND ${notMember('pg_class', 'c.oid')}`,
  pg_constraint: `${onPartOfRelation('constraint', 'pg_constraint', 'conrelid', 'conname')}
  UNION ALL
  SELECT 'constraint ' || ns.name || '.' || quote_ident(t.typname) || '.' || quote_ident(c.conname), NULL, ${lines(
    part('domain', `ns.name || '.' || quote_ident(t.typname)`),
    part('text', 'd.description'),
  )}
  FROM pg_description d JOIN pg_constraint c ON c.oid = d.objoid JOIN pg_type t ON t.oid = c.contypid
  JOIN ns ON ns.oid = t.typnamespace WHERE d.classoid = 'pg_constraint'::regclass`,
  pg_trigger: onPartOfRelation('trigger', 'pg_trigger', 'tgrelid', 'tgname'),
  pg_rewrite: onPartOfRelation('rule', 'pg_rewrite', 'ev_class', 'rulename'),
  pg_policy: onPartOfRelation('policy', 'pg_policy', 'polrelid', 'polname'),
  pg_statistic_ext: `
  SELECT 'statistics ' || ns.name || '.' || quote_ident(o.stxname), rel.identity, ${text('rel.identity')}
  FROM pg_description d JOIN pg_statistic_ext o ON o.oid = d.objoid JOIN rel ON rel.oid = o.stxrelid
  JOIN ns ON ns.oid = o.stxnamespace WHERE d.classoid = 'pg_statistic_ext'::regclass`,
  pg_proc: `
  SELECT CASE p.prokind WHEN 'p' THEN 'procedure ' WHEN 'a' THEN 'aggregate ' WHEN 'w' THEN 'window function ' ELSE 'function ' END
    || ns.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')', NULL, ${text('NULL::text')}
  FROM pg_description d JOIN pg_proc p ON p.oid = d.objoid JOIN ns ON ns.oid = p.pronamespace
  WHERE d.classoid = 'pg_proc'::regclass AND p.oid >= ${firstUserOid} AND ${notMember('pg_proc', 'p.oid')}`,
};

// Large objects are data. DROP SUBSCRIPTION leaves the comment behind.
const onOthers = `
  SELECT o.type || ' ' || o.identity, NULL, ${text('NULL::text')}
  FROM pg_description d
  LEFT JOIN ns ON d.classoid = 'pg_namespace'::regclass AND ns.oid = d.objoid
  CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) o
  WHERE o.identity IS NOT NULL AND (d.objoid >= ${firstUserOid} OR d.classoid = 'pg_extension'::regclass OR ns.nspname = 'public')
    AND d.classoid NOT IN (${[...Object.keys(commentsOn), 'pg_largeobject'].map((name) => `'${name}'::regclass`).join(', ')})
    AND (d.classoid, d.objoid) NOT IN (SELECT classid, objid FROM member)
    AND (d.classoid <> 'pg_namespace'::regclass OR ns.oid IS NOT NULL)
    AND (o.schema IS NULL OR EXISTS (SELECT FROM ns WHERE ns.name = o.schema))
    AND NOT (d.classoid = 'pg_extension'::regclass AND ${isCitus('o.identity')})`;

export const comment: readonly Source[] = [
  ...Object.entries(commentsOn).map(([catalog, sql]) => ({ sql, onlyWhere: isCommented(catalog) })),
  { sql: onOthers },
];

/** A kind of object that has an owner and, mostly, an access control list. */
interface Owned {
  readonly from: string;
  readonly identity: string;
  readonly parent: string;
  readonly owner: string;
  readonly acl?: string;
  /** What acldefault() calls the kind: an SQL expression. */
  readonly kind?: string;
}

function inSchema(label: string, catalog: string, prefix: string, name: string): Owned {
  return {
    from: `${catalog} o JOIN ns ON ns.oid = o.${prefix}namespace WHERE o.oid >= ${firstUserOid} AND ${notMember(catalog, 'o.oid')}`,
    identity: `'${label} ' || ns.name || '.' || quote_ident(o.${name})`,
    parent: 'NULL',
    owner: `o.${prefix}owner`,
  };
}

function inDatabase(label: string, catalog: string, prefix: string, kind?: string): Owned {
  const acl = kind === undefined ? {} : { acl: `o.${prefix}acl`, kind: `'${kind}'` };
  return {
    from: `${catalog} o WHERE o.oid >= ${firstUserOid} AND ${notMember(catalog, 'o.oid')}${catalog === 'pg_extension' ? ` AND NOT ${isCitus('o.extname')}` : ''}`,
    identity: `'${label} ' || quote_ident(o.${prefix}name)`,
    parent: 'NULL',
    owner: `o.${prefix}owner`,
    ...acl,
  };
}

const ownedRelations: readonly Owned[] = [
  {
    from: 'rel',
    identity: `${relationKind('rel.relkind')} || ' ' || rel.identity`,
    parent: 'rel.identity',
    owner: 'rel.relowner',
    acl: 'rel.relacl',
    kind: `'r'`,
  },
  {
    from: `pg_class c JOIN ns ON ns.oid = c.relnamespace
      LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
        AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
      LEFT JOIN rel ON rel.oid = d.refobjid
      WHERE c.relkind = 'S' AND (d.refobjid IS NULL OR rel.oid IS NOT NULL) AND ${notMember('pg_class', 'c.oid')}`,
    identity: `'sequence ' || ns.name || '.' || quote_ident(c.relname)`,
    parent: 'rel.identity',
    owner: 'c.relowner',
    acl: 'c.relacl',
    kind: `'s'`,
  },
  {
    from: `pg_proc p JOIN ns ON ns.oid = p.pronamespace WHERE p.oid >= ${firstUserOid} AND ${notMember('pg_proc', 'p.oid')}`,
    identity: `'routine ' || ns.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')'`,
    parent: 'NULL',
    owner: 'p.proowner',
    acl: 'p.proacl',
    kind: `'f'`,
  },
  {
    from: `pg_type t JOIN ns ON ns.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
      WHERE t.oid >= ${firstUserOid} AND (c.oid IS NULL OR c.relkind = 'c') AND t.typtype <> 'm'
        AND NOT EXISTS (SELECT FROM pg_type element WHERE element.typarray = t.oid) AND ${notMember('pg_type', 't.oid')}`,
    identity: `'type ' || ns.name || '.' || quote_ident(t.typname)`,
    parent: 'NULL',
    owner: 't.typowner',
    acl: 't.typacl',
    kind: `'T'`,
  },
  {
    from: `ns JOIN pg_namespace n ON n.oid = ns.oid
      WHERE (ns.oid >= ${firstUserOid} OR ns.nspname = 'public') AND ${notMember('pg_namespace', 'ns.oid')}`,
    identity: `'schema ' || ns.name`,
    parent: 'NULL',
    owner: 'n.nspowner',
    acl: 'n.nspacl',
    kind: `'n'`,
  },
  {
    from: `pg_database d WHERE d.datname = current_database()`,
    identity: `'database'`,
    parent: 'NULL',
    owner: 'd.datdba',
    acl: 'd.datacl',
    kind: `'d'`,
  },
];

const owned: readonly Owned[] = [
  ...ownedRelations,
  inDatabase('foreign data wrapper', 'pg_foreign_data_wrapper', 'fdw', 'F'),
  inDatabase('foreign server', 'pg_foreign_server', 'srv', 'S'),
  inDatabase('language', 'pg_language', 'lan', 'l'),
  inDatabase('publication', 'pg_publication', 'pub'),
  inDatabase('event trigger', 'pg_event_trigger', 'evt'),
  inDatabase('extension', 'pg_extension', 'ext'),
  inSchema('collation', 'pg_collation', 'coll', 'collname'),
  inSchema('conversion', 'pg_conversion', 'con', 'conname'),
  inSchema('operator class', 'pg_opclass', 'opc', 'opcname'),
  inSchema('operator family', 'pg_opfamily', 'opf', 'opfname'),
  inSchema('statistics', 'pg_statistic_ext', 'stx', 'stxname'),
  inSchema('text search configuration', 'pg_ts_config', 'cfg', 'cfgname'),
  inSchema('text search dictionary', 'pg_ts_dict', 'dict', 'dictname'),
];

export const owner = owned
  .map(
    (kind) => `
  SELECT ${kind.identity}, ${kind.parent}, ${lines(
    part('table', kind.parent === 'NULL' ? 'NULL::text' : kind.parent),
    part('owner', `pg_get_userbyid(${kind.owner})::text`),
  )}
  FROM ${kind.from}`,
  )
  .join('\n  UNION ALL');

const columnGrants = `
  SELECT 'column ' || rel.identity || '.' || quote_ident(a.attname), rel.identity, ${lines(
    part('table', 'rel.identity'),
    part('privileges', sorted('a.attacl::text[]')),
  )}
  FROM rel JOIN pg_attribute a ON a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE cardinality(a.attacl) > 0`;

export const grant = [
  ...owned
    .filter((kind) => kind.acl !== undefined)
    .map(
      (kind) => `
  SELECT ${kind.identity}, ${kind.parent}, ${lines(
    part('table', kind.parent === 'NULL' ? 'NULL::text' : kind.parent),
    partWhen(
      'true',
      'privileges',
      `coalesce(${sorted(`coalesce(${kind.acl}, acldefault(${kind.kind}, ${kind.owner}))::text[]`)}, '')`,
    ),
  )}
  FROM ${kind.from}`,
    ),
  columnGrants,
].join('\n  UNION ALL');
