// Takes the variables of make's command line (`make migrate-down to=0 dry_run=1`) and a command's options; gives the
// arguments that mean the same, or refuses a variable that the command does not know. The Makefile hands every variable on
// in the environment, untouched, and their names in MAKE_GIVEN; what they mean is known here alone.
import { MigrateError } from '../base/errors.ts';
import { visible } from '../base/foreign-text.ts';
import { nearest } from '../base/nearest.ts';
import type { Environment } from '../config/environment.ts';
import type { CommandLine } from './command-line.ts';
import { commonOptions } from './options.ts';

/** What the Makefile puts behind a command; an option of `init`, which no target runs. */
export const fromMake = '--make';

/** Variables of the tool itself: as good on make's command line as before it. */
export const settingNames: readonly string[] = [
  ...['DATABASE_URL', 'SHADOW_DATABASE_URL', 'PGHOST', 'PGPORT', 'PGUSER', 'PGPASSWORD', 'PGDATABASE'],
  ...['PGSSLMODE', 'PGSSLROOTCERT', 'PGPASSFILE', 'PGAPPNAME', 'PGOPTIONS', 'PGCONNECT_TIMEOUT'],
  ...['MIGRATE_ENV', 'MIGRATE_LOCK_TIMEOUT', 'MIGRATE_LOCK_RETRIES', 'MIGRATE_STATEMENT_TIMEOUT'],
  ...[
    'MIGRATE_BATCH_TIME',
    'MIGRATE_BATCH_MAX_LAG',
    'MIGRATE_WAIT',
    'MIGRATE_CONNECT_TIMEOUT',
    'MIGRATE_DEBUG',
    'MIGRATE_SCRATCH_TRUSTED',
    'MIGRATE_ACTOR',
    'GITHUB_ACTOR',
    'GITHUB_SHA',
    'GITHUB_RUN_ID',
  ],
  ...['NO_COLOR', 'FORCE_COLOR', 'CI', 'GITHUB_ACTIONS', 'GITHUB_STEP_SUMMARY'],
];

interface Meaning {
  readonly flag: string;
  /** `switch` is on or off; `optional` may stand without a value. */
  readonly takes: 'switch' | 'value' | 'optional';
}

/**
 * @returns arguments for `line`: an option each, in the order given, then what `args=` holds, then the positional argument
 * @throws MigrateError `usage` for a variable that the command does not know, naming the nearest one, for a switch that is
 * neither on nor off, and for one in the environment without which more would happen than was asked for
 */
export function makeArguments(line: CommandLine, environment: Environment): string[] {
  const given = (environment.MAKE_GIVEN ?? '').split(/\s+/).filter((name) => name !== '');
  const meanings = variablesOf(line);
  for (const name of ['dry_run', ...(line.name === 'up' ? bounding : [])])
    if (!given.includes(name) && environment[name]) throw setBefore(name, environment[name]);
  const positional = positionalOf(line);
  const known = [...meanings.keys(), ...(positional === undefined ? [] : [positional]), 'args'];
  const words: string[] = [];
  for (const name of given) {
    const meaning = meanings.get(name);
    const value = environment[name] ?? '';
    if (meaning !== undefined) words.push(...asArguments(name, value, meaning));
    else if (!known.includes(name) && !settingNames.includes(name)) throw unknown(name, line.name, known);
  }
  if (given.includes('args')) words.push(...splitWords(environment.args ?? ''));
  if (positional !== undefined && given.includes(positional)) words.push('--', environment[positional] ?? '');
  return words;
}

/** Make's variables of a command: the names of its options, with `_` for `-`. */
export function variablesOf(line: CommandLine): ReadonlyMap<string, Meaning> {
  return new Map(
    [...(line.options ?? []), ...commonOptions].map(([flags]) => {
      const [, flag = '', opening] = /^(--[a-z-]+)(?: ([<[]))?/.exec(flags) ?? [];
      const takes = opening === undefined ? 'switch' : opening === '<' ? 'value' : 'optional';
      return [flag.slice(2).replaceAll('-', '_'), { flag, takes }];
    }),
  );
}

/** The variable of a command's positional argument: `name` of `<name...>`. */
function positionalOf({ args }: CommandLine): string | undefined {
  return args === undefined ? undefined : /[a-z]+/.exec(args)?.[0];
}

function asArguments(name: string, value: string, { flag, takes }: Meaning): string[] {
  if (takes === 'value') return [`${flag}=${value}`];
  if (takes === 'optional') return [value === '' ? flag : `${flag}=${value}`];
  if (/^(1|yes|true|on)$/i.test(value)) return [flag];
  if (/^(0|no|false|off|)$/i.test(value)) return [];
  throw new MigrateError('usage', `${name}="${value}" is neither on nor off; a right value is ${name}=1`);
}

/** Elsewhere than on make's command line variables do not count. Without these `up` would do more than is meant. */
const bounding: readonly string[] = ['to', 'n', 'plan', 'targets', 'targets_query'];

function setBefore(name: string, value: string): MigrateError {
  return new MigrateError('usage', `${name} is set in the environment, where it does not count`, {
    hint: `Put it behind the target, as in make migrate-… ${name}=${visible(value)}; or unset it (unset ${name}). Nothing was run.`,
  });
}

function unknown(name: string, command: string, known: readonly string[]): MigrateError {
  const near = nearest(name, [...known, ...settingNames]);
  return new MigrateError('usage', `make knows no variable "${name}" for ${command}`, {
    hint:
      near.length > 0
        ? `Did you mean ${near.map((other) => `${other}=`).join(' or ')}? Nothing was run.`
        : `Known are: ${known.join(', ')}, and the variables of the README. Nothing was run.`,
  });
}

/** Words as a shell tells them apart, with quotes and backslashes, and nothing that a shell would carry out. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  const pieces = text.matchAll(/"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|\\([\s\S])|(\s+)|([\s\S])/g);
  for (const [, double, single, escaped, blank, plain] of pieces) {
    if (blank !== undefined) {
      if (word !== null) words.push(word);
      word = null;
    } else {
      word = (word ?? '') + (double?.replaceAll(/\\(["\\$`])/g, '$1') ?? single ?? escaped ?? plain ?? '');
    }
  }
  if (word !== null) words.push(word);
  return words;
}
