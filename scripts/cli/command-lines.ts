// The command line as data: every command with its options, and where its code is. It must not know what they do.
import type { Command } from '../report/command.ts';
import {
  afterDeploy,
  all,
  confirm,
  dryRun,
  fleet,
  freshHistory,
  fromDisk,
  outOfOrder,
  reason,
  since,
  steps,
  strict,
  to,
  toDown,
} from './options.ts';

/** One command as the command line knows it. */
export interface CommandLine {
  readonly name: string;
  readonly summary: string;
  readonly args?: string;
  readonly options?: readonly (readonly [flags: string, description: string])[];
  /** Set where the target is not touched, or checked by the command itself. */
  readonly checksOwnTarget?: true;
  readonly load: () => Promise<Command<never>>;
}

/** Every command, in the order of --help. */
export const commandLines: readonly CommandLine[] = [
  {
    name: 'init',
    checksOwnTarget: true,
    summary: 'lay what an application needs to have migrations: folder, settings, npm scripts, lines for git',
    options: [
      ['--make', 'also make targets, in db/migrate.mk'],
      ['--github', 'also workflows that check and deploy migrations'],
      ['--docker', 'also Dockerfile.migrations, an image that migrates'],
    ],
    load: async () => (await import('../commands/init.ts')).init,
  },
  {
    name: 'create',
    checksOwnTarget: true,
    summary: 'write a new pair of migration files',
    args: '[name...]',
    options: [
      [
        '--from <file>',
        'split a file of another tool that holds both directions into the pair; names it too',
      ],
    ],
    load: async () => (await import('../commands/create.ts')).create,
  },
  {
    name: 'up',
    summary: 'apply pending migrations, oldest first',
    options: [
      ...fleet,
      to,
      steps,
      dryRun,
      [
        '--confirm <environment>',
        'accept a schema that nobody can vouch for after a run was cut off; in protected environments',
      ],
      outOfOrder,
      afterDeploy,
      ['--wait [duration]', 'with --after-deploy: wait until sessions of older releases have ended (10min)'],
      freshHistory,
      ['--budget <duration>', 'end cleanly after so long, with the batch that is under way then'],
      ['--single-transaction', 'all pending migrations in one transaction, or none'],
      ['--plan <file>', 'run exactly this saved plan, or refuse where anything has changed since'],
      [
        '--expect-fingerprint [fingerprint]',
        'exit 5 when the schema is then not this one; without a value, that of db/schema.sql',
      ],
    ],
    load: async () => (await import('../commands/up.ts')).up,
  },
  {
    name: 'down',
    summary: 'revert the newest migration, or several',
    options: [toDown, steps, dryRun, fromDisk, confirm],
    load: async () => (await import('../commands/down.ts')).down,
  },
  {
    name: 'redo',
    summary: 'revert the newest migration and apply it again',
    options: [confirm],
    load: async () => (await import('../commands/redo.ts')).redo,
  },
  {
    name: 'status',
    summary: 'every migration and its state',
    options: [
      ...fleet,
      ['--check', 'exit 10 when a migration is pending'],
      ['--log [count]', 'the newest lines of the audit log instead (20; with --json all)'],
    ],
    load: async () => (await import('../commands/status.ts')).status,
  },
  {
    name: 'plan',
    summary: 'what up would do to this database, statement by statement, with locks and sizes',
    options: [
      ...fleet,
      to,
      steps,
      outOfOrder,
      afterDeploy,
      freshHistory,
      ['--out <file>', 'save it for up --plan, bound to files, history, schema, environment and target'],
      ['--markdown', 'for a comment on a pull request'],
    ],
    load: async () => (await import('../commands/plan.ts')).plan,
  },
  {
    name: 'drift',
    summary: 'the live schema against what the last run left behind, object by object',
    options: [
      ...fleet,
      ['--accept', "record today's schema as right; needs --reason"],
      ['--write <name>', 'the difference as a new migration, recorded as applied here'],
      reason,
      confirm,
    ],
    load: async () => (await import('../commands/drift.ts')).drift,
  },
  {
    name: 'schema',
    checksOwnTarget: true,
    summary: 'write db/schema.sql, what all migrations add up to',
    options: [['--check', 'exit 9 when the committed file is stale, write nothing']],
    load: async () => (await import('../commands/schema.ts')).schema,
  },
  {
    name: 'docs',
    checksOwnTarget: true,
    summary: 'write db/SCHEMA.md: tables, columns, comments and a diagram',
    options: [
      ['--html <file>', 'one page to look at instead: search, diagram, the migration behind each table'],
      ['--check', 'exit 9 when the committed file is stale, write nothing'],
    ],
    load: async () => (await import('../commands/docs.ts')).docs,
  },
  {
    name: 'baseline',
    summary: 'record everything up to a version as applied without running it',
    options: [
      ['--to <version>', 'the newest migration that the database has'],
      [
        '--from <tool>',
        'take over the history of node-pg-migrate, postgres-migrations, golang-migrate, dbmate or flyway',
      ],
      ['--table <name>', 'where that tool keeps its history, as schema.table'],
      dryRun,
      confirm,
      reason,
    ],
    load: async () => (await import('../commands/baseline.ts')).baseline,
  },
  {
    name: 'repair',
    summary: 'change what is recorded about migrations, each named explicitly',
    options: [
      ['--accept <version...>', 'the changed .up.sql is right: the ledger takes its text'],
      ['--accept-down <version...>', 'the same for the .down.sql'],
      ['--forget <version...>', 'a migration that is not on disk: its records go, its effects stay'],
      ['--record <version-and-state...>', '<version> applied|pending: what is recorded, nothing is run'],
      ['--resolve <version-and-state...>', 'the same for a no-transaction migration that is half done'],
      dryRun,
      confirm,
      reason,
    ],
    load: async () => (await import('../commands/repair.ts')).repair,
  },
  {
    name: 'import',
    checksOwnTarget: true,
    summary: 'turn the SQL folders of Prisma or Drizzle into pairs of files',
    args: '[folder]',
    options: [['--from <tool>', 'prisma or drizzle'], dryRun],
    load: async () => (await import('../commands/import.ts')).importSql,
  },
  {
    name: 'rebase',
    summary: 'give pending files that are older than the newest applied a fresh version',
    args: '[versions...]',
    options: [
      [
        '--since <ref>',
        'those of this branch that are older than the newest at this git ref; asks no database',
      ],
      dryRun,
    ],
    load: async () => (await import('../commands/rebase.ts')).rebase,
  },
  {
    name: 'environment',
    summary: 'which environment the database is marked as, or another mark',
    options: [
      ['--set <name>', 'mark the database with this name'],
      ['--confirm <environment>', 'the name that it is marked with now'],
    ],
    checksOwnTarget: true,
    load: async () => (await import('../commands/environment.ts')).environment,
  },
  {
    name: 'manifest',
    checksOwnTarget: true,
    summary: 'write which migrations this release has, for the application that needs them',
    options: [['--out <path>', 'the file to write; migrations.json if left out']],
    load: async () => (await import('../commands/manifest.ts')).manifest,
  },
  {
    name: 'lint',
    checksOwnTarget: true,
    summary: 'what each statement would do to a live database, and the safe way to write it',
    options: [
      since,
      all,
      strict,
      ['--static', 'only what the text tells: no scratch database'],
      ['--sarif <file>', 'also write the findings for code scanning'],
      ['--fix', 'replace committed pending files by the advised series, then verify those'],
      dryRun,
    ],
    load: async () => (await import('../commands/lint.ts')).lint,
  },
  {
    name: 'verify',
    checksOwnTarget: true,
    summary: 'on a scratch database: every up, its down, its up again; each down must restore the schema',
    options: [since, all, strict],
    load: async () => (await import('../commands/verify.ts')).verify,
  },
  {
    name: 'check',
    summary: 'lint, verify and schema --check: all that a pipeline asks of migrations',
    options: [since, all, strict, ['--sarif <file>', 'also write the findings of lint for code scanning']],
    checksOwnTarget: true,
    load: async () => (await import('../commands/check.ts')).check,
  },
  {
    name: 'db-up',
    checksOwnTarget: true,
    summary: 'start the embedded development server',
    load: async () => (await import('../commands/db-up.ts')).dbUp,
  },
  {
    name: 'db-down',
    checksOwnTarget: true,
    summary: 'stop the embedded development server',
    load: async () => (await import('../commands/db-down.ts')).dbDown,
  },
  {
    name: 'db-reset',
    summary: 'empty the development database and apply everything',
    load: async () => (await import('../commands/db-reset.ts')).dbReset,
  },
];
