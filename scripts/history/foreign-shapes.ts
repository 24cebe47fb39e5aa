// Every tool lets a project name the table of its history. Takes a table; gives whose history it is, by its usual name, by
// columns that nothing else has, or by a name that speaks of migrations and exactly the tool's columns. Pure.
import { type ForeignTable, foreignTables, hasColumns, type TableShape, toolOf } from './foreign-tools.ts';

/** By tool: columns that tell its history under any name. The first is looked for in the catalog, in lower case. */
const telling: Readonly<Record<string, readonly string[]>> = {
  'golang-migrate': ['dirty boolean', 'version bigint'],
  goose: ['is_applied boolean', 'version_id bigint'],
  Flyway: ['installed_rank integer', 'version', 'script', 'checksum', 'success boolean'],
  Prisma: ['applied_steps_count', 'migration_name', 'finished_at', 'rolled_back_at'],
  Knex: ['migration_time', 'name', 'batch'],
  Alembic: ['version_num'],
  Liquibase: ['dateexecuted', 'id', 'author', 'filename', 'orderexecuted', 'md5sum'],
  'node-pg-migrate': ['run_on timestamp without time zone', 'id integer', 'name'],
  'Entity Framework Core': ['migrationid', 'productversion'],
  Phinx: ['migration_name', 'version', 'start_time', 'end_time'],
};

/** Of those, the ones that tell nothing where there are others beside them. */
const whole: ReadonlySet<string> = new Set([
  'golang-migrate',
  'Alembic',
  'node-pg-migrate',
  'Entity Framework Core',
]);

/** The columns to look for, in lower case: each is in every table that `telling` tells. */
export const tellingColumns: readonly string[] = Object.values(telling).map(([first = '']) =>
  first.replace(/ .*/, ''),
);

/** Also as PostgreSQL reads it. */
export const speaksOfHistory =
  /migrat|sequelize|umzug|drizzle|typeorm|schema_?(version|history|info|meta|change|log)|db_?version|change_?log/i;

/** @param schema of the table; a project may keep its history in one that the tool's name is given to */
export function toolOfAnyName(shape: TableShape, schema: string): ForeignTable | null {
  const usual = toolOf(shape);
  if (usual !== null) return usual;
  const columns = Object.fromEntries(
    Object.entries(shape.columns).map(([name, type]) => [name.toLowerCase(), type]),
  );
  const count = Object.keys(columns).length;
  const [tool] =
    Object.entries(telling).find(
      ([name, wanted]) => hasColumns(columns, wanted) && (!whole.has(name) || count === wanted.length),
    ) ?? [];
  const known =
    foreignTables.find((each) => each.tool === tool) ??
    (speaksOfHistory.test(`${schema}.${shape.name}`)
      ? (foreignTables.find((each) => isExactly(each, columns, 0)) ??
        foreignTables.find((each) => isExactly(each, columns, 1)))
      : undefined);
  if (known === undefined) return null;
  // Its reader asks for the columns as the tool spells them.
  const { from, ...unread } = known;
  return hasColumns(shape.columns, Object.keys(columns)) ? known : unread;
}

/** @param own 1 where there is an `id` besides; where the tool has one column, it may be a lookup table of id and name */
function isExactly(
  { columns: wanted, beside }: ForeignTable,
  columns: Readonly<Record<string, string>>,
  own: 0 | 1,
): boolean {
  if (beside !== undefined || Object.keys(columns).length !== wanted.length + own) return false;
  const isOwn = own === 0 || ('id' in columns && !wanted.includes('id') && wanted.length > 1);
  return isOwn && hasColumns(columns, wanted);
}
