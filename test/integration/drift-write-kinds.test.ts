// Every kind of change that somebody may make by hand: what leads from one schema to the other and back, tried in one
// database with rows, in a transaction for each. What `drift --write` says, records and proves is in the tests beside it.
import { expect } from 'chai';
import { type Copy, type Way, type Ways, waysOn } from '../../scripts/drift/way.ts';
import { readObjects, withCanonicalSession } from '../../scripts/schema/catalog/snapshot.ts';
import { describeDifference, diffObjects } from '../../scripts/schema/change/diff.ts';
import { defaultSchemaOptions, type Query, type SchemaObject } from '../../scripts/schema/types.ts';
import { baseOfKinds, recordedKinds } from '../support/change-kinds.ts';
import { doubtfulKinds, incompleteKinds } from '../support/change-kinds-apart.ts';
import { adminClient, createDatabase } from '../support/database.ts';
import { lostRows, rowsByCatalog } from '../support/kept-rows.ts';

const options = { ...defaultSchemaOptions, include: ['owners', 'grants'] as const };
let run: Query;
let stored: readonly SchemaObject[];
let reader: string;

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

const read = () => withCanonicalSession(run, () => readObjects(run, options), 'running');

function differences(expected: readonly SchemaObject[], actual: readonly SchemaObject[]): string[] {
  return diffObjects(expected, actual)
    .filter(({ severity }) => severity === 'drift')
    .map(describeDifference);
}

/** Makes the change, finds the ways, and takes the change back: the database is another environment then. */
async function changed(sql: string): Promise<{ ways: Ways; live: readonly SchemaObject[] }> {
  await run('SAVEPOINT before_change');
  await run(sql);
  const live = await read();
  const copy: Copy = { run, read };
  const ways = await waysOn(copy, { stored, live, reader });
  await run('ROLLBACK TO SAVEPOINT before_change');
  return { ways, live };
}

const textOf = (way: Way, direction: 'up' | 'down') =>
  [...way[direction].statements, ...way[direction].rights].join('\n');

interface Exceptions {
  /** Rows that came after the up stand in the way of the down, which fails and changes nothing. */
  readonly downRefused?: boolean;
  /** What the down leaves different: no statement takes it back. */
  readonly downLeaves?: readonly string[];
}

const exceptions: Readonly<Record<string, Exceptions>> = {
  'table drop referenced': { downRefused: true },
  // The proof finds this, and leaves it to a person.
  'table no inherit': {
    downLeaves: [
      '~ column public.kid2.id: inherited: only → and local',
      '~ column public.kid2.x: inherited: only → and local',
    ],
  },
};

async function tryBothWays(
  way: Way,
  live: readonly SchemaObject[],
  { downRefused = false, downLeaves = [] }: Exceptions = {},
): Promise<void> {
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
}

describe('drift --write, kind by kind', () => {
  before(async () => {
    const admin = await adminClient();
    for (const role of ['kinds_reader', 'kinds_owner'])
      await admin.query(`DO $$ BEGIN CREATE ROLE ${role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$`);
    const database = await createDatabase();
    await database.query(baseOfKinds);
    run = prepared((await database.client()) as never);
    const [row] = await run('SELECT quote_ident(current_user) AS role');
    reader = String(row?.role);
    await run('BEGIN');
    stored = await read();
    await run('ROLLBACK');
  });

  beforeEach(() => run('BEGIN'));
  afterEach(() => run('ROLLBACK'));

  for (const [kind, sql] of Object.entries(recordedKinds))
    it(`writes, both ways and without losing a row: ${kind}`, async () => {
      const { ways, live } = await changed(sql);
      const way = ways.renamed ?? ways.direct;
      const open = [...way.up.unfinished, ...way.down.unfinished].map(({ why }) => why);
      expect([...open, ...ways.doubtful.map(({ gone }) => gone)], textOf(way, 'up')).to.deep.equal([]);
      await tryBothWays(way, live, exceptions[kind]);
    });

  for (const [kind, sql] of Object.entries(doubtfulKinds))
    it(`leaves to a person, with two readings that run: ${kind}`, async () => {
      const { ways, live } = await changed(sql);
      expect(ways.doubtful, textOf(ways.direct, 'up')).to.have.lengthOf.at.least(1);
      for (const way of [ways.renamed, ways.direct]) {
        if (way === null || way.up.unfinished.length > 0) continue;
        await run('SAVEPOINT reading');
        await run(textOf(way, 'up'));
        expect(differences(live, await read()), textOf(way, 'up')).to.deep.equal([]);
        await run(textOf(way, 'down'));
        expect(differences(stored, await read()), textOf(way, 'down')).to.deep.equal([]);
        await run('ROLLBACK TO SAVEPOINT reading');
      }
      if (ways.renamed !== null) await tryBothWays(ways.renamed, live);
    });

  for (const [kind, sql] of Object.entries(incompleteKinds))
    it(`leaves to a person, and marks what is incomplete: ${kind}`, async () => {
      const { ways } = await changed(sql);
      const { up, down } = ways.renamed ?? ways.direct;
      expect([...up.unfinished, ...down.unfinished]).to.have.lengthOf.at.least(1);
      for (const { statements, unfinished } of [up, down])
        for (const { why } of unfinished)
          expect(statements.join('\n'))
            .to.match(/^-- INCOMPLETE: /m)
            .and.to.contain(why.split('\n')[0]);
    });
});
