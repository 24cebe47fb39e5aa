// Takes a scratch database; does work on its rows that no policy hides or refuses. The owner of a table is under its policies
// only where it says FORCE ROW LEVEL SECURITY, and those may ask for settings that nobody made here.
import type { Query } from '../schema/types.ts';
import { qualified } from './seed.ts';

/**
 * @param work changes rows at most
 * @throws what the work throws, and pg's errors
 */
export async function withoutForcedPolicies<Result>(
  scratch: Query,
  work: () => Promise<Result>,
): Promise<Result> {
  const forced = await scratch(
    `SELECT ${qualified('c.oid')} AS name FROM pg_class c WHERE c.relforcerowsecurity AND c.relrowsecurity AND pg_has_role(c.relowner, 'USAGE')`,
  );
  const set = async (words: string) => {
    for (const { name } of forced) await scratch(`ALTER TABLE ${String(name)} ${words} ROW LEVEL SECURITY`);
  };
  await set('NO FORCE');
  try {
    return await work();
  } finally {
    await set('FORCE');
  }
}
