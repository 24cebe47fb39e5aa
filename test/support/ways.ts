// Takes a session; gives the ways that `drift --write` would find for a change made by hand, and tries them both, in one
// database and a transaction that is taken back.
import { expect } from 'chai';
import { type Copy, type Way, type Ways, waysOn } from '../../scripts/drift/way.ts';
import { readObjects, withCanonicalSession } from '../../scripts/schema/catalog/snapshot.ts';
import { describeDifference, diffObjects } from '../../scripts/schema/change/diff.ts';
import { defaultSchemaOptions, type Query, type SchemaObject } from '../../scripts/schema/types.ts';
import { lostRows, rowsByCatalog } from './kept-rows.ts';

const options = { ...defaultSchemaOptions, include: ['owners', 'grants'] as const };

/** What is not as usual when a way is tried. */
export interface Exceptions {
  /** Rows that came after the up stand in the way of the down, which fails and changes nothing. */
  readonly downRefused?: boolean;
  /** What the down leaves different: no statement takes it back. */
  readonly downLeaves?: readonly string[];
}

/** The schema as it was when the trial began, and what may be done with it; to be used in a transaction of the session. */
export interface Trial {
  readonly run: Query;
  readonly stored: readonly SchemaObject[];
  read(): Promise<SchemaObject[]>;
  /** The trial that begins with this SQL. */
  given(sql: string): Promise<Trial>;
  /** Makes the change, finds the ways, and takes the change back: the database is another environment then. */
  changed(sql: string): Promise<{ readonly ways: Ways; readonly live: readonly SchemaObject[] }>;
  /** Fails where one of the two loses a row, or does not lead to the schema it is for. */
  tryBothWays(way: Way, live: readonly SchemaObject[], exceptions?: Exceptions): Promise<void>;
  /** As `tryBothWays`, of the schema alone; the database is as before then. */
  compareBothWays(way: Way, live: readonly SchemaObject[]): Promise<void>;
}

/** What of the schema is not as expected, a line each; warnings aside. */
export function differences(expected: readonly SchemaObject[], actual: readonly SchemaObject[]): string[] {
  return diffObjects(expected, actual)
    .filter(({ severity }) => severity === 'drift')
    .map(describeDifference);
}

/** All statements of one direction. */
export const textOf = (way: Way, direction: 'up' | 'down') =>
  [...way[direction].statements, ...way[direction].rights].join('\n');

/** Reads what the database of the session holds; rejects with pg's error. */
export async function openTrial(client: object): Promise<Trial> {
  const run = prepared(client as { query(text: unknown): Promise<unknown> });
  const [row] = await run('SELECT quote_ident(current_user) AS role');
  const reader = String(row?.role);
  const read = () => withCanonicalSession(run, () => readObjects(run, options), 'running');
  await run('BEGIN');
  const stored = await read();
  await run('ROLLBACK');
  return trialFrom({ run, read, reader }, stored);
}

function trialFrom(
  copy: Copy & { readonly read: () => Promise<SchemaObject[]>; readonly reader: string },
  stored: readonly SchemaObject[],
): Trial {
  const { run, read, reader } = copy;
  const given = async (sql: string) => {
    await run(sql);
    return trialFrom(copy, await read());
  };
  const changed = async (sql: string) => {
    await run('SAVEPOINT before_change');
    await run(sql);
    const live = await read();
    const ways = await waysOn({ run, read }, { stored, live, reader });
    await run('ROLLBACK TO SAVEPOINT before_change');
    return { ways, live };
  };
  const tryBothWays = async (
    way: Way,
    live: readonly SchemaObject[],
    { downRefused = false, downLeaves = [] }: Exceptions = {},
  ) => {
    const [up, down] = [textOf(way, 'up'), textOf(way, 'down')];
    const before = await rowsByCatalog(run);
    await run(up);
    const now = await read();
    expect(differences(live, now), up).to.deep.equal([]);
    const between = await rowsByCatalog(run);
    expect(lostRows(before, between), up).to.deep.equal([]);
    if (downRefused) return;
    await run(down);
    expect(differences(stored, await read()), down).to.deep.equal(downLeaves);
    expect(lostRows(between, await rowsByCatalog(run)), down).to.deep.equal([]);
  };
  const compareBothWays = async (way: Way, live: readonly SchemaObject[]) => {
    const [up, down] = [textOf(way, 'up'), textOf(way, 'down')];
    await run('SAVEPOINT reading');
    await run(up);
    expect(differences(live, await read()), up).to.deep.equal([]);
    await run(down);
    expect(differences(stored, await read()), down).to.deep.equal([]);
    await run('ROLLBACK TO SAVEPOINT reading');
  };
  return { run, stored, read, given, changed, tryBothWays, compareBothWays };
}

/** The query that reads the schema is planned once: it takes the most time. */
function prepared(client: { query(text: unknown): Promise<unknown> }): Query {
  const names = new Map<string, string>();
  return async (text) => {
    if (text.length > 3000 && text.includes('FROM object ORDER BY')) {
      const name = names.get(text) ?? `read ${names.size}`;
      names.set(text, name);
      return rowsIn(await client.query({ name, text }));
    }
    return rowsIn(await client.query(text));
  };
}

function rowsIn(answer: unknown): Record<string, unknown>[] {
  const last = (Array.isArray(answer) ? answer.at(-1) : answer) as { rows: Record<string, unknown>[] };
  return last.rows;
}
