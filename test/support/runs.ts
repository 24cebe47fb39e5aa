// Takes a test's database; gives ways to await what a run does in it instead of sleeping, and what it recorded.
import { setTimeout as delay } from 'node:timers/promises';
import type { TestDatabase } from './database.ts';

/** Asks until the answer is true (or anything truthy) and gives it; fails after `limit` ms. */
export async function until<T>(
  what: string,
  ask: () => Promise<T> | T,
  limit = 30_000,
): Promise<Exclude<T, false | undefined | null>> {
  const deadline = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer) return answer as Exclude<T, false | undefined | null>;
    if (Date.now() > deadline) throw new Error(`waited ${limit} ms in vain: ${what}`);
    await delay(10);
  }
}

interface Activity {
  readonly pid: number;
  readonly application_name: string;
  readonly state: string;
  readonly wait_event_type: string | null;
  readonly wait_event: string | null;
  readonly query: string;
}

/** Sessions of the tool in this database, without those that only watch. */
export function toolSessions(database: TestDatabase): Promise<Activity[]> {
  return database.query<Activity & Record<string, unknown>>(
    `SELECT pid, application_name, state, wait_event_type, wait_event, query FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE 'migrate %' AND application_name NOT LIKE '% watching' AND application_name NOT LIKE 'migrate test%'`,
  );
}

/** The tool's session that runs a text like this; one of `pg_sleep` sleeps already: the journal sends a file's text before. */
export function running(database: TestDatabase, text: string): Promise<Activity> {
  return until(`a session of the tool running ${text}`, async () =>
    (await toolSessions(database)).find(
      ({ state, query, wait_event: event }) =>
        state === 'active' && query.includes(text) && (!text.startsWith('pg_sleep') || event === 'PgSleep'),
    ),
  );
}

/** The tool's session that waits for a lock of a table. */
export function waitingForLock(database: TestDatabase): Promise<Activity> {
  return until('a session of the tool waiting for a lock', async () =>
    (await toolSessions(database)).find(({ wait_event_type: type }) => type === 'Lock'),
  );
}

/** Until no session of the tool is left; gives how long (ms) that took. */
export async function sessionsGone(database: TestDatabase): Promise<number> {
  const from = performance.now();
  await until('the sessions of the tool to end', async () => (await toolSessions(database)).length === 0);
  return performance.now() - from;
}

/** What is recorded as applied: names in the tracking table, and in the ledger. */
export async function recorded(database: TestDatabase): Promise<{ tracked: string[]; ledger: string[] }> {
  const names = async (sql: string) => (await database.query<{ name: string }>(sql)).map(({ name }) => name);
  return {
    tracked: await names('SELECT name FROM public.pgmigrations ORDER BY id'),
    ledger: await names('SELECT id AS name FROM migration_ledger.applied ORDER BY seq'),
  };
}
