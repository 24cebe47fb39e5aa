// Takes a transaction whose COMMIT was sent and never answered; gives whether it counts, asked on a new connection, and
// the error that says so.
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { MigrateError } from '../base/errors.ts';
import type { Session } from '../connection/session.ts';
import { qualifiedName } from '../ledger/tracking.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { RunContext } from './context.ts';

/** How long (ms) all of it may take once the run is interrupted. */
const hurry = 800;
/** How long (ms) the old backend may take to end by itself; until then its COMMIT may still be under way. */
const patience = 5000;

/** How a transaction ended whose COMMIT was lost; `unknown` means that the server did not answer. */
export interface LostCommit {
  readonly outcome: 'recorded' | 'rolled back' | 'unknown';
  readonly error: MigrateError;
}

/**
 * @param step the last one of the transaction
 * @param transaction its `pg_current_xact_id()`; null where the tracking table alone can tell
 */
export async function resolveLostCommit(
  context: RunContext,
  step: ReadyStep,
  transaction: string | null,
  lost: MigrateError,
): Promise<LostCommit> {
  const outcome = await look(context, step, transaction).then(
    (committed) => (committed ? 'recorded' : 'rolled back'),
    () => 'unknown' as const,
  );
  const { message, code } = context.signal.aborted ? (context.signal.reason as MigrateError) : lost;
  const { state, hint } = tell(step, outcome);
  return { outcome, error: new MigrateError(code, message, { ...lost.options, state, hint }) };
}

function tell({ id, direction }: ReadyStep, outcome: LostCommit['outcome']): { state: string; hint: string } {
  const done = direction === 'up' ? 'applied' : 'reverted';
  if (outcome === 'unknown') {
    return {
      state: `Whether ${id} is ${done} could not be found out: the server does not answer.`,
      hint: 'make migrate-status tells, as soon as the server is back.',
    };
  }
  if (outcome === 'rolled back')
    return { state: `${id} was rolled back: nothing of it is left.`, hint: 'Run the same command again.' };
  return {
    state: `${id} is ${done}: its COMMIT got through, as a look at the tracking table on a new connection proved.`,
    hint:
      direction === 'up'
        ? 'make migrate-up goes on with what is left.'
        : 'make migrate-status shows what is applied; the same command once more would revert one more.',
  };
}

async function look(
  { session, config, signal }: RunContext,
  { id, direction }: ReadyStep,
  transaction: string | null,
): Promise<boolean> {
  return session.aside(
    async (client) => {
      await waitForEnd(client, session, signal, transaction);
      // The tracking table alone cannot tell for a redo: its row is there before and after.
      // https://www.postgresql.org/docs/16/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
      const { rows } = await client.query<{ status: string; tracked: boolean }>(
        `SELECT pg_xact_status($2::text::xid8) AS status, EXISTS (SELECT FROM ${qualifiedName(config.trackingTable)} WHERE name = $1) AS tracked`,
        [id, transaction],
      );
      return (
        (transaction === null || rows[0]?.status === 'committed') && rows[0]?.tracked === (direction === 'up')
      );
    },
    { timeoutMs: signal.aborted ? hurry : config.connectTimeoutMs },
  );
}

/**
 * A backend that does not notice that its client is gone is ended, so that it cannot commit after we looked; one that has
 * committed may go on (on Citus it waits for its workers). Its start tells it from a later one with the same number: after
 * a restart of the server in a container they come again soon.
 */
async function waitForEnd(
  client: pg.Client,
  { pid, backendStart }: Session,
  signal: AbortSignal,
  transaction: string | null,
): Promise<void> {
  const started = Date.now();
  let interrupted: number | undefined;
  const own = 'FROM pg_stat_activity WHERE pid = $1 AND extract(epoch FROM backend_start)::text = $2';
  const look = `SELECT pg_xact_status($3::text::xid8) IS NOT DISTINCT FROM 'committed' AS committed ${own}`;
  for (;;) {
    const { rows } = await client.query<{ committed: boolean }>(look, [pid, backendStart, transaction]);
    if (rows[0]?.committed ?? true) return;
    const waited = Date.now() - started;
    interrupted ??= signal.aborted ? Date.now() : undefined;
    if (interrupted !== undefined && Date.now() - interrupted > hurry)
      throw new Error('the old session does not end in time');
    if (waited > 2 * patience) throw new Error('the old session does not end');
    if (waited > patience) await client.query(`SELECT pg_terminate_backend(pid) ${own}`, [pid, backendStart]);
    await sleep(50);
  }
}
