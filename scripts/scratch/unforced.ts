// Takes a scratch database; does work on its rows that no policy hides or refuses. The owner of a table is under its policies
// only where it says FORCE ROW LEVEL SECURITY, and those may ask for settings that nobody made here.
import type { Query } from '../schema/types.ts';

/**
 * @param work changes rows at most
 * @throws what the work throws, and pg's errors
 */
export async function withoutForcedPolicies<Result>(
  scratch: Query,
  work: () => Promise<Result>,
): Promise<Result> {
  const forced = await scratch(
    `SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relforcerowsecurity AND c.relrowsecurity AND pg_catalog.pg_has_role(c.relowner, 'USAGE')`,
  );
  const set = async (words: string) => {
    for (const { name } of forced) await scratch(`ALTER TABLE ${String(name)} ${words} ROW LEVEL SECURITY`);
  };
  await set('NO FORCE');
  try {
    return await work();
  } finally {
    await set('FORCE').catch((error: { code?: string }) => {
      // In a transaction that failed nothing can be set, and what was goes with it.
      if (error.code !== '25P02') throw error;
    });
  }
}
