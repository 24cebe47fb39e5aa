// Takes a block or call that commits on its own, so that no transaction can be put around it; gives what it did, from the
// catalog before and after. What it locked and read is not seen.
import type { Statement } from '../../base/types.ts';
import type { Action } from '../statement/types.ts';
import { type Baseline, baselineSql, queryJson, readCatalog } from './catalog.ts';
import { lookBefore } from './look-into.ts';
import { observeChanges } from './observed.ts';
import type { TraceSession } from './probe.ts';
import type { CatalogRelation, TracedLock, TracedStatement } from './traced.ts';

/** What is known of such a statement. */
type Outside = Partial<TracedStatement> & { readonly observed: readonly Action[] };

/** Runs the statement between two readings of the catalog. @throws what the server says of it */
export async function seeFromOutside(
  { client, old, before: known }: TraceSession,
  statement: Statement,
  run: () => Promise<unknown>,
): Promise<Outside> {
  const before = await readCatalog(client);
  const { storage } = await queryJson<Baseline>(client, baselineSql);
  const lookAfter = await lookBefore(client, statement);
  await run();
  const after = await readCatalog(client);
  const stored = new Map(
    (await queryJson<Baseline>(client, baselineSql)).storage.map(([oid, node]) => [oid, node]),
  );
  const label = ({ oid, schema, name }: CatalogRelation) => {
    const first = known.get(oid);
    return first === undefined ? `${schema}.${name}` : `${first.schema}.${first.name}`;
  };
  const there = [...before.values()].filter(({ oid }) => old.has(oid));
  const changed = there.filter(
    (relation) => JSON.stringify(after.get(relation.oid)) !== JSON.stringify(relation),
  );
  const nodes = new Map(storage.map(([oid, node]) => [oid, node]));
  const rewrites = there.filter(({ oid }) => after.has(oid) && nodes.get(oid) !== stored.get(oid)).map(label);
  const locks = changed.map(
    (relation): TracedLock => ({
      relation: label(relation),
      mode: 'AccessExclusiveLock',
      existedBefore: true,
    }),
  );
  const touched = changed.map(({ oid }) => oid);
  return {
    locks,
    rewrites,
    observed: observeChanges(before, after, touched, rewrites),
    ...(await lookAfter()),
  };
}
