// Takes a command and a list of databases; runs the command on each as on one alone: with its own session, lock, history,
// drift check and record. One target's failure touches no other.
import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import type pg from 'pg';
import { type ErrorCode, exitCodes, exitStatus, MigrateError } from '../base/errors.ts';
import { visible } from '../base/foreign-text.ts';
import { redact, redactAll } from '../base/secrets.ts';
import type { CommonFlags, Config } from '../config/config.ts';
import { connect } from '../connection/connect.ts';
import { shareLoginWork } from '../connection/shared-login.ts';
import type { Command, CommandInput, CommandResult, Progress } from '../report/command.ts';
import { toJson } from '../report/json.ts';
import { configsOf } from './configs.ts';
import { type NamedTarget, readTargetRows, readTargets } from './list.ts';
import { fewTargets, fleetLines, progressLine, type TargetEnd, worstOf } from './report.ts';
import { runScheduled, type Schedule } from './schedule.ts';

export interface FleetFlags {
  readonly targets?: string;
  readonly targetsQuery?: string;
  readonly parallel?: string;
  readonly canary?: string;
  readonly maxFailures?: string;
}

/**
 * @param command what runs on each
 * @throws MigrateError `usage` for a wrong list or number, `refused` where any target is bound to another environment:
 *   before anything connects
 */
export async function runFleet(
  input: CommandInput<FleetFlags & CommonFlags>,
  command: Command<never>,
): Promise<CommandResult> {
  const { config, flags, progress, signal } = input;
  refuseSingle(flags);
  const schedule = scheduleOf(flags, signal);
  const targets = await listOf(config, flags);
  const configs = await configsOf(config, targets, flags);
  shareLoginWork();
  // Each target that is under way listens.
  setMaxListeners(0, signal);
  const started = performance.now();
  const { warnOf, sayRest } = warnings(progress);
  const ends = new Map<string, TargetEnd>();
  let failed = 0;
  await runScheduled(targets, schedule, async ({ name }) => {
    const end = await runOne(input, command, name, configs.get(name) as Config, warnOf(name));
    ends.set(name, end);
    const isFine = end.exitCode === exitCodes.ok || end.exitCode === exitCodes.pending;
    if (!isFine) failed += 1;
    if (!isFine || targets.length <= fewTargets || config.verbose) progress.say(`  ${name}  ${end.line}`);
    progress.live(progressLine(ends.size, failed, targets.length, performance.now() - started));
    return isFine;
  });
  sayRest();
  const all = targets.map(({ name }) => ends.get(name) ?? notBegun(name));
  const code = signal.aborted ? exitStatus(signal.reason) : worstOf(all);
  return {
    document: documentOf(all),
    lines: fleetLines(all, performance.now() - started),
    verdict: verdictOf(code),
  };
}

function scheduleOf({ parallel, canary, maxFailures }: FleetFlags, signal: AbortSignal): Schedule {
  return {
    parallel: numberOf(parallel, '--parallel', 4, 1),
    canary: numberOf(canary, '--canary', 1, 0),
    maxFailures: numberOf(maxFailures, '--max-failures', 1, 1),
    signal,
  };
}

function notBegun(name: string): TargetEnd {
  return { name, exitCode: null, line: 'not begun', durationMs: 0, document: null };
}

function documentOf(all: readonly TargetEnd[]): Record<string, unknown> {
  return {
    targets: all.map(({ name, exitCode, line, document }) => ({
      name,
      begun: exitCode !== null,
      ...(document ?? { exitCode, verdict: line }),
    })),
  };
}

/** The name of an exit code; null for success. */
function verdictOf(code: number): ErrorCode | null {
  const names = Object.entries(exitCodes) as [ErrorCode | 'ok', number][];
  const verdict = names.find(([, value]) => value === code)?.[0] ?? 'bug';
  return verdict === 'ok' ? null : verdict;
}

/** Options that write or read one file, which belongs to one database. */
const ofOneDatabase = { plan: '--plan', out: '--out', write: '--write' } as const;

/** @throws MigrateError `usage` */
function refuseSingle(flags: FleetFlags & { readonly [name in keyof typeof ofOneDatabase]?: unknown }): void {
  const given = Object.entries(ofOneDatabase).filter(
    ([name]) => flags[name as keyof typeof ofOneDatabase] !== undefined,
  );
  if (given.length === 0) return;
  throw new MigrateError(
    'usage',
    `${given.map(([, option]) => option).join(', ')} is for one database: its file holds what that one is like`,
    {
      hint: 'Leave it out, or run the command on that database alone (DATABASE_URL).',
      state: 'Nothing was connected to.',
    },
  );
}

async function runOne(
  { flags, progress, signal }: CommandInput<FleetFlags & CommonFlags>,
  command: Command<never>,
  name: string,
  config: Config,
  warn: Progress['warn'],
): Promise<TargetEnd> {
  const from = performance.now();
  const ending = { command: config.command, environment: config.environmentName, error: null as unknown };
  let result: CommandResult | null = null;
  try {
    const own = { ...progressOf(progress, name, config.verbose), warn };
    result = await command({ config, flags: flags as never, args: [], progress: own, signal });
    ending.error = result.error ?? null;
  } catch (error) {
    ending.error = error;
  }
  const { error } = ending;
  const verdict = result?.verdict ?? null;
  const exitCode = error !== null ? exitStatus(error) : exitCodes[verdict ?? 'ok'];
  // Secrets are taken out here: of thousands of targets those of the first are no longer known in the end.
  const line = redact(error === null ? lastWord(result) : describe(error));
  // Of thousands, the documents of all would take the memory of all.
  const document = config.json
    ? redactAll(toJson({ ...ending, verdict, document: result?.document ?? {} }))
    : null;
  return { name, exitCode, line, durationMs: performance.now() - from, document };
}

/** The verdict of a command that went through; what it found of drift stands before its last line. */
function lastWord(result: CommandResult | null): string {
  const last = result?.lines.at(-1) ?? 'done';
  const drift =
    result?.verdict === 'drift' ? result.lines.find((each) => each.startsWith('Drift:')) : undefined;
  return drift === undefined || drift === last ? last : `${drift}; ${last}`;
}

/** One line: what happened, and where. */
function describe(error: unknown): string {
  if (!(error instanceof MigrateError)) return `bug: ${(error as Error).stack ?? String(error)}`;
  const { location, database } = error.options;
  const message = visible(error.message.split('\n')[0] ?? '');
  const place =
    location === undefined ? '' : ` (${[location.file, location.line].filter(Boolean).join(':')})`;
  const state = database?.sqlState === undefined ? '' : ` [${database.sqlState}]`;
  return `${message}${state}${place}`;
}

/** What is warned of on every database is said of the first, with the number of the others in the end. */
function warnings(progress: Progress) {
  const more = new Map<string, number>();
  const warnOf = (name: string) => (line: string) => {
    const count = more.get(line);
    more.set(line, count === undefined ? 0 : count + 1);
    if (count === undefined) progress.warn(`${name}: ${line}`);
  };
  const sayRest = () => {
    for (const [line, count] of more)
      if (count > 0) progress.warn(`the same on ${count} more: ${line.slice(0, 60)}…`);
  };
  return { warnOf, sayRest };
}

/** Lines of one target are worth reading beside those of others only where more was asked for; warnings always are. */
function progressOf(progress: Progress, name: string, verbose: boolean): Omit<Progress, 'warn'> {
  const named = (line: string) => progress.say(`  ${name}: ${line.trim()}`);
  const quiet = () => undefined;
  return {
    say: verbose ? named : quiet,
    group: verbose ? named : quiet,
    endGroup: quiet,
    live: quiet,
    detail: quiet,
    style: progress.style,
  };
}

async function listOf(
  config: Config,
  { targets, targetsQuery }: FleetFlags,
): Promise<readonly NamedTarget[]> {
  if (targets !== undefined && targetsQuery !== undefined)
    throw new MigrateError('usage', '--targets and --targets-query exclude each other: give one of them');
  if (targetsQuery !== undefined) return queried(config, targetsQuery);
  if (targets === '-') return readTargets(await readAll(process.stdin), 'standard input');
  try {
    return readTargets(readFileSync(targets ?? '', 'utf8'), targets ?? '');
  } catch (cause) {
    if (cause instanceof MigrateError) throw cause;
    throw new MigrateError('usage', `Cannot read the list of databases: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** The list from a catalog database, which DATABASE_URL or PG* name: two columns, name and URL. */
async function queried(config: Config, sql: string): Promise<readonly NamedTarget[]> {
  if (config.target === undefined)
    throw new MigrateError('usage', '--targets-query needs a catalog database to ask', {
      hint: 'Set DATABASE_URL (or PGHOST …) to the database that knows all others.',
    });
  const client = await connect(config.target, {
    applicationName: 'migrate targets',
    timeoutMs: config.connectTimeoutMs,
  });
  try {
    await client.query('SET default_transaction_read_only = on');
    // The protocol of one statement: a second could switch off what the first line sets.
    const one = { text: sql, rowMode: 'array', queryMode: 'extended' } as pg.QueryArrayConfig;
    const { rows } = await client.query<unknown[]>(one);
    return readTargetRows(rows, '--targets-query');
  } catch (cause) {
    if (cause instanceof MigrateError) throw cause;
    throw new MigrateError('usage', `--targets-query does not run: ${(cause as Error).message}`, { cause });
  } finally {
    await client.end().catch(() => undefined);
  }
}

function numberOf(text: string | undefined, option: string, otherwise: number, least: number): number {
  if (text === undefined) return otherwise;
  if (/^\d{1,5}$/.test(text) && Number(text) >= least) return Number(text);
  throw new MigrateError(
    'usage',
    `${option} "${text}" is not a whole number from ${least} on; a right value is ${otherwise}`,
  );
}
