// Takes a step whose COMMIT was sent and never answered; gives whether it counts, asked on a new connection.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { RunContext } from './execute.ts';
import type { ReadyStep } from './steps.ts';

/** How long to wait for the old backend to end, in ms; until then its COMMIT may still be under way. */
const patience = 10_000;

/** @returns null when the server does not answer */
export async function resolveLostCommit(
  { session, config }: RunContext,
  step: ReadyStep,
): Promise<boolean | null> {
  const { schema, table } = config.trackingTable;
  try {
    return await session.aside(async (client) => {
      const deadline = Date.now() + patience;
      while (Date.now() < deadline && (await isAlive(client, session.pid))) await sleep(100);
      const { rowCount } = await client.query(
        `SELECT 1 FROM ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)} WHERE name = $1`,
        [step.id],
      );
      return (rowCount === 1) === (step.direction === 'up');
    });
  } catch {
    return null;
  }
}

async function isAlive(client: pg.Client, pid: number): Promise<boolean> {
  const { rowCount } = await client.query('SELECT 1 FROM pg_stat_activity WHERE pid = $1', [pid]);
  return rowCount !== 0;
}
