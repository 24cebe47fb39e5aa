// Takes statements; tells which concern the whole server rather than one database, and gives texts without them.
// On a scratch server they must not run: it may be somebody's, and what they make would outlive the scratch database.
// Pure, but for the names that the server at hand has added to them.

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

/**
 * Of the scratch server at hand: extensions that its administrator has made, roles that are somebody's, and all roles
 * that the files name: to be given something, a role needs rights that it may have on the target alone.
 */
const leftOut = { extensions: new Set<string>(), roles: new Set<string>(), owners: new Set<string>() };

/** Statements that make or drop these extensions, or hand something to these roles, are left out from now on. */
export function leaveOut({
  extensions = [],
  roles = [],
  owners = [],
}: {
  readonly extensions?: readonly string[];
  readonly roles?: readonly string[];
  readonly owners?: readonly string[];
}): void {
  for (const name of owners) leftOut.owners.add(name);
  for (const name of extensions) leftOut.extensions.add(name);
  for (const name of roles) leftOut.roles.add(name);
}

type Node = Statement['node'];

function isLeftToAdministrator(kind: string, node: Node): boolean {
  if (leftOut.extensions.size > 0) {
    if (kind === 'CreateExtensionStmt' || kind === 'AlterExtensionStmt')
      return leftOut.extensions.has(String(node.extname));
    // Whoever has not made it may not comment on it; it has the comment that it brings.
    if (kind === 'CommentStmt' && node.objtype === 'OBJECT_EXTENSION')
      return names(node.object, leftOut.extensions);
    if (kind === 'DropStmt' && node.removeType === 'OBJECT_EXTENSION')
      return names(node.objects, leftOut.extensions);
  }
  if (leftOut.owners.size === 0) return false;
  switch (kind) {
    case 'AlterOwnerStmt':
      return names(node.newowner, leftOut.owners);
    case 'AlterTableStmt':
      return isChangeOfOwner(node.cmds) && names(node.cmds, leftOut.owners);
    case 'AlterDefaultPrivilegesStmt':
      return JSON.stringify(node.options ?? []).includes('"roles"') && names(node.options, leftOut.roles);
    case 'VariableSetStmt':
      return (
        (node.name === 'role' || node.name === 'session_authorization') && names(node.args, leftOut.roles)
      );
    case 'ReassignOwnedStmt':
    case 'DropOwnedStmt':
      return names(node, leftOut.roles);
    default:
      return false;
  }
}

/** Whether ALTER TABLE does nothing else. */
function isChangeOfOwner(commands: unknown): boolean {
  const all = Array.isArray(commands) ? (commands as Node[]) : [];
  const kindOf = (command: Node) => (command.AlterTableCmd as Node | undefined)?.subtype;
  return all.length > 0 && all.every((command) => kindOf(command) === 'AT_ChangeOwner');
}

function names(node: unknown, wanted: ReadonlySet<string>): boolean {
  const text = JSON.stringify(node ?? null);
  return [...wanted].some((name) => text.includes(`:${JSON.stringify(name)}`));
}

/** True for statements whose effect is not confined to the database that they run in. */
export function isServerWide({ kind, node }: Statement): boolean {
  const key = typeKeys[kind];
  return always.has(kind) || (key !== undefined && sharedObjects.has(String(node[key])));
}

/** Nobody else is on a scratch database, and queries of ours stand before the file's first one there. */
function setsIsolation({ kind, node }: Statement): boolean {
  return kind === 'VariableSetStmt' && node.name === 'TRANSACTION';
}

const words =
  /\b(transaction|role|user|group|database|system|tablespace|subscription|parameter|grant|revoke|owner|owned|authorization|privileges|extension)\b/i;

/** True for statements that are not run on the scratch server. */
export function isLeftOut(statement: Statement): boolean {
  return (
    isServerWide(statement) ||
    setsIsolation(statement) ||
    isLeftToAdministrator(statement.kind, statement.node)
  );
}

/** The statements of a file that are not run on the scratch server; files without such a word are not parsed for it. */
function serverWideStatements(file: Pick<SqlFile, 'text'>, parse: Parser): readonly Statement[] {
  if (!words.test(file.text)) return [];
  const parsed = parse(file.text);
  return parsed.ok === true ? parsed.statements.filter(isLeftOut) : [];
}

/** The file's text with spaces in the place of those statements, so that positions in errors stay what they are. */
export function withoutServerWide(file: Pick<SqlFile, 'text'>, parse: Parser): string {
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
