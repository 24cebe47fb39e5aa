// Runs a command of the tool inside this process, for tests of many hundred commands. What only the process does (signals,
// printing, its exit) is not in it; everything from argv to the database is.
import { exitCodes, MigrateError } from '../../scripts/base/errors.ts';
import { parseCommandLine } from '../../scripts/cli/cli.ts';
import { resolveConfig } from '../../scripts/config/config.ts';
import type { CommandInput } from '../../scripts/report/command.ts';
import { formatError } from '../../scripts/report/human.ts';
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
