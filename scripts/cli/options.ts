// Options that several commands take, as the command line knows them. Data.

export const to = ['--to <version>', 'up to and including this version'] as const;
export const toDown = [
  '--to <version>',
  'revert everything newer than this version; 0 reverts everything',
] as const;
export const steps = ['--n <count>', 'this many migrations'] as const;
export const dryRun = ['--dry-run', 'show what would be done, write nothing'] as const;
export const outOfOrder = [
  '--allow-out-of-order',
  'also apply pending migrations older than the newest applied',
] as const;
export const freshHistory = [
  '--fresh-history',
  "begin a history where another tool's is found, which would be refused",
] as const;
export const fromDisk = [
  '--from-disk',
  'run the .down.sql on disk instead of the one recorded in the ledger',
] as const;

/** Of `baseline`. */
export const fromTool = [
  '--from <tool>',
  'take over the history of node-pg-migrate, postgres-migrations, typeorm, prisma, drizzle, knex, sequelize, umzug, goose, sqlx, liquibase, rails, alembic, golang-migrate, dbmate or flyway',
] as const;

export const confirm = [
  '--confirm <environment>',
  'needed in production and other protected environments',
] as const;
/** Of `up`, which any environment may have to be asked. */
export const confirmSchema = [
  '--confirm <environment>',
  'accept a schema that nobody can vouch for after a run was cut off; in protected environments',
] as const;
export const reason = ['--reason <text>', 'why; recorded in the ledger'] as const;

export const afterDeploy = [
  '--after-deploy',
  'also the migrations marked after-deploy and those behind them: the application has started',
] as const;

/** Of commands that take a list of databases. */
export const fleet = [
  ['--targets <file>', 'many databases: a line each, "<name> <URL without password>"; - is standard input'],
  ['--targets-query <sql>', 'the same, from a query on the database that DATABASE_URL names: name and URL'],
  ['--parallel <count>', 'so many databases at a time; 4'],
  ['--canary <count>', 'so many first, the rest only if they succeed; 1'],
  ['--max-failures <count>', 'begin no more once so many have failed; 1'],
] as const;

export const since = ['--since <ref>', 'only migrations that are new against this git ref'] as const;
export const all = ['--all', 'all migrations'] as const;
export const strict = ['--strict', 'exit 9 on warnings too'] as const;

/** What every command takes. */
export const commonOptions: readonly (readonly [flags: string, description: string])[] = [
  ['--json', 'one JSON document on stdout; progress goes to stderr'],
  ['--quiet', 'only errors, warnings and the last line'],
  ['--verbose', 'also notices of the server, and where the time went; twice: each SQL text that is sent'],
  ['--dir <path>', 'the migrations directory'],
];
