// Takes argv; gives the command to run with its flags, or refuses before anything connects.
import { Command as Commander, CommanderError, Option } from 'commander';
import { MigrateError } from '../base/errors.ts';
import { flagOf } from '../base/flag.ts';
import { toolVersion } from '../base/paths.ts';
import type { CommonFlags } from '../config/config.ts';
import type { Command } from '../report/command.ts';
import type { CommandLine } from './command-line.ts';
import { commandLines } from './command-lines.ts';
import { fromMake, makeArguments, variablesOf } from './make-variables.ts';
import { commonOptions } from './options.ts';

/** What argv asked for. */
export interface Invocation {
  readonly command: string;
  readonly flags: CommonFlags & Record<string, unknown>;
  readonly args: readonly string[];
  /** Whether the command works on the target database, so that name and target must agree first. */
  readonly usesTarget: boolean;
  readonly load: () => Promise<Command<never>>;
}

const helpHint = 'npm run migrate -- --help lists commands and options.';

/** `up --make` becomes `up` with what the variables of make's command line stand for; other arguments stay as they are. */
function withMakeVariables(argv: readonly string[]): readonly string[] {
  const [name = '', last, ...more] = argv;
  const line = commandLines.find((each) => each.name === name);
  if (last !== fromMake || more.length > 0 || line === undefined) return argv;
  // An option of a command's own: no target of make runs that one.
  if (variablesOf(line).has('make')) return argv;
  return [name, ...makeArguments(line, process.env)];
}

/**
 * @returns what to run, or null when help or the version was asked for and printed
 * @throws MigrateError `usage` for an unknown command, option or argument
 */
export async function parseCommandLine(
  argv: readonly string[],
  print: (text: string) => void,
): Promise<Invocation | null> {
  const args = withMakeVariables(argv);
  let invocation: Invocation | null = null;
  const program = baseProgram(print);
  for (const line of commandLines) {
    addCommand(program, line, (flags, args) => {
      invocation = { command: line.name, flags, args, usesTarget: !line.checksOwnTarget, load: line.load };
    });
  }
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return null;
    throw new MigrateError('usage', usageMessage(error, args), { hint: helpHint });
  }
  refuseListless(invocation);
  return invocation;
}

/** @throws MigrateError `usage` where it is said how many databases are run, and not which */
function refuseListless(invocation: Invocation | null): void {
  const { targets, targetsQuery, parallel, canary, maxFailures } = invocation?.flags ?? {};
  const given = Object.entries({ parallel, canary, maxFailures }).filter(([, value]) => value !== undefined);
  if (given.length === 0 || targets !== undefined || targetsQuery !== undefined) return;
  throw new MigrateError('usage', `${given.map(([name]) => flagOf(name)).join(', ')} is for many databases`, {
    hint: 'Name them with --targets FILE or --targets-query SQL, or leave it out.',
  });
}

function usageMessage(error: CommanderError, argv: readonly string[]): string {
  if (error.code === 'commander.help') return argv.length === 0 ? 'No command given' : 'Not a command';
  return error.message.replace(/^error: /, '').replace(/\n/g, ' ');
}

function baseProgram(print: (text: string) => void): Commander {
  return new Commander('migrate')
    .description('Schema migrations for PostgreSQL: plain SQL pairs in db/migrations.')
    .version(toolVersion(), '--version', 'the version of this tool')
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
  for (const [flags, description] of [...(line.options ?? []), ...commonOptions])
    command.addOption(new Option(flags, description));
  for (const option of command.options.filter((each) => (each.required || each.optional) && !each.variadic)) {
    let times = 0;
    command.on(`option:${option.name()}`, () => {
      times += 1;
      // The last one alone would count.
      if (times > 1) throw new MigrateError('usage', `${option.long} is given twice`, { hint: helpHint });
    });
  }
  let verbose = 0;
  command.on('option:verbose', () => {
    verbose += 1;
  });
  command.action((...parsed: unknown[]) => {
    const positional = parsed.slice(0, -2).flat() as string[];
    const flags = parsed.at(-2) as Invocation['flags'];
    chosen(verbose > 1 ? { ...flags, debug: true } : flags, positional);
  });
}
