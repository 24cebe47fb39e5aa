// Takes a client that is about to connect; gives its password when the server asks for one, and holds the server to what
// the target demands of the login: the method, the binding to TLS, the kind of server. It sends nothing.
import { createReadStream, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, win32 } from 'node:path';
import type pg from 'pg';
import { MigrateError } from '../base/errors.ts';
import { keepSecret } from '../base/secrets.ts';
import { describeTarget, type LoginMethod, type Target } from '../config/target.ts';

interface Login {
  /** What to answer with. Rejects where the server asks in a way that the target does not allow: nothing is sent then. */
  password(): Promise<string | undefined>;
  /** When the session is there. @throws MigrateError `refused` where it is none that the target allows */
  check(): void;
}

/** What the server asked for, as its messages tell. */
interface AskedSecret {
  method: LoginMethod;
  /** Whether SCRAM can be bound to this connection's TLS. */
  bindable: boolean;
}

/**
 * To be called before the client connects, so that it hears the server's messages first.
 * @throws nothing: what it refuses (`refused`, `connection`) is thrown to the client, whose connecting fails with it
 */
export function watchLogin(client: pg.Client, target: Target): Login {
  const asked: AskedSecret = { method: 'none', bindable: false };
  const reported = new Map<string, string>();
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter & { stream: object } };
  connection.on('authenticationCleartextPassword', () => {
    asked.method = 'password';
  });
  connection.on('authenticationMD5Password', () => {
    asked.method = 'md5';
  });
  connection.on('authenticationSASL', ({ mechanisms }: { mechanisms: readonly string[] }) => {
    asked.method = 'scram-sha-256';
    asked.bindable = mechanisms.includes('SCRAM-SHA-256-PLUS') && 'getPeerCertificate' in connection.stream;
  });
  connection.on('parameterStatus', (status: { parameterName: string; parameterValue: string }) => {
    reported.set(status.parameterName, status.parameterValue);
  });
  return {
    password: async () => {
      refuseMethod(target, asked);
      if (target.password === undefined) return readPassfile(target);
      keepPassword(target, target.password);
      return target.password;
    },
    check: () => {
      refuseMethod(target, asked);
      refuseSessionKind(target, reported);
    },
  };
}

function refuseMethod(target: Target, { method, bindable }: AskedSecret): void {
  if (target.loginMethods !== undefined && !target.loginMethods.includes(method)) {
    throw refused(
      target,
      `asks for the login method ${method}, which require_auth (PGREQUIREAUTH) does not allow`,
      'Somebody may stand in for the server. If not, have it ask for scram-sha-256, or allow what it asks for.',
    );
  }
  if (target.channelBinding === 'require' && !(method === 'scram-sha-256' && bindable)) {
    throw refused(
      target,
      'does not bind the login to TLS, which channel_binding=require (PGCHANNELBINDING) demands',
      'It takes TLS (sslmode) and a password stored as scram-sha-256.',
    );
  }
}

/** PostgreSQL 14 and later report both by themselves. */
function refuseSessionKind(target: Target, reported: ReadonlyMap<string, string>): void {
  const { sessionKind } = target;
  const standby = reported.get('in_hot_standby') === 'on';
  const readOnly = standby || reported.get('default_transaction_read_only') === 'on';
  const fits = {
    any: true,
    'prefer-standby': true,
    primary: !standby,
    standby,
    'read-write': !readOnly,
    'read-only': readOnly,
  };
  if (sessionKind === undefined || fits[sessionKind]) return;
  throw refused(
    target,
    `is ${standby ? 'a standby' : `a primary${readOnly ? ' with read-only sessions' : ''}`}, and target_session_attrs (PGTARGETSESSIONATTRS) demands ${sessionKind}`,
    'Name the server that is meant.',
  );
}

function refused(target: Target, what: string, hint: string): MigrateError {
  return new MigrateError('refused', `${describeTarget(target)} ${what}`, {
    hint,
    state: 'Nothing was changed.',
  });
}

/** Where libpq looks for passwords. */
export function passfileOf({ HOME, APPDATA }: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  return platform === 'win32' && APPDATA
    ? win32.join(APPDATA, 'postgresql', 'pgpass.conf')
    : join(HOME || homedir(), '.pgpass');
}

/** Hiding a password that is also a name would spoil what is shown of that. */
function keepPassword({ user, host, database }: Target, password: string): void {
  if (![user, host, database].includes(password)) keepSecret([password]);
}

/**
 * The password that the file has for the target, which is kept out of every output from here on. Asked for where a
 * server demands one and nothing else gives it. https://www.postgresql.org/docs/16/libpq-pgpass.html
 * @throws MigrateError `connection` for a file that others may read: as with libpq it is not used, and nothing is left
 */
export async function readPassfile(target: Target): Promise<string | undefined> {
  const path = target.passfile ?? passfileOf(process.env, process.platform);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile()) return undefined;
  if (process.platform !== 'win32' && (stat.mode & 0o77) !== 0) {
    throw new MigrateError(
      'connection',
      `${describeTarget(target)} asks for a password, and the password file ${path} is not used: others may read it`,
      { hint: `chmod 600 ${path}`, state: 'Nothing was changed.' },
    );
  }
  const { default: helper } = await import('pgpass/lib/helper.js');
  const { host, port, user, database } = target;
  const password = await new Promise<string | undefined>((resolve) =>
    helper.getPassword({ host, port, user, database }, createReadStream(path), resolve),
  );
  if (password !== undefined) keepPassword(target, password);
  return password;
}
