// Takes a session on a development or test database; gives what is in it and the SQL that empties it. It sends only the
// queries that look; whether the database may be emptied is the caller's to decide.
import pg from 'pg';
import type { Session } from '../connection/session.ts';

export interface DatabaseContents {
  readonly schemas: readonly string[];
  readonly extensions: readonly string[];
  readonly publications: readonly string[];
  readonly eventTriggers: readonly string[];
  /** CREATE, GRANT and COMMENT that make the schema `public` what it was, empty; none where there was none. */
  readonly restorePublic: readonly string[];
}

/** Everything that is not PostgreSQL's own. Roles and settings of the database are not in it: they stay. */
export async function readContents(session: Session): Promise<DatabaseContents> {
  const [row] = await session.query<Omit<DatabaseContents, 'restorePublic'> & { [column: string]: unknown }>(
    `SELECT array(SELECT nspname::text FROM pg_namespace
                   WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1) AS schemas,
            array(SELECT extname::text FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1) AS extensions,
            array(SELECT pubname::text FROM pg_publication ORDER BY 1) AS publications,
            array(SELECT evtname::text FROM pg_event_trigger ORDER BY 1) AS "eventTriggers"`,
  );
  const { schemas = [], extensions = [], publications = [], eventTriggers = [] } = row ?? {};
  return { schemas, extensions, publications, eventTriggers, restorePublic: await publicStatements(session) };
}

async function publicStatements(session: Session): Promise<string[]> {
  const rows = await session.query<{ sql: string }>(
    `SELECT format('CREATE SCHEMA public AUTHORIZATION %I', nspowner::regrole::text) AS sql
       FROM pg_namespace WHERE nspname = 'public'
     UNION ALL
     SELECT format('GRANT %s ON SCHEMA public TO %s%s', privilege_type,
                   CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
                   CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
       FROM pg_namespace, aclexplode(nspacl) WHERE nspname = 'public' AND grantee <> nspowner
     UNION ALL
     SELECT format('COMMENT ON SCHEMA public IS %L', obj_description(oid, 'pg_namespace'))
       FROM pg_namespace WHERE nspname = 'public' AND obj_description(oid, 'pg_namespace') IS NOT NULL`,
  );
  return rows.map(({ sql }) => sql);
}

/** To be run in one transaction. */
export function emptyingStatements(contents: DatabaseContents): string[] {
  const quote = pg.escapeIdentifier;
  return [
    ...contents.eventTriggers.map((name) => `DROP EVENT TRIGGER IF EXISTS ${quote(name)} CASCADE`),
    ...contents.publications.map((name) => `DROP PUBLICATION IF EXISTS ${quote(name)}`),
    ...contents.schemas.map((name) => `DROP SCHEMA IF EXISTS ${quote(name)} CASCADE`),
    ...contents.extensions.map((name) => `DROP EXTENSION IF EXISTS ${quote(name)} CASCADE`),
    ...contents.restorePublic,
  ];
}
