// Takes the options of a function and the command line of its command; gives the flags that mean the same, so that a
// function can do what its command can. It knows neither what a flag does nor where lines go.
import { MigrateError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import type { CommandLine } from '../cli/command-line.ts';
import { variablesOf } from '../cli/make-variables.ts';
import { commonOptions, fleet } from '../cli/options.ts';

/** Null is none, as fetch has it. */
const has = (value: unknown, ...methods: readonly string[]) =>
  value === null || methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');

interface Shape {
  readonly fits: (value: unknown) => boolean;
  readonly words: string;
}

const path: Shape = { fits: (value) => typeof value === 'string', words: 'a path' };

/** What every function takes besides the flags of its command. */
const surroundings: Readonly<Record<string, Shape>> = {
  root: path,
  dir: path,
  env: { fits: (value) => typeof value === 'object' && value !== null, words: 'an object of variables' },
  signal: { fits: (value) => has(value, 'addEventListener'), words: 'an AbortSignal' },
  logger: {
    fits: (value) => has(value, 'log', 'warn'),
    words: 'an object with log() and warn(), as console',
  },
};

/** A list of databases has no document of one run, and a comment on a pull request is none. */
const onlyForTheTerminal = [...[...fleet, ...commonOptions].map(([flags]) => nameOf(flags)), 'markdown'];

/** The options that a function takes for its command, by their names in code. */
export function optionNames(line: CommandLine): string[] {
  return meaningsOf(line).map(({ name }) => name);
}

/**
 * The flags as the command line would give them.
 * @throws MigrateError `usage` for an option that the function does not know, and for a value of the wrong kind
 */
export function flagsOf(
  line: CommandLine,
  options: Readonly<Record<string, unknown>>,
): Record<string, boolean | string> {
  const meanings = meaningsOf(line);
  const flags: Record<string, boolean | string> = {};
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const shape = Object.hasOwn(surroundings, name) ? surroundings[name] : undefined;
    if (shape?.fits(value) === false) throw wrongKind(name, line, shape.words);
    if (shape !== undefined) continue;
    const meaning = meanings.find((each) => each.name === name);
    if (meaning === undefined) throw unknown(name, line);
    if (!fits(value, meaning)) throw wrongKind(name, line, name === 'n' ? 'a number' : right[meaning.takes]);
    if (value !== false)
      flags[name] = typeof value === 'number' ? String(value) : (value as boolean | string);
  }
  return flags;
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

function fits(value: unknown, { name, takes }: Meaning): boolean {
  if (typeof value === 'boolean') return takes !== 'value';
  return takes !== 'switch' && typeof value === (name === 'n' ? 'number' : 'string');
}

function unknown(name: string, line: CommandLine): MigrateError {
  const known = [...Object.keys(surroundings), ...optionNames(line)];
  const near = nearest(name, known);
  return new MigrateError('usage', `${line.name}() knows no option "${name}"`, {
    hint:
      near.length > 0
        ? `Did you mean ${near.join(' or ')}? Nothing was run.`
        : `It knows ${known.join(', ')}. Nothing was run.`,
  });
}

const right = { switch: 'true or false', optional: 'true or a text', value: 'a text' } as const;

function wrongKind(name: string, line: CommandLine, words: string): MigrateError {
  return new MigrateError('usage', `The option "${name}" of ${line.name}() is ${words}`, {
    hint: 'Nothing was run.',
  });
}
