// Takes migrations and a scratch client; makes roles that they name and the scratch server lacks, so that GRANT, OWNER TO
// and policies run. Every such role is marked: closing the server drops those that nobody uses any more.

import pg from 'pg';
import type { Migration, SqlFile } from '../base/types.ts';
import type { Parser } from '../files/statements.ts';
import { quoteLiteral } from '../schema/sql.ts';
import type { ScratchClient } from './client.ts';

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
  const names = roleNames(
    migrations.flatMap(({ up, down }) => [up, down]),
    parse,
  );
  for (const name of names) await ensureRole(client, name);
}

/** Roles that statements name; not those that a block makes by itself. */
function roleNames(files: readonly SqlFile[], parse: Parser): readonly string[] {
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
 * has that right through PUBLIC anyway.
 */
async function ensureRole(client: ScratchClient, name: string): Promise<void> {
  const role = pg.escapeIdentifier(name);
  const literal = quoteLiteral(name);
  const mark = quoteLiteral(placeholderComment);
  // A role that vanishes or appears in between belongs to a run beside this one; roles pg_… cannot be made.
  await client
    .query(`DO $roles$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${literal}) THEN
    CREATE ROLE ${role} NOLOGIN;
    COMMENT ON ROLE ${role} IS ${mark};
    IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
      EXECUTE format('GRANT %I TO %I', ${literal}, current_user);
    END IF;
  END IF;
  IF (SELECT pg_catalog.shobj_description(oid, 'pg_authid') = ${mark} FROM pg_catalog.pg_roles WHERE rolname = ${literal}) THEN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', pg_catalog.current_database(), ${literal});
  END IF;
EXCEPTION WHEN insufficient_privilege OR undefined_object OR duplicate_object OR unique_violation OR reserved_name THEN NULL;
END $roles$`)
    .catch((error: unknown) => {
      if ((error as { code?: string }).code === undefined) throw error;
    });
}

/** One statement per role that was made here and that nothing depends on any more; each may fail without harm. */
export const placeholdersSql = `SELECT pg_catalog.format('DROP ROLE IF EXISTS %I', r.rolname) AS sql FROM pg_catalog.pg_roles r
  WHERE pg_catalog.shobj_description(r.oid, 'pg_authid') = ${quoteLiteral(placeholderComment)}
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_shdepend d WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.refobjid = r.oid)`;
