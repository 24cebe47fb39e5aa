// Takes the options of a function and the command line of its command; gives the flags that mean the same, so that a
// function can do what its command can. It knows neither what a flag does nor where lines go.
import { MigrateError } from '../base/errors.ts';
import {
  logger,
  number,
  objectWith,
  orNull,
  path,
  type Shape,
  type Shapes,
  text,
  trueOrFalse,
  variables,
  wrongOption,
} from '../base/options.ts';
import type { CommandLine } from '../cli/command-line.ts';
import { variablesOf } from '../cli/make-variables.ts';
import { commonOptions, fleet } from '../cli/options.ts';

/** What every function takes besides the flags of its command. */
const surroundings: Shapes = {
  root: path,
  dir: path,
  env: variables,
  signal: orNull({ ...objectWith('addEventListener'), words: 'an AbortSignal' }),
  logger,
};

/** A list of databases has no document of one run, and a comment on a pull request is none. */
const onlyForTheTerminal = [...[...fleet, ...commonOptions].map(([flags]) => nameOf(flags)), 'markdown'];

/** What a function takes for its command, by its names in code. */
export function shapesOf(line: CommandLine): Shapes {
  return Object.fromEntries(meaningsOf(line).map((each) => [each.name, shapeOf(each)]));
}

/**
 * The flags as the command line would give them.
 * @throws MigrateError `usage` for an option that the function does not know, and for a value of the wrong kind
 */
export function flagsOf(
  line: CommandLine,
  options: Readonly<Record<string, unknown>>,
): Record<string, boolean | string> {
  const known = { ...surroundings, ...shapesOf(line) };
  const wrong = wrongOption(`${line.name}()`, options, known);
  if (wrong !== null)
    throw new MigrateError('usage', wrong.message, { hint: `${wrong.hint} Nothing was run.`.trim() });
  return Object.fromEntries(
    meaningsOf(line)
      .map(({ name }) => [name, options[name]] as const)
      .filter(([, value]) => value !== undefined && value !== false)
      .map(([name, value]) => [name, value === true ? true : String(value)]),
  );
}

interface Meaning {
  readonly name: string;
  readonly takes: 'switch' | 'value' | 'optional';
}

function meaningsOf(line: CommandLine): Meaning[] {
  return [...variablesOf(line).values()]
    .map(({ flag, takes }) => ({ name: nameOf(flag), takes }))
    .filter(({ name }) => !onlyForTheTerminal.includes(name));
}

/** `--allow-out-of-order <x>` → `allowOutOfOrder`. */
function nameOf(flags: string): string {
  const [flag = ''] = flags.split(' ');
  return flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function shapeOf({ name, takes }: Meaning): Shape {
  if (takes === 'switch') return trueOrFalse;
  if (takes === 'value') return name === 'n' ? number : text;
  return { fits: (value) => trueOrFalse.fits(value) || text.fits(value), words: 'true or a text' };
}
