// Takes a session; refuses, before anything is changed, when its role lacks what a first run needs.
import type { Config } from './config.ts';
import { MigrateError } from './errors.ts';
import type { LedgerState } from './ledger.ts';
import type { Session } from './session.ts';

/** @throws MigrateError `refused` naming every missing privilege and the GRANT that gives it */
export async function refuseMissingPrivileges(
  session: Session,
  { trackingTable }: Config,
  state: LedgerState,
): Promise<void> {
  const [row] = await session.query<{
    role: string;
    database: string;
    database_create: boolean;
    schema_exists: boolean;
    schema_create: boolean;
  }>(
    `SELECT current_user AS role, current_database() AS database,
            has_database_privilege(current_database(), 'CREATE') AS database_create,
            to_regnamespace($1) IS NOT NULL AS schema_exists,
            coalesce(has_schema_privilege(to_regnamespace($1)::oid, 'CREATE'), false) AS schema_create`,
    [trackingTable.schema],
  );
  if (row === undefined) return;
  const missing = [
    ...(state.hasLedger || row.database_create
      ? []
      : [`CREATE on database ${row.database}: GRANT CREATE ON DATABASE "${row.database}" TO "${row.role}"`]),
    ...(state.hasTracking || !row.schema_exists || row.schema_create
      ? []
      : [
          `CREATE on schema ${trackingTable.schema}: GRANT CREATE ON SCHEMA "${trackingTable.schema}" TO "${row.role}"`,
        ]),
  ];
  if (missing.length === 0) return;
  throw new MigrateError('refused', `Role ${row.role} may not create what migrations are recorded in`, {
    problems: missing,
    hint: 'Have an administrator grant this, or use the migration role.',
    state: 'Nothing was changed.',
  });
}
