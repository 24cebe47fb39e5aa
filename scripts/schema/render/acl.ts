// Takes access control lists as PostgreSQL prints them; gives GRANT statements. Pure.
// https://www.postgresql.org/docs/16/ddl-priv.html

import { bareName, quoteLiteral } from '../sql.ts';

const privileges: Record<string, string> = {
  r: 'SELECT',
  a: 'INSERT',
  w: 'UPDATE',
  d: 'DELETE',
  D: 'TRUNCATE',
  x: 'REFERENCES',
  t: 'TRIGGER',
  m: 'MAINTAIN',
  U: 'USAGE',
  C: 'CREATE',
  X: 'EXECUTE',
  c: 'CONNECT',
  T: 'TEMPORARY',
};

export interface AclItem {
  /** The role as PostgreSQL prints it, maybe quoted; empty for PUBLIC. */
  readonly grantee: string;
  readonly letters: string;
}

/** `a=r/b, =X/b` taken apart; who granted is left out. */
export function parseAcl(list: string): AclItem[] {
  const items = list.match(/(?:"(?:[^"]|"")*"|[^,"])+/g) ?? [];
  return items.map((item) => {
    const [, grantee = '', letters = ''] = /^((?:"[^"]*"|[^="])*)=([^/]*)\//s.exec(item.trimStart()) ?? [];
    return { grantee, letters };
  });
}

/** The privileges of some letters, as GRANT and REVOKE name them: `SELECT, INSERT`. */
export function privilegeNames(letters: readonly string[]): string[] {
  return letters.flatMap((letter) => privileges[letter] ?? []);
}

/** A role as SQL wants it: PostgreSQL prints some names in lists without the quotes that SQL needs. */
export function roleName(name: string): string {
  if (name === '') return 'PUBLIC';
  return name.startsWith('"') || /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name}"`;
}

/**
 * `GRANT … ON …` for each grantee, with the right to pass it on where the list says so.
 * @param on what follows the privileges: `ON TABLES`
 * @param reader the role that runs the SQL, written as CURRENT_USER
 */
export function aclSql(list: string, on: string, reader: string): string[] {
  return parseAcl(list).flatMap(({ grantee, letters }) => {
    const role = roleName(grantee);
    const to = role === reader ? 'CURRENT_USER' : role;
    const pairs = [...letters.matchAll(/([A-Za-z])(\*?)/g)];
    const names = (star: string) =>
      pairs.filter(([, , found]) => found === star).flatMap(([, letter = '']) => privileges[letter] ?? []);
    const grant = (star: string, suffix: string) =>
      names(star).length === 0 ? [] : [`GRANT ${names(star).join(', ')} ${on} TO ${to}${suffix};`];
    return [...grant('', ''), ...grant('*', ' WITH GRANT OPTION')];
  });
}

/** Statements that are left out, with a warning, where the server has no such role. */
export function forRole(role: string, statements: readonly string[]): string {
  const bare = bareName(role);
  const text = statements.join('\n');
  let tag = '$role$';
  for (let i = 1; text.includes(tag); i += 1) tag = `$role${i}$`;
  return [
    `DO ${tag} BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${quoteLiteral(bare)}) THEN`,
    text,
    `ELSE RAISE WARNING USING MESSAGE = ${quoteLiteral(`there is no role ${bare}: what it owns and may do is left out`)}; END IF; END ${tag};`,
  ].join('\n');
}
