// Takes a command's input; gives its work a session on the target, and tells the person which database that is, what is
// waited for and what was started meanwhile.
import { describeTarget } from '../config/target.ts';
import { type Session, type SessionHooks, withSession } from '../connection/session.ts';
import type { CommandInput, CommandResult, Progress } from '../report/command.ts';

/**
 * Connects, names the target, works, disconnects.
 * @throws MigrateError `connection` where no login succeeds in time, `refused` through a pooler, and what the work throws
 */
export function withTarget<Result = CommandResult>(
  { config, progress, signal }: Pick<CommandInput<unknown>, 'config' | 'progress' | 'signal'>,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  return withSession(config, { signal, ...hooks(progress, config.debug) }, async (session) => {
    const embedded = session.embedded ? ' (embedded development server)' : '';
    progress.say(
      `Database ${describeTarget(session.target)}${embedded}, environment ${config.environmentName}`,
    );
    return work(session);
  });
}

function hooks(
  progress: Progress,
  debug: boolean,
): Pick<SessionHooks, 'onRetry' | 'onServerStart' | 'onSql'> {
  return {
    onRetry: (reason) => progress.say(`Waiting for the server (${reason})`),
    onServerStart: () => progress.say(`Started the embedded development server (make db-down stops it)`),
    ...(debug ? { onSql: (text: string) => progress.say(text) } : {}),
  };
}

/** What the run lock needs to know while another run holds it. */
export function lockWait({ progress, signal }: Pick<CommandInput<unknown>, 'progress' | 'signal'>) {
  const onWait = (holder: string) => progress.say(`Waiting for another migration run to finish: ${holder}`);
  return { signal, onWait };
}
