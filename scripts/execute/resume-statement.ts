// Takes a statement that may have been begun before; finds what it left behind and clears it away, or finds it done.
// Only for statements that PostgreSQL runs in several transactions of its own.

import pg from 'pg';
import { visible } from '../base/foreign-text.ts';
import type { Statement } from '../base/types.ts';
import type { Session } from '../connection/session.ts';
import type { JournalRow } from '../ledger/journal.ts';
import type { RunContext } from './context.ts';

interface Relation {
  readonly schemaname?: string;
  readonly relname?: string;
}

interface IndexRow {
  [column: string]: unknown;
  oid: number;
  name: string;
  short: string;
  valid: boolean;
}

function qualified({ schemaname, relname }: Relation): string {
  return [schemaname, relname]
    .filter((part) => part !== undefined)
    .map((part) => pg.escapeIdentifier(part))
    .join('.');
}

/** The table whose indexes the statement builds, or null for other statements. */
function indexedTable({ kind, node }: Statement): Relation | null {
  if (kind === 'IndexStmt' && node.concurrent === true) return node.relation as Relation;
  return null;
}

/** Names in full: the session has the search path of the file, which says what its own names mean. */
const indexColumns = `SELECT indexrelid AS oid, indexrelid::pg_catalog.regclass::pg_catalog.text AS name,
    c.relname AS short, indisvalid AS valid
  FROM pg_catalog.pg_index JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) indexrelid`;

async function indexesOf(session: Session, table: string): Promise<IndexRow[]> {
  return session.query<IndexRow>(
    `${indexColumns} WHERE indrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)`,
    [table],
  );
}

/** OIDs of the indexes that the table of a CREATE INDEX CONCURRENTLY has now; empty for other statements. */
export async function tableIndexes(session: Session, statement: Statement): Promise<readonly number[]> {
  const table = indexedTable(statement);
  return table === null ? [] : (await indexesOf(session, qualified(table))).map(({ oid }) => oid);
}

/**
 * Clears the way for a statement. An index that a failed build left INVALID is dropped, also where the statement says
 * IF NOT EXISTS and would take it for success. https://www.postgresql.org/docs/16/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
 * @param before OIDs of the table's indexes when the statement first started; null where it never did
 * @returns true when an earlier attempt had finished after all, so that the statement must not run again
 */
export async function mendBefore(
  context: RunContext,
  statement: Statement,
  before: readonly number[] | null,
): Promise<boolean> {
  switch (statement.kind) {
    case 'IndexStmt':
      return statement.node.concurrent === true ? mendIndexBuild(context, statement, before) : false;
    case 'ReindexStmt':
      return mendReindex(context, statement, before);
    case 'DropStmt':
      return before !== null && statement.node.concurrent === true && dropIsDone(context, statement);
    case 'AlterTableStmt':
      return before !== null && mendDetach(context, statement);
    case 'SelectStmt':
      return before !== null && distributionIsDone(context, statement);
    default:
      return false;
  }
}

/** Drops what a concurrent build left INVALID whose statement is no longer in the file; a finished index stays and is told. */
export async function mendAbandoned(
  context: RunContext,
  { sql, indexes: before }: JournalRow,
): Promise<void> {
  const parsed = (await context.loadParser())(sql);
  const [statement] = parsed.ok === true ? parsed.statements : [];
  if (statement?.kind !== 'IndexStmt' || statement.node.concurrent !== true) return;
  if (await mendIndexBuild(context, statement, before))
    context.observer.say(
      `  note: "${sql.replace(/\s+/g, ' ').slice(0, 100)}" is no longer in the file, and its index is there`,
    );
}

async function mendIndexBuild(
  { session, observer }: RunContext,
  { node }: Statement,
  before: readonly number[] | null,
): Promise<boolean> {
  const table = node.relation as Relation;
  const name = node.idxname as string | undefined;
  const indexes = await indexesOf(session, qualified(table));
  const own = indexes.filter(({ oid, short }) =>
    name === undefined ? before !== null && !before.includes(oid) : short === name,
  );
  for (const index of own.filter(({ valid }) => !valid)) {
    observer.say(
      `  index ${visible(index.name)} is INVALID, left by a build that did not finish: dropping it`,
    );
    // A build that failed on one shard is there on the others only.
    await session.query(`DROP INDEX CONCURRENTLY ${session.citus === null ? '' : 'IF EXISTS '}${index.name}`);
  }
  if (node.if_not_exists === true && (await isThereOnCitus(session, table, name))) return true;
  // Valid and not there when the statement started: it was built, only its journal row was not marked.
  return before !== null && own.some(({ oid, valid }) => valid && !before.includes(oid));
}

/** Citus takes a valid index for a build of its own under IF NOT EXISTS, and leaves it INVALID: such a statement is not run. */
async function isThereOnCitus(session: Session, table: Relation, name: string | undefined): Promise<boolean> {
  if (session.citus === null || name === undefined) return false;
  const rows = await session.query(
    `${indexColumns} JOIN pg_catalog.pg_class t ON t.relnamespace OPERATOR(pg_catalog.=) c.relnamespace
      WHERE t.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1) AND c.relname OPERATOR(pg_catalog.=) $2 AND indisvalid`,
    [qualified(table), name],
  );
  return rows.length > 0;
}

/** On Citus such copies are on the shards alone. What is locked there longer than a moment is left to the next REINDEX. */
const copiesOnShards = `SELECT success FROM pg_catalog.pg_dist_partition d, LATERAL pg_catalog.run_command_on_shards(d.logicalrelid, $shard$
  DO $do$ DECLARE copy regclass; BEGIN
    PERFORM set_config('lock_timeout', '1s', true);
    FOR copy IN SELECT indexrelid FROM pg_index JOIN pg_class c ON c.oid = indexrelid
                 WHERE indrelid = '%s'::regclass AND NOT indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'
    LOOP EXECUTE 'DROP INDEX ' || copy; END LOOP;
  END $do$$shard$)
  WHERE d.logicalrelid::pg_catalog.oid OPERATOR(pg_catalog.=) coalesce(
    (SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)), pg_catalog.to_regclass($1))`;

/** REINDEX CONCURRENTLY leaves its half-built copies as <name>_ccnew or _ccold; nothing else is named so and invalid. */
async function mendReindex(
  { session, observer }: RunContext,
  { node }: Statement,
  before: readonly number[] | null,
): Promise<boolean> {
  if (before === null || node.relation === undefined) return false;
  const copies = await session.query<IndexRow>(
    `${indexColumns}
      WHERE NOT indisvalid AND c.relname OPERATOR(pg_catalog.~) '_cc(new|old)[0-9]*$'
        AND (indrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1) OR indrelid OPERATOR(pg_catalog.=)
             (SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)))`,
    [qualified(node.relation as Relation)],
  );
  for (const copy of copies) {
    observer.say(
      `  index ${visible(copy.name)} is INVALID, left by a REINDEX that did not finish: dropping it`,
    );
    await session.query(`DROP INDEX CONCURRENTLY ${copy.name}`);
  }
  if (session.citus !== null) await session.query(copiesOnShards, [qualified(node.relation as Relation)]);
  return false;
}

/**
 * DROP INDEX CONCURRENTLY takes one index; gone means that the earlier attempt got through. On Citus some shards may have
 * dropped theirs already: it is finished here.
 */
async function dropIsDone({ session }: RunContext, { node }: Statement): Promise<boolean> {
  const [object] = node.objects as { List?: { items?: { String?: { sval?: string } }[] } }[];
  const parts = (object?.List?.items ?? []).map((item) => pg.escapeIdentifier(item.String?.sval ?? ''));
  const name = parts.join('.');
  const [row] = await session.query<{ gone: boolean }>('SELECT pg_catalog.to_regclass($1) IS NULL AS gone', [
    name,
  ]);
  if (row?.gone === false && session.citus !== null) {
    await session.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
    return true;
  }
  return row?.gone ?? false;
}

const distributing =
  /\bcreate_distributed_table_concurrently\s*\(\s*(?:table_name\s*(?:=>|:=)\s*)?'((?:[^']|'')+)'\s*,\s*(?:distribution_column\s*(?:=>|:=)\s*)?'((?:[^']|'')+)'/i;

/** On Citus: the table is distributed by the column that the statement names, which it is not told twice. */
async function distributionIsDone({ session }: RunContext, { text }: Statement): Promise<boolean> {
  const [, table, column] = (session.citus && distributing.exec(text)) ?? [];
  if (table === undefined || column === undefined) return false;
  const rows = await session.query(
    `SELECT FROM pg_catalog.pg_dist_partition d WHERE d.partmethod OPERATOR(pg_catalog.=) 'h'
        AND d.logicalrelid::pg_catalog.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1)
        AND pg_catalog.column_to_column_name(d.logicalrelid, d.partkey) OPERATOR(pg_catalog.=) $2`,
    [table, column].map((literal) => literal.replaceAll("''", "'")),
  );
  return rows.length > 0;
}

interface DetachCommand {
  readonly AlterTableCmd?: {
    readonly subtype?: string;
    readonly def?: { readonly PartitionCmd?: { readonly name?: Relation; readonly concurrent?: boolean } };
  };
}

/** A detach that was cut short is pending and must be finalized; one that got through must not run again. */
async function mendDetach({ session, observer }: RunContext, { node }: Statement): Promise<boolean> {
  const [command] = (node.cmds ?? []) as DetachCommand[];
  const detach =
    command?.AlterTableCmd?.subtype === 'AT_DetachPartition'
      ? command.AlterTableCmd.def?.PartitionCmd
      : undefined;
  if (detach?.concurrent !== true || detach.name === undefined) return false;
  const parent = qualified(node.relation as Relation);
  const child = qualified(detach.name);
  const [row] = await session.query<{ pending: boolean }>(
    `SELECT inhdetachpending AS pending FROM pg_catalog.pg_inherits
      WHERE inhparent OPERATOR(pg_catalog.=) pg_catalog.to_regclass($1) AND inhrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($2)`,
    [parent, child],
  );
  if (row?.pending) {
    observer.say(`  partition ${visible(child)} is still being detached: finalizing`);
    await session.query(`ALTER TABLE ${parent} DETACH PARTITION ${child} FINALIZE`);
  }
  return row === undefined || row.pending;
}
