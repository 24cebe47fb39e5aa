// Takes argv; gives the command to run with its flags, or refuses before anything connects. The command line as data.
import { Command as Commander, CommanderError, Option } from 'commander';
import type { Command } from './command.ts';
import type { CommonFlags } from './config.ts';
import { MigrateError } from './errors.ts';

/** What argv asked for. */
export interface Invocation {
  readonly command: string;
  readonly flags: CommonFlags & Record<string, unknown>;
  readonly args: readonly string[];
  readonly load: () => Promise<Command<never>>;
}

interface CommandLine {
  readonly name: string;
  readonly summary: string;
  readonly args?: string;
  readonly options?: readonly (readonly [flags: string, description: string])[];
  readonly load: () => Promise<Command<never>>;
}

const to = ['--to <version>', 'up to and including this version'] as const;
const toDown = ['--to <version>', 'revert everything newer than this version; 0 reverts everything'] as const;
const steps = ['--n <count>', 'this many migrations'] as const;
const dryRun = ['--dry-run', 'show what would be done, write nothing'] as const;
const outOfOrder = [
  '--allow-out-of-order',
  'also apply pending migrations older than the newest applied',
] as const;
const fromDisk = [
  '--from-disk',
  'run the .down.sql on disk instead of the one recorded in the ledger',
] as const;

const commands: readonly CommandLine[] = [
  {
    name: 'create',
    summary: 'write a new pair of migration files',
    args: '<name...>',
    load: async () => (await import('./commands/create.ts')).create,
  },
  {
    name: 'up',
    summary: 'apply pending migrations, oldest first',
    options: [
      to,
      steps,
      dryRun,
      outOfOrder,
      ['--single-transaction', 'all pending migrations in one transaction, or none'],
    ],
    load: async () => (await import('./commands/up.ts')).up,
  },
  {
    name: 'down',
    summary: 'revert the newest migration, or several',
    options: [toDown, steps, dryRun, fromDisk],
    load: async () => (await import('./commands/down.ts')).down,
  },
  {
    name: 'redo',
    summary: 'revert the newest migration and apply it again',
    load: async () => (await import('./commands/redo.ts')).redo,
  },
  {
    name: 'status',
    summary: 'every migration and its state',
    options: [['--check', 'exit 10 when a migration is pending']],
    load: async () => (await import('./commands/status.ts')).status,
  },
  {
    name: 'plan',
    summary: 'what up would do, statement by statement',
    options: [to, steps, outOfOrder],
    load: async () => (await import('./commands/plan.ts')).plan,
  },
  {
    name: 'manifest',
    summary: 'write which migrations this release has, for the application that needs them',
    options: [['--out <path>', 'the file to write; dist/migrations.json if left out']],
    load: async () => (await import('./commands/manifest.ts')).manifest,
  },
  {
    name: 'db-up',
    summary: 'start the embedded development server',
    load: async () => (await import('./commands/db-up.ts')).dbUp,
  },
  {
    name: 'db-down',
    summary: 'stop the embedded development server',
    load: async () => (await import('./commands/db-down.ts')).dbDown,
  },
  {
    name: 'db-reset',
    summary: 'empty the development database and apply everything',
    load: async () => (await import('./commands/db-reset.ts')).dbReset,
  },
];

const helpHint = 'npm run migrate -- --help lists commands and options.';

/**
 * @returns what to run, or null when help or the version was asked for and printed
 * @throws MigrateError `usage` for an unknown command, option or argument
 */
export async function parseCommandLine(
  argv: readonly string[],
  print: (text: string) => void,
): Promise<Invocation | null> {
  let invocation: Invocation | null = null;
  const program = baseProgram(print);
  for (const line of commands) {
    addCommand(program, line, (flags, args) => {
      invocation = { command: line.name, flags, args, load: line.load };
    });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return null;
    throw new MigrateError('usage', usageMessage(error, argv), { hint: helpHint });
  }
  return invocation;
}

function usageMessage(error: CommanderError, argv: readonly string[]): string {
  if (error.code === 'commander.help') return argv.length === 0 ? 'No command given' : 'Not a command';
  return error.message.replace(/^error: /, '').replace(/\n/g, ' ');
}

function baseProgram(print: (text: string) => void): Commander {
  return new Commander('migrate')
    .description('Schema migrations for PostgreSQL: plain SQL pairs in db/migrations.')
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: () => undefined })
    .showSuggestionAfterError()
    .helpCommand(false);
}

function addCommand(
  program: Commander,
  line: CommandLine,
  chosen: (flags: Invocation['flags'], args: readonly string[]) => void,
): void {
  const command = program
    .command(line.name)
    .summary(line.summary)
    .description(line.summary)
    .allowExcessArguments(false);
  if (line.args !== undefined) command.argument(line.args);
  for (const [flags, description] of line.options ?? []) command.addOption(new Option(flags, description));
  command
    .option('--json', 'one JSON document on stdout; progress goes to stderr')
    .option('--quiet', 'only errors and the last line')
    .option('--verbose', 'also notices of the server, and where the time went')
    .option('--dir <path>', 'the migrations directory')
    .action((...parsed: unknown[]) => {
      const positional = parsed.slice(0, -2).flat() as string[];
      chosen(parsed.at(-2) as Invocation['flags'], positional);
    });
}
