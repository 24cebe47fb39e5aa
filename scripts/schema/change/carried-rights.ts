// Takes what is dropped and made anew under its name; gives the SQL that keeps owners and privileges as they are wherever it
// runs: they differ from one environment to the next, so that they are looked up there. Pure.
import type { Item } from '../render/model.ts';
import { quoteLiteral } from '../sql.ts';

export interface CarriedRights {
  /** Before anything is dropped. */
  readonly before: readonly string[];
  /** Once everything is there again. */
  readonly after: readonly string[];
}

const nothing: CarriedRights = { before: [], after: [] };

/** @param columns names the columns, quoted where SQL needs it, that a view has before and after */
export function carriedRights(
  remade: readonly Item[],
  columns: (view: Item) => readonly string[],
): CarriedRights {
  if (remade.length === 0) return nothing;
  const role = `CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END`;
  const option = `CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END`;
  const onColumns = remade
    .filter((item) => item.class === 'relation' && columns(item).length > 0)
    .map(
      (view) => `  UNION ALL
  SELECT 3, format('GRANT %s (%I) ON TABLE %s TO %s%s', privilege_type, attname, ${quoteLiteral(view.identity)}, ${role}, ${option})
  FROM pg_attribute, aclexplode(attacl) WHERE attrelid = to_regclass(${quoteLiteral(view.identity)}) AND quote_ident(attname) IN (${columns(view).map(quoteLiteral).join(', ')})`,
    );
  const look = `-- Owners and privileges of what is made anew below are kept as they are wherever this runs.
SELECT set_config('carried.rights', coalesce(string_agg(sql, '; ' ORDER BY place, sql), ''), true) FROM (
  WITH kept (what, target, kind, owner, acl) AS (
    ${remade.map(lookup).join('\n    UNION ALL ')}
  ), changed AS (SELECT * FROM kept WHERE acl IS NOT NULL OR EXISTS (SELECT FROM pg_default_acl))
  SELECT 1 AS place, format('ALTER %s OWNER TO %I', what, pg_get_userbyid(owner)) AS sql FROM kept WHERE pg_get_userbyid(owner) <> current_user
  UNION ALL
  SELECT 2, format('REVOKE ALL ON %s FROM %s', target, ${role})
  FROM changed, LATERAL (SELECT owner AS grantee UNION SELECT 0 UNION SELECT (aclexplode(defaclacl)).grantee FROM pg_default_acl) AS other
  UNION ALL
  SELECT 3, format('GRANT %s ON %s TO %s%s', privilege_type, target, ${role}, ${option})
  FROM changed, aclexplode(coalesce(acl, acldefault(kind::"char", owner)))
${onColumns.join('\n')}${onColumns.length > 0 ? '\n' : ''}) AS given;`;
  return {
    before: [look],
    after: [`DO $rights$ BEGIN EXECUTE current_setting('carried.rights'); END $rights$;`],
  };
}

function lookup(item: Item): string {
  const name = quoteLiteral(item.identity);
  const named = (what: string, target: string, kind: string) =>
    `SELECT ${quoteLiteral(`${what} ${item.identity}`)}, ${quoteLiteral(`${target} ${item.identity}`)}, '${kind}'`;
  if (item.class === 'relation')
    return `${named(item.parts.get('kind')?.toUpperCase() ?? 'VIEW', 'TABLE', 'r')}, relowner, relacl FROM pg_class WHERE oid = to_regclass(${name})`;
  if (item.class === 'type')
    return `${named('TYPE', 'TYPE', 'T')}, typowner, typacl FROM pg_type WHERE oid = to_regtype(${name})`;
  return `${named('ROUTINE', 'ROUTINE', 'f')}, proowner, proacl FROM pg_proc WHERE oid = to_regprocedure(${name})`;
}
