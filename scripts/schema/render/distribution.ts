// Takes how a table or schema is distributed; gives the call of Citus that makes it so, and what must stand before it.
// Pure.

import { bareName, quoteLiteral } from '../sql.ts';
import type { Item, Model } from './model.ts';
import type { Dependency } from './order.ts';

/** `SELECT create_distributed_table(…);` and its kin. */
export function distributionSql({ identity, parts }: Item): string {
  const table = quoteLiteral(identity);
  const together = `colocate_with => ${quoteLiteral(parts.get('colocated_with') ?? 'none')}`;
  const column = parts.get('column');
  switch (parts.get('kind')) {
    case 'schema':
      return `SELECT citus_schema_distribute(${quoteLiteral(identity.replace(/^schema /, ''))});`;
    case 'reference':
      return `SELECT create_reference_table(${table});`;
    case 'local':
      return `SELECT citus_add_local_table_to_metadata(${table});`;
    default:
      return `SELECT create_distributed_table(${table}, ${column === undefined ? 'NULL' : quoteLiteral(bareName(column))}, ${together});`;
  }
}

/** A table is distributed after the one that it is together with, a schema while it is empty. */
export function distributionDependencies(model: Model): Dependency[] {
  const schemas = model.of('distribution').filter(({ parts }) => parts.get('kind') === 'schema');
  const tables = model.of('distribution').filter(({ parts }) => parts.get('kind') !== 'schema');
  return [
    ...tables.map(({ identity }) => ({ from: `distribution ${identity}`, to: `relation ${identity}` })),
    ...tables.flatMap(({ identity, parts }) => {
      const first = parts.get('colocated_with');
      return first === undefined ? [] : [{ from: `distribution ${identity}`, to: `distribution ${first}` }];
    }),
    ...schemas.flatMap(({ identity }) => [
      { from: `distribution ${identity}`, to: identity },
      ...model
        .of('relation')
        .filter((table) => table.identity.startsWith(`${identity.replace(/^schema /, '')}.`))
        .map((table) => ({ from: `relation ${table.identity}`, to: `distribution ${identity}` })),
    ]),
  ];
}
