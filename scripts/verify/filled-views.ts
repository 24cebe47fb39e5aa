// Takes a scratch database; tells which materialized views hold rows, which the definition of a schema does not say.
// A view that a down makes anew WITH NO DATA refuses every query until somebody refreshes it.
import type { SqlFile } from '../base/types.ts';
import type { Scratch } from './scratch.ts';

const viewsSql = `SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relispopulated AS filled
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm' ORDER BY 1`;

interface View {
  readonly name: string;
  readonly filled: boolean;
}

async function read({ client }: Scratch): Promise<readonly View[]> {
  return (await client.query<View & Record<string, unknown>>(viewsSql)).rows;
}

/** Those that hold rows now; asked only where the down speaks of materialized views. */
export async function filledViews(scratch: Scratch, { text }: SqlFile): Promise<readonly string[]> {
  if (!/\bmaterialized\b/i.test(text)) return [];
  return (await read(scratch)).filter(({ filled }) => filled).map(({ name }) => name);
}

/** Those of them that are there and hold none any more. */
export async function unfilledOf(scratch: Scratch, filled: readonly string[]): Promise<readonly string[]> {
  if (filled.length === 0) return [];
  return (await read(scratch))
    .filter((view) => !view.filled && filled.includes(view.name))
    .map(({ name }) => name);
}
