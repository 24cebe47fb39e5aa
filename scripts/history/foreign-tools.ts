// The tables in which migration tools keep what they ran, each told from other tables of its name by its columns. Data.

export interface ForeignTable {
  readonly tool: string;
  readonly table: string;
  /** Columns it has, each as `name` or as `name type`; with `only`, it has no others. */
  readonly columns: readonly string[];
  readonly only?: true;
  /** A table beside it in the same schema, by which it is told from another tool's of the same shape. */
  readonly beside?: string;
  /** What `baseline --from` calls the tool, where it reads its history. */
  readonly from?: string;
}

/** The first that fits names the tool. Names that applications use for tables of their own are told by the whole shape. */
export const foreignTables: readonly ForeignTable[] = [
  {
    tool: 'golang-migrate',
    table: 'schema_migrations',
    columns: ['version', 'dirty'],
    only: true,
    from: 'golang-migrate',
  },
  { tool: 'Ecto', table: 'schema_migrations', columns: ['version', 'inserted_at'], only: true },
  { tool: 'Supabase', table: 'schema_migrations', columns: ['version', 'statements', 'name'] },
  {
    tool: 'Rails',
    table: 'schema_migrations',
    columns: ['version'],
    only: true,
    beside: 'ar_internal_metadata',
    from: 'rails',
  },
  { tool: 'dbmate', table: 'schema_migrations', columns: ['version'], only: true, from: 'dbmate' },
  { tool: 'Sequel', table: 'schema_migrations', columns: ['filename'], only: true },
  { tool: 'Sequel', table: 'schema_info', columns: ['version integer'], only: true },
  {
    tool: 'Flyway',
    table: 'flyway_schema_history',
    columns: ['installed_rank', 'version', 'script', 'success'],
    from: 'flyway',
  },
  { tool: 'Flyway', table: 'schema_version', columns: ['installed_rank', 'version', 'script', 'success'] },
  { tool: 'pgmigrate', table: 'schema_version', columns: ['version', 'description', 'type', 'installed_by'] },
  { tool: 'tern', table: 'schema_version', columns: ['version integer'], only: true },
  { tool: 'goose', table: 'goose_db_version', columns: ['version_id', 'is_applied'], from: 'goose' },
  { tool: 'sql-migrate', table: 'gorp_migrations', columns: ['id', 'applied_at'] },
  {
    tool: 'Prisma',
    table: '_prisma_migrations',
    columns: ['migration_name', 'finished_at', 'checksum'],
    from: 'prisma',
  },
  { tool: 'Drizzle', table: '__drizzle_migrations', columns: ['hash', 'created_at'], from: 'drizzle' },
  { tool: 'Knex', table: 'knex_migrations', columns: ['name', 'batch', 'migration_time'], from: 'knex' },
  { tool: 'Kysely', table: 'kysely_migration', columns: ['name', 'timestamp character varying'] },
  { tool: 'MikroORM', table: 'mikro_orm_migrations', columns: ['name', 'executed_at'] },
  { tool: 'Sequelize', table: 'SequelizeMeta', columns: ['name'], from: 'sequelize' },
  { tool: 'Umzug', table: 'umzug_migrations', columns: ['name'], from: 'umzug' },
  {
    tool: 'TypeORM',
    table: 'migrations',
    columns: ['id', 'timestamp bigint', 'name'],
    only: true,
    from: 'typeorm',
  },
  {
    tool: 'TypeORM',
    table: 'typeorm_migrations',
    columns: ['id', 'timestamp bigint', 'name'],
    from: 'typeorm',
  },
  {
    tool: 'TypeORM',
    table: 'migrations_typeorm',
    columns: ['id', 'timestamp bigint', 'name'],
    from: 'typeorm',
  },
  { tool: 'Laravel', table: 'migrations', columns: ['id', 'migration', 'batch'], only: true },
  { tool: 'Laravel', table: 'migrations', columns: ['migration', 'batch'], only: true },
  {
    tool: 'postgres-migrations',
    table: 'migrations',
    columns: ['id', 'name', 'hash', 'executed_at'],
    only: true,
    from: 'postgres-migrations',
  },
  { tool: 'graphile-migrate', table: 'migrations', columns: ['hash', 'previous_hash', 'filename', 'date'] },
  { tool: 'db-migrate', table: 'migrations', columns: ['id', 'name', 'run_on'], only: true },
  { tool: 'rambler', table: 'migrations', columns: ['migration'], only: true },
  { tool: 'node-pg-migrate', table: 'pgmigrations', columns: ['id', 'name', 'run_on'], only: true },
  { tool: 'node-pg-migrate', table: 'node_pg_migrations', columns: ['id', 'name', 'run_on'] },
  { tool: 'node-pg-migrate', table: 'schema_migrations', columns: ['id', 'name', 'run_on'], only: true },
  { tool: 'Alembic', table: 'alembic_version', columns: ['version_num'], from: 'alembic' },
  { tool: 'Django', table: 'django_migrations', columns: ['app', 'name', 'applied'] },
  { tool: 'yoyo', table: '_yoyo_migration', columns: ['migration_hash', 'migration_id'] },
  {
    tool: 'Liquibase',
    table: 'databasechangelog',
    columns: ['id', 'author', 'filename', 'dateexecuted'],
    from: 'liquibase',
  },
  { tool: 'sqlx', table: '_sqlx_migrations', columns: ['version', 'description', 'checksum'], from: 'sqlx' },
  { tool: 'Diesel', table: '__diesel_schema_migrations', columns: ['version', 'run_on'] },
  { tool: 'refinery', table: 'refinery_schema_history', columns: ['version', 'name', 'checksum'] },
  { tool: 'SeaORM', table: 'seaql_migrations', columns: ['version', 'applied_at'] },
  { tool: 'Phinx', table: 'phinxlog', columns: ['version', 'migration_name'] },
  { tool: 'Doctrine', table: 'doctrine_migration_versions', columns: ['version', 'executed_at'] },
  { tool: 'Doctrine', table: 'migration_versions', columns: ['version'] },
  { tool: 'Yii', table: 'migration', columns: ['version', 'apply_time'], only: true },
  {
    tool: 'Entity Framework Core',
    table: '__EFMigrationsHistory',
    columns: ['MigrationId', 'ProductVersion'],
  },
  { tool: 'FluentMigrator', table: 'VersionInfo', columns: ['Version', 'AppliedOn'] },
  { tool: 'DbUp', table: 'schemaversions', columns: ['scriptname', 'applied'] },
  { tool: 'MyBatis', table: 'changelog', columns: ['id', 'applied_at', 'description'], only: true },
  { tool: 'Play', table: 'play_evolutions', columns: ['id', 'hash', 'applied_at'] },
  { tool: 'Atlas', table: 'atlas_schema_revisions', columns: ['version', 'description', 'applied'] },
  { tool: 'bun', table: 'bun_migrations', columns: ['name', 'group_id'] },
  { tool: 'Sqitch', table: 'changes', columns: ['change_id', 'change', 'project', 'committed_at'] },
  { tool: 'pgroll', table: 'migrations', columns: ['schema', 'name', 'migration', 'parent', 'done'] },
  { tool: 'Payload', table: 'payload_migrations', columns: ['name', 'batch'] },
  { tool: 'Directus', table: 'directus_migrations', columns: ['version', 'name', 'timestamp'] },
  { tool: 'Strapi', table: 'strapi_migrations', columns: ['name', 'time'] },
  { tool: 'Marten', table: 'mt_migrations', columns: ['id', 'applied'] },
  { tool: 'postgrator', table: 'schemaversion', columns: ['version', 'name', 'md5', 'run_at'] },
  { tool: 'gormigrate', table: 'migrations', columns: ['id character varying'], only: true },
  { tool: 'Pop', table: 'schema_migration', columns: ['version character varying'], only: true },
  { tool: 'Migratus', table: 'schema_migrations', columns: ['id', 'applied', 'description'], only: true },
  { tool: 'Fluent', table: '_fluent_migrations', columns: ['name', 'batch', 'created_at'] },
  { tool: 'CodeIgniter', table: 'migrations', columns: ['version', 'class', 'namespace', 'time', 'batch'] },
  { tool: 'Piccolo', table: 'migration', columns: ['id', 'name', 'app_name', 'ran_on'], only: true },
  { tool: 'peewee-migrate', table: 'migratehistory', columns: ['name', 'migrated_at'] },
  { tool: 'Aerich', table: 'aerich', columns: ['version', 'app', 'content'] },
  { tool: 'Nessie', table: 'nessie_migrations', columns: ['file_name', 'created_at'] },
  { tool: 'Evolve', table: 'changelog', columns: ['version', 'name', 'installed_by', 'checksum', 'success'] },
  { tool: 'RoundhousE', table: 'ScriptsRun', columns: ['script_name', 'text_of_script', 'text_hash'] },
];

/** A table as it is found: columns as `name` → type. */
export interface TableShape {
  readonly name: string;
  readonly columns: Readonly<Record<string, string>>;
  /** Other tables of its schema, as far as they matter. */
  readonly beside: readonly string[];
}

/** @param wanted each as `name` or as `name type` */
export function hasColumns(columns: TableShape['columns'], wanted: readonly string[]): boolean {
  return wanted.every((each) => {
    const [column = '', ...type] = each.split(' ');
    return type.length === 0 ? column in columns : columns[column] === type.join(' ');
  });
}

/** Whose history a table of this name is, or null. */
export function toolOf({ name, columns, beside }: TableShape): ForeignTable | null {
  return (
    foreignTables.find(
      (known) =>
        known.table === name &&
        hasColumns(columns, known.columns) &&
        (!known.only || Object.keys(columns).length === known.columns.length) &&
        (known.beside === undefined || beside.includes(known.beside)),
    ) ?? null
  );
}

/** A table in which a tool keeps no history, but something of its own beside it: a lock, or what it was set to. */
export interface SideTable {
  /** One of the tool's history tables, in the same schema. */
  readonly beside: string;
  readonly table: string;
  readonly columns: readonly string[];
}

/** Data, as `foreignTables`. */
export const sideTables: readonly SideTable[] = [
  { beside: 'knex_migrations', table: 'knex_migrations_lock', columns: ['index', 'is_locked'] },
  { beside: 'kysely_migration', table: 'kysely_migration_lock', columns: ['id', 'is_locked'] },
  { beside: 'databasechangelog', table: 'databasechangeloglock', columns: ['id', 'locked', 'lockgranted'] },
  { beside: 'schema_migrations', table: 'ar_internal_metadata', columns: ['key', 'value'] },
  { beside: 'migrations', table: 'typeorm_metadata', columns: ['type', 'schema', 'table', 'name', 'value'] },
  { beside: '_yoyo_migration', table: '_yoyo_log', columns: ['id', 'migration_hash', 'operation'] },
  { beside: '_yoyo_migration', table: '_yoyo_version', columns: ['version', 'installed_at_utc'] },
  { beside: '_yoyo_migration', table: 'yoyo_lock', columns: ['locked', 'ctime', 'pid'] },
  { beside: 'bun_migrations', table: 'bun_migration_locks', columns: ['id', 'table_name'] },
  { beside: 'directus_migrations', table: 'directus_migrations_lock', columns: ['index', 'is_locked'] },
];

/** Whether the table is one that a tool keeps beside its history. */
export function isBesideHistory({ name, columns, beside }: TableShape): boolean {
  return sideTables.some(
    (side) =>
      side.table === name &&
      beside.includes(side.beside) &&
      side.columns.every((column) => column in columns),
  );
}
