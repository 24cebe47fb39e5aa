// argv → command. The only place that sets an exit code or prints an error.

import { type CallStyle, callStyleOf } from './base/call-style.ts';
import { exitCodes, exitStatus, isInterruption, MigrateError } from './base/errors.ts';
import { keepSecret } from './base/secrets.ts';
import { breakdown } from './base/timing.ts';
import { ownProcess } from './base/v8-heap.ts';
import type { Invocation } from './cli/cli.ts';
import { onGithub } from './cli/github-log.ts';
import { watchSignals } from './cli/interruption.ts';
import { respellError, respelling } from './cli/spelling.ts';
import { watchStreams } from './cli/streams.ts';
import type { CommonFlags, Config } from './config/config.ts';
import { secretsOf } from './config/secrets.ts';
import type { CommandResult } from './report/command.ts';
import type { RunReport } from './report/github.ts';
import { formatError } from './report/human.ts';
import { toJson } from './report/json.ts';
import { createOutput, type Output } from './report/output.ts';

/** A signal that came before anything ran is thrown as it is; only here is it known that nothing was changed. */
function untouched(error: unknown): unknown {
  if (!isInterruption(error) || error.options.state !== undefined) return error;
  return new MigrateError(error.code, error.message, {
    ...error.options,
    state: 'This run changed nothing.',
  });
}

// For build/boot.cjs, which keeps compiled what a run came to.
export { stages } from './base/timing.ts';
export { resetV8 } from './base/v8-heap.ts';

interface Ending {
  readonly command: string;
  readonly environment: string | null;
  readonly error: unknown;
  readonly result: CommandResult | null;
}

async function main(argv: readonly string[]): Promise<number> {
  const early: CommonFlags = { json: argv.includes('--json') };
  const started = performance.now();
  let output = onGithub(createOutput(early), early.json ?? false);
  keepSecret(secretsOf(process.env));
  let command = argv[0]?.replace(/^-.*/, '') ?? '';
  let config: Config | null = null;
  let result: CommandResult | null = null;
  let error: unknown = null;
  let callStyle: CallStyle | null = null;
  const signal = watchSignals();
  try {
    const { parseCommandLine } = await import('./cli/cli.ts');
    const invocation = await parseCommandLine(argv, (text) => process.stdout.write(text));
    if (invocation === null) return exitCodes.ok;
    command = invocation.command;
    callStyle = callStyleOf(process.cwd());
    const json = invocation.flags.json ?? false;
    output = respelling(onGithub(createOutput(invocation.flags), json), callStyle, json);
    // Only now: whoever asks for help waits neither for zod nor for what it checks.
    const { resolveConfig } = await import('./config/config.ts');
    config = { ...(await resolveConfig(command, invocation.flags)), signal };
    keepSecret(secretsOf(config.variables));
    config.remarks.forEach(output.warn);
    result = await run(invocation, config, output, signal);
    error = result.error ?? null;
    // What a command that only looks has found by then may be half of it.
    if (signal.aborted && error === null && result.wrote !== true) error = signal.reason;
  } catch (thrown) {
    error = untouched(thrown);
  }
  error = respellError(error, callStyle ?? callStyleOf(process.cwd()));
  const ending = { command, environment: config?.environmentName ?? null, error, result };
  const { json = early.json ?? false, quiet = false } = config ?? {};
  print(ending, output, { json, quiet });
  if (config?.verbose) output.detail(breakdown());
  const exitCode = error === null ? exitCodes[result?.verdict ?? 'ok'] : exitStatus(error);
  output.finish(reportOf(ending, exitCode, performance.now() - started, callStyle));
  return exitCode;
}

function reportOf(
  { command, environment, error, result }: Ending,
  exitCode: number,
  durationMs: number,
  callStyle: CallStyle | null,
): RunReport {
  const { document = {}, lines = [] } = result ?? {};
  const failures = (result?.failures ?? []).map((failure) => ({
    ...failure,
    error: respellError(failure.error, callStyle ?? 'make'),
  }));
  return { command, environment, exitCode, durationMs, error, failures, document, lines, blockedBy: [] };
}

/** Runs the command, on its target or on a list of them. */
async function run(
  { flags, args, usesTarget, load }: Invocation,
  config: Config,
  progress: Output,
  signal: AbortSignal,
): Promise<CommandResult> {
  const many = flags.targets !== undefined || flags.targetsQuery !== undefined;
  if (usesTarget && !many) (await import('./config/binding.ts')).refuseWrongTarget(config);
  const command = await load();
  const input = { config, flags: flags as never, args, progress, signal };
  signal.throwIfAborted();
  return many ? (await import('./fleet/run-fleet.ts')).runFleet(input, command) : command(input);
}

function print(
  { command, environment, error, result }: Ending,
  output: Output,
  { json, quiet }: { readonly json: boolean; readonly quiet: boolean },
): void {
  if (json) {
    const document = result?.document ?? {};
    const verdict = result?.verdict ?? null;
    output.document(toJson({ command, environment, error, verdict, document }));
  } else {
    const lines = result?.lines ?? [];
    if (lines.length > 0) output.result((quiet ? lines.slice(-1) : lines).join('\n'));
  }
  if (error instanceof MigrateError) output.error(formatError(error, output.style));
  else if (error !== null) output.error(bugReport(error));
}

function bugReport(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `ERROR This is a bug in the migration tool.\n${stack}\nState: unknown; make migrate-status shows what is applied.`;
}

/** After a signal nobody waits for a server that does not answer any more. */
const interruptions = new Set<number>([exitCodes.interrupted, exitCodes.terminated]);

// Until the end is reached, whatever ends the process is a bug: never a success.
process.exitCode = exitCodes.bug;
ownProcess();
watchStreams();
void main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode;
  // A connection or a timer that a bug left open must not keep a pipeline waiting; where nothing is open this never runs.
  setTimeout(() => process.exit(), interruptions.has(exitCode) ? 200 : 3000).unref();
});
