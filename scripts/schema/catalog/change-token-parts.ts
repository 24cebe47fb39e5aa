// Takes what to leave out; gives the change token part by part, so that two readings tell which catalogs differ, and parts whose
// catalogs nobody wrote to need not be read. It reads nothing itself.

import { quoteLiteral } from '../sql.ts';
import type { SchemaOptions } from '../types.ts';
import { countsOf, hiddenSql } from './change-token.ts';
import { catalogs } from './counted-catalogs.ts';

/** Which catalog each part of the change token counts, in the order of `countsOf`. */
const partNames: readonly string[] = [
  ...['pg_class', 'pg_index', 'pg_attribute', 'pg_type'],
  ...catalogs.map(({ name }) => name),
  ...['pg_inherits', 'pg_partitioned_table', 'pg_sequence', 'pg_foreign_table', 'pg_range', 'pg_aggregate'],
  ...[
    'pg_ts_config_map',
    'pg_description',
    'pg_namespace',
    'distribution',
    'pg_depend',
    'pg_db_role_setting',
  ],
  ...['pg_shdescription', 'pg_user_mappings', 'pg_subscription', 'pg_database'],
];

/** Parts of the change token that also read other catalogs than the one they count. */
const alsoRead: Readonly<Record<string, readonly string[]>> = {
  pg_type: ['pg_class'],
  pg_depend: ['pg_class', 'pg_sequence'],
  pg_user_mappings: ['pg_user_mapping', 'pg_foreign_server'],
};

/** The change token before it is condensed: what each part says, by the catalog that it counts. */
export type ChangeTokenParts = Readonly<Record<string, string>>;

/**
 * One row with one column `parts`, JSON as `ChangeTokenParts`. Conditions as `changeTokenSql`.
 * @param touched only the parts that may have changed when rows of these catalogs did
 */
export function changeTokenPartsSql(options: SchemaOptions, touched?: readonly string[]): string {
  const counts = countsOf(options);
  const isConcerned = (name: string) =>
    touched === undefined ||
    // On a scratch database it stands in no catalog.
    name === 'distribution' ||
    [name, ...(alsoRead[name] ?? [])].some((read) => touched.includes(read));
  const parts = partNames
    .map((name, i) => ({ name: quoteLiteral(name), count: counts[i] }))
    .filter(({ count }, i) => count !== undefined && isConcerned(partNames[i] ?? ''));
  return `${hiddenSql(options)}
SELECT json_object(ARRAY[${parts.map(({ name }) => name).join(', ')}]::text[], ARRAY[${parts.map((part) => part.count).join(',\n')}]::text[]) AS parts`;
}

/** The catalogs that the second reading says something else of than the first; it may be of some parts only. */
export function differingCatalogs(a: ChangeTokenParts, b: ChangeTokenParts): string[] {
  return Object.keys(b).filter((name) => a[name] !== b[name]);
}
