// Takes the administrator's connection to a scratch server; drops what killed runs left there. It knows them by their names.
import pg from 'pg';

/** How the names of scratch databases, and of the sessions that make them, begin. */
export const prefix = 'migrate_scratch_';
const staleAge = 3_600; // seconds

/** Scratch databases of runs that have no session any more and began more than an hour ago. */
export async function dropStale(admin: pg.Client): Promise<void> {
  const { rows } = await admin.query<{ datname: string }>(
    `SELECT datname FROM pg_database AS database
      WHERE datname ~ '^${prefix}[0-9]+_[0-9]{10}[0-9a-f]{8}_[0-9]+$'
        AND substring(datname FROM '_([0-9]{10})[0-9a-f]{8}_')::bigint < extract(epoch FROM now()) - $1
        AND pg_has_role(datdba, 'MEMBER')
        AND NOT EXISTS (SELECT FROM pg_stat_activity AS session
                         WHERE session.application_name = regexp_replace(database.datname, '_[0-9]+$', '')
                            OR session.datname = database.datname)`,
    [staleAge],
  );
  // Not FORCE: if someone did connect in between, it is in use.
  for (const { datname } of rows)
    await admin.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(datname)}`).catch(() => {});
}
