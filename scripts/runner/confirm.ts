// Takes how a run ended whose connection was lost; gives it with what is really in the database. Only the last commit of a
// run waits for the disk, so that a server that crashed may have taken back what had been answered before.
import { MigrateError } from '../base/errors.ts';
import type { Outcome } from '../base/types.ts';
import type { Config } from '../config/config.ts';
import type { Session } from '../connection/session.ts';
import type { RunResult } from '../execute/execute.ts';
import { qualifiedName } from '../ledger/tracking.ts';

/** Looks on a new connection; where the server does not answer in time, what was told is called `unconfirmed`. */
export async function confirmOutcomes(
  session: Session,
  config: Config,
  result: RunResult,
): Promise<RunResult> {
  const { outcomes, failure } = result;
  const told = outcomes.filter(isDone);
  if (failure?.code !== 'connection' || told.length === 0) return result;
  const tracked = await readTracked(session, config, told).catch(() => null);
  const judged = outcomes.map((outcome): Outcome => {
    if (!isDone(outcome)) return outcome;
    if (tracked === null) return { ...outcome, outcome: 'unconfirmed' };
    const holds = tracked.has(outcome.id) === (outcome.outcome === 'applied');
    return holds ? outcome : { ...outcome, outcome: 'pending', durationMs: null };
  });
  const lost = outcomes.filter((outcome, i) => isDone(outcome) && judged[i]?.outcome === 'pending');
  if (tracked !== null && lost.length === 0) return result;
  const state =
    tracked === null
      ? 'The server does not answer: whether it had written to disk what was told above is not known yet. make migrate-status tells.'
      : `The server went down before it had written everything to disk: ${lost.map(({ id }) => id).join(', ')} ${lost.length === 1 ? 'is' : 'are'} as before this run.`;
  const options = { ...failure.options, state: [failure.options.state, state].filter(Boolean).join(' ') };
  return { ...result, outcomes: judged, failure: new MigrateError(failure.code, failure.message, options) };
}

function isDone({ outcome }: Outcome): boolean {
  return outcome === 'applied' || outcome === 'reverted';
}

async function readTracked(
  session: Session,
  { trackingTable, connectTimeoutMs }: Config,
  told: readonly Outcome[],
): Promise<ReadonlySet<string>> {
  const sql = `SELECT name::text AS name FROM ${qualifiedName(trackingTable)} WHERE name = ANY ($1::text[])`;
  const look = (client: { query(text: string, values: unknown[]): Promise<{ rows: { name: string }[] }> }) =>
    client.query(sql, [told.map(({ id }) => id)]);
  const { rows } = await session.aside(look, { timeoutMs: connectTimeoutMs });
  return new Set(rows.map(({ name }) => name));
}
