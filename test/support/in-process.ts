// Runs a command of the tool inside this process, for tests of many hundred commands. What only the process does (signals,
// printing, its exit) is not in it; everything from argv to the database is.
import { exitCodes, exitStatus, MigrateError } from '../../scripts/base/errors.ts';
import { keepSecret } from '../../scripts/base/secrets.ts';
import { parseCommandLine } from '../../scripts/cli/cli.ts';
import { onGithub } from '../../scripts/cli/github-log.ts';
import { resolveConfig } from '../../scripts/config/config.ts';
import { secretsOf } from '../../scripts/config/secrets.ts';
import type { CommandInput, CommandResult } from '../../scripts/report/command.ts';
import { formatError } from '../../scripts/report/human.ts';
import { toJson } from '../../scripts/report/json.ts';
import { createOutput } from '../../scripts/report/output.ts';

export interface Ended {
  readonly exitCode: number;
  readonly document: Readonly<Record<string, unknown>>;
  /** What it would have printed. */
  readonly said: string;
}

/** Once: every output watches the end of the process. */
const { style } = createOutput({ quiet: true });

/**
 * @param root the project's folder; `env` is all that the command sees of an environment
 * @param signal ends the command, as SIGINT would
 */
export async function runInProcess(
  root: string,
  env: Record<string, string>,
  args: readonly string[],
  signal = new AbortController().signal,
): Promise<Ended> {
  const said: string[] = [];
  const note = (text: string) => void said.push(text);
  const progress = {
    say: note,
    live: () => {},
    group: note,
    endGroup: () => {},
    detail: () => {},
    warn: note,
    style,
  };
  const ended = (exitCode: number, document: Ended['document'] = {}) => ({
    exitCode,
    document,
    said: said.join('\n'),
  });
  try {
    const invocation = await parseCommandLine(args, note);
    if (invocation === null) return ended(0);
    const config = await resolveConfig(invocation.command, invocation.flags, env, root);
    const command = await invocation.load();
    const input = { config, flags: invocation.flags, args: invocation.args, progress };
    const result = await command({ ...input, signal } as unknown as CommandInput<never>);
    said.push(...result.lines);
    if (result.error == null) return ended(exitCodes[result.verdict ?? 'ok'], result.document);
    return ended(told(result.error, note), result.document);
  } catch (error) {
    return ended(told(error, note));
  }
}

/**
 * As `runInProcess`, through the real output: everything that the command writes to stdout and stderr, annotations and the
 * summary of a step at GitHub included, as `migrate.ts` does it.
 */
export async function runShown(
  root: string,
  env: Record<string, string>,
  args: readonly string[],
): Promise<{ readonly exitCode: number; readonly all: string }> {
  const { stdout, stderr } = process;
  const writers = [stdout, stderr].map((stream) => ({ stream, write: stream.write }));
  let all = '';
  for (const { stream } of writers)
    stream.write = ((text: string | Uint8Array) => {
      all += String(text);
      return true;
    }) as typeof stream.write;
  try {
    return { exitCode: await shownBy(root, env, args), all };
  } finally {
    for (const { stream, write } of writers) stream.write = write;
  }
}

async function shownBy(root: string, env: Record<string, string>, args: readonly string[]): Promise<number> {
  const started = performance.now();
  keepSecret(secretsOf(env));
  const invocation = await parseCommandLine(args, () => {});
  if (invocation === null) return 0;
  const { command, flags } = invocation;
  const json = flags.json ?? false;
  const output = onGithub(createOutput(flags), json, env);
  let result: CommandResult | null = null;
  let error: unknown = null;
  try {
    const config = await resolveConfig(command, flags, env, root);
    const run = await invocation.load();
    const signal = new AbortController().signal;
    result = await run({ config, flags, args: invocation.args, progress: output, signal } as never);
    error = result.error ?? null;
  } catch (thrown) {
    const { name, code, message, options } = thrown as MigrateError;
    error = name === 'MigrateError' ? new MigrateError(code, message, options) : thrown;
  }
  const { document = {}, lines = [], verdict = null } = result ?? {};
  if (json) output.document(toJson({ command, environment: null, error, verdict, document }));
  else output.result(lines.join('\n'));
  if (error instanceof MigrateError) output.error(formatError(error, output.style));
  else if (error !== null) output.error(String((error as Error).stack));
  const exitCode = error === null ? exitCodes[verdict ?? 'ok'] : exitStatus(error);
  const durationMs = performance.now() - started;
  output.finish({ command, environment: null, exitCode, durationMs, error, document, lines, blockedBy: [] });
  // Lines may be held back for a moment.
  await new Promise((resolve) => setTimeout(resolve, 25));
  return exitCode;
}

/** A command's modules may be loaded a second time here, with an error class of their own: its name tells. */
function told(error: unknown, note: (text: string) => void): number {
  const { name, code, message, options, stack } = error as MigrateError;
  if (name !== 'MigrateError') {
    note(String(stack));
    return exitCodes.bug;
  }
  note(formatError(new MigrateError(code, message, options), style));
  return exitCodes[code];
}
