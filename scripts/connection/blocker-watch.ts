// Takes a session whose statement runs long; gives, from a second connection, who blocks it and how far it is.
// It changes nothing but that it ends a wait for a lock that is longer than it may be, and its own failure is nobody's problem.

import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { DatabaseError } from 'pg';
import { formatDuration } from '../base/duration.ts';
import { visible } from '../base/foreign-text.ts';
import type { Citus } from './citus.ts';
import type { Session } from './session.ts';
import { moversOf, readSighting, type Sighting } from './sightings.ts';

export interface Watch {
  /**
   * Stops looking.
   * @param met the error of the statement, or null
   * @returns the error as it is to be told: as a lock time-out where this watch has ended the wait, or where Citus did not
   *   wait for a move of shards; as a serialization failure where the next attempt works on shards in turn; as a refusal
   *   where the statement waited for its own transaction; else as it is. With it a line for each session that was last
   *   seen in the way
   */
  ended<Failure extends Error | null>(met: Failure): Promise<Ended<Failure>>;
}

interface Ended<Failure> {
  readonly error: Failure;
  readonly blockers: readonly string[];
}

/** A wait that lock_timeout should have ended is ended from here so much later, in ms. */
const grace = 1000;

/** That the watch has ended a wait: after how long (ms), and where. */
interface Cut {
  readonly afterMs: number;
  readonly onShard: boolean;
}

/** What a watch needs to know of the statement. */
export interface Watched {
  /** How long (ms) a lock is waited for: the first look comes before that time is up, and after 500 ms at the latest. */
  readonly lockMs: number;
  /** From one look to the next, in ms. */
  readonly everyMs: number;
  /**
   * How long (ms) the statement may wait for one lock, whatever a function that it calls has set; null for no bound. Asked
   * at the first look.
   */
  readonly boundOf: () => number | null;
  /** Told at each look. */
  readonly onSighting: (sighting: Sighting) => void;
}

/** Looks until stopped. A statement that ends before the first look costs nothing. @throws nothing */
export function watch(session: Session, { lockMs, everyMs, boundOf, onSighting }: Watched): Watch {
  const started = Date.now();
  let last: readonly string[] = [];
  let cut: Cut | null = null;
  let waitedForItself = false;
  const look = async (client: pg.Client, signal: AbortSignal) => {
    let [inTheWay, since]: [string | null, number] = [null, 0];
    for (const boundMs = boundOf(); ; await sleep(everyMs, undefined, { signal })) {
      const { onShard, blockers, progress, forItself, ...seen } = await readSighting(session, client);
      if (blockers.length > 0) last = blockers;
      waitedForItself ||= forItself;
      if (onShard !== inTheWay) [inTheWay, since] = [onShard, Date.now()];
      const waitedMs = onShard === null ? seen.waitedMs : Date.now() - since;
      signal.throwIfAborted();
      if (boundMs !== null && waitedMs > boundMs + grace) {
        cut = { afterMs: boundMs, onShard: onShard !== null };
        await client.query('SELECT pg_cancel_backend($1::int)', [session.pid]);
      }
      onSighting({ elapsedMs: Date.now() - started, blockers, progress });
    }
  };
  let stop = async () => clearTimeout(timer);
  const timer = setTimeout(
    () => {
      // Made only now: a controller for each of thousands of short statements would be felt.
      const stopping = new AbortController();
      const { signal } = stopping;
      const looking = session.aside((client) => look(client, signal), { signal }).catch(() => undefined);
      stop = () => {
        stopping.abort();
        return looking;
      };
    },
    Math.min(500, lockMs / 3),
  );
  return {
    ended: async (met) => {
      await stop();
      const blockers = isMove(met) ? await moversOf(session) : last;
      if (turnsSequential(session.citus, met)) return { error: toldAs(met, anotherAttempt), blockers };
      return { error: toldAs(met, explained(met, cut, waitedForItself)), blockers };
    },
  };
}

/** What Citus does not wait for it refuses as an internal error, with no code of its own. */
const moves =
  /^(?:could not acquire the lock required to |another create_distributed_table_concurrently |a rebalance (?:operation )?is already running)/i;

function isMove(error: Error | null): boolean {
  const { code, message = '' } = (error ?? {}) as Partial<DatabaseError>;
  return code === 'XX000' && moves.test(message);
}

/** Another attempt works on the shards in turn, and does not meet the same. */
const anotherAttempt = { code: '40001' };

/** Whether Citus refuses a statement only because the transaction has worked on all shards at once before it. */
function turnsSequential(citus: Citus | null, error: Error | null): boolean {
  const { hint = '' } = (error ?? {}) as Partial<DatabaseError>;
  if (citus === null || citus.sequential || !/citus\.multi_shard_modify_mode to 'sequential'/i.test(hint))
    return false;
  citus.sequential = true;
  return true;
}

/** What is to be told of an error in the place of what the server says. */
function explained(
  error: Error | null,
  cut: Cut | null,
  waitedForItself: boolean,
): { code?: string; message?: string; hint?: string } {
  const { code } = (error ?? {}) as Partial<DatabaseError>;
  const isCut = cut !== null && code === '57014';
  // Another attempt would wait for itself again.
  if (waitedForItself && (isCut || code === '40P01'))
    return {
      code: '0A000',
      message:
        'the statement waited on a worker for a lock that its own transaction holds there: it can never get it',
      hint: 'A function that is delegated whole to a worker (force_delegation) cannot truncate or lock a distributed table. Write those statements into the migration, or call the function as one column of several: SELECT f(…), 1.',
    };
  // What was cancelled from here was a wait for a lock: the server only knows that somebody has cancelled it.
  if (isCut)
    return {
      code: '55P03',
      message: `canceling statement due to lock timeout: it waited for longer than ${formatDuration(cut.afterMs)}, ${cut.onShard ? 'on a node where lock_timeout does not count' : 'for something that it calls has switched lock_timeout off'}`,
    };
  if (isMove(error)) return { code: '55P03' };
  return {};
}

function toldAs<Failure extends Error | null>(error: Failure, as: object): Failure {
  return error === null ? error : (Object.assign(error as object, as) as unknown as Failure);
}

/**
 * "20250117…_x: statement 2, 1 min 5 s, CREATE INDEX: building 40 %; blocked by pid 5 …"
 * @param statement null where only the whole file is sent
 */
export function describeSighting(
  id: string,
  statement: number | null,
  { elapsedMs, progress, blockers }: Sighting,
): string {
  const blocked =
    blockers.length === 0
      ? ''
      : `; blocked by ${blockers[0]}${blockers.length > 1 ? ` and ${blockers.length - 1} more` : ''}`;
  return `  ${visible(id)}: ${statement === null ? '' : `statement ${statement}, `}${formatDuration(elapsedMs)}${progress === null ? '' : `, ${progress}`}${blocked}`;
}
