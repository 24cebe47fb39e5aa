// Takes a session; refuses, before anything is changed, when its role lacks what a run needs.

import { MigrateError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Row } from '../connection/channel.ts';
import type { Session } from '../connection/session.ts';
import type { LedgerState } from './ledger.ts';
import { qualifiedName } from './tracking.ts';

/** @throws MigrateError `refused` naming every missing privilege and the GRANT that gives it */
export async function refuseMissingPrivileges(
  session: Session,
  { trackingTable: { schema, table } }: Config,
  { hasLedger, hasTracking }: LedgerState,
): Promise<void> {
  const [row] = await session.query<Rights>(rightsSql, [schema]);
  if (row === undefined) return;
  // A schema of another name is created with its table; public was taken away by somebody.
  if (!hasTracking && !row.schema_exists && schema === 'public') {
    throw new MigrateError('refused', 'There is no schema public, where the tracking table belongs', {
      hint: `CREATE SCHEMA public; or name another place in db/config.json: { "trackingTable": "app.${table}" }.`,
      state: 'Nothing was changed.',
    });
  }
  const missing = [
    ...(hasLedger || row.database_create ? [] : [grantOfCreate('database', row.database, row.role)]),
    ...(hasTracking || !row.schema_exists || row.schema_create
      ? []
      : [grantOfCreate('schema', schema, row.role)]),
  ];
  if (missing.length > 0)
    throw lacking(`Role ${row.role} may not create what migrations are recorded in`, missing);
}

interface Rights extends Row {
  readonly role: string;
  readonly database: string;
  readonly database_create: boolean;
  readonly schema_exists: boolean;
  readonly schema_create: boolean;
}

const rightsSql = `SELECT current_user AS role, current_database() AS database,
  has_database_privilege(current_database(), 'CREATE') AS database_create,
  to_regnamespace($1) IS NOT NULL AS schema_exists,
  coalesce(has_schema_privilege(to_regnamespace($1)::oid, 'CREATE'), false) AS schema_create`;

function grantOfCreate(kind: 'database' | 'schema', name: string, role: string): string {
  return `CREATE on ${kind} ${name}: GRANT CREATE ON ${kind.toUpperCase()} "${name}" TO "${role}"`;
}

function lacking(message: string, problems: readonly string[]): MigrateError {
  return new MigrateError('refused', message, {
    problems,
    hint: 'Have an administrator grant this, or use the migration role.',
    state: 'Nothing was changed.',
  });
}

/** What a run writes of its own, by table of the ledger. The audit log is left out: it may fail without harm. */
const ledgerWrites: Readonly<Record<string, string>> = {
  entries: 'SELECT,INSERT',
  applied: 'SELECT,INSERT,UPDATE,DELETE',
  long_texts: 'SELECT,INSERT',
  journal: 'SELECT,INSERT,UPDATE,DELETE',
  snapshot: 'SELECT,INSERT,UPDATE',
  snapshot_classes: 'SELECT,INSERT,DELETE',
};

/**
 * Asked before the first step, when tracking table and ledger exist: a migration that cannot be recorded must not run.
 * @throws MigrateError `refused` naming every missing privilege as the GRANT that gives it
 */
export async function refuseMissingWrites(session: Session, { trackingTable }: Config): Promise<void> {
  const tracking = qualifiedName(trackingTable);
  const tables = [
    [tracking, 'SELECT,INSERT,DELETE'],
    ...Object.entries(ledgerWrites).map(([name, list]) => [`migration_ledger.${name}`, list]),
  ];
  const rows = await session.query<{ name: string; missing: string; role: string }>(
    `SELECT name, string_agg(privilege, ', ') AS missing, current_user AS role FROM (
       SELECT name, privilege FROM json_to_recordset($1) AS t(name text, list text), unnest(string_to_array(list, ',')) privilege
        WHERE to_regclass(name) IS NOT NULL AND NOT has_table_privilege(to_regclass(name), privilege)
       UNION ALL SELECT 'SEQUENCE ' || sequence, 'USAGE' FROM pg_get_serial_sequence($2, 'id') sequence
        WHERE NOT has_sequence_privilege(sequence, 'USAGE')) m GROUP BY name ORDER BY name`,
    [JSON.stringify(tables.map(([name, list]) => ({ name, list }))), tracking],
  );
  const [first] = rows;
  if (first === undefined) return;
  throw lacking(
    `Role ${first.role} may not write what migrations are recorded in`,
    rows.map(({ name, missing, role }) => `GRANT ${missing} ON ${name} TO "${role}"`),
  );
}
