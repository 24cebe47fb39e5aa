// Takes a command at work in a session; writes one line of the audit log when it wrote, was refused or failed.
// The log must never be the reason that a command fails: where it cannot be written, nothing is said.

import { exitStatus, MigrateError } from '../base/errors.ts';
import { flagOf } from '../base/flag.ts';
import { visible, visibleLines } from '../base/foreign-text.ts';
import { redact } from '../base/secrets.ts';
import type { Config } from '../config/config.ts';
import { held, readProvenance } from '../config/provenance.ts';
import type { Session } from '../connection/session.ts';
import { type AuditEntry, auditInsert } from '../ledger/audit.ts';
import { proveOurs } from '../ledger/ledger.ts';
import type { CommandInput, CommandResult } from '../report/command.ts';
import { plain } from '../report/human.ts';

const longestMessage = 2000;

/**
 * Runs the work of a command that may write, and logs how it ended. A command that changed nothing leaves no line.
 * @throws what the work throws, when that is in the log
 */
export async function audited(
  { config, flags, args }: Pick<CommandInput<unknown>, 'config' | 'flags' | 'args'>,
  session: Session,
  work: () => Promise<CommandResult>,
): Promise<CommandResult> {
  const started = performance.now();
  const log = (ending: Pick<AuditEntry, 'result' | 'exitCode' | 'message'>) => {
    const options = held(visible(redact(optionsText(flags, args))), session.encoding);
    const told = visibleLines(plain(redact(ending.message)));
    const message = held(told, session.encoding).slice(0, longestMessage);
    const durationMs = performance.now() - started;
    return append(config, session, { ...ending, command: config.command, options, message, durationMs });
  };
  try {
    const result = await work();
    const error = result.error ?? null;
    if (error !== null) await log(endingOf(error));
    else if (result.wrote) await log({ result: 'ok', exitCode: 0, message: result.lines.join('\n') });
    return result;
  } catch (error) {
    await log(endingOf(error));
    throw error;
  }
}

function endingOf(error: unknown): Pick<AuditEntry, 'result' | 'exitCode' | 'message'> {
  const exitCode = exitStatus(error);
  if (!(error instanceof MigrateError)) return { result: 'bug', exitCode, message: String(error) };
  const { location, database, problems = [] } = error.options;
  const where = [location?.file, location?.line, location?.column].filter((part) => part !== undefined);
  const message = [
    `${where.length === 0 ? '' : `${where.join(':')} `}${error.message}${database?.sqlState ? ` (${database.sqlState})` : ''}`,
    ...problems.map((problem) => `- ${problem.split('\n')[0]}`),
  ];
  return { result: error.code, exitCode, message: message.join('\n') };
}

/** `--to 20250117090000 --reason "…"`, as it could be typed again. */
function optionsText(flags: unknown, args: readonly string[]): string {
  const given = Object.entries(flags as Record<string, unknown>).flatMap(([name, value]) => {
    const flag = flagOf(name);
    if (value === false || value === undefined) return [];
    return value === true ? [flag] : [flag, ...[value].flat().map(String)];
  });
  return [...args, ...given]
    .map((word) => (/^[\w./:@=-]+$/.test(word) ? word : JSON.stringify(word)))
    .join(' ');
}

/** On a second connection where the first is gone: what ended a run is worth knowing most when it was cut off. */
async function append(config: Config, session: Session, entry: AuditEntry): Promise<void> {
  if (session.readOnly !== null) return;
  // Of a log that a stranger has made, or may have, nothing is written: an INSERT would run what hangs on it.
  const isOurs = await proveOurs(session, config).then(
    () => true,
    () => false,
  );
  if (!isOurs) return;
  const { text, values } = auditInsert(
    entry,
    config.trackingTable,
    await readProvenance(config, session.encoding),
  );
  try {
    await session.query(text, values);
  } catch (error) {
    const cutOff = error instanceof MigrateError && error.code !== 'refused';
    if (cutOff) await session.aside((client) => client.query(text, [...values])).catch(() => undefined);
  }
}
