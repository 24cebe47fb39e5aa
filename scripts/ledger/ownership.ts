// Takes the tracking table's name; gives SQL that tells what of it and of the ledger somebody else could have put there,
// and refuses to work on that: triggers, defaults and functions of others would run with our rights.
import { MigrateError } from '../base/errors.ts';
import type { TrackingTable } from '../config/config.ts';
import { firstUserOid, quoteLiteral } from '../schema/sql.ts';
import { qualifiedName } from './tracking.ts';

/**
 * A query of one JSON array of sentences, or NULL where all of it is ours or belongs to somebody who could do more than we
 * anyway: a superuser, the owner of the database or of schema public, a role whose rights we have. A superuser has the rights
 * of every role, so for one only the others count. Who owns an event trigger may have its code run by everybody anyway;
 * another owner of its function may not.
 * https://www.postgresql.org/docs/16/functions-info.html#FUNCTIONS-INFO-ACCESS
 */
export function strangersSql(tracking: TrackingTable): string {
  return `(${problemsSql(regclass(tracking))})`;
}

const regclass = (tracking: TrackingTable) => `to_regclass(${quoteLiteral(qualifiedName(tracking))})`;

/** A CTE: the tracking table, the ledger's tables, and what gives their numbers. */
const relCte = (
  table: string,
) => `rel AS MATERIALIZED (SELECT c.oid, c.relowner, c.relkind, c.oid::regclass::text AS name FROM pg_class c
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND (c.oid = ${table} OR c.relnamespace = to_regnamespace('migration_ledger')
         OR c.relkind = 'S' AND c.oid IN (SELECT d.objid FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = ${table} AND d.classid = 'pg_class'::regclass
              UNION ALL SELECT d.refobjid FROM pg_depend d WHERE d.classid = 'pg_attrdef'::regclass AND d.objid = ANY (ARRAY(SELECT oid FROM pg_attrdef WHERE adrelid = ${table}))
                AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> ${table})))`;

/**
 * An expression that is true where anything of it may be somebody else's. Each session plans it anew, and a catalog costs more
 * to plan than to read: a dozen of them are read only where these few say so.
 */
export function mayBeStrangeSql(tracking: TrackingTable): string {
  const isOurs = (owner: string) => `(${owner} = ANY (ours) OR plain AND pg_has_role(${owner}, 'USAGE'))`;
  const concerned = ['class', 'constraint', 'attrdef', 'policy', 'trigger', 'event_trigger'];
  // Names are looked up once, not for each row of a catalog.
  return `EXISTS (WITH its AS MATERIALIZED (SELECT ${regclass(tracking)}::oid AS tracking, to_regnamespace('migration_ledger')::oid AS ledger,
        ARRAY[to_regrole(quote_ident(current_user)), to_regrole(quote_ident(session_user))]::oid[] AS ours,
        current_user = session_user AND current_setting('is_superuser') = 'off' AS plain),
      rel AS MATERIALIZED (SELECT oid, relkind, relhasrules, relhastriggers, oid = tracking AS tracks, relnamespace = ledger AS keeps, ${isOurs('relowner')} AS own
      FROM its, pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND (relnamespace = ledger OR oid = tracking OR relkind = 'S')),
      routine AS MATERIALIZED (SELECT oid, pronamespace = ledger AS keeps, ${isOurs('proowner')} AS own FROM its, pg_proc WHERE oid >= ${firstUserOid}),
      dependency AS MATERIALIZED (SELECT classid, objid, refclassid, refobjid FROM pg_depend WHERE classid IN (${concerned.map((name) => `'pg_${name}'::regclass`).join(', ')}))
    SELECT FROM rel WHERE (tracks OR keeps) AND (relhasrules OR tracks AND relhastriggers OR NOT own)
    UNION ALL SELECT FROM its, pg_namespace WHERE nspname = 'migration_ledger' AND NOT ${isOurs('nspowner')}
    UNION ALL SELECT FROM routine WHERE keeps AND NOT own
    UNION ALL SELECT FROM dependency WHERE refclassid = 'pg_class'::regclass AND classid = 'pg_policy'::regclass AND refobjid IN (SELECT oid FROM rel WHERE tracks OR keeps)
       OR refclassid = 'pg_class'::regclass AND classid = 'pg_attrdef'::regclass AND objid IN (SELECT oid FROM pg_attrdef WHERE adrelid = (SELECT tracking FROM its))
         AND refobjid IN (SELECT oid FROM rel WHERE relkind = 'S' AND NOT own)
       OR refclassid = 'pg_proc'::regclass AND classid = 'pg_trigger'::regclass AND refobjid NOT IN (SELECT oid FROM routine WHERE keeps)
         AND objid IN (SELECT objid FROM dependency WHERE refclassid = 'pg_class'::regclass AND refobjid IN (SELECT oid FROM rel WHERE keeps) AND classid = 'pg_trigger'::regclass)
       OR refclassid = 'pg_proc'::regclass AND classid = 'pg_event_trigger'::regclass AND refobjid IN (SELECT oid FROM routine WHERE NOT own)
       OR refclassid = 'pg_type'::regclass AND classid = 'pg_class'::regclass AND objid IN (SELECT oid FROM rel WHERE tracks OR keeps)
       OR refclassid = 'pg_proc'::regclass AND classid IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass, 'pg_class'::regclass))`;
}

function problemsSql(table: string): string {
  return `WITH superuser AS MATERIALIZED (SELECT bool_or(rolsuper) AS yes FROM pg_roles WHERE rolname IN (current_user, session_user)),
    trusted AS MATERIALIZED (SELECT r.oid FROM pg_roles r, superuser s WHERE r.rolsuper OR r.rolname IN (current_user, session_user)
       OR r.oid IN (SELECT datdba FROM pg_database WHERE datname = current_database())
       OR r.oid IN (SELECT nspowner FROM pg_namespace WHERE nspname = 'public')
       OR NOT s.yes AND (pg_has_role(current_user, r.oid, 'USAGE') OR pg_has_role(session_user, r.oid, 'USAGE'))),
    ${relCte(table)},
    problem AS (
      SELECT CASE relkind WHEN 'S' THEN 'sequence ' WHEN 'v' THEN 'view ' ELSE 'table ' END || name || ' belongs to ' || relowner::regrole AS said FROM rel WHERE relowner NOT IN (SELECT oid FROM trusted)
      UNION ALL SELECT 'schema migration_ledger belongs to ' || nspowner::regrole FROM pg_namespace WHERE nspname = 'migration_ledger' AND nspowner NOT IN (SELECT oid FROM trusted)
      UNION ALL SELECT 'function ' || oid::regprocedure || ' belongs to ' || proowner::regrole FROM pg_proc WHERE oid >= ${firstUserOid} AND pronamespace = to_regnamespace('migration_ledger') AND proowner NOT IN (SELECT oid FROM trusted)
      UNION ALL SELECT 'trigger ' || quote_ident(tgname) || ' on ' || rel.name || ' calls ' || tgfoid::regprocedure || ' of ' || proowner::regrole
        FROM pg_trigger t JOIN rel ON rel.oid = tgrelid JOIN pg_proc p ON p.oid = tgfoid WHERE NOT tgisinternal AND proowner NOT IN (SELECT oid FROM trusted)
      UNION ALL SELECT 'event trigger ' || quote_ident(evtname) || ' calls ' || evtfoid::regprocedure || ' of ' || proowner::regrole
        FROM pg_event_trigger e JOIN pg_proc p ON p.oid = evtfoid WHERE evtenabled <> 'D' AND proowner <> evtowner AND proowner NOT IN (SELECT oid FROM trusted)
      UNION ALL SELECT 'rule ' || quote_ident(rulename) || ' on ' || rel.name FROM pg_rewrite JOIN rel ON rel.oid = ev_class WHERE rulename <> '_RETURN'
      UNION ALL SELECT 'row level security policy ' || quote_ident(polname) || ' on ' || rel.name FROM pg_policy JOIN rel ON rel.oid = polrelid
      UNION ALL SELECT 'a default, check or index of ' || rel.name || ' calls ' || p.oid::regprocedure || ' of ' || proowner::regrole
        FROM pg_depend d JOIN pg_proc p ON p.oid = d.refobjid AND d.refclassid = 'pg_proc'::regclass AND p.proowner NOT IN (SELECT oid FROM trusted)
        LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
        LEFT JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid JOIN rel ON rel.oid IN (a.adrelid, k.conrelid, i.indrelid)
      UNION ALL SELECT 'column ' || quote_ident(attname) || ' of ' || rel.name || ' is of type ' || t.oid::regtype || ' of ' || typowner::regrole
        FROM pg_attribute JOIN rel ON rel.oid = attrelid JOIN pg_type t ON t.oid = atttypid WHERE attnum > 0 AND NOT attisdropped AND typowner NOT IN (SELECT oid FROM trusted))
    SELECT json_agg(said ORDER BY said) FROM problem`;
}

/** @throws MigrateError `refused` naming each, where somebody could have put something there */
export function refuseStrangers(strangers: readonly string[] | null): void {
  if (strangers === null || strangers.length === 0) return;
  throw new MigrateError(
    'refused',
    'What migrations are recorded in, or what runs with them, belongs to somebody else, whose code would run with your rights',
    {
      problems: strangers,
      hint: 'Run as the role that it belongs to, if you trust that role (PGOPTIONS="-c role=…" for a login that may do so). If nobody put it there on purpose, look at it and drop it; db/roles.sql hands over what is right.',
      state: 'Nothing was changed.',
    },
  );
}
