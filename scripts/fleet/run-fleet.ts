// Takes a command and a list of databases; runs the command on each as on one alone: with its own session, lock, history,
// drift check and record. One target's failure touches no other.
import { setMaxListeners } from 'node:events';
import { type ErrorCode, exitCodes, exitStatus, MigrateError } from '../base/errors.ts';
import { flagOf } from '../base/flag.ts';
import { visible } from '../base/foreign-text.ts';
import { redact, redactAll } from '../base/secrets.ts';
import type { CommonFlags, Config } from '../config/config.ts';
import { shareLoginWork } from '../connection/shared-login.ts';
import type { Command, CommandInput, CommandResult, Progress } from '../report/command.ts';
import { toJson } from '../report/json.ts';
import { configsOf } from './configs.ts';
import { type ListFlags, listOf } from './read-list.ts';
import { failureLines, fewTargets, fleetLines, progressLine, type TargetEnd, worstOf } from './report.ts';
import { runScheduled, type Schedule } from './schedule.ts';
import { failuresByKind, warningsOnce } from './told-once.ts';

export interface FleetFlags extends ListFlags {
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
  const targets = await listOf(config, flags, signal);
  const configs = await configsOf(config, targets, flags);
  shareLoginWork();
  // Each target that is under way listens.
  setMaxListeners(0, signal);
  const started = performance.now();
  const { warnOf, sayRest } = warningsOnce(progress);
  const failures = failuresByKind();
  const ends = new Map<string, TargetEnd>();
  const live = liveProgress(progress, targets.length);
  await runScheduled(targets, schedule, async ({ name }) => {
    live.begin(name);
    const { end, error } = await runOne(input, command, name, configs.get(name) as Config, warnOf(name));
    if (error !== null) failures.add(name, error);
    ends.set(name, end);
    const isFine = end.exitCode === exitCodes.ok || end.exitCode === exitCodes.pending;
    if (!isFine && config.quiet) progress.warn(`${name}: ${end.line}`);
    if (!isFine || targets.length <= fewTargets || config.verbose) progress.say(`  ${name}  ${end.line}`);
    live.end(name, isFine);
    return isFine;
  });
  live.stop();
  sayRest();
  const all = targets.map(({ name }) => ends.get(name) ?? notBegun(name));
  const code = signal.aborted ? exitStatus(signal.reason) : worstOf(all);
  return {
    document: documentOf(all),
    lines: [
      ...failureLines(failures.all(), progress.style),
      ...fleetLines(all, performance.now() - started, whyNotBegun(schedule, ends.size)),
    ],
    failures: failures.all(),
    verdict: verdictOf(code),
  };
}

/** How often (ms) it is told which databases are under way, also where none of them ends. */
const tellEveryMs = 1000;

function liveProgress(progress: Progress, total: number) {
  const started = performance.now();
  const underWay = new Set<string>();
  let [done, failed] = [0, 0];
  const tell = () =>
    progress.live(progressLine({ done, failed, total, underWay }, performance.now() - started));
  const clock = setInterval(tell, tellEveryMs).unref();
  return {
    begin: (name: string) => void underWay.add(name),
    end: (name: string, isFine: boolean) => {
      underWay.delete(name);
      done += 1;
      if (!isFine) failed += 1;
      tell();
    },
    stop: () => clearInterval(clock),
  };
}

/** Why the rest of the list was not begun. */
function whyNotBegun({ canary, maxFailures, signal }: Schedule, begun: number): string {
  if (signal.aborted) return 'interrupted';
  if (begun <= canary) return `--canary ${canary}: the first must succeed`;
  return `--max-failures ${maxFailures}`;
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

/** Options whose file, page or list belongs to one database; of the log, JSON has room for many. */
const ofOneDatabase = ['plan', 'out', 'write', 'markdown', 'log'] as const;

/** @throws MigrateError `usage` */
function refuseSingle(
  flags: CommonFlags & { readonly [name in (typeof ofOneDatabase)[number]]?: unknown },
): void {
  const given = ofOneDatabase.filter(
    (name) => flags[name] !== undefined && !(name === 'log' && flags.json === true),
  );
  if (given.length === 0) return;
  throw new MigrateError(
    'usage',
    `${given.map(flagOf).join(', ')} is for one database: what it is about is that one alone`,
    {
      hint: 'Leave it out, or run the command on that database alone (DATABASE_URL). The logs of many are shown with --json.',
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
): Promise<{ readonly end: TargetEnd; readonly error: unknown }> {
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
  const end = { name, exitCode, line, durationMs: performance.now() - from, document };
  return { end, error: error ?? (verdict === 'drift' ? driftIn(result) : null) };
}

/** The verdict of a command that went through; what it found of drift stands before its last line. */
function lastWord(result: CommandResult | null): string {
  const last = result?.lines.at(-1) ?? 'done';
  const drift = result?.verdict === 'drift' ? driftLineOf(result) : undefined;
  return drift === undefined || drift === last ? last : `${drift}; ${last}`;
}

const driftLineOf = ({ lines }: CommandResult) => lines.find((each) => each.startsWith('Drift:'));

/** What a command found of drift that is no error to it, with its objects. */
function driftIn(result: CommandResult | null): MigrateError | null {
  const line = result === null ? undefined : driftLineOf(result);
  if (line === undefined) return null;
  const problems = result?.lines.filter((each) => /^ *[+~-] /.test(each)).map((each) => each.trimStart());
  return new MigrateError('drift', line, {
    ...(problems === undefined ? {} : { problems }),
    state: 'Nothing was changed.',
    hint: 'make migrate-drift verbose=1 shows the definitions; undo the change, keep it (--write) or record it as right (--accept).',
  });
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

/** Lines of one target are worth reading beside those of others only where more was asked for; warnings always are. */
function progressOf(progress: Progress, name: string, verbose: boolean): Omit<Progress, 'warn'> {
  const named = (line: string) => progress.say(`  ${name}: ${line.trim()}`);
  const quiet = () => undefined;
  return {
    say: verbose ? named : quiet,
    group: verbose ? named : quiet,
    endGroup: quiet,
    live: quiet,
    detail: verbose ? named : quiet,
    style: progress.style,
  };
}

function numberOf(text: string | undefined, option: string, otherwise: number, least: number): number {
  if (text === undefined) return otherwise;
  if (/^\d{1,5}$/.test(text) && Number(text) >= least) return Number(text);
  throw new MigrateError(
    'usage',
    `${option} "${text}" is not a whole number from ${least} on; a right value is ${otherwise}`,
  );
}
