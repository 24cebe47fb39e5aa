// Takes migrations and a scratch client; makes roles that they name and the scratch server lacks, so that GRANT, OWNER TO
// and policies run. Every such role is marked: closing the server drops those that nobody uses any more.

import pg from 'pg';
import type { Migration, SqlFile } from '../base/types.ts';
import type { Parser } from '../files/statements.ts';
import { quoteLiteral } from '../schema/sql.ts';
import { type Administrator, administratorOf, type ScratchClient } from './client.ts';
import { leaveOut } from './server-wide.ts';

/** The comment that marks a role as made here. */
export const placeholderComment = 'placeholder of the migration tool on a scratch server';

const words = /\b(role|user|group|owner|grant|revoke|policy|authorization|reassign|owned)\b/i;
const createdInBlock = /\bcreate\s+(?:role|user|group)\s+"?([\w$-]+)"?/gi;

/**
 * Cheap where no file speaks of roles. Where the scratch user may not create roles nothing happens: the statement that
 * needs one then says so itself.
 */
export async function ensureRoles(
  client: ScratchClient,
  migrations: readonly Migration[],
  parse: Parser,
): Promise<void> {
  await ensureFor(
    client,
    migrations.flatMap(({ up, down }) => [up, down]),
    parse,
  );
}

/**
 * As `ensureRoles`, for texts that are no migrations.
 * @throws the error of pg
 */
export async function ensureFor(
  client: ScratchClient,
  files: readonly Pick<SqlFile, 'text'>[],
  parse: Parser,
): Promise<void> {
  const administrator = administratorOf(client);
  if (administrator === null) return;
  const names = roleNames(files, parse);
  for (const name of names) await ensureRole(administrator, name);
  if (!administrator.isApart) return;
  if (names.length > 0) leaveOut({ owners: names, roles: await foreignRoles(administrator, names) });
  await ensureExtensions(administrator, extensionNames(files, parse));
}

/** Extensions that statements make in `public` or name no schema for: another one may not be there yet. */
function extensionNames(files: readonly Pick<SqlFile, 'text'>[], parse: Parser): readonly string[] {
  const names = new Set<string>();
  for (const { text } of files.filter((file) => /\bcreate\s+extension\b/i.test(file.text))) {
    const parsed = parse(text);
    if (parsed.ok !== true) continue;
    for (const { kind, node } of parsed.statements) {
      const options = JSON.stringify(node.options ?? []);
      if (
        kind === 'CreateExtensionStmt' &&
        (!options.includes('"schema"') || options.includes('"sval":"public"'))
      )
        names.add(String(node.extname));
    }
  }
  return [...names];
}

/** Roles that statements name; not those that a block makes by itself. */
function roleNames(files: readonly Pick<SqlFile, 'text'>[], parse: Parser): readonly string[] {
  const named = new Set<string>();
  const madeInBlocks = new Set<string>();
  for (const file of files.filter(({ text }) => words.test(text))) {
    const parsed = parse(file.text);
    if (parsed.ok !== true) continue;
    for (const { kind, node, text } of parsed.statements) {
      if (kind === 'DoStmt' || kind === 'CreateFunctionStmt')
        for (const [, name = ''] of text.matchAll(createdInBlock)) madeInBlocks.add(name);
      else collect(node, named);
      if (kind === 'CreateRoleStmt') named.add(String(node.role));
      if (kind === 'RenameStmt' && node.renameType === 'OBJECT_ROLE') named.add(String(node.newname));
    }
  }
  return [...named].filter((name) => !madeInBlocks.has(name));
}

function collect(node: unknown, into: Set<string>): void {
  if (Array.isArray(node)) for (const item of node) collect(item, into);
  else if (typeof node === 'object' && node !== null) {
    const { roletype, rolename, name, kind, args } = node as Readonly<Record<string, unknown>>;
    if (roletype === 'ROLESPEC_CSTRING' && typeof rolename === 'string') into.add(rolename);
    if (kind === 'VAR_SET_VALUE' && (name === 'role' || name === 'session_authorization'))
      for (const [, value] of JSON.stringify(args).matchAll(/"sval":\{"sval":"([^"\\]+)"/g))
        if (value !== undefined && value !== 'none') into.add(value);
    for (const value of Object.values(node)) collect(value, into);
  }
}

/**
 * The right on the scratch database pins the role there: another run that closes cannot drop it meanwhile. Every role
 * has that right through PUBLIC anyway. Migrations' role belongs to the roles that were made here, and to no other: a
 * role that is somebody's would lend it what it may do.
 */
async function ensureRole(administrator: Administrator, name: string): Promise<void> {
  const role = pg.escapeIdentifier(name);
  const literal = quoteLiteral(name);
  const mark = quoteLiteral(placeholderComment);
  const worker = pg.escapeIdentifier(administrator.worker);
  const database = pg.escapeIdentifier(administrator.database);
  // A role that vanishes or appears in between belongs to a run beside this one; roles pg_… cannot be made.
  await administrator
    .query(`DO $roles$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${literal}) THEN
    CREATE ROLE ${role} NOLOGIN;
    COMMENT ON ROLE ${role} IS ${mark};
  END IF;
  IF (SELECT shobj_description(oid, 'pg_authid') = ${mark} FROM pg_roles WHERE rolname = ${literal}) THEN
    GRANT ${role} TO ${worker};
    GRANT TEMPORARY ON DATABASE ${database} TO ${role};
  END IF;
EXCEPTION WHEN insufficient_privilege OR undefined_object OR duplicate_object OR unique_violation OR reserved_name OR invalid_grant_operation THEN NULL;
END $roles$`)
    .catch((error: unknown) => {
      if ((error as { code?: string }).code === undefined) throw error;
    });
}

/** Those of the names that are roles of somebody else on the server: migrations' role does not belong to them. */
async function foreignRoles(
  administrator: Administrator,
  names: readonly string[],
): Promise<readonly string[]> {
  const rows = await administrator.query(
    `SELECT rolname::text AS name FROM pg_roles WHERE rolname = ANY (ARRAY[${names.map((name) => quoteLiteral(name)).join(', ')}]::text[])
        AND shobj_description(oid, 'pg_authid') IS DISTINCT FROM ${quoteLiteral(placeholderComment)} AND rolname <> ${quoteLiteral(administrator.worker)}`,
  );
  return rows.map(({ name }) => String(name));
}

/**
 * Extensions that only a superuser may make: made beforehand, for those statements are left out here. Where the
 * administrator may not, or the server lacks one, the statement runs and says so itself.
 */
async function ensureExtensions(administrator: Administrator, names: readonly string[]): Promise<void> {
  if (!administrator.superuser || names.length === 0) return;
  const rows = await administrator.query(
    `SELECT name::text AS name FROM pg_available_extension_versions WHERE name = ANY (ARRAY[${names.map((name) => quoteLiteral(name)).join(', ')}]::text[])
      GROUP BY name HAVING NOT bool_or(trusted)`,
  );
  for (const name of rows.map((row) => String(row.name))) {
    const made = await administrator
      .inDatabase(
        `SET search_path = public; CREATE EXTENSION IF NOT EXISTS ${pg.escapeIdentifier(name)} CASCADE${usage(name, administrator.worker)}`,
      )
      .then(
        () => true,
        () => false,
      );
    if (made) leaveOut({ extensions: [name] });
  }
}

/** Wrappers of PostgreSQL's own that ask for a password or a right of their own besides: they may serve migrations' role. */
const ownWrappers = new Map([
  ['postgres_fdw', 'postgres_fdw'],
  ['dblink', 'dblink_fdw'],
  ['file_fdw', 'file_fdw'],
]);

function usage(extension: string, worker: string): string {
  const wrapper = ownWrappers.get(extension);
  return wrapper === undefined
    ? ''
    : `; GRANT USAGE ON FOREIGN DATA WRAPPER ${wrapper} TO ${pg.escapeIdentifier(worker)}`;
}

/** One statement per role that was made here and that nothing depends on any more; each may fail without harm. */
export const placeholdersSql = `SELECT pg_catalog.format('DROP ROLE IF EXISTS %I', r.rolname) AS sql FROM pg_catalog.pg_roles r
  WHERE pg_catalog.shobj_description(r.oid, 'pg_authid') = ${quoteLiteral(placeholderComment)}
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.application_name = r.rolname OR a.usesysid = r.oid)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_shdepend d WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.refobjid = r.oid)`;
