// Takes the administrator's session on a scratch server; gives the login that SQL of migrations runs as there: a fresh
// role without special rights, for the server may be somebody's. It runs no SQL of migrations.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import pg from 'pg';
import { MigrateError } from '../base/errors.ts';
import { placeholderComment } from './placeholder-roles.ts';
import type { ScratchConnection } from './scratch-address.ts';

/** Who runs migrations on a scratch server. */
export interface Worker {
  readonly connection: ScratchConnection;
  /** Dropped at the end; null where the administrator has no special right and is the worker too. */
  readonly role: string | null;
  readonly superuser: boolean;
}

interface Rights {
  readonly superuser: boolean;
  readonly creates_roles: boolean;
  readonly special: string[] | null;
}

const rightsSql = `SELECT rolsuper AS superuser, rolsuper OR rolcreaterole AS creates_roles,
  (SELECT array_agg(said) FROM (SELECT 'REPLICATION' AS said WHERE rolreplication UNION ALL SELECT 'BYPASSRLS' WHERE rolbypassrls
    UNION ALL SELECT rolname::text FROM pg_roles p WHERE rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files') AND pg_has_role(p.oid, 'MEMBER')) s) AS special
  FROM pg_roles r WHERE rolname = current_user`;

/**
 * @param name of the role; it is also how a run that died is told apart
 * @throws MigrateError `refused` where the administrator has special rights and may make no role without them; and as
 * `isTrusted`
 */
export async function createWorker(
  admin: pg.Client,
  server: ScratchConnection,
  name: string,
): Promise<Worker> {
  const { rows } = await admin.query<Rights>(rightsSql);
  const rights = rows[0] ?? { superuser: false, creates_roles: false, special: null };
  const { superuser } = rights;
  // Said by whoever owns the server: for migrations that need a superuser (leakproof, language internal, catalogs).
  if (isTrusted()) return { connection: server, role: null, superuser };
  if (!rights.creates_roles) {
    if (rights.special !== null) throw tooMighty(server.user, rights.special);
    return { connection: server, role: null, superuser };
  }
  const password = randomBytes(24).toString('base64url');
  const role = pg.escapeIdentifier(name);
  await admin.query(
    `CREATE ROLE ${role} LOGIN PASSWORD ${pg.escapeLiteral(scramVerifier(password))};
     COMMENT ON ROLE ${role} IS ${pg.escapeLiteral(placeholderComment)}`,
  );
  if (!superuser) await admin.query(`GRANT ${role} TO CURRENT_USER`);
  return {
    connection: { ...server, user: name, password },
    role: name,
    superuser,
  };
}

/**
 * Whether migrations run with the rights of the scratch server's login, because its owner says so.
 * @throws MigrateError `usage` for a variable that is neither true nor false
 */
export function isTrusted(): boolean {
  const value = process.env.MIGRATE_SCRATCH_TRUSTED ?? '';
  if (!['', 'true', 'false'].includes(value))
    throw new MigrateError('usage', `MIGRATE_SCRATCH_TRUSTED is ${JSON.stringify(value)}`, {
      hint: 'A right value is true, or false (the default).',
    });
  return value === 'true';
}

function tooMighty(user: string, special: readonly string[]): MigrateError {
  return new MigrateError(
    'refused',
    `On the scratch server ${user} has rights that SQL of migrations must not have (${special.join(', ')}), and may make no role without them`,
    {
      hint: `On that server: ALTER ROLE ${pg.escapeIdentifier(user)} CREATEROLE, or take those rights away.`,
    },
  );
}

/** What the server keeps of a password, so that the password itself is in no log of it. https://www.rfc-editor.org/rfc/rfc5803 */
function scramVerifier(password: string): string {
  const salt = randomBytes(16);
  const iterations = 4096;
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(hmac('Client Key')).digest();
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored.toString('base64')}:${hmac('Server Key').toString('base64')}`;
}

/** A login that pg_hba.conf does not let in. */
export function workerRefused({ host, port }: ScratchConnection, cause: Error): MigrateError {
  return new MigrateError(
    'connection',
    `The scratch server ${host}:${port} does not let the role in that migrations run as: ${cause.message}`,
    {
      hint: 'It is made for each run, without special rights, and logs in with a password: allow that in pg_hba.conf. Or let SHADOW_DATABASE_URL log in as a role with CREATEDB and nothing else: migrations run as that one then.',
      cause,
    },
  );
}
