// Takes comments of the model; gives COMMENT ON. Pure; the kinds are those that pg_identify_object names.

import { indexOutside, quoteLiteral } from '../sql.ts';
import { onDatabase } from './clauses.ts';
import type { Item } from './model.ts';
import { transformName } from './operators.ts';

/** How SQL calls the kinds whose identity it takes as it is; longest first, for one may begin like another. */
const kinds: Readonly<Record<string, string>> = {
  'text search configuration': 'TEXT SEARCH CONFIGURATION',
  'text search dictionary': 'TEXT SEARCH DICTIONARY',
  'text search template': 'TEXT SEARCH TEMPLATE',
  'text search parser': 'TEXT SEARCH PARSER',
  'foreign-data wrapper': 'FOREIGN DATA WRAPPER',
  'materialized view': 'MATERIALIZED VIEW',
  'partitioned table': 'TABLE',
  'window function': 'FUNCTION',
  'operator family': 'OPERATOR FAMILY',
  'operator class': 'OPERATOR CLASS',
  'event trigger': 'EVENT TRIGGER',
  'access method': 'ACCESS METHOD',
  'foreign table': 'FOREIGN TABLE',
  subscription: 'SUBSCRIPTION',
  publication: 'PUBLICATION',
  conversion: 'CONVERSION',
  statistics: 'STATISTICS',
  procedure: 'PROCEDURE',
  aggregate: 'AGGREGATE',
  extension: 'EXTENSION',
  collation: 'COLLATION',
  language: 'LANGUAGE',
  operator: 'OPERATOR',
  sequence: 'SEQUENCE',
  function: 'FUNCTION',
  schema: 'SCHEMA',
  server: 'SERVER',
  column: 'COLUMN',
  table: 'TABLE',
  index: 'INDEX',
  view: 'VIEW',
  type: 'TYPE',
  cast: 'CAST',
  transform: 'TRANSFORM',
};
const kindsOnTables = ['constraint', 'trigger', 'rule', 'policy'];

/** `app.=% (integer,integer)`: the grammar reads `=%(` as one name. */
const spaced = (identity: string) => {
  const at = indexOutside(identity, '(');
  return `${identity.slice(0, at)} ${identity.slice(at)}`;
};

function nameOf(kind: string, identity: string): string {
  if (kind === 'operator') return spaced(identity);
  if (kind === 'transform') return transformName(identity);
  if (kind === 'aggregate' && identity.endsWith('()')) return `${identity.slice(0, -1)}*)`;
  return identity;
}

/** COMMENT ON, or nothing where the kind of object is not known. */
export function commentSql(item: Item): string | undefined {
  const literal = quoteLiteral(item.parts.get('text') ?? '');
  if (item.identity === 'database')
    return onDatabase(`COMMENT ON DATABASE %I IS ${literal.replaceAll('%', '%%')}`);
  const onTable = kindsOnTables.find((kind) => item.identity.startsWith(`${kind} `));
  if (onTable !== undefined) {
    const domain = item.parts.has('domain') ? 'DOMAIN ' : '';
    const name = item.identity.slice(onTable.length + 1 + (item.table ?? '').length + 1);
    return `COMMENT ON ${onTable.toUpperCase()} ${name} ON ${domain}${item.table} IS ${literal};`;
  }
  const [kind, sql] = Object.entries(kinds).find(([word]) => item.identity.startsWith(`${word} `)) ?? [];
  if (kind === undefined) return undefined;
  return `COMMENT ON ${sql} ${nameOf(kind, item.identity.slice(kind.length + 1))} IS ${literal};`;
}
