// Takes SQL files; gives a temporary project with them, and runs the tool in it as a user would: a process of its own
// with a clean environment. It knows exit codes and output, nothing of the inside.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AssertionError, config } from 'chai';
import { execa } from 'execa';
import { defaultMajor } from '../../scripts/base/postgres-major.ts';
import { cleanUpAfterTest } from './cleanup.ts';
import { runInHost } from './host.ts';
import { testMajor } from './postgres.ts';

// A failing assertion shows the whole output of the tool.
config.truncateThreshold = 0;

export interface RunOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** Given to the process as its standard input, which is empty otherwise. */
  readonly input?: string;
  /** Milliseconds after which the process gets SIGTERM; 50 s, just below a test's own limit. */
  readonly timeout?: number;
}

export interface Result {
  readonly args: readonly string[];
  /** 128 + the signal's number when the process was killed by one. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, in the order of writing. */
  readonly all: string;
  /** Standard output as JSON; fails with the whole output when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads the document as a user's script would
  json(): any;
}

export interface Project {
  readonly root: string;
  /** Writes (or overwrites) a file; the path is relative to the root, or to db/migrations if it has no slash. */
  write(path: string, text: string): void;
  run(args: readonly string[], options?: RunOptions): Promise<Result>;
  /** The same, but without waiting: for tests that kill, interrupt or compete. */
  start(args: readonly string[], options?: RunOptions): RunningTool;
}

export interface RunningTool {
  readonly pid: number | undefined;
  kill(signal?: NodeJS.Signals): void;
  /** When the text has appeared in what it prints; rejects when it ends without. */
  saying(text: string): Promise<void>;
  readonly result: Promise<Result>;
}

/** The product's own folder. */
export const productRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const fixtures = join(productRoot, 'test', 'fixtures');

/** For copying the product: leaves out what runs beside this one are writing. */
export function isSettled(path: string): boolean {
  return !/[\\/]dist[\\/]\.(?:cache|staging)/.test(path);
}

/**
 * A temporary project, deleted after the test. `files` is a record of name → text (a name without a slash goes to
 * db/migrations), or a folder of test/fixtures: with a `db` folder in it it is copied as it is, else to db/migrations.
 */
export async function project(files: Record<string, string> | string = {}): Promise<Project> {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'migrate-project-')));
  // Accounts of servers may enter, as into most people's projects: their clusters are in the project and go with it.
  chmodSync(home, 0o755);
  cleanUpAfterTest(async () => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
  const root = join(home, 'project');
  mkdirSync(join(root, 'db', 'migrations'), { recursive: true });
  mkdirSync(join(home, 'home'));
  const write = (path: string, text: string) => {
    const target = path.includes('/') ? join(root, path) : join(root, 'db', 'migrations', path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, path === 'db/config.json' ? ofTestMajor(text) : text);
  };
  if (typeof files === 'string') copyFixture(files, root);
  else for (const [path, text] of Object.entries(files)) write(path, text);
  const config = join(root, 'db', 'config.json');
  if (testMajor !== defaultMajor)
    writeFileSync(config, ofTestMajor(existsSync(config) ? readFileSync(config, 'utf8') : '{}'));
  const start = (args: readonly string[], options: RunOptions = {}) =>
    launch(root, join(home, 'home'), args, options);
  const run = (args: readonly string[], options: RunOptions = {}) =>
    needsProcess(options) ? start(args, options).result : runHosted(root, join(home, 'home'), args, options);
  return { root, write, start, run };
}

/** `TEST_PROCESSES=1` gives every command a process of its own. */
function needsProcess({ input, env = {} }: RunOptions): boolean {
  return (
    input !== undefined ||
    Boolean(process.env.TEST_PROCESSES) ||
    Object.keys(env).some((name) => /^(NODE|LD)_/.test(name))
  );
}

function environmentOf(root: string, home: string, options: RunOptions): Record<string, string> {
  const { PATH = '', LANG = 'C.UTF-8' } = process.env;
  return { PATH, LANG, HOME: home, NO_COLOR: '1', ...nameOf(root, options.env), ...options.env };
}

async function runHosted(
  root: string,
  home: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Result> {
  const call = { args, cwd: options.cwd ?? root, env: environmentOf(root, home, options) };
  const ended = await runInHost(call, options.timeout ?? longestRun);
  const finished: Result = { args, ...ended, json: () => parse(finished) };
  return finished;
}

/** In ms; just below a test's own limit. */
const longestRun = 50_000;

/** Projects are for the major version that is tested, unless they say which; what is no JSON stays as it is. */
function ofTestMajor(config: string): string {
  if (testMajor === defaultMajor) return config;
  try {
    const given = JSON.parse(config) as Record<string, unknown>;
    return given.constructor === Object ? JSON.stringify({ postgres: testMajor, ...given }) : config;
  } catch {
    return config;
  }
}

function copyFixture(name: string, root: string): void {
  const source = isAbsolute(name) ? name : join(fixtures, name);
  const whole = existsSync(join(source, 'db'));
  cpSync(source, whole ? root : join(root, 'db', 'migrations'), { recursive: true });
}

/** A database that is named must be named as what it is; an empty MIGRATE_ENV is for tests of that. */
function nameOf(root: string, env: RunOptions['env'] = {}): Record<string, string> {
  const file = join(root, '.env');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const names =
    env.DATABASE_URL !== undefined || env.PGHOST !== undefined || /^(DATABASE_URL|PG)/m.test(text);
  return names && !text.includes('MIGRATE_ENV=') ? { MIGRATE_ENV: 'development' } : {};
}

/** The compiled program itself: whether it is compiled anew was looked at once, when the run began. */
const program = join(productRoot, 'dist', 'migrate.cjs');

function launch(root: string, home: string, args: readonly string[], options: RunOptions): RunningTool {
  const child = execa(process.execPath, [program, ...args], {
    cwd: options.cwd ?? root,
    extendEnv: false,
    env: environmentOf(root, home, options),
    input: options.input ?? '',
    reject: false,
    all: true,
    stripFinalNewline: false,
    timeout: options.timeout ?? longestRun,
  });
  const result = child.then(({ exitCode, signal, stdout, stderr, all }) => {
    const code = exitCode ?? (signal === 'SIGINT' ? 130 : signal === 'SIGKILL' ? 137 : 143);
    const finished: Result = { args, exitCode: code, stdout, stderr, all, json: () => parse(finished) };
    return finished;
  });
  const saying = (text: string) =>
    new Promise<void>((resolve, reject) => {
      let seen = '';
      child.all.on('data', (data: Buffer) => {
        seen += data;
        if (seen.includes(text)) resolve();
      });
      child.all.on('end', () => reject(new Error(`it never said "${text}":\n${seen}`)));
    });
  return { pid: child.pid, kill: (signal) => void child.kill(signal), saying, result };
}

function parse(result: Result): unknown {
  try {
    return JSON.parse(result.stdout);
  } catch {
    throw new AssertionError(`stdout is not one JSON document\n${transcript(result)}`);
  }
}

/** Fails unless the tool ended with this code; the failure shows everything it printed. */
export function expectExit(result: Result, code: number): void {
  if (result.exitCode === code) return;
  throw new AssertionError(`expected exit code ${code}, got ${result.exitCode}\n${transcript(result)}`, {
    expected: code,
    actual: result.exitCode,
  });
}

/** Command line and output, for messages of failing assertions. */
export function transcript({ args, exitCode, all }: Result): string {
  const output = all.trimEnd().replaceAll(/^/gm, '    ');
  return `  $ migrate ${args.join(' ')}\n${output}\n  exit code ${exitCode}`;
}
