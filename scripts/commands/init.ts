// init: lays what an application needs to have migrations: the folder with a first pair, settings, npm scripts, lines for
// git, and, asked for, make targets, workflows and an image. It asks nothing, overwrites nothing, and says what it did.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MigrateError } from '../base/errors.ts';
import { packageRoot, shownPath } from '../base/paths.ts';
import { listFolder, writeProjectFile } from '../base/project-file.ts';
import { type Config, directoryOf } from '../config/config.ts';
import type { Command, CommandInput, CommandResult } from '../report/command.ts';
import { create } from './create.ts';
import { inManagersWords } from './package-manager.ts';
import { imageOf, type WithScripts, withScripts } from './package-scripts.ts';

export interface InitFlags {
  readonly make?: boolean;
  readonly github?: boolean;
  readonly docker?: boolean;
}

/** What was done with one thing: `kept` was there before and is as it was. */
interface Laid {
  readonly path: string;
  readonly outcome: 'created' | 'added to' | 'kept';
  readonly note?: string;
}

/** Commands with a npm script of their own in an application. */
const scripts = [
  ...['create', 'up', 'down', 'redo', 'status', 'plan', 'drift', 'lint', 'verify', 'check'],
  ...['schema', 'docs', 'manifest', 'baseline', 'repair', 'rebase'],
];

/** Written to .gitignore where they are missing: the embedded server's data and everybody's own settings. */
const ignored = ['.postgres/', '.env', '.env.*', '!.env.example'];

/** @throws MigrateError `usage` where there is no package.json, or one that is no JSON, or a file cannot be written */
export const init: Command<InitFlags> = async (input) => {
  const { config, flags } = input;
  // What cannot be added to is found before anything is written.
  const scripts = readScripts(config);
  const laid = [
    ...(await layMigrations(input)),
    laySettings(config),
    layScripts(config, scripts),
    layIgnored(config),
    await layExample(config),
    ...(flags.make ? layMake(config) : []),
    ...(flags.github ? layWorkflows(config) : []),
    ...(flags.docker ? [layImage(config)] : []),
  ];
  return reported(config, laid);
};

function reported(config: Config, laid: readonly Laid[]): CommandResult {
  const lines = laid.map(
    ({ path, outcome, note }) => `  ${outcome.padEnd(8)} ${path}${note === undefined ? '' : ` (${note})`}`,
  );
  const pairs = listFolder(config.root, config.directory).filter((name) => name.endsWith('.up.sql'));
  const next =
    pairs.length === 1
      ? `Next: write the SQL into ${shownPath(config.root, join(config.directory, pairs[0] ?? ''))} and its .down.sql, then run make migrate-up`
      : 'Next: make migrate-status';
  return { document: { files: laid }, lines: [...lines, next] };
}

/** The directory with a first pair, where it holds none. */
async function layMigrations(input: CommandInput<InitFlags>): Promise<Laid[]> {
  const { config } = input;
  const path = shownPath(config.root, config.directory);
  const hasSome = listFolder(config.root, config.directory).some((name) => name.endsWith('.sql'));
  if (hasSome) return [{ path, outcome: 'kept' }];
  const { document } = await create({ ...input, flags: {}, args: ['initial-schema'] });
  return (document.files as string[]).map((file) => ({ path: file, outcome: 'created' }));
}

function layFile(config: Config, path: string, content: string): Laid {
  const full = join(config.root, path);
  if (existsSync(full)) return { path, outcome: 'kept' };
  writeProjectFile(config.root, path, content, true);
  return { path, outcome: 'created' };
}

async function layExample(config: Config): Promise<Laid> {
  const { installForDevelopment } = await import('../devserver/binaries.ts');
  const embedded = installForDevelopment(config.postgres, config.root);
  return layFile(config, '.env.example', template('env.example').replace('{{embedded}}', embedded));
}

/** The image installs what the application does, so what a package file of its own brings must be in it. */
function layImage(config: Config): Laid {
  const { content, note } = imageOf(template('Dockerfile'), read(join(config.root, 'package.json')));
  return layForManager(config, 'Dockerfile.migrations', content, note);
}

/** @param template a file that installs packages, as for npm; it is laid in the words of the application's own manager */
function layForManager(config: Config, path: string, template: string, note: string | null): Laid {
  // A monorepo has its lock file at its root, where its workflows are; what an image is made of lies in the folder itself.
  const above = path.startsWith('.github/') ? repositoryAbove(config.root) : null;
  const folders = above === null ? [config.root] : [config.root, above];
  const has = (file: string) => folders.some((folder) => existsSync(join(folder, file)));
  const spelt = inManagersWords(template, has);
  const laid = layFile(config, path, spelt.content);
  const notes = [spelt.note, note].filter((each) => each !== null);
  return laid.outcome === 'created' && notes.length > 0 ? { ...laid, note: notes.join('; ') } : laid;
}

/** A directory that was named is found by the next command too. */
function laySettings(config: Config): Laid {
  const dir = shownPath(config.root, config.directory);
  const path = 'db/config.json';
  const own = { postgres: config.postgres, ...(dir === 'db/migrations' ? {} : { dir }) };
  const laid = layFile(config, path, `${JSON.stringify(own, null, 2)}\n`);
  if (laid.outcome === 'created' || directoryOf(config.root) === config.directory) return laid;
  return { ...laid, note: `add to it: "dir": ${JSON.stringify(dir)}` };
}

/** `migrate:up` and its kin, and package.json with them; its text stays as it is otherwise, and a script that is there stays. */
function readScripts(config: Config): WithScripts {
  const path = join(config.root, 'package.json');
  if (!existsSync(path)) {
    throw new MigrateError('usage', `There is no package.json in ${config.root}`, {
      hint: 'Run this in the folder of the application (npm init -y makes a package.json).',
    });
  }
  const wanted = Object.fromEntries([
    ['migrate', 'migrate'],
    ...scripts.map((name) => [`migrate:${name}`, `migrate ${name}`]),
  ]);
  return withScripts(read(path), wanted);
}

function layScripts(config: Config, { text, added, others }: WithScripts): Laid {
  const kept =
    others.length === 0 ? [] : [`${others.join(', ')} kept as it was, though it does something else`];
  if (added === 0)
    return { path: 'package.json', outcome: 'kept', ...(kept[0] === undefined ? {} : { note: kept[0] }) };
  writeProjectFile(config.root, 'package.json', text);
  const note = [`${added} scripts, such as migrate:up`, ...kept].join('; ');
  return { path: 'package.json', outcome: 'added to', note };
}

function layIgnored(config: Config): Laid {
  const path = join(config.root, '.gitignore');
  const text = existsSync(path) ? read(path) : '';
  const end = text.includes('\r\n') ? '\r\n' : '\n';
  const there = new Set(text.split(/\r?\n/).map((line) => line.trim().replace(/^\//, '')));
  const missing = ignored.filter((line) => !there.has(line) && !there.has(line.replace(/\/$/, '')));
  if (missing.length === 0) return { path: '.gitignore', outcome: 'kept' };
  const gap = text === '' || text.endsWith('\n') ? '' : end;
  writeProjectFile(config.root, '.gitignore', `${text}${gap}${missing.join(end)}${end}`);
  return { path: '.gitignore', outcome: text === '' ? 'created' : 'added to' };
}

/** A Makefile of the application's own is not touched: it takes one line to include the targets. */
function layMake(config: Config): Laid[] {
  const targets = layFile(config, 'db/migrate.mk', template('migrate.mk'));
  const path = join(config.root, 'Makefile');
  if (!existsSync(path)) return [targets, layFile(config, 'Makefile', 'include db/migrate.mk\n')];
  const isIncluded = /^-?include .*db\/migrate\.mk/m.test(read(path));
  const note = isIncluded ? {} : { note: 'add this line to it: include db/migrate.mk' };
  return [targets, { path: 'Makefile', outcome: 'kept', ...note }];
}

function layWorkflows(config: Config): Laid[] {
  const content = (name: string) => template(name).replaceAll('{{postgres}}', String(config.postgres));
  const note = belowRepository(config.root);
  return [
    layForManager(config, '.github/workflows/migrations.yml', content('check.yml'), note),
    layForManager(config, '.github/workflows/migrate.yml', content('deploy.yml'), note),
  ];
}

/** GitHub reads the workflows of a repository's own folder only. */
function belowRepository(folder: string): string | null {
  const above = repositoryAbove(folder);
  return above === null
    ? null
    : `GitHub reads it in ${join(above, '.github', 'workflows')} only: move it there, with defaults.run.working-directory: ${shownPath(above, folder)}`;
}

/** The repository whose part the folder is, as a package of a monorepo; null where it is one itself, or none is above it. */
function repositoryAbove(folder: string): string | null {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at === folder ? null : at;
    if (at === dirname(at)) return null;
  }
}

function template(name: string): string {
  return readFileSync(join(packageRoot, 'db', 'templates', 'init', name), 'utf8');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MigrateError('usage', `Cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}
