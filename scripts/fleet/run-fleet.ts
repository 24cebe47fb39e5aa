// Takes a command and a list of databases; runs the command on each as on one alone: with its own session, lock, history,
// drift check and record. One target's failure touches no other.
import { readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { type ErrorCode, exitCodes, exitStatus, MigrateError } from '../base/errors.ts';
import { keepSecret } from '../base/secrets.ts';
import { refuseWrongTarget } from '../config/binding.ts';
import { type CommonFlags, type Config, resolveConfig } from '../config/config.ts';
import { secretsOf } from '../config/secrets.ts';
import { connect } from '../connection/connect.ts';
import { sharedFiles } from '../history/load-migrations.ts';
import type { Command, CommandInput, CommandResult, Progress } from '../report/command.ts';
import { toJson } from '../report/json.ts';
import { type NamedTarget, readTargets } from './list.ts';
import { fleetLines, progressLine, type TargetEnd, worstOf } from './report.ts';
import { runScheduled } from './schedule.ts';

export interface FleetFlags {
  readonly targets?: string;
  readonly targetsQuery?: string;
  readonly parallel?: string;
  readonly canary?: string;
  readonly maxFailures?: string;
}

/** Whether the command is meant for a list of databases. */
export function namesFleet({ targets, targetsQuery }: FleetFlags): boolean {
  return targets !== undefined || targetsQuery !== undefined;
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
  const schedule = {
    parallel: numberOf(flags.parallel, '--parallel', 4, 1),
    canary: numberOf(flags.canary, '--canary', 1, 0),
    maxFailures: numberOf(flags.maxFailures, '--max-failures', 1, 1),
    signal,
  };
  const targets = await listOf(config, flags);
  const configs = await configsOf(config, targets, flags);
  const started = performance.now();
  const ends = new Map<string, TargetEnd>();
  let failed = 0;
  const begun = await runScheduled(targets, schedule, async ({ name }) => {
    const end = await runOne(input, command, name, configs.get(name) as Config);
    ends.set(name, end);
    const isFine = end.exitCode === exitCodes.ok || end.exitCode === exitCodes.pending;
    if (!isFine) failed += 1;
    progress.say(`  ${name}  ${end.line}`);
    progress.live(progressLine(ends.size, failed, targets.length, performance.now() - started));
    return isFine;
  });
  const all = targets.map(
    ({ name }, i): TargetEnd =>
      (begun[i] ? ends.get(name) : undefined) ?? {
        name,
        exitCode: null,
        line: 'not begun',
        durationMs: 0,
        document: null,
      },
  );
  const code = signal.aborted ? exitStatus(signal.reason) : worstOf(all);
  const names = Object.entries(exitCodes) as [ErrorCode | 'ok', number][];
  const verdict = names.find(([, value]) => value === code)?.[0] ?? 'bug';
  return {
    document: {
      targets: all.map(({ name, exitCode, document }) => ({ name, begun: exitCode !== null, ...document })),
    },
    lines: fleetLines(all, performance.now() - started),
    verdict: verdict === 'ok' ? null : verdict,
  };
}

async function runOne(
  { flags, progress, signal }: CommandInput<FleetFlags & CommonFlags>,
  command: Command<never>,
  name: string,
  config: Config,
): Promise<TargetEnd> {
  const from = performance.now();
  const ending = { command: config.command, environment: config.environmentName, error: null as unknown };
  let result: CommandResult | null = null;
  try {
    const own = progressOf(progress, name, config.verbose);
    result = await command({ config, flags: flags as never, args: [], progress: own, signal });
    ending.error = result.error ?? null;
  } catch (error) {
    ending.error = error;
  }
  const { error } = ending;
  const verdict = result?.verdict ?? null;
  const exitCode = error !== null ? exitStatus(error) : exitCodes[verdict ?? 'ok'];
  const line = error === null ? (result?.lines.at(-1) ?? 'done') : describe(error);
  const document = toJson({ ...ending, verdict, document: result?.document ?? {} });
  return { name, exitCode, line, durationMs: performance.now() - from, document };
}

/** One line: what happened, and where. */
function describe(error: unknown): string {
  if (!(error instanceof MigrateError)) return `bug: ${(error as Error).stack ?? String(error)}`;
  const { location, database } = error.options;
  const place =
    location === undefined ? '' : ` (${[location.file, location.line].filter(Boolean).join(':')})`;
  const state = database?.sqlState === undefined ? '' : ` [${database.sqlState}]`;
  return `${error.message.split('\n')[0]}${state}${place}`;
}

/** Lines of one target are worth reading beside those of others only where more was asked for; warnings always are. */
function progressOf(progress: Progress, name: string, verbose: boolean): Progress {
  const named = (line: string) => progress.say(`  ${name}: ${line.trim()}`);
  const quiet = () => undefined;
  return {
    say: verbose ? named : quiet,
    group: verbose ? named : quiet,
    endGroup: quiet,
    live: quiet,
    detail: quiet,
    warn: (line) => progress.warn(`${name}: ${line}`),
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
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
    return readTargets(rows.map(([name, url]) => `${name} ${url}`).join('\n'), '--targets-query');
  } catch (cause) {
    if (cause instanceof MigrateError) throw cause;
    throw new MigrateError('usage', `--targets-query does not run: ${(cause as Error).message}`, { cause });
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** A configuration each: the same variables, but for the address. Files are read, checked and parsed once for all. */
async function configsOf(
  config: Config,
  targets: readonly NamedTarget[],
  flags: CommonFlags,
): Promise<ReadonlyMap<string, Config>> {
  const shared = sharedFiles();
  const configs = new Map<string, Config>();
  const problems: string[] = [];
  for (const { name, url } of targets) {
    const own = await resolveConfig(
      config.command,
      flags,
      { ...config.variables, DATABASE_URL: url },
      config.root,
    );
    keepSecret(secretsOf(own.variables));
    try {
      refuseWrongTarget(own);
    } catch (error) {
      if (!(error instanceof MigrateError)) throw error;
      problems.push(`${name}: ${error.message}`);
    }
    configs.set(name, Object.freeze({ ...own, shared }));
  }
  if (problems.length === 0) return configs;
  throw new MigrateError(
    'refused',
    `${problems.length} of ${targets.length} databases do not belong to ${config.environmentName}`,
    {
      problems,
      state: 'Nothing was connected to.',
      hint: 'Correct the list, MIGRATE_ENV, or the bindings in db/config.json.',
    },
  );
}

function numberOf(text: string | undefined, option: string, otherwise: number, least: number): number {
  if (text === undefined) return otherwise;
  if (/^\d{1,5}$/.test(text) && Number(text) >= least) return Number(text);
  throw new MigrateError(
    'usage',
    `${option} "${text}" is not a whole number from ${least} on; a right value is ${otherwise}`,
  );
}
