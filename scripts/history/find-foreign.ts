// Takes a session on a database that has no history of ours; refuses where another tool's is found, or ours in another
// tracking table. It reads names and columns in one query, and whether there are rows in a second one where a table has the shape.
import pg from 'pg';
import { MigrateError } from '../base/errors.ts';
import { shellWord } from '../base/shell-word.ts';
import type { Config } from '../config/config.ts';
import type { Row } from '../connection/channel.ts';
import type { Session } from '../connection/session.ts';
import type { History } from '../ledger/ledger.ts';
import type { Step } from '../plan/plan.ts';
import { literal } from '../schema/sql.ts';
import { speaksOfHistory, tellingColumns, toolOfAnyName } from './foreign-shapes.ts';
import { type ForeignTable, foreignTables, type TableShape } from './foreign-tools.ts';

interface ForeignTracking {
  readonly schema: string;
  readonly name: string;
  readonly known: ForeignTable;
  /** It has row level security: reading it would run what its owner wrote. */
  readonly isGuarded: boolean;
}

/**
 * Before the first migration of a database: what another tool applied must not be applied again.
 * @throws MigrateError `history` naming each history that was found, and the baseline that takes it over
 */
export async function refuseForeignHistory(
  session: Session,
  config: Config,
  history: History,
  pending: readonly Step[],
): Promise<void> {
  if (history.applied.length > 0 || history.halfDone.length > 0) return;
  if (history.hasLedger) await refuseOtherTracking(session, config, pending);
  const candidates = await readCandidates(session, config, history);
  const found = candidates.length === 0 ? [] : await withRows(session, candidates);
  const [first] = found;
  if (first === undefined) return;
  const tools = [...new Set(found.map(({ known }) => known.tool))];
  throw new MigrateError(
    'history',
    `This database was migrated by another tool already (${tools.join(', ')}), and no migration of this one is recorded in it`,
    {
      problems: found.map(
        (table) => `${table.known.tool}: ${table.schema}.${table.name}. ${takeOver(table, found)}`,
      ),
      hint: 'Take the history over first: what was applied there would be applied again. Where these files have nothing to do with it, say so with --fresh-history (make migrate-up fresh_history=1).',
      state: 'Nothing was changed.',
    },
  );
}

/** What is in the ledger with this very text, in another tracking table: `trackingTable` was changed, or differs between two checkouts. */
async function refuseOtherTracking(
  session: Session,
  { trackingTable: { schema, table } }: Config,
  pending: readonly Step[],
): Promise<void> {
  const own = literal(`${schema}.${table}`);
  const rows = await session.query<{ tracking: string; ids: string[] }>(
    `SELECT a.tracking, array_agg(a.id ORDER BY a.id) AS ids
       FROM migration_ledger.applied a JOIN migration_ledger.entries e USING (seq)
       JOIN unnest($1::text[], $2::text[]) AS f(id, checksum) ON f.id = a.id AND f.checksum = coalesce(e.up_checksum, f.checksum)
      WHERE NOT EXISTS (SELECT FROM migration_ledger.entries WHERE tracking = ${own}) GROUP BY 1 ORDER BY 1`,
    [pending.map(({ id }) => id), pending.map(({ migration }) => migration?.up.checksum ?? null)],
  );
  const [first] = rows;
  if (first === undefined) return;
  throw new MigrateError(
    'history',
    'These migrations are applied in this database already: it is recorded for another tracking table',
    {
      problems: rows.map(
        ({ tracking, ids }) =>
          `${tracking}: ${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ` and ${ids.length - 5} more` : ''}`,
      ),
      hint: `If it is the same application: { "trackingTable": ${JSON.stringify(first.tracking)} } in db/config.json. If the same files are to run here once more, for another schema: --fresh-history (make migrate-up fresh_history=1).`,
      state: 'Nothing was changed.',
    },
  );
}

function takeOver({ schema, name, known }: ForeignTracking, found: readonly ForeignTracking[]): string {
  const version = 'make migrate-baseline to=<version of the newest migration that the database has>';
  if (known.tool === 'node-pg-migrate')
    return `Take it over: { "trackingTable": "${schema}.${name}" } in db/config.json, and the next up adopts it`;
  if (known.from === undefined) return `Take it over: ${version}`;
  const isNamed = name !== known.table || found.filter((other) => other.known.from === known.from).length > 1;
  return `Take it over: make migrate-baseline from=${known.from}${isNamed ? ` table=${shellWord(`${named(schema)}.${named(name)}`)}` : ''}, or ${version}`;
}

/** As --table takes it. */
const named = (part: string) => (/[."]/.test(part) ? pg.escapeIdentifier(part) : part);

async function readCandidates(
  session: Session,
  { trackingTable }: Config,
  { hasLedger }: History,
): Promise<readonly ForeignTracking[]> {
  const names = [...new Set(foreignTables.map(({ table }) => literal(table)))].join(', ');
  const own = `${literal(trackingTable.schema)}, ${literal(trackingTable.table)}`;
  // Other applications that this tool migrates in the same database have tracking tables of their own.
  const known = hasLedger
    ? `AND NOT EXISTS (SELECT FROM migration_ledger.entries WHERE tracking = n.nspname || '.' || c.relname)
       AND NOT EXISTS (SELECT FROM migration_ledger.entries WHERE tracking = ${literal(`${trackingTable.schema}.${trackingTable.table}`)})`
    : '';
  const rows = await session.query<TableShape & Row & { schema: string; guarded: boolean }>(
    `SELECT n.nspname::text AS schema, c.relname::text AS name, c.relrowsecurity AS guarded,
            (SELECT json_object_agg(attname, format_type(atttypid, NULL)) FROM pg_attribute
              WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS columns,
            array(SELECT relname::text FROM pg_class WHERE relnamespace = n.oid AND relname = 'ar_internal_metadata') AS beside
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE (c.relname IN (${names}) OR n.nspname || '.' || c.relname ~* '${speaksOfHistory.source}' OR EXISTS
              (SELECT FROM pg_attribute WHERE attrelid = c.oid AND lower(attname) IN (${tellingColumns.map(literal).join(', ')})))
        AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't' AND n.nspname NOT IN ('migration_ledger', 'information_schema') AND n.nspname !~ '^pg_'
        AND has_schema_privilege(n.oid, 'USAGE') AND (n.nspname, c.relname) <> (${own}) ${known}
      ORDER BY 1, 2`,
  );
  return rows.flatMap(({ schema, name, guarded, columns, beside }) => {
    const tool = toolOfAnyName({ name, columns, beside }, schema);
    return tool === null ? [] : [{ schema, name, known: tool, isGuarded: guarded }];
  });
}

/** Those with a row; one that cannot be read counts, for nothing says that it is empty. */
async function withRows(
  session: Session,
  candidates: readonly ForeignTracking[],
): Promise<readonly ForeignTracking[]> {
  const kept: ForeignTracking[] = [];
  for (const table of candidates) {
    if (table.isGuarded) {
      kept.push(table);
      continue;
    }
    const [row] = await session
      .query<{ filled: boolean }>(
        `SELECT EXISTS (SELECT 1 AS one FROM ${pg.escapeIdentifier(table.schema)}.${pg.escapeIdentifier(table.name)}) AS filled`,
      )
      .catch((error: unknown) => {
        if (error instanceof MigrateError && (error.code === 'refused' || error.code === 'locked'))
          return [{ filled: true }];
        throw error;
      });
    if (row?.filled) kept.push(table);
  }
  return kept;
}
