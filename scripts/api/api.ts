// The commands as functions, for programs: the same code as the command line, without a terminal. They write nothing to
// stdout or stderr, never end the process, and leave its signals alone.

import { type CallStyle, callStyleOfPackage } from '../base/call-style.ts';
import { MigrateError } from '../base/errors.ts';
import { visibleLines } from '../base/foreign-text.ts';
import { undisturbing } from '../base/logger.ts';
import { keepSecret, redact, redactAll } from '../base/secrets.ts';
import type { CommandLine } from '../cli/command-line.ts';
import { commandLines } from '../cli/command-lines.ts';
import { respell, respellError } from '../cli/spelling.ts';
import { refuseWrongTarget } from '../config/binding.ts';
import { resolveConfig } from '../config/config.ts';
import { secretsOf } from '../config/secrets.ts';
import type { CommandResult, Progress } from '../report/command.ts';
import { plainStyle } from '../report/human.ts';
import { toJson } from '../report/json.ts';
import type {
  Document,
  DownOptions,
  PlanOptions,
  RunDocument,
  RunOptions,
  StatusDocument,
  StatusOptions,
  UpOptions,
  VerifyDocument,
  VerifyOptions,
} from './documents.ts';
import { flagsOf } from './flags.ts';

export type * from './documents.ts';

/**
 * Applies pending migrations, oldest first.
 * @returns the document of `up --json`, also where it failed: `ok` and `error` tell. Rejects only for a bug.
 */
export function up(options: UpOptions = {}): Promise<RunDocument> {
  return run('up', options) as Promise<RunDocument>;
}

/**
 * Reverts the newest migration, or those that `to` or `n` names. @returns as `up`
 * @throws nothing but bugs, as `up`: `ok` and `error` of the document tell
 */
export function down(options: DownOptions = {}): Promise<RunDocument> {
  return run('down', options) as Promise<RunDocument>;
}

/**
 * Every migration and its state, environment and drift. @returns the document of `status --json`, as `up`
 * @throws nothing but bugs, as `up`: `ok` and `error` of the document tell
 */
export function status(options: StatusOptions = {}): Promise<StatusDocument> {
  return run('status', options) as Promise<StatusDocument>;
}

/**
 * What `up` would do, statement by statement, writing nothing. @returns the document of `plan --json`, as `up`
 * @throws nothing but bugs, as `up`: `ok` and `error` of the document tell
 */
export function plan(options: PlanOptions = {}): Promise<Document> {
  return run('plan', options);
}

/**
 * Up, down and up again on a scratch database. @returns the document of `verify --json`, as `up`
 * @throws nothing but bugs, as `up`: `ok` and `error` of the document tell
 */
export function verify(options: VerifyOptions = {}): Promise<VerifyDocument> {
  return run('verify', options) as Promise<VerifyDocument>;
}

async function run(command: string, given: RunOptions | null): Promise<Document> {
  const options = given ?? {};
  const environment = { ...(options.env ?? process.env) };
  keepSecret(secretsOf(environment));
  const { root } = options;
  const callStyle = callStyleOfPackage(typeof root === 'string' ? root : process.cwd(), environment);
  const ending = { command, environment: null as string | null, error: null as unknown };
  const controller = new AbortController();
  const { signal } = controller;
  const abort = () => controller.abort(interrupted());
  let result: CommandResult | null = null;
  try {
    const line = lineOf(command);
    const flags = flagsOf(line, { ...options });
    if (options.signal?.aborted) abort();
    options.signal?.addEventListener('abort', abort, { once: true });
    const common = { json: true, ...(options.dir === undefined ? {} : { dir: options.dir }) };
    const config = await resolveConfig(command, common, environment, root);
    keepSecret(secretsOf(config.variables));
    ending.environment = config.environmentName;
    if (!line.checksOwnTarget) refuseWrongTarget(config);
    const work = await line.load();
    const progress = progressTo(options, callStyle);
    config.remarks.forEach(progress.warn);
    const input = { config: { ...config, signal }, flags: flags as never, args: [], progress, signal };
    result = await work(input);
    ending.error = result.error ?? null;
  } catch (error) {
    if (!(error instanceof MigrateError)) throw error;
    ending.error = error;
  } finally {
    options.signal?.removeEventListener?.('abort', abort);
  }
  const { document = {}, verdict = null } = result ?? {};
  const error = respellError(ending.error, callStyle);
  return JSON.parse(JSON.stringify(redactAll(toJson({ ...ending, error, verdict, document })))) as Document;
}

function lineOf(command: string): CommandLine {
  const line = commandLines.find(({ name }) => name === command);
  if (line === undefined) throw new Error(`there is no command ${command}`);
  return line;
}

function interrupted(): MigrateError {
  return new MigrateError('interrupted', 'Interrupted by its caller', {
    hint: 'Call it again: it goes on where this run stopped.',
  });
}

/** Lines for people, without secrets, to the caller's logger; what is soon replaced is told to nobody. */
function progressTo({ logger: given }: RunOptions, callStyle: CallStyle): Progress {
  const logger = given && undisturbing(given);
  const shown = (line: string) => visibleLines(redact(respell(line, callStyle)));
  const log = (line: string) => logger?.log(shown(line));
  return {
    say: log,
    group: log,
    endGroup: () => undefined,
    live: () => undefined,
    detail: () => undefined,
    warn: (line) => logger?.warn(shown(line)),
    style: plainStyle,
  };
}
