// Takes what to leave out; gives the change token part by part, so that two readings tell which catalogs differ, and parts whose
// catalogs nobody wrote to need not be read. It reads nothing itself.

import { firstUserOid, quoteLiteral } from '../sql.ts';
import type { SchemaOptions } from '../types.ts';
import { countSql, countsOf } from './change-token.ts';
import { distributionState } from './distribution.ts';
import { hiddenSql } from './hidden.ts';
import { relationPartsSql } from './relation-counts.ts';

/** Parts of the change token that also read other catalogs than the one they count. */
const alsoRead: Readonly<Record<string, readonly string[]>> = {
  pg_type: ['pg_class'],
  pg_depend: ['pg_class', 'pg_sequence'],
  pg_user_mappings: ['pg_user_mapping', 'pg_foreign_server'],
};

/**
 * The change token before it is condensed: what each part says, by the catalog that it counts. The catalogs of relations have
 * a part for each relation: `pg_attribute 16385`.
 */
export type ChangeTokenParts = ReadonlyMap<string, string>;

const byRelation = new Set(['pg_class', 'pg_index', 'pg_attribute']);

/**
 * What this transaction may have changed in the catalogs of relations, but for rights: what it has locked, with indexes and
 * TOAST tables that go along.
 */
const touchedRelations = `locked AS MATERIALIZED (
  SELECT l.relation AS oid FROM pg_catalog.pg_locks l WHERE l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid()
    AND l.relation >= ${firstUserOid} AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
), touched_relation AS MATERIALIZED (
  SELECT oid FROM locked UNION SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid IN (SELECT oid FROM locked)
  UNION SELECT t.reltoastrelid FROM pg_catalog.pg_class t WHERE t.oid IN (SELECT oid FROM locked) AND t.reltoastrelid <> 0
)`;

/**
 * One row with the columns `parts` and `relations`, JSON objects: see `partsOf`. Conditions as `changeTokenSql`.
 * @param touched only the parts that may have changed when this transaction wrote rows of these catalogs
 */
export function changeTokenPartsSql(options: SchemaOptions, touched?: readonly string[]): string {
  const isConcerned = (name: string) =>
    touched === undefined || [name, ...(alsoRead[name] ?? [])].some((read) => touched.includes(read));
  const parts = [
    // On a scratch database it stands in no catalog.
    { name: 'distribution', count: distributionState },
    ...countsOf(options)
      .filter(({ name }) => !byRelation.has(name) && isConcerned(name))
      .map((each) => ({ name: each.name, count: countSql(each) })),
  ];
  const names = parts.map(({ name }) => quoteLiteral(name)).join(', ');
  // GRANT and ALTER … OWNER change rows of relations that nobody locks.
  const within = touched === undefined || options.include.length > 0 ? undefined : 'touched_relation';
  return `${hiddenSql(options)}, ${touchedRelations}
SELECT json_object(ARRAY[${names}]::text[], ARRAY[${parts.map((part) => part.count).join(',\n')}]::text[]) AS parts,
  (SELECT json_object_agg(r.part, r.content) FROM (${relationPartsSql(options, isConcerned, within)}) AS r (part, content)) AS relations`;
}

/** The row of `changeTokenPartsSql` as one. */
export function partsOf(row: Readonly<Record<string, unknown>> | undefined): Map<string, string> {
  return new Map(
    [row?.parts, row?.relations].flatMap((part) => Object.entries((part ?? {}) as Record<string, string>)),
  );
}

/** The catalogs that the second reading says something else of than the first; it may be of some parts only. */
export function differingCatalogs(a: ChangeTokenParts, b: ChangeTokenParts): string[] {
  const differing = [...b].filter(([name, content]) => (a.get(name) ?? 'none') !== content);
  return [...new Set(differing.map(([name]) => name.split(' ')[0] ?? name))];
}
