// Takes the variables that name a database; gives how to connect to it, TLS as libpq means it.
// It opens no connection. The password stays out of every text made here.
import { existsSync, readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { MigrateError } from '../base/errors.ts';
import type { Environment } from './environment.ts';

export const sslModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof sslModes)[number];

/** Where to connect; `password` is undefined where `.pgpass` may know it. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
  readonly sslMode: SslMode;
  /** PEM text of the certificate authorities to trust instead of Node's own. */
  readonly sslRootCertificate?: string;
}

/** `database on host:port`, for people; never with user or password. */
export function describeTarget(target: Target): string {
  return `${target.database} on ${target.host}:${target.port}`;
}

/**
 * Reads `DATABASE_URL`, completed by `PG*` where it leaves something open, else `PG*` alone.
 * @param variable the name to use in errors, where the URL came from another one
 * @throws MigrateError `usage` naming the variable; the URL itself is never printed, for it may hold a password.
 */
export async function readTarget(environment: Environment, variable = 'DATABASE_URL'): Promise<Target> {
  const url = environment.DATABASE_URL ? parseUrl(environment.DATABASE_URL, variable) : {};
  const host = url.host || environment.PGHOST || 'localhost';
  const user = url.user || environment.PGUSER || environment.USER || 'postgres';
  const sslMode = readSslMode(url.sslmode ?? environment.PGSSLMODE, host);
  const rootCertificate = readRootCertificate(url.sslrootcert ?? environment.PGSSLROOTCERT);
  return {
    host,
    port: readPort(url.port || environment.PGPORT || '5432', url.port ? variable : 'PGPORT'),
    user,
    password: url.password || environment.PGPASSWORD || undefined,
    database: url.database || environment.PGDATABASE || user,
    sslMode,
    ...(rootCertificate === undefined ? {} : { sslRootCertificate: rootCertificate }),
  };
}

interface UrlParts {
  host?: string;
  port?: string;
  user?: string;
  password?: string;
  database?: string;
  sslmode?: string;
  sslrootcert?: string;
}

const urlExample = 'a right value is postgres://user@host:5432/database, with the password in PGPASSWORD';

function parseUrl(text: string, variable: string): UrlParts {
  if (!/^postgres(ql)?:\/\//.test(text)) {
    throw new MigrateError('usage', `${variable} is no PostgreSQL URL; ${urlExample}`);
  }
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // Neither the URL nor the parser's error is shown or kept as a cause: both may hold the password.
    throw new MigrateError('usage', `${variable} cannot be read; ${urlExample}`);
  }
  const query = url.searchParams;
  const part = (value: string | null) => (value === null || value === '' ? {} : decode(value));
  const named = <Key extends keyof UrlParts>(key: Key, value: string | null): UrlParts => {
    const decoded = part(value);
    return typeof decoded === 'string' ? { [key]: decoded } : {};
  };
  return {
    ...named('host', query.get('host') ?? url.hostname.replace(/^\[(.*)\]$/, '$1')),
    ...named('port', query.get('port') ?? url.port),
    ...named('user', query.get('user') ?? url.username),
    ...named('password', query.get('password') ?? url.password),
    ...named('database', query.get('dbname') ?? url.pathname.slice(1)),
    ...named('sslmode', query.get('sslmode')),
    ...named('sslrootcert', query.get('sslrootcert')),
  };
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function readPort(text: string, variable: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new MigrateError('usage', `${variable}: "${text}" is no port; a right value is 5432`);
  }
  return port;
}

/** Loopback and Unix sockets cannot be listened to from outside, so TLS is only taken there where the server asks. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.') || host.startsWith('/');
}

function readSslMode(text: string | undefined, host: string): SslMode {
  if (text === undefined || text === '') return isLoopback(host) ? 'allow' : 'verify-full';
  const mode = sslModes.find((known) => known === text);
  if (mode === undefined) {
    throw new MigrateError(
      'usage',
      `sslmode: "${text}" is unknown; a right value is one of ${sslModes.join(', ')}`,
    );
  }
  return mode;
}

function readRootCertificate(path: string | undefined): string | undefined {
  if (path === undefined || path === '' || path === 'system') return undefined;
  if (!existsSync(path)) {
    throw new MigrateError(
      'usage',
      `PGSSLROOTCERT names ${path}, which does not exist; a right value is the path of a PEM file`,
    );
  }
  return readFileSync(path, 'utf8');
}

/**
 * The ways to try, first to last, each as Node's TLS options or `false` for none.
 * https://www.postgresql.org/docs/16/libpq-ssl.html#LIBPQ-SSL-PROTECTION
 */
export function tlsAttempts(target: Target): (ConnectionOptions | false)[] {
  const ca = target.sslRootCertificate === undefined ? {} : { ca: target.sslRootCertificate };
  const unverified: ConnectionOptions = { rejectUnauthorized: false };
  const chainOnly: ConnectionOptions = {
    ...ca,
    rejectUnauthorized: true,
    checkServerIdentity: () => undefined,
  };
  switch (target.sslMode) {
    case 'disable':
      return [false];
    case 'allow':
      return [false, unverified];
    case 'prefer':
      return [unverified, false];
    case 'require':
      // libpq: with a root certificate given, `require` checks the chain like `verify-ca`.
      return [target.sslRootCertificate === undefined ? unverified : chainOnly];
    case 'verify-ca':
      return [chainOnly];
    case 'verify-full':
      return [{ ...ca, rejectUnauthorized: true }];
  }
}
