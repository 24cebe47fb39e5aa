// Takes a session and the name of another tool; gives what that tool's table says is applied. It only reads.
import { MigrateError } from '../base/errors.ts';
import type { TrackingTable } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import { refuseStrangers, strangersSql } from '../ledger/ownership.ts';
import { qualifiedName } from '../ledger/tracking.ts';
import { bareName } from '../schema/sql.ts';
import { furtherReaders, type Reader } from './foreign-readers.ts';
import type { ForeignHistory, ForeignRecord } from './match-foreign.ts';

const readers: Readonly<Record<string, Reader>> = {
  ...furtherReaders,
  // https://github.com/ThomWright/postgres-migrations: id 0 is its own table.
  'postgres-migrations': {
    table: 'migrations',
    columns: ['id', 'name', 'hash', 'executed_at'],
    read: async (session, table) => {
      const rows = await session.query<{ id: number; name: string }>(
        `SELECT id, name FROM ${table} WHERE id > 0 ORDER BY id`,
      );
      const records = rows.map(({ id, name }) => ({ label: `${id}_${name}`, version: String(id), name }));
      return { records, problems: [], notes: [] };
    },
  },
  // https://github.com/golang-migrate/migrate: one row, the newest version, and whether it failed half-way.
  'golang-migrate': {
    table: 'schema_migrations',
    columns: ['version', 'dirty'],
    read: async (session, table) => {
      const rows = await session.query<{ version: string; dirty: boolean }>(
        `SELECT version::text, dirty FROM ${table}`,
      );
      const records = rows.map(({ version }) => ({ label: `version ${version}`, version, name: null }));
      const dirty = rows
        .filter((row) => row.dirty)
        .map(({ version }) => `version ${version} is dirty: it failed half-way, mend that first`);
      const several = rows.length > 1 ? [`it holds ${rows.length} versions, where the tool keeps one`] : [];
      return { records, problems: [...several, ...dirty], notes: [], newestOnly: true };
    },
  },
  // https://github.com/amacneil/dbmate: one row for each applied version, no names.
  dbmate: {
    table: 'schema_migrations',
    columns: ['version'],
    not: 'dirty',
    read: async (session, table) => {
      const rows = await session.query<{ version: string }>(
        `SELECT version::text FROM ${table} ORDER BY version::text COLLATE "C"`,
      );
      const records = rows.map(({ version }) => ({ label: `version ${version}`, version, name: null }));
      return { records, problems: [], notes: [] };
    },
  },
  // https://documentation.red-gate.com/fd/flyway-schema-history-table-273973417.html
  flyway: {
    table: 'flyway_schema_history',
    columns: ['installed_rank', 'version', 'description', 'type', 'script', 'success'],
    read: async (session, table) =>
      flywayHistory(
        await session.query<FlywayRow & Record<string, unknown>>(
          `SELECT version::text, description::text, type::text, script::text, success FROM ${table} ORDER BY installed_rank`,
        ),
      ),
  },
};

/** Tools whose history `baseline --from` reads. */
export const foreignTools = ['node-pg-migrate', ...Object.keys(readers)];

interface FlywayRow {
  readonly version: string | null;
  readonly description: string;
  readonly type: string;
  readonly script: string;
  readonly success: boolean;
}

/** An undo takes a version back, a later success makes up for a failure, a repeatable migration has no version. */
function flywayHistory(rows: readonly FlywayRow[]): Omit<ForeignHistory, 'tool' | 'table'> {
  const applied = new Map<string, ForeignRecord>();
  const failed = new Set<string>();
  const problems: string[] = [];
  const notes: string[] = [];
  for (const { version, description, type, script, success } of rows) {
    const label = version === null ? script : `V${version} ${description}`;
    if (type === 'SCHEMA') continue;
    if (!success) failed.add(label);
    else if (version === null) notes.push(`${label} is repeatable: it has no version and is left out`);
    else if (type.includes('BASELINE'))
      problems.push(`${label} is a Flyway baseline, which does not say which migrations it stands for`);
    else if (type === 'DELETE' || type.startsWith('UNDO')) applied.delete(version);
    else {
      failed.delete(label);
      applied.set(version, { label, version: version.replace(/[._]/g, ''), name: description });
    }
  }
  problems.push(...[...failed].map((label) => `${label} failed: mend that first`));
  // Installed out of order, they still stand for files in the order of their versions.
  const versions = [...applied.keys()].sort(byFlywayVersion);
  const records = versions.map((version) => applied.get(version) as ForeignRecord);
  return { records, problems, notes: [...new Set(notes)] };
}

/** `2` comes before `10`, `1.9` before `1.10`. */
function byFlywayVersion(a: string, b: string): number {
  const [as, bs] = [a, b].map((version) => version.split(/\D+/).map((part) => BigInt(part || 0))) as [
    bigint[],
    bigint[],
  ];
  for (let i = 0; i < Math.max(as.length, bs.length); i += 1) {
    const [x, y] = [as[i] ?? 0n, bs[i] ?? 0n];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

/**
 * @param asked `table` or `schema.table` of --table, in double quotes where a name holds a dot; undefined looks for the tool's default name in every schema
 * @throws MigrateError `history` when there is no such table, or more than one; `refused` where somebody else could have
 * made it: what it says decides what runs, and reading it may run code
 */
export async function readForeignHistory(
  session: Session,
  tool: string,
  asked: string | undefined,
  tracking: TrackingTable,
): Promise<ForeignHistory> {
  const reader = readers[tool];
  if (reader === undefined) return nodePgMigrateHistory(session, tracking);
  const found = await findTables(session, reader, asked);
  const [table] = found;
  if (table === undefined || found.length > 1) {
    const name = asked ?? reader.table;
    throw new MigrateError(
      'history',
      table === undefined
        ? `There is no table ${name} of ${tool} (with the columns ${reader.columns.join(', ')})`
        : `There are several tables ${name} of ${tool}: ${found.map(qualifiedName).join(', ')}`,
      { hint: 'Name it with --table schema.table.', state: 'Nothing was changed.' },
    );
  }
  const name = qualifiedName(table);
  const [row] = await session.query<{ strangers: string[] | null }>(
    `SELECT ${strangersSql(table)} AS strangers`,
  );
  refuseStrangers(row?.strangers ?? null);
  return { tool, table: name, ...(await reader.read(session, name)) };
}

async function findTables(
  session: Session,
  reader: Reader,
  asked: string | undefined,
): Promise<TrackingTable[]> {
  const parts = (asked ?? reader.table).match(/"(?:[^"]|"")*"|[^."]+/g) ?? [];
  const [table, schema] = parts.map(bareName).reverse();
  const rows = await session.query<{ schema: string; name: string; columns: string[] }>(
    `SELECT n.nspname::text AS schema, c.relname::text AS name, array_agg(a.attname::text) AS columns
       FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relname = $1 AND c.relkind IN ('r', 'p') AND ($2::text IS NULL OR n.nspname = $2)
        AND n.nspname NOT IN ('migration_ledger', 'information_schema') AND n.nspname !~ '^pg_'
      GROUP BY 1, 2 ORDER BY 1`,
    [table, schema ?? null],
  );
  return rows
    .filter(({ columns }) => reader.columns.every((column) => columns.includes(column)))
    .filter(({ columns }) => reader.not === undefined || !columns.includes(reader.not))
    .map(({ schema: found, name }) => ({ schema: found, table: name }));
}

/** The tracking table itself, whose names may carry milliseconds instead of 14 digits. */
async function nodePgMigrateHistory(session: Session, tracking: TrackingTable): Promise<ForeignHistory> {
  const table = qualifiedName(tracking);
  const [{ exists } = { exists: false }] = await session.query<{ exists: boolean }>(
    'SELECT to_regclass($1) IS NOT NULL AS exists',
    [table],
  );
  const rows = exists
    ? await session.query<{ name: string }>(`SELECT name FROM ${table} ORDER BY run_on, id`)
    : [];
  const records = rows.map(({ name }) => {
    const [, version = null, rest = name] = /^(\d+)[_-]?(.*)$/s.exec(name) ?? [];
    return { label: name, version, name: rest };
  });
  return { tool: 'node-pg-migrate', table, records, problems: [], notes: [] };
}
