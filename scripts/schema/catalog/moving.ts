// Takes a reading of the catalogs; reads again where other sessions changed the schema meanwhile. PostgreSQL's functions
// for definitions look at what is there now, not at what the query sees: an object dropped in between is an error.
import { setTimeout as sleep } from 'node:timers/promises';
import { MigrateError } from '../../base/errors.ts';

/** How often a reading is tried: jobs that create and drop tables several times a second leave gaps. */
export const readingAttempts = 20;

/** A reading from outside is tried for at least so long (ms): on a busy machine each takes its time. */
const patience = 10_000;

/** SQLSTATEs of an object that was there when the query began, with the conditions PL/pgSQL calls them by. */
const gone = {
  XX000: 'internal_error',
  '42P01': 'undefined_table',
  '42703': 'undefined_column',
  '42704': 'undefined_object',
  '42883': 'undefined_function',
  '3F000': 'invalid_schema_name',
} as const;

/** An EXCEPTION clause's condition. */
const goneConditions = Object.values(gone).join(' OR ');

/** Whether the error says that something is gone that the query had found: cache lookup failed for relation 16384. */
function isGone(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return (
    code in gone &&
    /cache lookup failed|could not (?:open|find)|with OID \d+|does not exist/.test(message) &&
    !/migration_ledger/.test(message)
  );
}

/**
 * Runs `read` until nothing moved under it, at least `readingAttempts` times and for `patienceMs`.
 * @throws MigrateError `locked` where something moved each time; else what `read` throws
 */
export async function readUntilStill<T>(read: () => Promise<T>, patienceMs = patience): Promise<T> {
  const from = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      if (!isGone(error)) throw error;
      if (attempt >= readingAttempts && performance.now() - from >= patienceMs)
        throw stillMoving(attempt, error);
      await sleep(Math.min(200, 10 * attempt));
    }
  }
}

function stillMoving(attempts: number, cause: unknown): MigrateError {
  return new MigrateError(
    'locked',
    `The schema could not be read: in each of ${attempts} attempts other sessions dropped something meanwhile (${(cause as Error).message})`,
    {
      hint: 'Run the same command again when the jobs that create and drop tables are done; pg_stat_activity shows them.',
      cause,
    },
  );
}

/**
 * A statement that runs others until nothing moved under them, all inside the server. Where that never comes, it gives up
 * without an error, as if they had not been run: what they would have stored is then known to be old.
 * @param statements of PL/pgSQL, which may use a variable `present` (text)
 */
export function untilStillSql(statements: readonly string[]): string {
  const body = statements.join(';\n');
  let tag = '$reading$';
  while (body.includes(tag)) tag = `$r${tag.slice(1)}`;
  return `DO ${tag}
#variable_conflict use_column
DECLARE reading_attempt integer := 0;
present text;
BEGIN
LOOP
BEGIN
${body};
EXIT;
EXCEPTION WHEN ${goneConditions} THEN
reading_attempt := reading_attempt + 1;
IF reading_attempt >= ${readingAttempts} THEN EXIT; END IF;
PERFORM pg_catalog.pg_sleep(least(0.2, 0.01 * reading_attempt));
END;
END LOOP;
END ${tag}`;
}
