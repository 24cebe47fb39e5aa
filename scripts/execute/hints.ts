// Takes an error of PostgreSQL whose own words do not say what to do about a migration; gives what does. Pure.
import type { DatabaseError } from 'pg';
import type { TrackingTable } from '../config/config.ts';
import type { ReadyStep } from '../plan/steps.ts';
import { inQuotes } from '../schema/sql.ts';
import type { RunContext } from './context.ts';

type Refused = Partial<Pick<DatabaseError, 'code' | 'message' | 'where'>>;

const directive = '"-- migrate: no-transaction" at the top of the file, best in a migration of its own,';

/** What helps against a statement that must have no transaction around it; null for every other error. */
export function transactionHint(error: unknown, { directives, path }: ReadyStep): string | null {
  const refused = (error ?? {}) as Refused;
  return directives.noTransaction ? hintOutside(refused) : hintInside(refused, path);
}

function hintInside({ code, message = '', where }: Refused, path: string): string | null {
  if (code === '25001' && /ISOLATION LEVEL|must be called before any query/i.test(message))
    return `Write SET TRANSACTION ISOLATION LEVEL … as the first statement of ${path}, by itself: a transaction has one level, of several migrations too (--single-transaction, redo).`;
  if (code === '25001')
    return where !== undefined || /function/.test(message)
      ? `It cannot run from a function or DO block: write it as a statement of its own, with ${directive} which runs it outside of a transaction.`
      : `It cannot run inside a transaction: put ${directive} which runs the statements one by one.`;
  if (code === '2D000' && !/subtransaction|exception/.test(message))
    return `What it calls commits or rolls back, which a transaction around it forbids: put ${directive} or take COMMIT and ROLLBACK out of it.`;
  if (code === '55P04')
    return `A new enum value can be used once it is committed: use it in a migration of its own after this one, or put "-- migrate: no-transaction" at the top of this file.`;
  if (code === '0A000' && /transaction commands/.test(message))
    return `BEGIN, COMMIT and ROLLBACK are no text for EXECUTE: take them out. A DO block commits with COMMIT itself, in a file with ${directive} for the transaction around it is the tool's.`;
  return code === '0A000' && /in(?:side|to|) a transaction/.test(message)
    ? `It cannot run inside a transaction: put ${directive} which runs the statements one by one.`
    : null;
}

function hintOutside({ code, message = '', where }: Refused): string | null {
  if (code === '25001' && (where !== undefined || /function/.test(message)))
    return 'It cannot run from a function or DO block, which is a transaction itself: write it as a statement of its own.';
  if (code === '2D000' && !/subtransaction|exception/.test(message))
    return 'A procedure may commit where its CALL is a statement of its own, and where it has neither SET nor SECURITY DEFINER; a function may not.';
  return code === '55P04'
    ? 'A new enum value can be used once it is committed: use it in a later statement.'
    : null;
}

/** Something that the recording needs is not there, or not what it was. */
const gone: ReadonlySet<string> = new Set(['42P01', '3F000', '42883', '42703', '42809']);
const mayTakeAlong = /\b(?:(?:drop|alter)\s+(?:schema|owned)|cascade|migration_ledger)\b/i;

/**
 * The message and hint for a recording that was refused because of what became of the tables it is recorded in; null
 * where that is not the reason.
 * @param role that the run works as
 */
export function recordingAdvice(
  { schema, table }: TrackingTable,
  role: string,
  { code = '', message = '' }: Refused,
  text: string,
): { readonly message: string; readonly hint: string } | null {
  const name = `${schema}.${table}`;
  const isOfFile = mayTakeAlong.test(text) || text.includes(table);
  if (gone.has(code))
    return {
      message: `${isOfFile ? 'The file removed or changed' : 'Somebody removed or changed'} what it is to be recorded in: ${message}`,
      hint: isOfFile
        ? `${name} and the schema migration_ledger must stay: DROP SCHEMA, DROP OWNED and DROP … CASCADE take them along. Name what is to go, or keep the tracking table in a schema of its own ("trackingTable" in db/config.json).`
        : `${name} and the schema migration_ledger must be whole: make migrate-status says what is missing, and the way out.`,
    };
  const to = inQuotes(role);
  const [, sequence] = /for sequence (\S+)/.exec(message) ?? [];
  if (code === '42501')
    return {
      message: `The right to record it is missing: ${message}`,
      hint: `${sequence === undefined ? '' : `GRANT USAGE ON SEQUENCE ${schema}.${sequence} TO ${to}. `}Where a migration changes the owner of ${name} or of migration_ledger, it must leave ${role} its rights: GRANT SELECT, INSERT, DELETE ON ${name} TO ${to}; GRANT USAGE ON SCHEMA migration_ledger TO ${to}; ${['TABLES', 'SEQUENCES', 'FUNCTIONS'].map((all) => `GRANT ALL ON ALL ${all} IN SCHEMA migration_ledger TO ${to}`).join('; ')}.`,
    };
  return null;
}

/** As `recordingAdvice`, where the error may be of the file or of a statement of ours such as an entry of the journal. */
export function journalAdvice(
  { config: { trackingTable }, session }: Pick<RunContext, 'config' | 'session'>,
  { text }: ReadyStep,
  error: Error,
): ReturnType<typeof recordingAdvice> {
  const names = [
    `${trackingTable.schema}.${trackingTable.table}`,
    `"${trackingTable.table}"`,
    'migration_ledger',
  ];
  return names.some((name) => error.message.includes(name))
    ? recordingAdvice(trackingTable, session.role, error, text)
    : null;
}
