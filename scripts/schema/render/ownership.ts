// Takes owners and access control lists of the model; gives the SQL that sets them, in one block per role, which does
// nothing where the server has no such role. Pure.
// https://www.postgresql.org/docs/16/ddl-priv.html

import { type AclItem, aclSql, forRole, parseAcl, roleName } from './acl.ts';
import type { Item, Model } from './model.ts';

/** What the owner has and what everybody has where nobody granted or revoked; how GRANT and ALTER call the kind. */
interface Kind {
  readonly alter: string;
  readonly grant?: string;
  readonly own?: readonly string[];
  readonly everybody?: string;
}

const tableRights = ['arwdDxt', 'arwdDxtm'];
const kinds: Readonly<Record<string, Kind>> = {
  'text search configuration': { alter: 'TEXT SEARCH CONFIGURATION' },
  'text search dictionary': { alter: 'TEXT SEARCH DICTIONARY' },
  'foreign data wrapper': { alter: 'FOREIGN DATA WRAPPER', grant: 'FOREIGN DATA WRAPPER', own: ['U'] },
  'materialized view': { alter: 'MATERIALIZED VIEW', grant: 'TABLE', own: tableRights },
  'partitioned table': { alter: 'TABLE', grant: 'TABLE', own: tableRights },
  'foreign server': { alter: 'SERVER', grant: 'FOREIGN SERVER', own: ['U'] },
  'foreign table': { alter: 'FOREIGN TABLE', grant: 'TABLE', own: tableRights },
  'event trigger': { alter: 'EVENT TRIGGER' },
  publication: { alter: 'PUBLICATION' },
  statistics: { alter: 'STATISTICS' },
  conversion: { alter: 'CONVERSION' },
  collation: { alter: 'COLLATION' },
  language: { alter: 'LANGUAGE', grant: 'LANGUAGE', own: ['U'], everybody: 'U' },
  sequence: { alter: 'SEQUENCE', grant: 'SEQUENCE', own: ['rwU'] },
  routine: { alter: 'ROUTINE', grant: 'ROUTINE', own: ['X'], everybody: 'X' },
  schema: { alter: 'SCHEMA', grant: 'SCHEMA', own: ['UC'] },
  table: { alter: 'TABLE', grant: 'TABLE', own: tableRights },
  view: { alter: 'VIEW', grant: 'TABLE', own: tableRights },
  type: { alter: 'TYPE', grant: 'TYPE', own: ['U'], everybody: 'U' },
};

function kindOf({ identity }: Item): [Kind, string] | undefined {
  const word = Object.keys(kinds).find((each) => identity.startsWith(`${each} `));
  const kind = word === undefined ? undefined : kinds[word];
  return word === undefined || kind === undefined ? undefined : [kind, identity.slice(word.length + 1)];
}

/** A statement and the role that it needs; no role where every server has it. */
export interface Given {
  readonly role: string | null;
  readonly sql: string;
}

/** What follows GRANT … of an object, or of a column, and what stands behind each privilege; undefined where it has none. */
export function grantTarget(item: Item): { readonly on: string; readonly columns: string } | undefined {
  if (/^column /.test(item.identity))
    return {
      on: `ON TABLE ${item.table}`,
      columns: ` (${item.identity.slice(`column ${item.table}.`.length)})`,
    };
  const [kind, name] = kindOf(item) ?? [];
  return kind?.grant === undefined ? undefined : { on: `ON ${kind.grant} ${name}`, columns: '' };
}

/**
 * ALTER … OWNER TO, unless the role that runs it owns what it makes.
 * The owner of a sequence that belongs to a column is the table's.
 */
export function ownerOf(model: Model, item: Item, reader: string): Given[] {
  const found = kindOf(item);
  const owner = roleName(item.parts.get('owner') ?? '');
  const follows = item.identity.startsWith('sequence ') && item.parts.has('table');
  if (found === undefined || follows || owner === reader || owner === 'pg_database_owner') return [];
  const [kind, name] = found;
  const aggregate = kind.alter === 'ROUTINE' ? model.find('aggregate', name) : undefined;
  const spoken = aggregate !== undefined && name.endsWith('()') ? `AGGREGATE ${name.slice(0, -1)}*)` : '';
  return [{ role: owner, sql: `ALTER ${spoken || `${kind.alter} ${name}`} OWNER TO ${owner};` }];
}

/** GRANT and REVOKE for a new object, which has what its kind has by default. */
export function grantsOn(item: Item, owner: string, reader: string): Given[] {
  const list = item.parts.get('privileges') ?? '';
  const column = /^column /.test(item.identity) ? item.name : undefined;
  if (column !== undefined) {
    const name = item.identity.slice(`column ${item.table}.`.length);
    return parseAcl(list).flatMap((given) => grantSql(given, `ON TABLE ${item.table}`, reader, ` (${name})`));
  }
  const found = kindOf(item);
  if (found === undefined || found[0].grant === undefined || isUsual(item)) return [];
  const [kind, name] = found;
  const on = `ON ${kind.grant} ${name}`;
  const items = parseAcl(list);
  const of = (grantee: string) => items.find((each) => roleName(each.grantee) === grantee)?.letters ?? '';
  const ownIsUsual = kind.own?.includes(of(owner)) === true;
  const everybodyIsUsual = of('PUBLIC') === (kind.everybody ?? '');
  const others = items.filter(({ grantee }) => {
    const role = roleName(grantee);
    return role === owner ? !ownIsUsual : role === 'PUBLIC' ? !everybodyIsUsual : true;
  });
  const to = owner === reader ? 'CURRENT_USER' : owner;
  return [
    ...(ownIsUsual ? [] : [{ role: owner === reader ? null : owner, sql: `REVOKE ALL ${on} FROM ${to};` }]),
    ...(everybodyIsUsual ? [] : [{ role: null, sql: `REVOKE ALL ${on} FROM PUBLIC;` }]),
    ...others.flatMap((given) => grantSql(given, on, reader)),
  ];
}

/** What `public` has in every new database. */
function isUsual({ identity, parts }: Item): boolean {
  return (
    identity === 'schema public' &&
    parts.get('privileges') === '=U/pg_database_owner, pg_database_owner=UC/pg_database_owner'
  );
}

/** GRANT for one role; `columns` stands behind each privilege. */
export function grantSql({ grantee, letters }: AclItem, on: string, reader: string, columns = ''): Given[] {
  const role = roleName(grantee);
  return aclSql(`${grantee}=${letters}/x`, on, reader).map((sql) => ({
    role: role === 'PUBLIC' || role === reader ? null : role,
    sql:
      columns === ''
        ? sql
        : sql.replace(/^GRANT (.+?) ON /, (_, names: string) => {
            const each = names.split(', ').map((name) => `${name}${columns}`);
            return `GRANT ${each.join(', ')} ON `;
          }),
  }));
}

/** Blocks that set owners and privileges, those that need no role first, then a block per role. */
export function ownershipSql(
  model: Model,
  reader: string,
  include: readonly ('owners' | 'grants')[],
): string[] {
  const owners = new Map(
    model.of('owner').map((item) => [item.identity, roleName(item.parts.get('owner') ?? '')]),
  );
  const given = [
    ...(include.includes('owners') ? model.of('owner').flatMap((item) => ownerOf(model, item, reader)) : []),
    ...(include.includes('grants')
      ? model.of('grant').flatMap((item) => grantsOn(item, owners.get(item.identity) ?? reader, reader))
      : []),
  ];
  return inBlocks(given);
}

/** Statements that need no role first, then a block per role, which does nothing where the server has no such role. */
export function inBlocks(given: readonly Given[]): string[] {
  const roles = [...new Set(given.map(({ role }) => role))].filter((role) => role !== null);
  const plain = given.filter(({ role }) => role === null).map(({ sql }) => sql);
  return [
    ...plain,
    ...roles.sort().map((role) => {
      const statements = given.filter((each) => each.role === role).map(({ sql }) => `  ${sql}`);
      return forRole(role, statements);
    }),
  ];
}
