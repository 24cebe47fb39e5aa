// Takes a text that names commands as they are called in this repository (`make migrate-up to=V`, `npm run migrate:repair
// -- …`); gives it with the command that exists where one stands: npx in an application, the image's own in a container.
// The one place that decides; messages are written once, for make.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import type { Environment } from '../config/environment.ts';
import type { Output } from '../report/output.ts';
import { commandLines } from './command-lines.ts';
import { variablesOf } from './make-variables.ts';

/** How commands are called here: by make's targets, by the package manager, or as arguments of a container image. */
export type Place = 'make' | 'npx' | 'yarn' | 'pnpm' | 'container';

const prefixes: Readonly<Record<Exclude<Place, 'make'>, string>> = {
  npx: 'npx migrate',
  yarn: 'yarn migrate',
  pnpm: 'pnpm exec migrate',
  container: 'the image with',
};

/**
 * @param root the project's folder: a Makefile there with this tool's targets means make
 * @param program the path that was called: below node_modules the tool is a package of an application
 * @param environment `MIGRATE_CALLED_AS=container` is set in the image
 */
export function placeOf(
  root: string,
  program: string = process.argv[1] ?? '',
  environment: Environment = process.env,
): Place {
  if (environment.MIGRATE_CALLED_AS === 'container') return 'container';
  if (!/[\\/]node_modules[\\/]/.test(program)) return 'make';
  const targets = ['Makefile', join('db', 'migrate.mk')].map((name) => join(root, name));
  const hasTargets = (path: string) => existsSync(path) && /^migrate-up:/m.test(readFileSync(path, 'utf8'));
  if (targets.some(hasTargets)) return 'make';
  const [, manager] = /^(yarn|pnpm)\//.exec(environment.npm_config_user_agent ?? '') ?? [];
  return manager === 'yarn' || manager === 'pnpm' ? manager : 'npx';
}

const targets: ReadonlyMap<string, string> = new Map(
  commandLines.map(({ name }) => {
    const own = { create: 'migrate-new', check: 'check-migrations' }[name];
    const bare = /^(?:db-|schema$|docs$|manifest$|init$|import$)/.test(name);
    return [own ?? (bare ? name : `migrate-${name}`), name];
  }),
);

/** A target with the variables behind it; a value ends at a space, or at its closing quote. */
const makeCall = /\bmake ([a-z]+(?:-[a-z]+)*)((?: [a-z_]+=(?:"[^"]*"|[^\s"]*))*)/g;
const npmCall = /\bnpm run (?:--silent )?migrate(?::([a-z-]+))?(?: --(?= ))?/g;

/** The text as it is where make's targets are; elsewhere each command in the form that works there. */
export function respell(text: string, place: Place): string {
  if (place === 'make') return text;
  const prefix = prefixes[place];
  return text
    .replaceAll(makeCall, (whole, target: string, variables: string) => {
      const command = targets.get(target);
      return command === undefined ? whole : [prefix, command, ...optionsOf(command, variables)].join(' ');
    })
    .replaceAll(npmCall, (_, script: string | undefined) =>
      script === undefined ? prefix : `${prefix} ${script}`,
    );
}

/** `to=V dry_run=1` → `--to V --dry-run`; punctuation that a sentence put behind the last value stays behind it. */
function optionsOf(command: string, variables: string): string[] {
  const line = commandLines.find(({ name }) => name === command);
  const known = line === undefined ? new Map() : variablesOf(line);
  return [...variables.matchAll(/([a-z_]+)=("[^"]*"|[^\s"]*)/g)].map(([, name = '', value = '']) => {
    if (name === 'args') return value.replaceAll('"', '');
    const meaning = known.get(name);
    if (meaning === undefined) return value;
    let end = value.length;
    while (end > 0 && ',;:.)'.includes(value.charAt(end - 1))) end -= 1;
    const [bare, punctuation] = [value.slice(0, end), value.slice(end)];
    return meaning.takes === 'switch'
      ? `${meaning.flag}${punctuation}`
      : `${meaning.flag} ${bare}${punctuation}`;
  });
}

/** The error with its own words respelled; what the database said stays as it is. */
export function respellError(error: unknown, place: Place): unknown {
  if (!(error instanceof MigrateError) || place === 'make') return error;
  const { hint, state, problems, ...rest } = error.options;
  return new MigrateError(error.code, respell(error.message, place), {
    ...rest,
    ...(hint === undefined ? {} : { hint: respell(hint, place) }),
    ...(state === undefined ? {} : { state: respell(state, place) }),
    ...(problems === undefined ? {} : { problems: problems.map((problem) => respell(problem, place)) }),
  });
}

/** The output with every line for people respelled; a JSON document (`json`) stays as it is. */
export function respelling(output: Output, place: Place, json: boolean): Output {
  if (place === 'make') return output;
  const spell = (write: (text: string) => void) => (text: string) => write(respell(text, place));
  return {
    ...output,
    say: spell(output.say),
    live: spell(output.live),
    detail: spell(output.detail),
    warn: spell(output.warn),
    result: json ? output.result : spell(output.result),
  };
}
