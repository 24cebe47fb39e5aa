// Takes nothing; gives the SQL that reads what belongs to the database as a whole: schemas, extensions, publications,
// text search, foreign servers, settings; one SELECT per class with the columns identity, parent and definition.
// It must not know how the rows are hashed, filtered or compared.

import { firstUserOid, flag, lines, notMember, part, partWhen, sorted } from '../sql.ts';
import { publishedGenerated, subscriptionOptions, subscriptions } from './by-version.ts';
import { isCitus } from './distribution.ts';
import { foreignOptions } from './foreign-options.ts';

export const schema = `
  SELECT ns.name, NULL, 'kind=schema'
  FROM ns
  WHERE (ns.oid >= ${firstUserOid} OR ns.nspname = 'public') AND ${notMember('pg_namespace', 'ns.oid')}`;

// ALTER … DEPENDS ON EXTENSION: what is dropped together with the extension.
const extensionDependents = `(SELECT string_agg(o.type || ' ' || o.identity, E'\\n' ORDER BY o.identity COLLATE "C")
      FROM pg_depend d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) o
      WHERE d.deptype = 'x' AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid)`;

export const extension = `
  SELECT quote_ident(e.extname), NULL, ${lines(
    part('version', 'e.extversion'),
    part('schema', 'quote_ident(n.nspname)'),
    part('dependents', extensionDependents),
  )}
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE NOT ${isCitus('e.extname')}`;

const publishedTables = `(SELECT string_agg(rel.identity
      || coalesce(' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname COLLATE "C") FROM pg_attribute a
        WHERE a.attrelid = rel.oid AND a.attnum = ANY (r.prattrs)) || ')', '')
      || coalesce(' WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')', ''), E'\\n' ORDER BY rel.identity COLLATE "C")
      FROM pg_publication_rel r JOIN rel ON rel.oid = r.prrelid WHERE r.prpubid = p.oid)`;

export const publication = `
  SELECT quote_ident(p.pubname), NULL, ${lines(
    flag('all_tables', 'p.puballtables'),
    part('tables', publishedTables),
    part(
      'schemas',
      sorted(
        `ARRAY(SELECT ns.name FROM pg_publication_namespace s JOIN ns ON ns.oid = s.pnnspid WHERE s.pnpubid = p.oid)`,
      ),
    ),
    part(
      'publish',
      `concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
        CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END)`,
    ),
    flag('via_root', 'p.pubviaroot'),
    publishedGenerated,
  )}
  FROM pg_publication p WHERE ${notMember('pg_publication', 'p.oid')}`;

// The connection text may hold a password and is readable by superusers only.
export const subscription = `
  SELECT quote_ident(s.subname), NULL, ${lines(
    part('publications', sorted('ARRAY(SELECT quote_ident(item) FROM unnest(s.subpublications) AS item)')),
    part('slot', 's.subslotname::text'),
    flag('disabled', 'NOT s.subenabled'),
    part('options', subscriptionOptions),
  )}
  FROM ${subscriptions} s
  WHERE s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND NOT EXISTS (SELECT FROM pg_subscription o JOIN member m ON m.objid = o.oid AND m.classid = 'pg_subscription'::regclass
      WHERE o.subname = s.subname AND o.subdbid = s.subdbid)`;

export const eventTrigger = `
  SELECT quote_ident(e.evtname), NULL, ${lines(
    part('event', 'e.evtevent::text'),
    part('procedure', 'e.evtfoid::regprocedure::text'),
    part('tags', sorted('e.evttags')),
    partWhen(
      `e.evtenabled <> 'O'`,
      'enabled',
      `CASE e.evtenabled WHEN 'D' THEN 'no' WHEN 'R' THEN 'replica' ELSE 'always' END`,
    ),
  )}
  FROM pg_event_trigger e WHERE ${notMember('pg_event_trigger', 'e.oid')}`;

export const defaultPrivileges = `
  SELECT quote_ident(pg_get_userbyid(d.defaclrole)) || coalesce(' in schema ' || ns.name, '') || ' on '
      || CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
        WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' WHEN 'L' THEN 'large objects' ELSE 'objects' END, NULL,
    ${part('privileges', `coalesce(${sorted('d.defaclacl::text[]')}, '')`)}
  FROM pg_default_acl d LEFT JOIN ns ON ns.oid = d.defaclnamespace
  WHERE d.defaclnamespace = 0 OR ns.oid IS NOT NULL`;

const mappings = `(SELECT string_agg(token.alias || ' WITH ' || token.dictionaries, E'\\n' ORDER BY token.alias COLLATE "C") FROM (
      SELECT kind.alias, string_agg(m.mapdict::regdictionary::text, ', ' ORDER BY m.mapseqno) AS dictionaries
      FROM pg_ts_config_map m JOIN ts_token_type(c.cfgparser) kind ON kind.tokid = m.maptokentype
      WHERE m.mapcfg = c.oid GROUP BY kind.alias) token)`;

function qualified(catalog: string, namespace: string, name: string, oid: string): string {
  return `(SELECT quote_ident(n.nspname) || '.' || quote_ident(o.${name}) FROM ${catalog} o
      JOIN pg_namespace n ON n.oid = o.${namespace} WHERE o.oid = ${oid})`;
}

function parserPart(key: string, column: string): string {
  return partWhen(`p.${column} <> 0`, key, `p.${column}::regproc::text`);
}

export const textSearch = `
  SELECT 'configuration ' || ns.name || '.' || quote_ident(c.cfgname), NULL, ${lines(
    part('parser', qualified('pg_ts_parser', 'prsnamespace', 'prsname', 'c.cfgparser')),
    part('mappings', mappings),
  )}
  FROM pg_ts_config c JOIN ns ON ns.oid = c.cfgnamespace
  WHERE c.oid >= ${firstUserOid} AND ${notMember('pg_ts_config', 'c.oid')}
  UNION ALL
  SELECT 'dictionary ' || ns.name || '.' || quote_ident(d.dictname), NULL, ${lines(
    part('template', qualified('pg_ts_template', 'tmplnamespace', 'tmplname', 'd.dicttemplate')),
    part('options', 'd.dictinitoption'),
  )}
  FROM pg_ts_dict d JOIN ns ON ns.oid = d.dictnamespace
  WHERE d.oid >= ${firstUserOid} AND ${notMember('pg_ts_dict', 'd.oid')}
  UNION ALL
  SELECT 'parser ' || ns.name || '.' || quote_ident(p.prsname), NULL, ${lines(
    parserPart('start', 'prsstart'),
    parserPart('token', 'prstoken'),
    parserPart('end', 'prsend'),
    parserPart('headline', 'prsheadline'),
    parserPart('types', 'prslextype'),
  )}
  FROM pg_ts_parser p JOIN ns ON ns.oid = p.prsnamespace
  WHERE p.oid >= ${firstUserOid} AND ${notMember('pg_ts_parser', 'p.oid')}
  UNION ALL
  SELECT 'template ' || ns.name || '.' || quote_ident(p.tmplname), NULL, ${lines(
    parserPart('init', 'tmplinit'),
    parserPart('lexize', 'tmpllexize'),
  )}
  FROM pg_ts_template p JOIN ns ON ns.oid = p.tmplnamespace
  WHERE p.oid >= ${firstUserOid} AND ${notMember('pg_ts_template', 'p.oid')}`;

export const foreignDataWrapper = `
  SELECT quote_ident(w.fdwname), NULL, ${lines(
    `'kind=foreign data wrapper'`,
    partWhen('w.fdwhandler <> 0', 'handler', 'w.fdwhandler::regproc::text'),
    partWhen('w.fdwvalidator <> 0', 'validator', 'w.fdwvalidator::regproc::text'),
    part('options', foreignOptions('w.fdwoptions')),
  )}
  FROM pg_foreign_data_wrapper w WHERE ${notMember('pg_foreign_data_wrapper', 'w.oid')}`;

export const foreignServer = `
  SELECT quote_ident(s.srvname), NULL, ${lines(
    part('wrapper', 'quote_ident(w.fdwname)'),
    part('type', 's.srvtype'),
    part('version', 's.srvversion'),
    part('options', foreignOptions('s.srvoptions')),
  )}
  FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
  WHERE ${notMember('pg_foreign_server', 's.oid')}`;

// Whoever may not see the options of a mapping gets `?`, which equals anything when two snapshots are compared.
export const userMapping = `
  SELECT coalesce(quote_ident(nullif(m.usename, 'public')), 'public') || ' on ' || quote_ident(m.srvname), NULL, ${lines(
    `'kind=user mapping'`,
    part(
      'options',
      `CASE WHEN m.umoptions IS NOT NULL THEN (SELECT string_agg(quote_ident(split_part(item, '=', 1)), E'\\n' ORDER BY item COLLATE "C")
        FROM unnest(m.umoptions) AS item) WHEN NOT reader.sees THEN '?' END`,
    ),
  )}
  FROM pg_user_mappings m JOIN pg_foreign_server s ON s.oid = m.srvid, LATERAL (
    SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
      OR (m.umuser <> 0 AND m.usename = current_user
        AND (pg_has_role(s.srvowner, 'USAGE') OR has_server_privilege(s.oid, 'USAGE')))
      OR (m.umuser = 0 AND pg_has_role(s.srvowner, 'USAGE')) AS sees
  ) reader`;

export const language = `
  SELECT quote_ident(l.lanname), NULL, ${lines(
    part('handler', 'l.lanplcallfoid::regproc::text'),
    partWhen('l.laninline <> 0', 'inline', 'l.laninline::regproc::text'),
    partWhen('l.lanvalidator <> 0', 'validator', 'l.lanvalidator::regproc::text'),
    flag('trusted', 'l.lanpltrusted'),
  )}
  FROM pg_language l WHERE l.oid >= ${firstUserOid} AND ${notMember('pg_language', 'l.oid')}`;

export const transform = `
  SELECT 'for ' || format_type(t.trftype, NULL) || ' language ' || quote_ident(l.lanname), NULL, ${lines(
    `'kind=transform'`,
    partWhen('t.trffromsql <> 0', 'from_sql', 't.trffromsql::regprocedure::text'),
    partWhen('t.trftosql <> 0', 'to_sql', 't.trftosql::regprocedure::text'),
  )}
  FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang
  WHERE t.oid >= ${firstUserOid} AND ${notMember('pg_transform', 't.oid')}`;

export const accessMethod = `
  SELECT quote_ident(a.amname), NULL, ${lines(
    part('kind', `CASE a.amtype WHEN 'i' THEN 'index' ELSE 'table' END`),
    part('handler', 'a.amhandler::regproc::text'),
  )}
  FROM pg_am a WHERE a.oid >= ${firstUserOid} AND ${notMember('pg_am', 'a.oid')}`;

/** True for `name=value` that may be a secret: by its name, or because the value is a connection string with a password. */
const isSecretSetting = `(split_part(item, '=', 1) ~* 'pass|pwd|secret|token|key|credential|dsn' OR item ~* '://[^/@[:space:]]*:[^/@[:space:]]*@|password[[:space:]]*=')`;

// What is set for this database, its comment too: settings of a role everywhere belong to the server. Some applications keep
// secrets in settings: such a value is not kept, no hash of it either, for what can be guessed is found by its hash.
export const setting = `
  SELECT coalesce('role ' || quote_ident(pg_get_userbyid(nullif(s.setrole, 0))), 'database') || ' ' || split_part(item, '=', 1), NULL,
    ${part('value', `CASE WHEN ${isSecretSetting} THEN '(hidden)' ELSE substr(item, strpos(item, '=') + 1) END`)}
  FROM pg_db_role_setting s, unnest(s.setconfig) AS item
  WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
  UNION ALL
  SELECT 'database comment', NULL, ${part('value', 'd.description')}
  FROM pg_shdescription d WHERE d.classoid = 'pg_database'::regclass
    AND d.objoid = (SELECT oid FROM pg_database WHERE datname = current_database())`;
