// Takes differences of owners, privileges, default privileges and settings; gives the SQL that leads from one side to the
// other. Pure. Roles belong to the server: where one is missing, what it owns and may do is left out, with a warning.
import { type AclItem, forRole, parseAcl, privilegeNames, roleName } from '../render/acl.ts';
import { onDatabase } from '../render/clauses.ts';
import { defaultPrivilegesOf, defaultPrivilegesSql, ofRole, settingSql } from '../render/database.ts';
import type { Item, Model } from '../render/model.ts';
import { type Given, grantSql, grantsOn, grantTarget, inBlocks, ownerOf } from '../render/ownership.ts';
import type { SchemaObject } from '../types.ts';
import type { Difference } from './diff.ts';

export interface RightsSides {
  readonly from: Model;
  readonly to: Model;
  /** The role that runs the SQL and owns what it makes, quoted where SQL needs it. */
  readonly reader: string;
}

/** Owners, privileges, default privileges and settings of roles: they need roles, and rights over them, that a server may lack. */
export const isRight = ({ class: name, identity }: Pick<SchemaObject, 'class' | 'identity'>): boolean =>
  name === 'owner' ||
  name === 'grant' ||
  name === 'default-privileges' ||
  (name === 'setting' && identity.startsWith('role '));

/** ALTER … OWNER TO, GRANT and REVOKE; what goes takes its rights along. */
export function rightsSql(sides: RightsSides, differences: readonly Difference[]): string[] {
  const of = (name: 'owner' | 'grant') =>
    differences.filter(({ kind, change }) => kind === name && change !== 'removed');
  const withdrawn = differences.filter(
    ({ kind, change, identity }) =>
      kind === 'grant' && change === 'removed' && columnStays(sides.to, identity),
  );
  return inBlocks([
    ...of('owner').flatMap(({ identity }) => ownerGiven(sides, identity)),
    ...[...of('grant'), ...withdrawn].flatMap(({ identity }) => privilegesGiven(sides, identity)),
  ]);
}

const columnStays = (model: Model, identity: string) =>
  identity.startsWith('column ') && model.find('column', identity.slice('column '.length)) !== undefined;

function ownerGiven({ from, to, reader }: RightsSides, identity: string): Given[] {
  const item = to.find('owner', identity);
  if (item === undefined) return [];
  const isNew = from.find('owner', identity) === undefined;
  const given = ownerOf(to, item, isNew ? reader : '');
  if (roleName(item.parts.get('owner') ?? '') !== reader) return given;
  return given.map(({ sql }) => ({
    role: null,
    sql: `${sql.slice(0, sql.lastIndexOf(' OWNER TO '))} OWNER TO CURRENT_USER;`,
  }));
}

function privilegesGiven({ from, to, reader }: RightsSides, identity: string): Given[] {
  const [before, after] = [from.find('grant', identity), to.find('grant', identity)];
  const item = after ?? before;
  if (item === undefined) return [];
  const ownerIn = (model: Model) => roleName(model.find('owner', identity)?.parts.get('owner') ?? reader);
  if (before === undefined && !identity.startsWith('column ')) return grantsOn(item, ownerIn(to), reader);
  const target = grantTarget(item);
  if (target === undefined) return [];
  // A new owner has what the one before had.
  const old = parseAcl(before?.parts.get('privileges') ?? '').map((each) =>
    roleName(each.grantee) === ownerIn(from) ? { ...each, grantee: ownerIn(to) } : each,
  );
  return changeOf(old, parseAcl(after?.parts.get('privileges') ?? ''), target, reader);
}

type Letters = ReadonlyMap<string, boolean>;

/** Each letter, and whether it may be passed on. */
const lettersOf = (items: readonly AclItem[], role: string): Letters =>
  new Map(
    items
      .filter(({ grantee }) => roleName(grantee) === role)
      .flatMap(({ letters }) =>
        [...letters.matchAll(/([A-Za-z])(\*?)/g)].map(([, letter = '', star]) => [letter, star === '*']),
      ),
  );

function changeOf(
  before: readonly AclItem[],
  after: readonly AclItem[],
  { on, columns }: { readonly on: string; readonly columns: string },
  reader: string,
): Given[] {
  const roles = [...new Set([...before, ...after].map(({ grantee }) => roleName(grantee)))];
  return roles.flatMap((role) => {
    const [old, now] = [lettersOf(before, role), lettersOf(after, role)];
    const gone = [...old.keys()].filter((letter) => !now.has(letter));
    const kept = [...old].filter(([letter, star]) => star && now.get(letter) === false);
    const came = [...now].filter(([letter, star]) => !old.has(letter) || (star && old.get(letter) === false));
    const revoke = (option: string, letters: readonly string[]) => {
      const names = privilegeNames(letters).map((name) => `${name}${columns}`);
      const to = role === reader ? 'CURRENT_USER' : role;
      return names.length === 0 ? [] : [`REVOKE ${option}${names.join(', ')} ${on} FROM ${to};`];
    };
    const revoked = [
      ...revoke('', gone),
      ...revoke(
        'GRANT OPTION FOR ',
        kept.map(([letter]) => letter),
      ),
    ];
    const letters = came.map(([letter, star]) => `${letter}${star ? '*' : ''}`).join('');
    const needed = role === 'PUBLIC' || role === reader ? null : role;
    return [
      ...revoked.map((sql) => ({ role: needed, sql })),
      ...grantSql({ grantee: role === 'PUBLIC' ? '' : role, letters }, on, reader, columns),
    ];
  });
}

/** ALTER DEFAULT PRIVILEGES for one role, schema and kind of object. */
export function defaultPrivilegesChange({ from, to, reader }: RightsSides, identity: string): string[] {
  const { role, schema, kind, alter } = defaultPrivilegesOf(identity, reader);
  const [before, after] = [from, to].map((model) => model.find('default-privileges', identity));
  const ownIn = (item: Item | undefined) => aclOf(item).find(({ grantee }) => roleName(grantee) === role);
  // Where nothing is set for the whole database the owner has all.
  const isWhole = schema === undefined;
  const ownIsSet = (item: Item | undefined) =>
    item !== undefined && !allOwn.includes(ownIn(item)?.letters ?? '');
  if (isWhole && before === undefined && after !== undefined && ownIsSet(after))
    return [defaultPrivilegesSql(after, reader)];
  const list = (item: Item | undefined, other: Item | undefined) => {
    if (item !== undefined || !isWhole) return aclOf(item);
    const own = ownIn(other);
    const everybody = { FUNCTIONS: 'X', TYPES: 'U' }[kind];
    return [
      ...(own === undefined ? [] : [own]),
      ...(everybody === undefined ? [] : [{ grantee: '', letters: everybody }]),
    ];
  };
  const on = `ON ${kind}`;
  const given = changeOf(list(before, after), list(after, before), { on, columns: '' }, reader);
  const back = isWhole && after === undefined && ownIsSet(before);
  if (back) given.push({ role: null, sql: `GRANT ALL ${on} TO ${role === reader ? 'CURRENT_USER' : role};` });
  const statements = inBlocks(
    given.map(({ role: needed, sql }) => ({ role: needed, sql: `${alter} ${sql}` })),
  );
  return role === reader || statements.length === 0 ? statements : [forRole(role, statements)];
}

const aclOf = (item: Item | undefined) => parseAcl(item?.parts.get('privileges') ?? '');

/** All that an owner has of tables (up to PostgreSQL 16, and from 17 on), sequences, functions, types, schemas, large objects. */
const allOwn: readonly string[] = ['arwdDxt', 'arwdDxtm', 'rwU', 'X', 'U', 'UC', 'rw'];

/** ALTER DATABASE or ALTER ROLE … SET or RESET; nothing where the value may be a secret. */
export function settingChange(model: Model, identity: string): string[] {
  const item = model.find('setting', identity);
  if (item !== undefined) return [settingSql(item) ?? []].flat();
  const at = identity.lastIndexOf(' ');
  const [owner, name] = [identity.slice(0, at), identity.slice(at + 1)];
  return [ofRole(owner, (who) => onDatabase(`ALTER ${who} RESET ${name}`))];
}
