// Takes an error of PostgreSQL where its own words do not say what to do about a migration; gives what does. Pure.
import type { DatabaseError } from 'pg';
import { trackingName } from '../ledger/ledger.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { RunContext } from './context.ts';

type Refused = Pick<DatabaseError, 'code' | 'message' | 'where'>;

const directive = '"-- migrate: no-transaction" at the top of the file, best in a migration of its own,';

/** What helps against a statement that PostgreSQL refuses in a transaction alone; undefined for all others. */
export function transactionHint({ code, message, where }: Refused, step: ReadyStep): string | undefined {
  const again = `Then run make migrate-${step.direction} again.`;
  if (step.directives.noTransaction) return undefined;
  if (code === '25001' && /ISOLATION LEVEL|must be called before any query/.test(message))
    return `Write SET TRANSACTION ISOLATION LEVEL … as the first statement of ${step.path}; a transaction of several migrations (--single-transaction, redo) has one level for all. ${again}`;
  if (code === '25001' && (where !== undefined || /function/.test(message)))
    return `It cannot run from a function or DO block: write it as a statement of its own, with ${directive} which runs it outside of a transaction. ${again}`;
  if (code === '25001' || (code === '0A000' && /transaction/.test(message)))
    return `It cannot run inside a transaction: put ${directive} which runs the statements one by one. ${again}`;
  if (code === '2D000')
    return `What it calls commits or rolls back, which a transaction around it forbids: put ${directive} or take COMMIT and ROLLBACK out of it. ${again}`;
  if (code === '55P04')
    return `A new enum value can be used once it is committed: use it in a migration of its own after this one, or put ${directive} here. ${again}`;
  return undefined;
}

/**
 * The message and hint for a recording that was refused because of what the file did to the tables it is recorded in;
 * undefined where that is not the reason.
 */
export function recordingAdvice(
  { session, config }: Pick<RunContext, 'session' | 'config'>,
  { code, message }: Refused,
  { path, direction }: ReadyStep,
): { readonly message: string; readonly hint: string } | undefined {
  const table = trackingName(config.trackingTable);
  const again = `Mend ${path}, then run make migrate-${direction} again.`;
  if (['42P01', '3F000', '42883', '42703'].includes(code ?? ''))
    return {
      message: `The file removed or changed what it is to be recorded in: ${message}`,
      hint: `${table} and the schema migration_ledger must stay: DROP SCHEMA, DROP OWNED and DROP … CASCADE take them along. Name what is to go, or keep the tracking table in a schema of its own ("trackingTable" in db/config.json). ${again}`,
    };
  if (code === '42501')
    return {
      message: `The file took away the right to record it: ${message}`,
      hint: `Where a migration changes the owner of ${table} or of migration_ledger, it must leave ${session.role} its rights: GRANT SELECT, INSERT, DELETE ON ${table} TO "${session.role}"; GRANT USAGE ON SCHEMA migration_ledger TO "${session.role}"; GRANT ALL ON ALL TABLES IN SCHEMA migration_ledger TO "${session.role}". ${again}`,
    };
  return undefined;
}
