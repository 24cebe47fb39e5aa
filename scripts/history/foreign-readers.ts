// How the tables of further migration tools are read: by the rules that suit each. Their SQL only reads.
import type { Session } from '../connection/session.ts';
import { fromFolderName } from '../files/version.ts';
import type { ForeignHistory, ForeignRecord } from './match-foreign.ts';

export interface Reader {
  /** The table's default name. */
  readonly table: string;
  /** Columns that tell it from other tools' tables of that name; `not` must be missing. */
  readonly columns: readonly string[];
  readonly not?: string;
  /** @param table quoted, with its schema */
  read(session: Session, table: string): Promise<Omit<ForeignHistory, 'tool' | 'table'>>;
}

type Read = Omit<ForeignHistory, 'tool' | 'table'>;

const plain = (records: readonly ForeignRecord[]): Read => ({ records, problems: [], notes: [] });

/** `20240101120000_create-users.js`, `20240101120000-create-users` → version and name; no version where none leads. */
function fromFileName(label: string): ForeignRecord {
  const stem = label.replace(/\.(?:[cm]?[jt]s|sql|py|rb|json|ya?ml|xml)$/i, '').replace(/\.up$/, '');
  const [, version = null, rest = ''] = /^(\d{8,17})[_.-]?(.*)$/s.exec(stem) ?? [];
  const name = version === null ? stem : rest;
  return { label, version, name: name === '' ? null : name };
}

/** A folder of Prisma's, as `import` makes a version of it. */
function fromPrismaName(label: string): ForeignRecord {
  const found = fromFolderName(label);
  if (found === null) return fromFileName(label);
  return { label, version: found.version, name: found.name === '' ? null : found.name };
}

/** `CreateUsers1700000000000` of TypeORM: the time in ms behind the name. */
function fromClassName(label: string, timestamp: string): ForeignRecord {
  const stem = label.endsWith(timestamp) ? label.slice(0, label.length - timestamp.length) : label;
  const name = stem.replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2');
  return { label, version: timestamp, name: name === '' ? null : name };
}

/** Whether each version counts by its last row. */
function lastOf<Row extends { version: string }>(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [row.version, row])).values()];
}

export const furtherReaders: Readonly<Record<string, Reader>> = {
  // https://typeorm.io/docs/migrations: `timestamp` and `name`, a class whose name ends with it.
  typeorm: {
    table: 'migrations',
    columns: ['id', 'timestamp', 'name'],
    read: async (session, table) => {
      const rows = await session.query<{ timestamp: string; name: string }>(
        `SELECT timestamp::text AS timestamp, name::text AS name FROM ${table} ORDER BY timestamp, id`,
      );
      return plain(rows.map(({ name, timestamp }) => fromClassName(name, timestamp)));
    },
  },
  // https://www.prisma.io/docs/orm/prisma-migrate: a migration that failed has no `finished_at`.
  prisma: {
    table: '_prisma_migrations',
    columns: ['migration_name', 'finished_at', 'rolled_back_at', 'checksum'],
    read: async (session, table) => {
      const rows = await session.query<{ name: string; finished: boolean; rolled_back: boolean }>(
        `SELECT migration_name::text AS name, finished_at IS NOT NULL AS finished, rolled_back_at IS NOT NULL AS rolled_back FROM ${table} ORDER BY started_at, migration_name`,
      );
      const records = rows
        .filter(({ finished, rolled_back }) => finished && !rolled_back)
        .map(({ name }) => fromPrismaName(name));
      const problems = rows
        .filter(({ finished, rolled_back }) => !finished && !rolled_back)
        .map(({ name }) => `${name} failed: mend that first (prisma migrate resolve)`);
      return { records, problems, notes: [] };
    },
  },
  // https://orm.drizzle.team/docs/migrations: only a hash, and when the file was made, in ms.
  drizzle: {
    table: '__drizzle_migrations',
    columns: ['hash', 'created_at'],
    read: async (session, table) => {
      const rows = await session.query<{ hash: string; at: string }>(
        `SELECT hash::text AS hash, created_at::text AS at FROM ${table} ORDER BY created_at, id`,
      );
      return plain(
        rows.map(({ hash, at }) => ({ label: `${at} (${hash.slice(0, 8)})`, version: at, name: null })),
      );
    },
  },
  // https://knexjs.org/guide/migrations.html: the file's name.
  knex: {
    table: 'knex_migrations',
    columns: ['name', 'batch', 'migration_time'],
    read: async (session, table) => {
      const rows = await session.query<{ name: string }>(
        `SELECT name::text AS name FROM ${table} ORDER BY id`,
      );
      return plain(rows.map(({ name }) => fromFileName(name)));
    },
  },
  // https://sequelize.org/docs/v6/other-topics/migrations: the file's name.
  sequelize: {
    table: 'SequelizeMeta',
    columns: ['name'],
    read: async (session, table) => {
      const rows = await session.query<{ name: string }>(
        `SELECT name::text AS name FROM ${table} ORDER BY name COLLATE "C"`,
      );
      return plain(rows.map(({ name }) => fromFileName(name)));
    },
  },
  // https://github.com/sequelize/umzug: the storage for SQL is Sequelize's table under a name of one's own.
  umzug: {
    table: 'umzug_migrations',
    columns: ['name'],
    read: async (session, table) => {
      const rows = await session.query<{ name: string }>(
        `SELECT name::text AS name FROM ${table} ORDER BY name COLLATE "C"`,
      );
      return plain(rows.map(({ name }) => fromFileName(name)));
    },
  },
  // https://github.com/pressly/goose: a row each time one is applied or taken back; the last one counts, 0 is its own.
  goose: {
    table: 'goose_db_version',
    columns: ['version_id', 'is_applied'],
    read: async (session, table) => {
      const rows = await session.query<{ version: string; applied: boolean }>(
        `SELECT version_id::text AS version, is_applied AS applied FROM ${table} WHERE version_id > 0 ORDER BY id`,
      );
      const records = lastOf(rows)
        .filter(({ applied }) => applied)
        .map(({ version }) => ({ label: `version ${version}`, version, name: null }))
        .sort((a, b) => (BigInt(a.version) < BigInt(b.version) ? -1 : 1));
      return plain(records);
    },
  },
  // https://github.com/launchbadge/sqlx: `success` is false for one that failed outside of a transaction.
  sqlx: {
    table: '_sqlx_migrations',
    columns: ['version', 'description', 'success'],
    read: async (session, table) => {
      const rows = await session.query<{ version: string; description: string; success: boolean }>(
        `SELECT version::text AS version, description::text AS description, success FROM ${table} ORDER BY version`,
      );
      const label = (row: { version: string; description: string }) => `${row.version} ${row.description}`;
      return {
        records: rows.map((row) => ({ label: label(row), version: row.version, name: row.description })),
        problems: rows
          .filter(({ success }) => !success)
          .map((row) => `${label(row)} failed: mend that first`),
        notes: [],
      };
    },
  },
  // https://docs.liquibase.com/concepts/tracking-tables/databasechangelog-table.html: change sets have no versions.
  liquibase: {
    table: 'databasechangelog',
    columns: ['id', 'author', 'filename', 'dateexecuted', 'orderexecuted'],
    read: async (session, table) => {
      const rows = await session.query<{ id: string; author: string; exectype: string | null }>(
        `SELECT id::text AS id, author::text AS author, to_jsonb(t) ->> 'exectype' AS exectype FROM ${table} t ORDER BY orderexecuted`,
      );
      const kept = rows.filter(({ exectype }) => !['FAILED', 'SKIPPED'].includes(exectype ?? ''));
      return {
        records: kept.map(({ id, author }) => ({ ...fromFileName(id), label: `${id} of ${author}` })),
        problems: rows
          .filter(({ exectype }) => exectype === 'FAILED')
          .map(({ id, author }) => `${id} of ${author} failed: mend that first`),
        notes: rows
          .filter(({ exectype }) => exectype === 'SKIPPED')
          .map(({ id, author }) => `${id} of ${author} was skipped there and is left out`),
      };
    },
  },
  // https://guides.rubyonrails.org/active_record_migrations.html: a row for each version, no names.
  rails: {
    table: 'schema_migrations',
    columns: ['version'],
    not: 'dirty',
    read: async (session, table) => {
      const rows = await session.query<{ version: string }>(
        `SELECT version::text AS version FROM ${table} ORDER BY version::text COLLATE "C"`,
      );
      return plain(rows.map(({ version }) => ({ label: `version ${version}`, version, name: null })));
    },
  },
  // https://alembic.sqlalchemy.org: the newest revision, a hash that has no order of its own.
  alembic: {
    table: 'alembic_version',
    columns: ['version_num'],
    read: async (session, table) => {
      const rows = await session.query<{ version: string }>(
        `SELECT version_num::text AS version FROM ${table} ORDER BY 1`,
      );
      const records = rows.map(({ version }) => ({ label: `revision ${version}`, version, name: null }));
      const heads = rows.length > 1 ? [`it has ${rows.length} heads: merge them first (alembic merge)`] : [];
      return { records, problems: heads, notes: [], newestOnly: true, namedByPerson: true };
    },
  },
};
