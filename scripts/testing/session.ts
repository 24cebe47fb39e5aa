// Takes where a test server is; gives a connection to it that keeps no process alive, and ends when it is idle. It must not
// know what databases it is for.
import { clearTimeout, setTimeout } from 'node:timers';
import type pg from 'pg';
import { MigrateError } from '../base/errors.ts';
import type { Target } from '../config/target.ts';
import { connectOnce, streamOf } from '../connection/connect.ts';
import { ownSearchPath } from '../connection/session-settings.ts';

/** How long (ms) a connection without a database of its own is kept: jest begins each test file with new modules. */
const idleMs = 1000;

/** @throws MigrateError `connection` */
export async function connectTo(target: Omit<Target, 'applicationName'>): Promise<pg.Client> {
  const { host, port, user } = target;
  // The name tells other processes that this one lives: databases carry its pid.
  return connectOnce(target, {
    applicationName: `migrate_clone_${process.pid}_`,
    settings: { search_path: ownSearchPath, statement_timeout: 0, idle_session_timeout: 0 },
    timeoutMs: 30_000,
  }).catch((cause: Error) => {
    throw new MigrateError(
      'connection',
      `Cannot connect to the test server ${host}:${port} as ${user}: ${cause.message}`,
      { hint: 'Check TEST_DATABASE_URL, or leave it unset to use the embedded server.', cause },
    );
  });
}

/** Sends one query; rejects with the error of pg. */
type InTurn = <Row = Record<string, unknown>>(text: string, values?: readonly unknown[]) => Promise<Row[]>;

/** Queries one after the other, as the connection takes them. It keeps the process alive only while it is asked something. */
export function inTurn(client: pg.Client): InTurn {
  const stream = streamOf(client);
  // A test runner ends when its tests do: an idle connection must not keep it.
  stream.unref();
  let last: Promise<unknown> = Promise.resolve();
  return <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    const answer = last.then(async () => {
      stream.ref();
      try {
        return (await client.query(text, values as unknown[])).rows as Row[];
      } finally {
        stream.unref();
      }
    });
    last = answer.catch(() => undefined);
    return answer;
  };
}

/** @returns a function that has the work done once it was not called for `idleMs` */
export function whenIdle(work: () => void): () => void {
  let idle: NodeJS.Timeout | undefined;
  return () => {
    clearTimeout(idle);
    idle = setTimeout(work, idleMs);
    idle.unref();
  };
}
