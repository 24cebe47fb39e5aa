// Takes statements; tells which concern the whole server rather than one database, and gives texts without them.
// On a scratch server they must not run: it may be somebody's, and what they make would outlive the scratch database.
// Pure.

import type { Migration, SqlFile, Statement } from '../base/types.ts';
import type { Parser } from '../files/statements.ts';

const always = new Set([
  'CreateRoleStmt',
  'AlterRoleStmt',
  'AlterRoleSetStmt',
  'DropRoleStmt',
  'GrantRoleStmt',
  'CreatedbStmt',
  'DropdbStmt',
  'AlterDatabaseStmt',
  'AlterDatabaseSetStmt',
  'AlterDatabaseRefreshCollStmt',
  'AlterSystemStmt',
  'CreateTableSpaceStmt',
  'DropTableSpaceStmt',
  'AlterTableSpaceOptionsStmt',
  // They connect to another server and make a replication slot there.
  'CreateSubscriptionStmt',
  'AlterSubscriptionStmt',
  'DropSubscriptionStmt',
]);

/** COMMENT, GRANT, ALTER … OWNER and RENAME concern the server where their object does. */
const typeKeys: Readonly<Record<string, string>> = {
  CommentStmt: 'objtype',
  SecLabelStmt: 'objtype',
  GrantStmt: 'objtype',
  AlterOwnerStmt: 'objectType',
  RenameStmt: 'renameType',
};

const sharedObjects = new Set([
  'OBJECT_DATABASE',
  'OBJECT_ROLE',
  'OBJECT_TABLESPACE',
  'OBJECT_SUBSCRIPTION',
  'OBJECT_PARAMETER_ACL',
]);

/** True for statements whose effect is not confined to the database that they run in. */
export function isServerWide({ kind, node }: Statement): boolean {
  const key = typeKeys[kind];
  return always.has(kind) || (key !== undefined && sharedObjects.has(String(node[key])));
}

const words = /\b(role|user|group|database|system|tablespace|subscription|parameter|grant|revoke)\b/i;

/** The server-wide statements of a file; files without such a word are not parsed for it. */
export function serverWideStatements(file: SqlFile, parse: Parser): readonly Statement[] {
  if (!words.test(file.text)) return [];
  const parsed = parse(file.text);
  return parsed.ok === true ? parsed.statements.filter(isServerWide) : [];
}

/** The file's text with spaces in the place of those statements, so that positions in errors stay what they are. */
export function withoutServerWide(file: SqlFile, parse: Parser): string {
  let text = file.text;
  for (const { start, end } of serverWideStatements(file, parse)) {
    text = text.slice(0, start) + blank(text.slice(start, end)) + text.slice(end);
  }
  return text;
}

/** One space per UTF-16 unit would move the server's count of characters: astral ones become one each and a pad. */
function blank(text: string): string {
  return text
    .replaceAll(/[^\n]/gu, (character) => (character.length === 1 ? ' ' : '\u{10000}'))
    .replaceAll('\u{10000}', '  ');
}

/** Roles that the up makes by a statement and the down does not drop. */
export function rolesLeft({ up, down }: Migration, parse: Parser): readonly string[] {
  const made = serverWideStatements(up, parse).filter(({ kind }) => kind === 'CreateRoleStmt');
  const dropped = JSON.stringify(
    serverWideStatements(down, parse)
      .filter(({ kind }) => kind === 'DropRoleStmt')
      .map(({ node }) => node),
  );
  return made
    .map(({ node }) => String(node.role))
    .filter((role) => !dropped.includes(`"rolename":${JSON.stringify(role)}`));
}
