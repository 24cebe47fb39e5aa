// Takes a run on a Citus cluster; waits until its workers have committed, or rolled back, what an earlier transaction has
// prepared there. Until then nobody sees those rows, so that a statement that comes next would pass them over.
// https://docs.citusdata.com/en/stable/develop/api_udf.html
import { setTimeout as sleep } from 'node:timers/promises';
import { MigrateError } from '../base/errors.ts';
import type { Citus } from '../connection/citus.ts';
import type { Session } from '../connection/session.ts';
import type { RunContext } from './context.ts';

/** How long (ms) a worker may take: Citus ends what was prepared once a minute, whoever may not ask for it. */
const patience = 90_000;
/** How long (ms) a worker may take to answer at all. */
const patienceForAnswer = 5000;

/** What a coordinator has prepared on each worker; of other coordinators' transactions it is none of our business. */
const preparedSql = `SELECT nodename || ':' || nodeport AS node, success, result FROM pg_catalog.run_command_on_workers(
  $worker$SELECT pg_catalog.json_agg(gid) FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() AND gid ~ '^citus_0_'$worker$)`;

interface Prepared {
  /** Names of transactions, each with its worker as "host:port". */
  readonly nodeOf: ReadonlyMap<string, string>;
  /** Workers that do not answer. */
  readonly silent: readonly string[];
}

/**
 * Asks the workers at the beginning of a run, and again after a COMMIT of which the coordinator said that a worker did not
 * follow; no round trip otherwise.
 * @returns what keeps the run from going on: a worker that does not end a transaction in time, a lost session, a signal
 */
export async function settleWorkers({
  session,
  observer,
  signal,
}: Pick<RunContext, 'session' | 'signal'> & {
  readonly observer: Pick<RunContext['observer'], 'live'>;
}): Promise<MigrateError | null> {
  const { citus } = session;
  if (citus === null || !citus.mayHoldPrepared) return null;
  try {
    const first = await firstAnswer(session, citus, signal);
    if (first.silent.length > 0 && citus.owed) return silentWorkers(first.silent);
    citus.mayHoldPrepared = first.silent.length > 0;
    let left = first.nodeOf;
    for (const deadline = Date.now() + patience; left.size > 0; ) {
      if (signal.aborted) return signal.reason as MigrateError;
      if (Date.now() > deadline) return heldBy(left);
      observer.live(`  waiting for ${placesOf(left)} to end what an earlier transaction has prepared`);
      await askForRecovery(session);
      const { nodeOf } = await readPrepared(session);
      left = new Map([...left].filter(([name]) => nodeOf.has(name)));
      if (left.size > 0) await sleep(500, undefined, { signal }).catch(() => undefined);
    }
    return null;
  } catch (error) {
    if (error instanceof MigrateError) return error;
    // A role that may not ask the workers finds out from its statements what of them does not work.
    return null;
  }
}

/** A worker that may owe a commit is asked again for a while. */
async function firstAnswer(session: Session, { owed }: Citus, signal: AbortSignal): Promise<Prepared> {
  for (const deadline = Date.now() + patienceForAnswer; ; ) {
    const answer = await readPrepared(session);
    if (answer.silent.length === 0 || !owed || signal.aborted || Date.now() > deadline) return answer;
    await sleep(500, undefined, { signal }).catch(() => undefined);
  }
}

async function readPrepared(session: Session): Promise<Prepared> {
  const rows = await session.query<{ node: string; success: boolean; result: string }>(preparedSql);
  const names = rows
    .filter(({ success }) => success)
    .flatMap(({ node, result }) =>
      ((JSON.parse(result || 'null') ?? []) as string[]).map((name) => [name, node] as const),
    );
  return { nodeOf: new Map(names), silent: rows.filter(({ success }) => !success).map(({ node }) => node) };
}

/** Whoever may not ask for it waits for Citus to do so by itself. */
async function askForRecovery(session: Session): Promise<void> {
  await session.query('SELECT pg_catalog.recover_prepared_transactions()').catch((error: unknown) => {
    if (error instanceof MigrateError) throw error;
  });
}

function silentWorkers(nodes: readonly string[]): MigrateError {
  return new MigrateError(
    'connection',
    `A worker of the Citus cluster does not answer, ${nodes.join(', ')}: what is committed may not be seen there yet`,
    { hint: 'When it is back, run the same command again: it waits until the worker has committed too.' },
  );
}

function placesOf(left: Prepared['nodeOf']): string {
  return [...new Set(left.values())].join(', ');
}

function heldBy(left: Prepared['nodeOf']): MigrateError {
  return new MigrateError(
    'locked',
    `A worker of the Citus cluster does not end what an earlier transaction has prepared there: ${[...left].map(([name, node]) => `${name} on ${node}`).join(', ')}`,
    {
      hint: 'Have a superuser run SELECT recover_prepared_transactions() on the coordinator, then run the same command again.',
    },
  );
}
