// Takes a connection of an application and a manifest; gives what the database has and the release has not, and the
// other way round: two queries with one row each. SELECT on the tracking table and the ledger is all it needs.
// Every name and operator is written in full: the search path is the application's, and anybody may have put a function,
// operator or type of the same name there.
import { MigrateError } from '../base/errors.ts';
import { visible } from '../base/foreign-text.ts';
import { defaultMajor } from '../base/postgres-major.ts';
import { type Manifest, meaningChecksum } from './manifest.ts';

/** What pg's Client and Pool, TypeORM's DataSource and others have in common; gives rows, bare or in an object. */
export interface Queryable {
  query(text: string, values?: unknown[]): Promise<unknown>;
}

type Row = Readonly<Record<string, unknown>>;

/** Which of the tables exist. */
export interface Presence {
  readonly tracked: boolean;
  readonly ledger: boolean;
  readonly stamped: boolean;
  readonly journal: boolean;
}

/** Ids as `<version>_<name>`, sorted. */
export interface Comparison {
  readonly behind: readonly string[];
  /** Not applied, and not needed for the start: they run when the application has started. */
  readonly waiting: readonly string[];
  readonly ahead: readonly string[];
  readonly modified: readonly string[];
  /** Of the release's own migrations: those that the journal says stopped half-way, up or down. */
  readonly halfDone: readonly string[];
  readonly environment: string | null;
}

/**
 * Which of the tool's tables the database has; one query. What is read must be plain tables: a view, a type with a cast
 * and a policy run somebody's functions with the rights of the application.
 * @throws MigrateError `refused` (no right to look, or no plain table); else the error of the application's client
 */
export async function readPresence(client: Queryable, { trackingTable }: Manifest): Promise<Presence> {
  const [row] = await ask(
    client,
    `SELECT pg_catalog.to_regclass($1) IS NOT NULL AS tracked, pg_catalog.to_regclass('migration_ledger.applied') IS NOT NULL AS ledger,
            pg_catalog.to_regclass('migration_ledger.environment') IS NOT NULL AS stamped, pg_catalog.to_regclass('migration_ledger.journal') IS NOT NULL AS journal,
            ${strangeSql} AS strange`,
    [trackingTable],
  );
  if (typeof row?.strange === 'string')
    throw new MigrateError(
      'refused',
      visible(
        `${row.strange} is no plain table: reading it would run code of others with the application’s rights. Look at who made it; make migrate-status says more`,
      ),
    );
  return {
    tracked: row?.tracked === true,
    ledger: row?.ledger === true,
    stamped: row?.stamped === true,
    journal: row?.journal === true,
  };
}

/** Of the tables that are read, one that is none, or that has a type or a policy which is not PostgreSQL's own; or NULL. */
const strangeSql = `(SELECT pg_catalog.min(c.oid::pg_catalog.regclass::pg_catalog.text) FROM pg_catalog.pg_class c
    WHERE c.oid OPERATOR(pg_catalog.=) ANY (ARRAY[${['applied', 'entries', 'environment', 'journal', 'snapshot', 'snapshot_classes'].map((name) => `pg_catalog.to_regclass('migration_ledger.${name}')::pg_catalog.oid`).join(', ')}, pg_catalog.to_regclass($1)::pg_catalog.oid])
      AND (c.relkind OPERATOR(pg_catalog.<>) ALL (ARRAY['r', 'p']::pg_catalog."char"[])
        OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0 AND a.atttypid OPERATOR(pg_catalog.>=) '16384'::pg_catalog.oid)
        OR pg_catalog.row_security_active(c.oid) AND EXISTS (SELECT FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_depend d ON d.objid OPERATOR(pg_catalog.=) p.oid
             WHERE p.polrelid OPERATOR(pg_catalog.=) c.oid AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_policy'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid OPERATOR(pg_catalog.<>) c.oid)))`;

const same = (a: string, b: string) => `${a} OPERATOR(pg_catalog.=) ${b}`;
const within = (row: string, set: string) =>
  `EXISTS (SELECT FROM ${set} w WHERE ${same('w.id', `${row}.id`)})`;
const list = (id: string, item = id) => `coalesce(pg_catalog.json_agg(${item} ORDER BY ${id}), '[]')`;

/**
 * The server compares, so that one row comes back however many migrations there are.
 * @throws MigrateError `refused` (no right to look); else the error of the application's client
 */
export async function compare(
  client: Queryable,
  manifest: Manifest,
  { tracked, ledger, stamped, journal }: Presence,
): Promise<Comparison> {
  const built = JSON.stringify(manifest.migrations.map(({ id, checksum }) => ({ id, checksum })));
  const [schema, table] = manifest.trackingTable.split('.');
  const recorded = ledger
    ? `SELECT a.id, e.seq, e.up_checksum FROM migration_ledger.applied a JOIN migration_ledger.entries e ON e.seq OPERATOR(pg_catalog.=) a.seq WHERE a.tracking OPERATOR(pg_catalog.=) '${manifest.trackingTable}'`
    : 'SELECT NULL::pg_catalog.text AS id, NULL::bigint AS seq, NULL::pg_catalog.text AS up_checksum WHERE false';
  const [row] = await ask(
    client,
    `WITH built AS (SELECT m.id, m.checksum FROM pg_catalog.json_to_recordset($1::pg_catalog.json) AS m (id pg_catalog.text, checksum pg_catalog.text)),
          tracked AS (${tracked ? `SELECT DISTINCT name::pg_catalog.text AS id FROM "${schema}"."${table}"` : 'SELECT NULL::pg_catalog.text AS id WHERE false'}),
          recorded AS (${recorded})
     SELECT (SELECT ${list('b.id')} FROM built b WHERE NOT ${within('b', 'tracked')}) AS behind,
            (SELECT ${list('t.id')} FROM tracked t WHERE NOT ${within('t', 'built')}) AS ahead,
            (SELECT ${list('b.id', "pg_catalog.json_build_object('id', b.id, 'seq', r.seq::pg_catalog.text)")}
               FROM built b JOIN recorded r ON ${same('r.id', 'b.id')}
              WHERE ${within('b', 'tracked')} AND r.up_checksum OPERATOR(pg_catalog.<>) b.checksum) AS suspects,
            ${journal ? `(SELECT ${list('j.id')} FROM (SELECT DISTINCT id FROM migration_ledger.journal WHERE ${same('tracking', `'${manifest.trackingTable}'`)}) j WHERE ${within('j', 'built')})` : "'[]'::pg_catalog.json"} AS half_done,
            ${stamped ? '(SELECT name FROM migration_ledger.environment LIMIT 1)' : 'NULL'} AS environment`,
    [built],
  );
  const suspects = listOf<{ id: string; seq: string }>(row?.suspects);
  const later = new Set(manifest.migrations.filter((each) => each.afterDeploy).map(({ id }) => id));
  const absent = listOf<string>(row?.behind);
  return {
    behind: absent.filter((id) => !later.has(id)),
    waiting: absent.filter((id) => later.has(id)),
    ahead: listOf<string>(row?.ahead),
    modified: suspects.length === 0 ? [] : await trulyModified(client, manifest, suspects),
    halfDone: listOf<string>(row?.half_done),
    environment: typeof row?.environment === 'string' ? row.environment : null,
  };
}

/** Comments and white space may change after a migration was applied; only then are texts read and parsed. */
async function trulyModified(
  client: Queryable,
  manifest: Manifest,
  suspects: readonly { id: string; seq: string }[],
): Promise<string[]> {
  const rows = await ask(
    client,
    `SELECT e.seq::pg_catalog.text AS seq, e.up_sql FROM migration_ledger.entries e
      JOIN pg_catalog.json_array_elements_text($1::pg_catalog.json) AS s (value) ON ${same('e.seq', 's.value::bigint')}`,
    [JSON.stringify(suspects.map(({ seq }) => seq))],
  );
  const texts = new Map(rows.map(({ seq, up_sql }) => [seq, up_sql]));
  const [{ meaning }, { loadParser }] = await Promise.all([
    import('../files/equivalent-sql.ts'),
    import('../files/statements.ts'),
  ]);
  const parse = await loadParser(manifest.postgres ?? defaultMajor);
  const meanings = new Map(manifest.migrations.map((migration) => [migration.id, migration.meaning]));
  return suspects
    .filter(({ id, seq }) => {
      const text = texts.get(seq);
      return typeof text !== 'string' || meaningChecksum(meaning(parse, text), text) !== meanings.get(id);
    })
    .map(({ id }) => id);
}

/** Sends a query of the gate; gives its rows. @throws MigrateError `refused` where the application's role may not look */
export async function ask(client: Queryable, text: string, values: unknown[]): Promise<readonly Row[]> {
  try {
    const result = await client.query(text, values);
    return (Array.isArray(result) ? result : (result as { rows: Row[] }).rows) as readonly Row[];
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== '42501') throw cause;
    throw new MigrateError(
      'refused',
      `The application’s role may not look at what was migrated (${(cause as Error).message}). Grant it what db/roles.sql lists for the application role`,
      { cause },
    );
  }
}

/** pg gives json as a value, some drivers as text. */
function listOf<Item>(value: unknown): Item[] {
  return (typeof value === 'string' ? JSON.parse(value) : (value ?? [])) as Item[];
}
