// Takes the configured name of the tracking table; gives the SQL that tells what else has that name, and the refusals for
// what stands in the way of creating it. It sends nothing.
import { MigrateError } from '../base/errors.ts';
import type { TrackingTable } from '../config/config.ts';
import { tornLedger } from '../connection/channel.ts';
import { quoteLiteral } from '../schema/sql.ts';
import { qualifiedName } from './tracking.ts';

const kinds = `CASE relkind WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view' WHEN 'S' THEN 'a sequence'
  WHEN 'i' THEN 'an index' WHEN 'I' THEN 'an index' WHEN 'c' THEN 'a type' WHEN 'f' THEN 'a foreign table' ELSE 'something else' END`;

/**
 * An expression that is NULL unless something that is no tracking table has its name; then it says what that is:
 * `a view`, or `a table with the columns …`.
 */
export function trackingProblemSql(tracking: TrackingTable): string {
  const columns = `(SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped)`;
  return `(SELECT CASE WHEN relkind NOT IN ('r', 'p') THEN ${kinds}
    WHEN NOT coalesce(${columns} @> '{id,name,run_on}', false) THEN 'a table with the columns ' || coalesce(array_to_string(${columns}, ', '), 'none') END
    FROM pg_class c WHERE oid = to_regclass(${quoteLiteral(qualifiedName(tracking))}))`;
}

/** An expression that is true where `trackingProblemSql` finds something; it costs less. */
export function hasProblemSql(tracking: TrackingTable): string {
  const table = `to_regclass(${quoteLiteral(qualifiedName(tracking))})`;
  return `EXISTS (SELECT FROM pg_class WHERE oid = ${table} AND (relkind NOT IN ('r', 'p')
    OR (SELECT count(*) FROM pg_attribute WHERE attrelid = ${table} AND attname IN ('id', 'name', 'run_on') AND attnum > 0 AND NOT attisdropped) < 3))`;
}

/** @throws MigrateError `refused` where the name of the tracking table belongs to something else */
export function refuseOtherShape(tracking: TrackingTable, problem: string | null): void {
  if (problem === null) return;
  const name = `${tracking.schema}.${tracking.table}`;
  throw new MigrateError(
    'refused',
    `${name} is ${problem}, not the tracking table of node-pg-migrate (id, name, run_on)`,
    {
      hint: `Rename what has that name, or name another table in db/config.json: { "trackingTable": "${tracking.schema}.app_migrations" }. Another tool's history is taken over with make migrate-baseline.`,
      state: 'Nothing was changed.',
    },
  );
}

/** What to say where the tables that migrations are recorded in could not be made; all of them are one transaction. */
export function preparingError(tracking: TrackingTable, hasTracking: boolean, cause: unknown): unknown {
  const { code = '', message } = cause as { code?: string; message: string };
  if (cause instanceof MigrateError) {
    const state = 'No migration was run, and nothing was recorded.';
    if (cause.code === 'connection' && cause.options.state === undefined)
      return new MigrateError('connection', cause.message, {
        ...cause.options,
        state,
        hint: 'Run the same command again.',
      });
    return new MigrateError(cause.code, cause.message, { state, ...cause.options });
  }
  if (!/^[0-9A-Z]{5}$/.test(code)) return cause;
  // Of the tracking table itself a message has its name, or that of an index of the catalog.
  const isLedgers = !message.includes(tracking.table) && !message.includes('"pg_');
  if (isLedgers && /^(?:42(?!501)|23505)/.test(code)) return tornLedger(cause as Error, code);
  const what = hasTracking
    ? 'The ledger could not be brought up to date'
    : `The tables that migrations are recorded in (${tracking.schema}.${tracking.table}, and those of the schema migration_ledger) could not be created`;
  return new MigrateError('refused', `${what}: ${message}`, {
    hint: hintFor(code, tracking),
    state: 'No migration was run, and nothing was recorded.',
    database: { sqlState: code },
    cause,
  });
}

function hintFor(code: string, { schema, table }: TrackingTable): string {
  const elsewhere = `name another table in db/config.json: { "trackingTable": "${schema}.app_migrations" }`;
  if (code === '3F000') return `Create the schema (CREATE SCHEMA ${schema}), or ${elsewhere}.`;
  if (code === '42710' || code === '42P07' || code === '23505')
    return `Something else is named ${table} there (\\dT ${schema}.${table} in psql shows a type): rename it, or ${elsewhere}.`;
  if (code === '42501') return 'Have an administrator grant CREATE on the schema, or use the migration role.';
  return `Something in the database refuses it, such as an event trigger (SELECT evtname FROM pg_event_trigger): have it let the migration role create ${schema}.${table} and the schema migration_ledger, then run the same command again.`;
}
