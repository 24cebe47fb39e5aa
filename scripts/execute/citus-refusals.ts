// Takes what a server refused; gives the words where that is about Citus: a function of it where there is none, or a worker
// of a cluster that does not answer. It sends nothing.
import type { DatabaseError } from 'pg';
import { MigrateError, type MigrateErrorOptions } from '../base/errors.ts';
import { visible } from '../base/foreign-text.ts';
import type { Session } from '../connection/session.ts';
import { commandOf } from '../plan/mend-hint.ts';
import type { ReadyStep } from '../plan/steps.ts';
import { citusFunctionIn } from '../scratch/citus-stand-ins.ts';

const undefinedFunction = '42883';

/**
 * What to type where a statement calls a function of Citus and the server has none; null for any other error.
 * @param sql the statement
 */
export function hintWithoutCitus(
  { citus, embedded }: Pick<Session, 'citus' | 'embedded'>,
  step: ReadyStep,
  error: unknown,
  sql: string,
): string | null {
  if (citus !== null || (error as Partial<DatabaseError> | null)?.code !== undefinedFunction) return null;
  const called = citusFunctionIn(sql);
  if (called === null) return null;
  const place = embedded ? 'the embedded development server' : 'this database';
  const way = embedded
    ? 'Name a server with Citus in .env (DATABASE_URL, MIGRATE_ENV), for instance a container of citusdata/citus'
    : 'Make the extension first (CREATE EXTENSION citus), where the server is started with it';
  return `${called} is a function of Citus, which ${place} does not have. ${way}, then run ${commandOf(step)} again. make migrate-verify and make migrate-lint need no Citus.`;
}

/** What the coordinator's libpq says of a connection to a worker that broke, or Citus of one that it cannot do without. */
const broken =
  /^$|^(?:server closed the connection|could not (?:receive|send) data|SSL (?:SYSCALL )?(?:error|connection)|no connection to|connection (?:not open|to server|in wrong state)|timeout expired)|marked as essential/;

/**
 * The worker of Citus, as "host:port", that the coordinator could not reach or lost; '' where it does not say which. Null for
 * any other error. What the coordinator got no SQLSTATE for it tells as XX000, as a worker does with much that it refuses.
 */
export function nodeOf({ citus }: Pick<Session, 'citus'>, error: unknown): string | null {
  if (citus === null) return null;
  const { code = '', where = '', message = '' } = error as Partial<DatabaseError>;
  const named =
    /while executing command on (\S+:\d+)/.exec(where)?.[1] ??
    /(?:remote node|marked as essential:) (\S+:\d+)/.exec(message)?.[1]?.split('@').at(-1);
  const lost = /^(08|57P0)/.test(code) || (code === 'XX000' && named !== undefined && broken.test(message));
  return lost ? (named ?? '') : null;
}

/**
 * The coordinator rolled back, for a worker did not answer: nothing is wrong with the file.
 * @returns null for any other error
 */
export function nodeLost(
  session: Pick<Session, 'citus'>,
  step: ReadyStep,
  error: unknown,
  options: MigrateErrorOptions,
): MigrateError | null {
  const node = nodeOf(session, error);
  if (node === null) return null;
  const [first = ''] = (error as DatabaseError).message.split('\n');
  return new MigrateError(
    'connection',
    `A worker of the Citus cluster does not answer${node ? `, ${node}` : ''}: ${visible(first)}`,
    {
      ...options,
      hint: `When it is back, run ${commandOf(step)} again: nothing is wrong with the file.`,
    },
  );
}
